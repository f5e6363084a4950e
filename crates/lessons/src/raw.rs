//! What C allows and our types forbid: pointers that may outlive their object, and deliberate mistakes.
//!
//! A function whose behaviour may be undefined takes a [`Doomed`], the proof that this process may
//! crash. Every other function here is sound.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::env;
use std::ffi::CStr;
use std::mem;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use pyoutliers::Exception;
use pyoutliers::capi::{self, Borrowed, Owned, Unfilled, c, ffi, object_call_function_obj_args};
use pyoutliers::{Python, with_python};
use refsoak::starve;

/// The proof that this process may crash: it was started for one mistake, after which behaviour is undefined.
#[derive(Clone, Copy, Debug)]
pub struct Doomed(());

impl Doomed {
    /// The option with which a parent starts such a process.
    pub const OPTION: &str = "--doomed";

    /// The proof, if this process was started with [`OPTION`](Self::OPTION).
    ///
    /// It is safe, because code in the process cannot add an option to its command line. A parent that starts a process with
    /// that option wants the mistake, and relies on nothing else in it.
    pub fn of_this_process() -> Option<Self> {
        let is_doomed = env::args_os().any(|word| word == Self::OPTION);
        is_doomed.then_some(Self(()))
    }
}

/// A C pointer: it does not say whether the object still exists.
pub(crate) struct Pointer<'p> {
    object: *mut ffi::PyObject,
    /// A reference for measuring the object, taken while the object certainly existed.
    probe: Cell<Option<Owned<'p>>>,
}

impl<'p> Pointer<'p> {
    /// Points to an object that exists now.
    pub(crate) fn to(object: &Owned<'p>) -> Self {
        Self {
            object: object.as_ptr(),
            probe: Cell::default(),
        }
    }

    /// Like `to`, and keeps the reference for measuring the object.
    fn with_probe(object: Owned<'p>) -> Self {
        Self {
            object: object.as_ptr(),
            probe: Cell::new(Some(object)),
        }
    }

    /// The reference for measuring the object. Only the first caller gets it.
    pub(crate) fn take_probe(&self) -> Option<Owned<'p>> {
        self.probe.take()
    }

    /// `Py_DECREF` of a reference that may have another owner.
    pub(crate) fn release(&self, _: Doomed) {
        self.probe.take();
        // SAFETY: the lock is held, as `'p` proves. The reference may have another owner, or be
        // released already: that is the mistake, and this process may crash.
        unsafe { c!(Py_DecRef(self.object)) };
    }

    /// `PyObject_Repr`, which reads the object's type: in freed memory it finds 0xdd bytes and crashes.
    pub(crate) fn look_at(&self, _: Doomed) {
        self.probe.take();
        // SAFETY: the lock is held, as `'p` proves. The object may be freed: that is the mistake, and
        // this process may crash.
        unsafe { c!(PyObject_Repr(self.object)) };
    }
}

/// `PyList_GetItem` of a list that other code can change. The item is borrowed until the list changes.
pub(crate) fn list_get_item<'p>(list: &Owned<'p>, index: isize) -> Result<Pointer<'p>, Exception> {
    list_get_item_ref(list, index).map(Pointer::with_probe)
}

/// `PyList_GetItem` and `Py_INCREF`, which is what `PyList_GetItemRef` does since 3.13.
pub(crate) fn list_get_item_ref<'p>(
    list: &Owned<'p>,
    index: isize,
) -> Result<Owned<'p>, Exception> {
    // SAFETY: the lock is held, as `'p` proves; the object is live. The call checks type and index.
    let item = unsafe { c!(PyList_GetItem(list.as_ptr(), index)) };
    // SAFETY: the call returns a borrowed reference, or NULL with an exception. The list keeps the item
    // until some code changes it, and none runs before the next line takes a reference.
    let item = unsafe { Borrowed::from_ptr_or_err(list.py(), item) }?;
    Ok(Owned::clone(&item))
}

/// `PyList_SetItem` of a list that other code can change: it releases the old item, which may run any
/// code.
pub(crate) fn list_set_item<'p>(
    list: &Owned<'p>,
    index: isize,
    item: Owned<'p>,
) -> Result<(), Exception> {
    // SAFETY: the lock is held, as `'p` proves; the object is live. The call checks type and index, and
    // steals the reference to the item even if it fails.
    let status = unsafe { c!(PyList_SetItem(list.as_ptr(), index, item.into_ptr())) };
    match status {
        0 => Ok(()),
        _ => Err(Exception::take(list.py())),
    }
}

/// `PyDict_GetItemWithError`: the value is borrowed until some code changes the dictionary.
pub(crate) fn dict_get_item<'p>(
    dict: &Owned<'p>,
    key: &Owned<'p>,
) -> Result<Option<Pointer<'p>>, Exception> {
    // SAFETY: the lock is held, as `'p` proves; both objects are live. The call checks the type.
    let value = unsafe { c!(PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr())) };
    // SAFETY: the lock is held; the result is only compared with NULL.
    if value.is_null() && unsafe { c!(PyErr_Occurred()) }.is_null() {
        return Ok(None);
    }
    // SAFETY: the call returned a borrowed reference, or NULL with an exception. The dictionary keeps the
    // value until some code changes it, and none runs before the next line takes a reference.
    let value = unsafe { Borrowed::from_ptr_or_err(dict.py(), value) }?;
    Ok(Some(Pointer::with_probe(Owned::clone(&value))))
}

/// A C function that returns its argument as Python requires: with a new reference.
pub(crate) fn identity(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    extern "C" fn careful(
        _: *mut ffi::PyObject,
        argument: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: Python calls this with the lock held, and its argument lives as long as the call.
        unsafe { c!(Py_IncRef(argument)) };
        argument
    }
    static CAREFUL: Method = method(careful);
    function(py, &CAREFUL)
}

/// A function for Python that ignores its argument, and returns a string.
pub(crate) fn function_that_returns(
    py: Python<'_>,
    text: fn() -> String,
) -> Result<Owned<'_>, Exception> {
    static TEXT: OnceLock<fn() -> String> = OnceLock::new();
    extern "C" fn call(_: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
        let text = TEXT.get().map_or_else(String::new, |text| text());
        let result = with_python(|py| Ok(capi::unicode_from_str(py, &text)?.into_ptr()));
        // An error means that there is no memory for a short string, and ends the call with a SystemError.
        result.unwrap_or(ptr::null_mut())
    }
    static CALL: Method = method(call);
    TEXT.get_or_init(|| text);
    function(py, &CALL)
}

/// Calls a C function that makes a mistake: it returns its argument without adding a reference. The
/// reference `spare`, which then belongs to the result, prevents an over-release.
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

/// A definition that Python reads for as long as the function exists.
struct Method(ffi::PyMethodDef);

// SAFETY: nobody writes to it, and its pointers point to static data and functions.
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
    // SAFETY: the lock is held, as `'p` proves; the definition is static, and Python only reads it. The
    // function has neither `self` nor a module, so both may be NULL.
    let function = unsafe {
        c!(PyCFunction_NewEx(
            (&raw const method.0).cast_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        ))
    };
    // SAFETY: the call returns a new reference, or NULL with an exception; nobody else owns it.
    unsafe { Owned::from_owned_ptr_or_err(py, function) }
}

/// Calls a function, and makes the allocation with that number fail. Returns the result, and how many
/// allocations there were. Allocations succeed again before an exception is turned into text.
pub(crate) fn starved_call<'p>(
    function: &Owned<'p>,
    argument: &Owned<'p>,
    number: u64,
) -> pyoutliers::Result<(Result<Owned<'p>, Exception>, u64)> {
    let end = ptr::null_mut::<ffi::PyObject>();
    let (result, made) = starve(number..=number, || {
        // SAFETY: the lock is held, as `'p` proves; both objects are live, and NULL ends the arguments.
        // The call checks the type.
        unsafe { c!(PyObject_CallFunctionObjArgs(function.as_ptr(); argument.as_ptr(), end)) }
    })?;
    // SAFETY: the call returns a new reference, or NULL with an exception; nobody else owns it.
    let result = unsafe { Owned::from_owned_ptr_or_err(function.py(), result) };
    Ok((result, made))
}

/// A list that is being filled, or a tuple whose first slot is filled. `PyTuple_SetItem` refuses a tuple
/// that has a second reference, so a tuple is measured only when its slot is filled.
pub(crate) fn being_filled<'a, 'p>(
    py: Python<'p>,
    list: &'a Unfilled<'p>,
) -> Option<Borrowed<'a, 'p>> {
    let object = NonNull::new(list.as_ptr())?;
    // SAFETY: the lock is held, as `py` proves; `list` owns a reference to a live list or tuple.
    let is_list = unsafe { ffi::PyList_Check(list.as_ptr()) } != 0;
    // SAFETY: as above. The call checks type and index; its exception is cleared below.
    if !is_list && unsafe { c!(PyTuple_GetItem(list.as_ptr(), 0)) }.is_null() {
        // SAFETY: the lock is held, as `py` proves.
        unsafe { c!(PyErr_Clear()) };
        return None;
    }
    // SAFETY: `list` is borrowed for `'a`, and owns a reference.
    Some(unsafe { Borrowed::from_ptr(py, object) })
}

/// Asks Python for memory on a thread that does not hold the lock.
pub(crate) fn call_without_the_lock(_: Doomed) {
    // SAFETY: the lock is not held: that is the mistake, and this process may crash.
    let block = unsafe { c!(PyMem_Malloc(100)) };
    // SAFETY: as before; the block came from the same allocator.
    unsafe { c!(PyMem_Free(block)) };
}

/// Reads the text of a string after releasing the string; returns the first byte.
pub(crate) fn read_text_after_release(text: Owned<'_>, _: Doomed) -> u8 {
    let mut length = 0;
    // SAFETY: the lock is held, as the owner proves; the object is live, and the call checks its type.
    let start = unsafe { c!(PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut length)) };
    drop(text);
    // SAFETY: the text was freed with its string: that is the mistake, and this process may crash.
    unsafe { start.cast::<u8>().read_volatile() }
}

/// Ends Python, starts it again and imports a module. Prints Python's error to stderr if that fails.
///
/// References from before the restart must not be used or dropped afterwards.
pub(crate) fn restart_and_import(name: &CStr, _: Doomed) -> bool {
    // SAFETY: Python was started, so any thread may take the lock.
    unsafe { c!(PyGILState_Ensure()) };
    // SAFETY: the lock is held. References to its objects are still held: that is the mistake, and this
    // process may crash.
    unsafe { c!(Py_FinalizeEx()) };
    // SAFETY: Python has ended. Extension modules of the first start are still loaded: that is the
    // mistake, and this process may crash.
    unsafe { c!(Py_InitializeEx(0)) };
    // SAFETY: the second start left this thread with the lock; the name ends in NUL.
    let module = unsafe { c!(PyImport_ImportModule(name.as_ptr())) };
    if module.is_null() {
        // SAFETY: the lock is held, and an exception is set. NumPy's import raises no `SystemExit`.
        unsafe { c!(PyErr_Print()) };
    }
    !module.is_null()
}
