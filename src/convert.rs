//! The two copies: a slice into a list, and an iterable into a vector.

use crate::capi::{self, Exception, Iter, Owned, Python, Unfilled};
use crate::error::{Error, ErrorKind, Result};

/// Copies a slice bit by bit into a list of floats: into the list of an earlier call if it has the right length
/// and no other reference, else into a new list.
///
/// ```
/// # use pyoutliers::convert; pyoutliers::with_python(|py| {
/// let list = convert::list_from_slice(py, &[1.5, 2.5], None)?; // new
/// let address = list.address();
/// let list = convert::list_from_slice(py, &[3.5, 4.5], Some(list))?; // filled again
/// assert_eq!(list.address(), address);
/// assert_eq!(convert::floats(&list, 2)?, [3.5, 4.5]);
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[inline]
pub fn list_from_slice<'p>(
    py: Python<'p>,
    data: &[f64],
    earlier: Option<Owned<'p>>,
) -> Result<Owned<'p>, Exception> {
    let mut list: Unfilled = match earlier.and_then(|list| Unfilled::again(list, data.len())) {
        Some(list) => list,
        None => capi::list_new(py, data.len())?, // new
    };
    for (index, &value) in data.iter().enumerate() {
        let item: Owned = capi::float_from_double(py, value)?; // new
        capi::list_set_item(&mut list, index, item)?; // steals the item, releases an earlier one
    }
    list.finish() // all slots are filled: Python may see it
}

/// Copies the items of an iterable into a vector, each converted by `convert`; at most `limit` of them.
///
/// A wrong item, or an item too many, is an error.
///
/// ```
/// # use pyoutliers::convert; pyoutliers::with_python(|py| {
/// let list = convert::list_from_slice(py, &[1.5, 2.5], None)?;
/// assert_eq!(convert::vec_from_iterable(&list, 2, convert::float)?, [1.5, 2.5]);
/// assert!(convert::vec_from_iterable(&list, 1, convert::float).is_err()); // an item too many
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
pub fn vec_from_iterable<'p, T>(
    iterable: &Owned<'p>,
    limit: usize,
    convert: impl Fn(usize, &Owned<'p>) -> Result<T>,
) -> Result<Vec<T>> {
    let iterator: Iter = match capi::object_get_iter(iterable) {
        Ok(iterator) => iterator, // new
        // C code raises it if there is no `__iter__`. An `__iter__` in Python may raise anything.
        Err(exception) if exception.is_of_c_code("TypeError") => {
            return Err(not_iterable(iterable)?);
        }
        Err(exception) => return Err(exception.into()),
    };
    let mut items = Vec::new();
    for index in 0.. {
        let next = capi::iter_next(&iterator); // new
        let Some(item) = next.map_err(|exception| ErrorKind::Iteration { index, exception })?
        else {
            break;
        };
        if index == limit {
            return Err(ErrorKind::TooManyItems { limit }.into());
        }
        items
            .try_reserve(1)
            .map_err(|_| Exception::out_of_memory())?;
        items.push(convert(index, &item)?);
    } // each item is released here
    Ok(items)
}

/// Copies a result out as ints, as [`Outliers::detect`](crate::Outliers::detect) does.
///
/// ```
/// # use pyoutliers::convert; pyoutliers::with_python(|py| {
/// let list = convert::list_from_slice(py, &[1.5], None)?;
/// let error = convert::ints(&list, 1).unwrap_err(); // a float is not an int
/// assert_eq!(error.to_string(), "item 0 of the result should be an int, but is float");
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
pub fn ints(result: &Owned<'_>, limit: usize) -> Result<Vec<i64>> {
    items(result, limit, int)
}

/// Copies a result out as floats, as [`Outliers::transform`](crate::Outliers::transform) does.
pub fn floats(result: &Owned<'_>, limit: usize) -> Result<Vec<f64>> {
    items(result, limit, float)
}

/// Refuses text: it is iterable too, but never meant as numbers.
#[inline]
fn items<T>(
    result: &Owned<'_>,
    limit: usize,
    convert: impl Fn(usize, &Owned<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    if capi::unicode_check(result) || capi::bytes_check(result) || capi::byte_array_check(result) {
        return Err(not_iterable(result)?);
    }
    vec_from_iterable(result, limit, convert)
}

fn not_iterable(result: &Owned<'_>) -> Result<Error> {
    let got = capi::object_type_name(result)?;
    Ok(ErrorKind::NotIterable { got }.into())
}

/// Any object with `__index__` is an int, such as NumPy's integers; but not a bool.
fn int(index: usize, item: &Owned<'_>) -> Result<i64> {
    let value = if capi::long_check(item) {
        capi::long_as_long_long(item)
    } else {
        capi::number_index(item).and_then(|int| capi::long_as_long_long(&int)) // new, released
    };
    let got = match value {
        Ok(0 | 1) if is_bool(item)? => capi::object_type_name(item)?,
        Ok(value) => return Ok(value),
        Err(exception) if exception.is_of_c_code("TypeError") => capi::object_type_name(item)?,
        Err(exception) if exception.is_of_c_code("OverflowError") => {
            let got = "a larger one".to_owned();
            return Err(wrong_item(index, "an int that fits in 64 bits", got));
        }
        Err(exception) => return Err(ErrorKind::Iteration { index, exception }.into()),
    };
    Err(wrong_item(index, "an int", got))
}

fn wrong_item(index: usize, expected: &'static str, got: String) -> Error {
    ErrorKind::Item {
        index,
        expected,
        got,
    }
    .into()
}

/// NumPy's bools count too: before 2.3 they have an `__index__`.
fn is_bool(item: &Owned<'_>) -> Result<bool> {
    Ok(capi::bool_check(item)
        || !capi::long_check(item) && capi::object_type_name(item)?.starts_with("numpy.bool"))
}

/// Copies out a `float`, or a NumPy float whose value a `float` can hold. An int is not a float.
pub fn float(index: usize, item: &Owned<'_>) -> Result<f64> {
    if !capi::float_check(item) {
        let got = capi::object_type_name(item)?;
        if !matches!(got.as_str(), "numpy.float32" | "numpy.float16") {
            return Err(wrong_item(index, "a float", got));
        }
    }
    capi::float_as_double(item)
        .map_err(|exception| ErrorKind::Iteration { index, exception }.into())
}
