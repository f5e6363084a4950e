//! Lists and tuples: new, then every slot filled with a stolen reference. Dictionaries, which add
//! references of their own.

use std::ffi::CStr;
use std::ptr;

use crate::capi::{c, ffi};

use crate::capi::Python;
use crate::capi::references::check;
use crate::capi::{Borrowed, Owned};
use crate::error::{Exception, text};

/// Refused by the C calls. The length is not: somebody else may have appended to an empty list,
/// which they can know.
const NO_SLOT: isize = -1;

/// The start of a `PyListObject`, the same in every version from 3.8 to 3.15: what the macro
/// `PyList_SET_ITEM` is made of, which the crate does not declare.
#[repr(C)]
struct ListObject {
    ob_base: ffi::PyVarObject,
    ob_item: *mut *mut ffi::PyObject,
}

/// A new list or tuple whose slots are being filled, in order.
///
/// An empty slot holds NULL, which crashes whatever reads it. So only [`finish`](Self::finish)
/// hands out the object, when there is none left, and only then the collector gets to know it,
/// through which any Python code could find it. Dropping it gives back what was filled in.
#[derive(Debug)]
pub struct Unfilled<'p> {
    object: Owned<'p>,
    /// Where the slots of a new list are; of others, NULL.
    slots: *mut *mut ffi::PyObject,
    length: isize,
    filled: isize,
}

impl<'p> Unfilled<'p> {
    /// The list or tuple, all of whose slots are filled.
    ///
    /// # Errors
    ///
    /// A `SystemError` if some are not.
    ///
    /// ```
    /// # use pyoutliers::{capi, with_python};
    /// # with_python(|py| {
    /// let mut list = capi::list_new(py, 1)?;
    /// assert!(capi::list_new(py, 1)?.finish().is_err()); // its slot is empty
    /// capi::list_set_item(&mut list, 0, capi::float_from_double(py, 1.5)?)?;
    /// let list = list.finish()?;
    /// # Ok(())
    /// # })?;
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    #[inline]
    pub fn finish(self) -> Result<Owned<'p>, Exception> {
        if self.filled == self.length {
            if self.length > 0 {
                // SAFETY: the lock is held; a live list or tuple, untracked by `new`, all slots filled.
                unsafe { c!(PyObject_GC_Track(self.object.as_ptr().cast())) };
            }
            return Ok(self.object);
        }
        let message = text!("{} of {} slots are filled", self.filled, self.length);
        Err(Exception::of_type("SystemError", message))
    }

    /// A list that was filled before, to be filled again, if nobody else holds it and it still has
    /// that length. Each item is given back when its slot is filled.
    #[inline]
    pub(crate) fn again(list: Owned<'p>, length: usize) -> Option<Self> {
        // SAFETY: the lock is held and the object live.
        let is_list = unsafe { ffi::PyList_Check(list.as_ptr()) } != 0;
        if !is_list || list.reference_count() != 1 {
            return None;
        }
        // SAFETY: the lock is held; a live list.
        let found = unsafe { c!(PyList_Size(list.as_ptr())) };
        (usize::try_from(found) == Ok(length)).then(|| Self::new(list, ptr::null_mut(), found))
    }

    /// Of a list or tuple made just now, or one that nobody else holds.
    #[inline]
    fn new(object: Owned<'p>, slots: *mut *mut ffi::PyObject, length: isize) -> Self {
        // The empty tuple is shared, and an empty list has no slot to be read.
        if length > 0 {
            // SAFETY: the lock is held; a live list or tuple, which Python tracks, or did.
            unsafe { c!(PyObject_GC_UnTrack(object.as_ptr().cast())) };
        }
        Self {
            object,
            slots,
            length,
            filled: 0,
        }
    }

    /// How many references there are to the list or tuple itself.
    pub fn reference_count(&self) -> usize {
        self.object.reference_count()
    }

    /// The pointer. What reads an empty slot crashes, so Python code must not see it.
    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.object.as_ptr()
    }

    /// Stores into slot `index` by `set`, one of the two calls below.
    #[inline]
    fn set(
        &mut self,
        index: usize,
        item: Owned<'p>,
        set: unsafe extern "C" fn(*mut ffi::PyObject, isize, *mut ffi::PyObject) -> i32,
    ) -> Result<(), Exception> {
        // A slot further on would leave an empty one behind: the C call is told to refuse it.
        let index = isize::try_from(index)
            .ok()
            .filter(|&index| index <= self.filled && index < self.length)
            .unwrap_or(NO_SLOT);
        let py = item.py();
        // SAFETY: the lock is held; the object is live; the reference to the item is given away.
        // Type and index are checked there.
        let status = unsafe { set(self.object.as_ptr(), index, item.into_ptr()) };
        check::status(py, status)?;
        self.filled += isize::from(index == self.filled);
        Ok(())
    }
}

/// Makes a list of `length` empty slots.
///
/// Reference: returns new.
///
/// # Errors
///
/// `MemoryError`.
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// # with_python(|py| {
/// let list = capi::list_new(py, 2)?; // two empty slots
/// assert_eq!(list.reference_count(), 1); // ours
/// # Ok(())
/// # })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyList_New")]
#[inline]
pub fn list_new(py: Python<'_>, length: usize) -> Result<Unfilled<'_>, Exception> {
    // More than memory can hold, and refused as such.
    let length = isize::try_from(length).unwrap_or(isize::MAX);
    // SAFETY: the lock is held; the length is not negative.
    let list = unsafe { c!(PyList_New(length)) };
    // SAFETY: the result of a call that returns new or NULL.
    let object = unsafe { Owned::from_owned_ptr_or_err(py, list) }?;
    // SAFETY: a live list, and its layout.
    let slots = unsafe { (*list.cast::<ListObject>()).ob_item };
    Ok(Unfilled::new(object, slots, length))
}

/// Stores an item in slot `index` of a list, the next one or an earlier one.
///
/// Reference: steals `item` (also on error); gives back what was in the slot.
///
/// # Errors
///
/// `IndexError` for any other slot; `SystemError` for a tuple.
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// # with_python(|py| {
/// let mut list = capi::list_new(py, 1)?;
/// let item = capi::float_from_double(py, 1.5)?;
/// capi::list_set_item(&mut list, 0, item)?; // `item` is gone
/// # Ok(())
/// # })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyList_SetItem")]
#[inline]
pub fn list_set_item<'p>(
    list: &mut Unfilled<'p>,
    index: usize,
    item: Owned<'p>,
) -> Result<(), Exception> {
    list.set(index, item, c!(fn PyList_SetItem(_, _, _)))
}

/// Stores an item in the next slot of a list, which is empty: nothing is read, given back, or
/// looked up there, so that a store is all it takes.
///
/// Reference: steals `item` (also on error).
///
/// # Errors
///
/// `IndexError` if all slots are filled; `SystemError` for a tuple. The C macro checks neither.
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// # with_python(|py| {
/// let mut list = capi::list_new(py, 2)?;
/// for value in [1.5, 2.5] {
///     capi::list_set_next(&mut list, capi::float_from_double(py, value)?)?;
/// }
/// # Ok(())
/// # })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyList_SET_ITEM")]
#[inline]
pub fn list_set_next<'p>(list: &mut Unfilled<'p>, item: Owned<'p>) -> Result<(), Exception> {
    if list.filled == list.length || list.slots.is_null() {
        return list_set_item(list, usize::MAX, item);
    }
    // SAFETY: there are `length` slots, more than are filled.
    let slot = unsafe { list.slots.offset(list.filled) };
    // SAFETY: nobody else knows the list, so that its slots are where they were; this one is empty,
    // so that no reference is lost. The reference to the item is given away.
    unsafe { slot.write(item.into_ptr()) };
    list.filled += 1;
    Ok(())
}

/// The item in slot `index` of a list.
///
/// Reference: borrowed from the list, which nobody else knows yet, so that only
/// [`list_set_item`] can take it away; and that waits for the borrow to end.
///
/// ```compile_fail
/// # use pyoutliers::{capi, with_python};
/// with_python(|py| {
///     let mut list = capi::list_new(py, 1)?;
///     capi::list_set_item(&mut list, 0, capi::float_from_double(py, 1.5)?)?;
///     let item = capi::list_get_item(&list, 0)?;
///     capi::list_set_item(&mut list, 0, capi::float_from_double(py, 2.5)?)?; // gives the item back
///     item.reference_count(); // the borrow outlives it
///     Ok(())
/// })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// with_python(|py| {
///     let mut list = capi::list_new(py, 1)?;
///     capi::list_set_item(&mut list, 0, capi::float_from_double(py, 1.5)?)?;
///     let item = capi::list_get_item(&list, 0)?;
///     assert_eq!(item.reference_count(), 1); // the list's
///     capi::list_set_item(&mut list, 0, capi::float_from_double(py, 2.5)?)?;
///     Ok(())
/// })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// # Errors
///
/// `IndexError` for a slot that is not there, or not filled.
#[doc(alias = "PyList_GetItem")]
pub fn list_get_item<'a, 'p>(
    list: &'a Unfilled<'p>,
    index: usize,
) -> Result<Borrowed<'a, 'p>, Exception> {
    // An empty slot holds NULL: the C call is told to refuse it.
    let index = isize::try_from(index)
        .ok()
        .filter(|&index| index < list.filled);
    // SAFETY: the lock is held; the object is live. Type and index are checked there.
    let item = unsafe {
        c!(PyList_GetItem(
            list.object.as_ptr(),
            index.unwrap_or(NO_SLOT)
        ))
    };
    // SAFETY: the result of a call that returns borrowed or NULL; borrowed from the list, which
    // keeps the item while `list` is borrowed: nobody else has a reference to change it by.
    unsafe { Borrowed::from_ptr_or_err(list.object.py(), item) }
}

/// Makes a tuple of `length` empty slots.
///
/// Reference: returns new.
///
/// # Errors
///
/// `MemoryError`.
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// # with_python(|py| {
/// assert_eq!(capi::tuple_new(py, 1)?.reference_count(), 1); // ours
/// # Ok(())
/// # })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyTuple_New")]
pub fn tuple_new(py: Python<'_>, length: usize) -> Result<Unfilled<'_>, Exception> {
    let length = isize::try_from(length).unwrap_or(isize::MAX);
    // SAFETY: the lock is held; the length is not negative.
    let tuple = unsafe { c!(PyTuple_New(length)) };
    // SAFETY: the result of a call that returns new or NULL.
    let object = unsafe { Owned::from_owned_ptr_or_err(py, tuple) }?;
    Ok(Unfilled::new(object, ptr::null_mut(), length))
}

/// Stores an item in slot `index` of a tuple, the next one or an earlier one.
///
/// Reference: steals `item` (also on error); gives back what was in the slot.
///
/// # Errors
///
/// `IndexError` for any other slot; `SystemError` for a list, and for the empty tuple.
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// # with_python(|py| {
/// let mut tuple = capi::tuple_new(py, 1)?;
/// capi::tuple_set_item(&mut tuple, 0, capi::float_from_double(py, 1.5)?)?; // stolen
/// let tuple = tuple.finish()?;
/// # Ok(())
/// # })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyTuple_SetItem")]
#[inline]
pub fn tuple_set_item<'p>(
    tuple: &mut Unfilled<'p>,
    index: usize,
    item: Owned<'p>,
) -> Result<(), Exception> {
    tuple.set(index, item, c!(fn PyTuple_SetItem(_, _, _)))
}

/// Stores an item behind the last one of a list.
///
/// Reference: borrows `list` and `item`; the list adds a reference of its own.
///
/// # Errors
///
/// `MemoryError`; `SystemError` for what is no list.
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// # with_python(|py| {
/// let list = capi::list_new(py, 0)?.finish()?;
/// let item = capi::float_from_double(py, 1.5)?;
/// capi::list_append(&list, &item)?;
/// assert_eq!(item.reference_count(), 2); // ours and the list's
/// # Ok(())
/// # })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyList_Append")]
pub fn list_append(list: &Owned<'_>, item: &Owned<'_>) -> Result<(), Exception> {
    // SAFETY: the lock is held, both objects are live; the type is checked there.
    let status = unsafe { c!(PyList_Append(list.as_ptr(), item.as_ptr())) };
    check::status(list.py(), status)
}

/// Makes an empty dictionary.
///
/// Reference: returns new.
///
/// # Errors
///
/// `MemoryError`.
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// # with_python(|py| {
/// assert_eq!(capi::dict_new(py)?.reference_count(), 1); // ours
/// # Ok(())
/// # })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyDict_New")]
pub fn dict_new(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    // SAFETY: the lock is held.
    let dict = unsafe { c!(PyDict_New()) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(py, dict) }
}

/// Stores a value under a key in a dictionary.
///
/// Reference: borrows `dict`, `key` and `value`; the dictionary adds references of its own, and gives
/// back the value that was there.
///
/// # Errors
///
/// `MemoryError`, `TypeError` for a key without a hash; `SystemError` for what is no dictionary.
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// # with_python(|py| {
/// let dict = capi::dict_new(py)?;
/// let [key, value] = [capi::unicode_from_str(py, "key")?, capi::float_from_double(py, 1.5)?];
/// capi::dict_set_item(&dict, &key, &value)?;
/// assert_eq!(value.reference_count(), 2); // ours and the dictionary's
/// # Ok(())
/// # })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyDict_SetItem")]
pub fn dict_set_item(
    dict: &Owned<'_>,
    key: &Owned<'_>,
    value: &Owned<'_>,
) -> Result<(), Exception> {
    // SAFETY: the lock is held, the objects are live; the type is checked there.
    let status = unsafe { c!(PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr())) };
    check::status(dict.py(), status)
}

/// Stores a value under a name in a dictionary. The name is interned, as the names in Python code are:
/// equal names are one object, so that a call compares addresses.
///
/// Reference: borrows `dict` and `value`; the dictionary adds a reference of its own, and gives back
/// the value that was there.
///
/// # Errors
///
/// `MemoryError`; `UnicodeDecodeError` for what is not UTF-8; `SystemError` for what is no dictionary.
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// # with_python(|py| {
/// let dict = capi::dict_new(py)?;
/// let value = capi::float_from_double(py, 1.5)?;
/// capi::dict_set_item_string(&dict, c"key", &value)?;
/// assert_eq!(value.reference_count(), 2); // ours and the dictionary's
/// # Ok(())
/// # })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyDict_SetItemString")]
pub fn dict_set_item_string(
    dict: &Owned<'_>,
    name: &CStr,
    value: &Owned<'_>,
) -> Result<(), Exception> {
    // SAFETY: the lock is held, the objects are live; the name ends in NUL. The type is checked there.
    let status = unsafe {
        c!(PyDict_SetItemString(
            dict.as_ptr(),
            name.as_ptr(),
            value.as_ptr()
        ))
    };
    check::status(dict.py(), status)
}
