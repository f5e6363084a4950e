//! What C allows and the types here do not: each mistake made on purpose, through raw calls.
//!
//! For the lessons of [`refcounts`](crate::refcounts), and only in a child process that may die of
//! it, which [`Doomed`] proves: every block below breaks a rule, and its comment says which. Under
//! `PYTHONMALLOC=debug` freed memory is filled with 0xDD, so that each ends in the same way every time.

use std::ffi::CStr;
use std::ptr;

use python3_sys as ffi;

use crate::capi::Python;
use crate::capi::{self, Owned};

/// The proof that this process may die of a mistake.
#[derive(Clone, Copy, Debug)]
pub struct Doomed(());

impl Doomed {
    /// Gives this process up.
    ///
    /// # Safety
    ///
    /// Behaviour is undefined after a mistake. So this process:
    ///
    /// - was started for one mistake, and ends after it;
    /// - does nothing else that anybody relies on.
    pub unsafe fn new() -> Self {
        Self(())
    }
}

/// An object that a list holds, and nobody else; and the list.
fn held_by_a_list(py: Python<'_>) -> Option<(*mut ffi::PyObject, Owned<'_>)> {
    let kind = (&raw mut ffi::PyBaseObject_Type).cast::<ffi::PyObject>();
    // SAFETY: the lock is held; a static type; no arguments. Returns new or NULL.
    let item = unsafe { ffi::PyObject_CallObject(kind, ptr::null_mut()) };
    let mut list = capi::list_new(py, 1).ok()?;
    // SAFETY: new, and not NULL as far as a lesson goes.
    let owned = unsafe { Owned::from_new(py, ptr::NonNull::new(item)?) };
    capi::list_set_item(&mut list, 0, owned).ok()?;
    Some((item, list.finish().ok()?))
}

/// `repr(object)`, which reads the object's type: the first use to trip over freed memory.
fn look_at(object: *mut ffi::PyObject) {
    // SAFETY: none if the object is gone, which is the point.
    unsafe { ffi::PyObject_Repr(object) };
}

/// Gives back a reference that belongs to a list: the list is left with a freed item.
pub(crate) fn release_a_borrowed_reference(py: Python<'_>, _: Doomed) {
    if let Some((item, list)) = held_by_a_list(py) {
        // SAFETY: none: this reference is the list's.
        unsafe { ffi::Py_DecRef(item) };
        look_at(list.as_ptr());
    }
}

/// Gives an item back after `PyList_SetItem` failed, which had done so: as in the program that this
/// one follows.
pub(crate) fn release_after_a_failed_store(py: Python<'_>, _: Doomed) {
    if let Some((item, list)) = held_by_a_list(py) {
        // SAFETY: the item is live, being held by the list: now it is ours too.
        unsafe { ffi::Py_IncRef(item) };
        // SAFETY: list and item are live; the index is refused there, and our reference stolen.
        let status = unsafe { ffi::PyList_SetItem(list.as_ptr(), 9, item) };
        if status != 0 {
            // SAFETY: the lock is held.
            unsafe { ffi::PyErr_Clear() };
            // SAFETY: none: our reference was stolen, this one is the list's.
            unsafe { ffi::Py_DecRef(item) };
        }
        look_at(list.as_ptr());
    }
}

/// Uses a borrowed item after its slot was filled with another one.
pub(crate) fn use_a_borrow_after_a_change(py: Python<'_>, _: Doomed) {
    if let Some((item, list)) = held_by_a_list(py) {
        if let Ok(other) = capi::float_from_double(py, 2.5) {
            // SAFETY: the list is live; the reference to the other item is given away.
            unsafe { ffi::PyList_SetItem(list.as_ptr(), 0, other.into_ptr()) };
        }
        look_at(item);
    }
}

/// Uses an object after it was stolen, by then freed with the list that stole it.
pub(crate) fn use_after_steal(py: Python<'_>, _: Doomed) {
    if let Some((item, list)) = held_by_a_list(py) {
        drop(list);
        look_at(item);
    }
}

/// Asks Python for memory on a thread that does not hold the lock.
pub(crate) fn call_without_the_lock(_: Doomed) {
    // SAFETY: none: the lock is not held.
    let block = unsafe { ffi::PyMem_Malloc(100) };
    // SAFETY: none, as before.
    unsafe { ffi::PyMem_Free(block) };
}

/// Reads the text of a string after giving the string back; returns the first byte.
pub(crate) fn read_text_after_release(text: Owned<'_>, _: Doomed) -> u8 {
    let mut length = 0;
    // SAFETY: the lock is held; a live string; the text stays the string's.
    let start = unsafe { ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut length) };
    drop(text);
    // SAFETY: none: the text went with the string.
    unsafe { start.cast::<u8>().read_volatile() }
}

/// Ends Python, starts it again and imports a module; prints to stderr what Python says if it cannot.
///
/// Nothing that was found before may be used afterwards, not even dropped.
pub(crate) fn restart_and_import(name: &CStr, _: Doomed) -> bool {
    // SAFETY: Python was started; on this thread, as the mistake would have it.
    unsafe { ffi::PyGILState_Ensure() };
    // SAFETY: none: objects are still held, and code is loaded that cannot be loaded twice.
    unsafe { ffi::Py_FinalizeEx() };
    // SAFETY: none: what the first start loaded is still in the process.
    unsafe { ffi::Py_InitializeEx(0) };
    // SAFETY: the second start took the lock; the name ends in NUL.
    let module = unsafe { ffi::PyImport_ImportModule(name.as_ptr()) };
    if module.is_null() {
        // SAFETY: the lock is held; an import that fails is no `SystemExit`.
        unsafe { ffi::PyErr_Print() };
    }
    !module.is_null()
}
