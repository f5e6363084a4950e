//! What C allows and the types here do not: pointers of which nobody says how long they last, and
//! mistakes made on purpose.
//!
//! What may end a process is done in a child, which
//! [`Doomed`] proves. Under `PYTHONMALLOC=debug` freed memory is filled with 0xDD, so that each ends
//! in the same way every time.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::CStr;
use std::mem;
use std::ptr::{self, NonNull};

use pyoutliers::Exception;
use pyoutliers::Python;
use pyoutliers::capi::{Borrowed, Owned, Unfilled, c, ffi, object_call_function_obj_args};
use refsoak::starve;

/// The proof that this process may die of a mistake.
#[derive(Clone, Copy, Debug)]
pub struct Doomed(());

impl Doomed {
    /// Gives this process up. In a program whose main function is this alone:
    ///
    /// ```no_run
    /// use lessons::{Doomed, misbehave};
    /// // SAFETY: this process does nothing else.
    /// misbehave("use-after-steal", unsafe { Doomed::new() })
    /// ```
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

/// A pointer as C has it: whether the object is still there, nothing says.
pub(crate) struct Pointer<'p> {
    object: *mut ffi::PyObject,
    /// A reference from when the object was certainly there, for a lesson that watches it from then on.
    watched: Cell<Option<Owned<'p>>>,
}

impl<'p> Pointer<'p> {
    /// To an object that is there now.
    pub(crate) fn to(object: &Owned<'p>) -> Self {
        Self {
            object: object.as_ptr(),
            watched: Cell::default(),
        }
    }

    /// The same, with a reference to watch it by.
    fn to_watch(object: Owned<'p>) -> Self {
        Self {
            object: object.as_ptr(),
            watched: Cell::new(Some(object)),
        }
    }

    /// The reference to watch it by, the first time.
    pub(crate) fn watch(&self) -> Option<Owned<'p>> {
        self.watched.take()
    }

    /// `Py_DECREF`, of a reference that need not be ours.
    pub(crate) fn give_back(&self, _: Doomed) {
        self.watched.take();
        // SAFETY: none, as the reference is somebody else's, which is the point.
        unsafe { c!(Py_DecRef(self.object)) };
    }

    /// `repr(object)`, which reads the object's type: the first use to trip over freed memory.
    pub(crate) fn look_at(&self, _: Doomed) {
        self.watched.take();
        // SAFETY: none if the object is gone, which is the point.
        unsafe { c!(PyObject_Repr(self.object)) };
    }
}

/// `PyList_GetItem` of a list that others know: borrowed until one of them changes it.
pub(crate) fn list_get_item<'p>(list: &Owned<'p>, index: isize) -> Result<Pointer<'p>, Exception> {
    list_get_item_ref(list, index).map(Pointer::to_watch)
}

/// `PyList_GetItem` and `Py_INCREF`: what `PyList_GetItemRef` does, from 3.13 on.
pub(crate) fn list_get_item_ref<'p>(
    list: &Owned<'p>,
    index: isize,
) -> Result<Owned<'p>, Exception> {
    // SAFETY: the lock is held; the object is live. Type and index are checked there.
    let item = unsafe { c!(PyList_GetItem(list.as_ptr(), index)) };
    // SAFETY: the result of a call that returns borrowed or NULL, and live until the next line.
    let item = unsafe { Borrowed::from_ptr_or_err(list.py(), item) }?;
    Ok(Owned::clone(&item))
}

/// `PyList_SetItem` of a list that others know: lets go of the old item, whose end may run any code.
pub(crate) fn list_set_item<'p>(
    list: &Owned<'p>,
    index: isize,
    item: Owned<'p>,
) -> Result<(), Exception> {
    // SAFETY: the lock is held; the list is live, and full; the reference to the item is given away.
    let status = unsafe { c!(PyList_SetItem(list.as_ptr(), index, item.into_ptr())) };
    match status {
        0 => Ok(()),
        _ => Err(Exception::take(list.py())),
    }
}

/// `PyDict_GetItemWithError`: borrowed until somebody changes the dictionary.
pub(crate) fn dict_get_item<'p>(
    dict: &Owned<'p>,
    key: &Owned<'p>,
) -> Result<Option<Pointer<'p>>, Exception> {
    // SAFETY: the lock is held, both objects are live. What is no dictionary is refused there.
    let value = unsafe { c!(PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr())) };
    // SAFETY: the lock is held; the result is borrowed, and only compared with NULL.
    if value.is_null() && unsafe { c!(PyErr_Occurred()) }.is_null() {
        return Ok(None);
    }
    // SAFETY: borrowed, and live until the next line, as its dictionary has it; or NULL with an exception.
    let value = unsafe { Borrowed::from_ptr_or_err(dict.py(), value) }?;
    Ok(Some(Pointer::to_watch(Owned::clone(&value))))
}

/// A function that Python can call and that returns its argument, as a reference of its own.
pub(crate) fn identity(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    extern "C" fn careful(
        _: *mut ffi::PyObject,
        argument: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: Python lends a live object for the call, and holds the lock.
        unsafe { c!(Py_IncRef(argument)) };
        argument
    }
    static CAREFUL: Method = method(careful);
    function(py, &CAREFUL)
}

/// Calls a function that makes the mistake: it returns the reference that it was lent. That is `spare`
/// here, and so the result's from now on.
pub(crate) fn careless_identity(spare: Owned<'_>) -> Result<Owned<'_>, Exception> {
    extern "C" fn careless(
        _: *mut ffi::PyObject,
        argument: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        argument
    }
    static CARELESS: Method = method(careless);
    let careless = function(spare.py(), &CARELESS)?;
    let result = object_call_function_obj_args(&careless, [&spare])?;
    mem::forget(spare);
    Ok(result)
}

/// As Python declares it, to be read by it for ever.
struct Method(ffi::PyMethodDef);

// SAFETY: only read, and its pointers point to what stays.
unsafe impl Sync for Method {}

const fn method(function: ffi::PyCFunction) -> Method {
    Method(ffi::PyMethodDef {
        ml_name: c"identity".as_ptr(),
        ml_meth: Some(function),
        ml_flags: ffi::METH_O,
        ml_doc: ptr::null(),
    })
}

fn function<'p>(py: Python<'p>, method: &'static Method) -> Result<Owned<'p>, Exception> {
    // SAFETY: the lock is held; the definition stays, and is only read.
    let function = unsafe {
        c!(PyCFunction_NewEx(
            (&raw const method.0).cast_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        ))
    };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(py, function) }
}

/// Calls a function while the allocation of that number fails. What it raises is made text of when
/// none fails any more. Returns also how many there were.
pub(crate) fn starved_call<'p>(
    function: &Owned<'p>,
    argument: &Owned<'p>,
    number: u64,
) -> pyoutliers::Result<(Result<Owned<'p>, Exception>, u64)> {
    let end = ptr::null_mut::<ffi::PyObject>();
    let (result, made) = starve(number..=number, || {
        // SAFETY: the lock is held, both objects are live; NULL ends them. The type is checked there.
        unsafe { c!(PyObject_CallFunctionObjArgs(function.as_ptr(); argument.as_ptr(), end)) }
    })?;
    // SAFETY: the result of a call that returns new or NULL.
    let result = unsafe { Owned::from_owned_ptr_or_err(function.py(), result) };
    Ok((result, made))
}

/// A list that is being filled, or a tuple with one slot that is filled: a reference more, to watch it by,
/// would keep a tuple from being filled.
pub(crate) fn being_filled<'a, 'p>(
    py: Python<'p>,
    list: &'a Unfilled<'p>,
) -> Option<Borrowed<'a, 'p>> {
    let object = NonNull::new(list.as_ptr())?;
    // SAFETY: the lock is held, as `py` proves; a live list or tuple.
    let is_list = unsafe { ffi::PyList_Check(list.as_ptr()) } != 0;
    // SAFETY: as above; a tuple with one slot, or an error, which is cleared below.
    if !is_list && unsafe { c!(PyTuple_GetItem(list.as_ptr(), 0)) }.is_null() {
        // SAFETY: the lock is held.
        unsafe { c!(PyErr_Clear()) };
        return None;
    }
    // SAFETY: live for as long as `list` is, which owns a reference.
    Some(unsafe { Borrowed::from_ptr(py, object) })
}

/// Asks Python for memory on a thread that does not hold the lock.
pub(crate) fn call_without_the_lock(_: Doomed) {
    // SAFETY: none: the lock is not held.
    let block = unsafe { c!(PyMem_Malloc(100)) };
    // SAFETY: none, as before.
    unsafe { c!(PyMem_Free(block)) };
}

/// Reads the text of a string after giving the string back; returns the first byte.
pub(crate) fn read_text_after_release(text: Owned<'_>, _: Doomed) -> u8 {
    let mut length = 0;
    // SAFETY: the lock is held; a live string; the text stays the string's.
    let start = unsafe { c!(PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut length)) };
    drop(text);
    // SAFETY: none: the text went with the string.
    unsafe { start.cast::<u8>().read_volatile() }
}

/// Ends Python, starts it again and imports a module; prints to stderr what Python says if it cannot.
///
/// Nothing that was found before may be used afterwards, not even dropped.
pub(crate) fn restart_and_import(name: &CStr, _: Doomed) -> bool {
    // SAFETY: Python was started; on this thread, as the mistake would have it.
    unsafe { c!(PyGILState_Ensure()) };
    // SAFETY: none: objects are still held, and code is loaded that cannot be loaded twice.
    unsafe { c!(Py_FinalizeEx()) };
    // SAFETY: none: what the first start loaded is still in the process.
    unsafe { c!(Py_InitializeEx(0)) };
    // SAFETY: the second start took the lock; the name ends in NUL.
    let module = unsafe { c!(PyImport_ImportModule(name.as_ptr())) };
    if module.is_null() {
        // SAFETY: the lock is held; an import that fails is no `SystemExit`.
        unsafe { c!(PyErr_Print()) };
    }
    !module.is_null()
}
