//! The two copies: a slice into a list, and an iterable into a vector.

use crate::capi::{self, Iter, Owned, Python, Unfilled};
use crate::error::{Error, ErrorKind, Exception, OutOfMemory, Result, text};

/// Copies a slice into a list of floats, bit by bit: the list of an earlier call if that fits, or a
/// new one.
#[inline]
pub fn list_from_slice<'p>(
    py: Python<'p>,
    data: &[f64],
    earlier: Option<Owned<'p>>,
) -> Result<Owned<'p>, Exception> {
    if let Some(mut list) = earlier.and_then(|list| Unfilled::again(list, data.len())) {
        for (index, &value) in data.iter().enumerate() {
            let item: Owned = capi::float_from_double(py, value)?; // new
            capi::list_set_item(&mut list, index, item)?; // steals the item, gives back the old one
        }
        return list.finish();
    }
    let mut list: Unfilled = capi::list_new(py, data.len())?; // new
    for &value in data {
        let item: Owned = capi::float_from_double(py, value)?; // new
        capi::list_set_next(&mut list, item)?; // steals the item
    }
    list.finish() // with all slots filled, Python may see it
}

/// Copies the items of an iterable into a vector, each through `convert`; at most `limit` of them.
///
/// All or nothing: the first item that is wrong, or one too many, is an error.
pub fn vec_from_iterable<'p, T>(
    iterable: &Owned<'p>,
    limit: usize,
    convert: impl Fn(usize, &Owned<'p>) -> Result<T>,
) -> Result<Vec<T>> {
    let iterator: Iter = match capi::object_get_iter(iterable) {
        Ok(iterator) => iterator, // new
        // Raised by C code: there is no `__iter__`. What one in Python raises is told as it is.
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
        items.try_reserve(1).map_err(|_| OutOfMemory)?;
        items.push(convert(index, &item)?);
    } // each item is given back here
    Ok(items)
}

/// The ints of what a function returned.
pub fn ints(result: &Owned<'_>, limit: usize) -> Result<Vec<i64>> {
    items(result, limit, int)
}

/// The floats of what a function returned.
pub fn floats(result: &Owned<'_>, limit: usize) -> Result<Vec<f64>> {
    items(result, limit, float)
}

/// Text is iterable too, but never meant.
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

/// An int is what `__index__` gives, so NumPy's integers are ints; bools are not meant as such.
fn int(index: usize, item: &Owned<'_>) -> Result<i64> {
    let value = if capi::long_check(item) {
        capi::long_as_long_long(item)
    } else {
        capi::number_index(item).and_then(|int| capi::long_as_long_long(&int)) // new, given back
    };
    let got = match value {
        Ok(0 | 1) if is_bool(item)? => capi::object_type_name(item)?,
        Ok(value) => return Ok(value),
        Err(exception) if exception.is_of_c_code("TypeError") => capi::object_type_name(item)?,
        Err(exception) if exception.is_of_c_code("OverflowError") => text!("one beyond 64 bits")?,
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

/// Before 2.3, NumPy's bools too have an `__index__`.
fn is_bool(item: &Owned<'_>) -> Result<bool> {
    Ok(capi::bool_check(item)
        || !capi::long_check(item) && capi::object_type_name(item)?.starts_with("numpy.bool"))
}

/// A float is a `float`, or one of NumPy's that keeps its value as one. Ints are not meant as such.
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
