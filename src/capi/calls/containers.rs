//! Lists and tuples, whose slots are filled with stolen references; dictionaries, which borrow and add
//! their own references.

use std::ffi::CStr;
use std::ptr;

use python3_sys as ffi;

use crate::capi::check;
use crate::capi::exception::Exception;
use crate::capi::library::c;
use crate::capi::lock::Python;
use crate::capi::object::{has_flag, slots};
use crate::capi::owned::{Borrowed, Owned};

/// An index that the C calls refuse. The length will not do: Python code can append to a list that is still empty.
const NO_SLOT: isize = -1;

/// A new list or tuple whose slots are being filled, in order.
///
/// An empty slot holds NULL, and code that reads it crashes. Python code can find objects through the collector. So
/// the collector does not track this object until [`finish`](Self::finish) hands it out with all slots filled.
/// Dropping it releases the items that were filled in.
#[derive(Debug)]
pub struct Unfilled<'p> {
    object: Owned<'p>,
    /// The slots of a new list; NULL for others.
    slots: *mut *mut ffi::PyObject,
    length: isize,
    filled: isize,
}

impl<'p> Unfilled<'p> {
    /// Hands out the list or tuple, with all slots filled.
    /// Errors: `SystemError` if a slot is empty.
    ///
    /// ```
    /// # use pyoutliers::capi; pyoutliers::with_python(|py| {
    /// let mut list = capi::list_new(py, 1)?;
    /// assert!(capi::list_new(py, 1)?.finish().is_err()); // its slot is empty
    /// capi::list_set_item(&mut list, 0, capi::float_from_double(py, 1.5)?)?;
    /// let list = list.finish()?;
    /// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
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
        let message = format!("{} of {} slots are filled", self.filled, self.length);
        Err(Exception::of_type("SystemError", message))
    }

    /// Takes a list that was filled before, to fill it again, if this is the only reference to it and its length
    /// is still the same. Setting an item releases the earlier one.
    #[inline]
    pub(crate) fn again(list: Owned<'p>, length: usize) -> Option<Self> {
        // SAFETY: the lock is held and the object live.
        let is_list = unsafe { has_flag(list.as_ptr(), ffi::Py_TPFLAGS_LIST_SUBCLASS) };
        // Other code that has a reference may change the length at any time, so that comes second.
        if !is_list || !list.is_unique() {
            return None;
        }
        // SAFETY: the lock is held; a live list.
        let found = unsafe { c!(PyList_Size(list.as_ptr())) };
        (usize::try_from(found) == Ok(length)).then(|| Self::new(list, found))
    }

    /// Hides a list or tuple to which nobody else has a reference.
    ///
    /// Nobody can find it before it is hidden. Without the lock, a search through all objects first stops all threads
    /// that use Python; they stop where they run Python code, wait, or return, and this one does none of that meanwhile.
    #[inline]
    fn new(object: Owned<'p>, length: isize) -> Self {
        // The empty tuple is shared, and an empty list has no slot to read.
        if length > 0 {
            // SAFETY: the lock is held; a live list or tuple. In a free-threaded Python nobody else writes the bits
            // that this changes, because nobody else has a reference.
            unsafe { c!(PyObject_GC_UnTrack(object.as_ptr().cast())) };
        }
        Self {
            object,
            slots: ptr::null_mut(),
            length,
            filled: 0,
        }
    }

    /// The number of references to the list or tuple itself.
    pub fn reference_count(&self) -> usize {
        self.object.reference_count()
    }

    /// The pointer. Python code must not see it: code that reads an empty slot crashes.
    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.object.as_ptr()
    }

    /// Stores into slot `index` with `set`, one of the two C calls below.
    #[inline]
    fn set(
        &mut self,
        index: usize,
        item: Owned<'p>,
        set: unsafe extern "C" fn(*mut ffi::PyObject, isize, *mut ffi::PyObject) -> i32,
    ) -> Result<(), Exception> {
        // A later slot would leave an empty slot before it, so the C call gets an index that it refuses.
        let index = isize::try_from(index)
            .ok()
            .filter(|&index| index <= self.filled && index < self.length)
            .unwrap_or(NO_SLOT);
        let py = item.py();
        // SAFETY: the lock is held; the object is live; the reference to the item is handed over.
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
/// Errors: `MemoryError`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let list = capi::list_new(py, 2)?; // two empty slots
/// assert_eq!(list.reference_count(), 1); // ours
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyList_New")]
#[inline]
pub fn list_new(py: Python<'_>, length: usize) -> Result<Unfilled<'_>, Exception> {
    // A larger length cannot fit in memory: Python refuses `isize::MAX` too.
    let length = isize::try_from(length).unwrap_or(isize::MAX);
    // Without memory for the slots, a free-threaded Python (3.14.7, 3.15.0rc1) frees a list whose pointer to them it has
    // not written. In the memory of a list that was just freed, which it uses first, that pointer is NULL.
    #[cfg(free_threaded)]
    if length > 0 {
        drop(list_new(py, 0)?);
    }
    // SAFETY: the lock is held; the length is not negative.
    let list = unsafe { c!(PyList_New(length)) };
    // SAFETY: the result of a call that returns new or NULL.
    let unfilled = Unfilled::new(unsafe { Owned::from_owned_ptr_or_err(py, list) }?, length);
    // SAFETY: a live list, to which `unfilled` has the only reference.
    let slots = unsafe { slots(list) };
    Ok(Unfilled { slots, ..unfilled })
}

/// Stores an item in slot `index` of a list, the next one or an earlier one.
///
/// Reference: steals `item` (also on error); releases the item that was in the slot.
/// Errors: `IndexError` for any other slot; `SystemError` for a tuple.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let mut list = capi::list_new(py, 1)?;
/// let item = capi::float_from_double(py, 1.5)?;
/// capi::list_set_item(&mut list, 0, item)?; // `item` is gone
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyList_SetItem")]
#[inline]
pub fn list_set_item<'p>(
    list: &mut Unfilled<'p>,
    index: usize,
    item: Owned<'p>,
) -> Result<(), Exception> {
    // A new list of 100,000 floats is made in 0.9 of the time without the call.
    if list.slots.is_null() || list.filled == list.length || list.filled.cast_unsigned() != index {
        return list.set(index, item, c!(fn PyList_SetItem(_, _, _)));
    }
    // SAFETY: there are `length` slots, more than `index`.
    let slot = unsafe { list.slots.add(index) };
    // SAFETY: nobody else knows the list, so its slots have not moved; this one is empty, so there is nothing to
    // release. The reference to the item is handed over.
    unsafe { slot.write(item.into_ptr()) };
    list.filled += 1;
    Ok(())
}

/// The item in slot `index` of a list.
///
/// Reference: borrowed from the list. Nobody else knows the list yet, so only [`list_set_item`] can
/// replace the item, and it does not compile while the borrow is in use.
///
/// ```compile_fail
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let mut list = capi::list_new(py, 1)?;
/// capi::list_set_item(&mut list, 0, capi::float_from_double(py, 1.5)?)?;
/// let item = capi::list_get_item(&list, 0)?;
/// capi::list_set_item(&mut list, 0, capi::float_from_double(py, 2.5)?)?; // releases the item
/// item.reference_count(); // the borrow outlives it
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let mut list = capi::list_new(py, 1)?;
/// capi::list_set_item(&mut list, 0, capi::float_from_double(py, 1.5)?)?;
/// let item = capi::list_get_item(&list, 0)?;
/// assert_eq!(item.reference_count(), 1); // the list's
/// capi::list_set_item(&mut list, 0, capi::float_from_double(py, 2.5)?)?;
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
///
/// Errors: `IndexError` for a slot that does not exist, or is not filled.
#[doc(alias = "PyList_GetItem")]
pub fn list_get_item<'a, 'p>(
    list: &'a Unfilled<'p>,
    index: usize,
) -> Result<Borrowed<'a, 'p>, Exception> {
    // An empty slot holds NULL, so the C call gets an index that it refuses.
    let index = isize::try_from(index)
        .ok()
        .filter(|&index| index < list.filled)
        .unwrap_or(NO_SLOT);
    // SAFETY: the lock is held; the object is live. Type and index are checked there.
    let item = unsafe { c!(PyList_GetItem(list.object.as_ptr(), index)) };
    // SAFETY: the result of a call that returns borrowed or NULL; borrowed from the list, which
    // keeps the item while `list` is borrowed: nobody else has a reference to change it through.
    unsafe { Borrowed::from_ptr_or_err(list.object.py(), item) }
}

/// Makes a tuple of `length` empty slots.
///
/// Reference: returns new.
/// Errors: `MemoryError`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert_eq!(capi::tuple_new(py, 1)?.reference_count(), 1); // ours
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyTuple_New")]
pub fn tuple_new(py: Python<'_>, length: usize) -> Result<Unfilled<'_>, Exception> {
    let length = isize::try_from(length).unwrap_or(isize::MAX);
    // SAFETY: the lock is held; the length is not negative.
    let tuple = unsafe { c!(PyTuple_New(length)) };
    // SAFETY: the result of a call that returns new or NULL.
    let object = unsafe { Owned::from_owned_ptr_or_err(py, tuple) }?;
    Ok(Unfilled::new(object, length))
}

/// Stores an item in slot `index` of a tuple, the next one or an earlier one.
///
/// Reference: steals `item` (also on error); releases the item that was in the slot.
/// Errors: `IndexError` for any other slot; `SystemError` for a list, and for the empty tuple.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let mut tuple = capi::tuple_new(py, 1)?;
/// capi::tuple_set_item(&mut tuple, 0, capi::float_from_double(py, 1.5)?)?; // stolen
/// let tuple = tuple.finish()?;
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
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

/// Appends an item to a list.
///
/// Reference: borrows `list` and `item`; the list adds its own reference.
/// Errors: `MemoryError`; `SystemError` for an object that is not a list.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let list = capi::list_new(py, 0)?.finish()?;
/// let item = capi::float_from_double(py, 1.5)?;
/// capi::list_append(&list, &item)?;
/// assert_eq!(item.reference_count(), 2); // ours and the list's
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
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
/// Errors: `MemoryError`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert_eq!(capi::dict_new(py)?.reference_count(), 1); // ours
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
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
/// Reference: borrows `dict`, `key` and `value`; the dictionary adds its own references, and releases
/// the value that was there.
/// Errors: `MemoryError`, `TypeError` for a key that has no hash; `SystemError` for an object that is not a dictionary.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let dict = capi::dict_new(py)?;
/// let [key, value] = [capi::unicode_from_str(py, "key")?, capi::float_from_double(py, 1.5)?];
/// capi::dict_set_item(&dict, &key, &value)?;
/// assert_eq!(value.reference_count(), 2); // ours and the dictionary's
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
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

/// Stores a value under a name in a dictionary. The name is interned, as names in Python code are, so a
/// function call that looks it up compares addresses.
///
/// Reference: borrows `dict` and `value`; the dictionary adds its own reference, and releases the
/// value that was there.
/// Errors: `MemoryError`; `UnicodeDecodeError` for a name that is not UTF-8; `SystemError` for an object that is not a dictionary.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let dict = capi::dict_new(py)?;
/// let value = capi::float_from_double(py, 1.5)?;
/// capi::dict_set_item_string(&dict, c"key", &value)?;
/// assert_eq!(value.reference_count(), 2); // ours and the dictionary's
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyDict_SetItemString")]
pub fn dict_set_item_string(
    dict: &Owned<'_>,
    name: &CStr,
    value: &Owned<'_>,
) -> Result<(), Exception> {
    let (py, dict, name) = (dict.py(), dict.as_ptr(), name.as_ptr());
    // SAFETY: the lock is held, the objects are live; the name ends in NUL. The type is checked there.
    let status = unsafe { c!(PyDict_SetItemString(dict, name, value.as_ptr())) };
    check::status(py, status)
}
