//! What C allows and the types here do not: pointers of which nobody says how long they last, and
//! mistakes made on purpose.
//!
//! For the lessons of [`refcounts`](crate::refcounts). What may end a process is done in a child, which
//! [`Doomed`] proves. Under `PYTHONMALLOC=debug` freed memory is filled with 0xDD, so that each ends
//! in the same way every time.

use std::env;
use std::ffi::CStr;
use std::ptr::{self, NonNull};

use crate::capi::library::c;
use python3_sys as ffi;

use super::starve;
use crate::capi::references::check;
use crate::capi::runtime::already_started;
use crate::capi::{Borrowed, Owned, Python};
use crate::error::Exception;

/// The proof that this process may die of a mistake.
#[derive(Clone, Copy, Debug)]
pub struct Doomed(());

impl Doomed {
    /// Gives this process up. In a program whose main function is this alone:
    ///
    /// ```no_run
    /// use pyoutliers::refcounts::{Doomed, misbehave};
    /// // SAFETY: this process does nothing else.
    /// misbehave("use-after-steal", unsafe { Doomed::new() })?;
    /// # Ok::<_, pyoutliers::Error>(())
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

    /// Gives up a process that was started for it, with the word `--doomed` among its arguments, which
    /// safe code cannot put there afterwards.
    #[doc(hidden)]
    pub fn by_arguments() -> Option<Self> {
        let doomed = env::args_os().any(|word| word == "--doomed");
        // SAFETY: whoever starts a program with this word wants one mistake of it, and no more; Python
        // does not run, so that nothing of it is here that anybody relies on.
        (doomed && already_started().is_none()).then(|| unsafe { Self::new() })
    }
}

/// A pointer as C has it: whether the object is still there, nothing says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pointer<'p> {
    object: NonNull<ffi::PyObject>,
    py: Python<'p>,
}

impl<'p> Pointer<'p> {
    /// To an object that is there now.
    pub(crate) fn to(object: &Owned<'p>) -> Self {
        Self {
            object: object.object,
            py: object.py(),
        }
    }

    /// A reference of our own, as by `Py_INCREF`: only while the object is there.
    pub(crate) fn own(self) -> Owned<'p> {
        // SAFETY: live, by the word of the lesson.
        let borrowed = unsafe { Borrowed::new(self.object, self.py) };
        Owned::clone(&borrowed)
    }

    /// `Py_DECREF`, of a reference that need not be ours.
    pub(crate) fn give_back(self, _: Doomed) {
        // SAFETY: none, as the reference is somebody else's, which is the point.
        unsafe { c!(Py_DecRef(self.object.as_ptr())) };
    }

    /// `repr(object)`, which reads the object's type: the first use to trip over freed memory.
    pub(crate) fn look_at(self, _: Doomed) {
        // SAFETY: none if the object is gone, which is the point.
        unsafe { c!(PyObject_Repr(self.object.as_ptr())) };
    }
}

/// `PyList_GetItem` of a list that others know: borrowed until one of them changes it.
pub(crate) fn list_get_item<'p>(list: &Owned<'p>, index: isize) -> Result<Pointer<'p>, Exception> {
    // SAFETY: the lock is held; the object is live. Type and index are checked there.
    let item = unsafe { c!(PyList_GetItem(list.as_ptr(), index)) };
    // SAFETY: the result of a call that returns borrowed or NULL, and live until the next line.
    let item = unsafe { check::borrowed_reference(list.py(), item) }?;
    Ok(Pointer::to(&item))
}

/// `PyList_SetItem` of a list that others know: lets go of the old item, whose end may run any code.
pub(crate) fn list_set_item<'p>(
    list: &Owned<'p>,
    index: isize,
    item: Owned<'p>,
) -> Result<(), Exception> {
    // SAFETY: the lock is held; the list is live, and full; the reference to the item is given away.
    let status = unsafe { c!(PyList_SetItem(list.as_ptr(), index, item.into_ptr())) };
    check::status(list.py(), status)
}

/// `PyDict_GetItemWithError`: borrowed until somebody changes the dictionary.
pub(crate) fn dict_get_item<'p>(dict: &Owned<'p>, key: &Owned<'p>) -> Option<Pointer<'p>> {
    // SAFETY: the lock is held, both objects are live. What is no dictionary is refused there.
    let value = unsafe { c!(PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr())) };
    NonNull::new(value).map(|object| Pointer {
        object,
        py: dict.py(),
    })
}

/// A function that Python can call and that returns its argument: as a reference of its own, or,
/// which is the mistake, the borrowed one that it was given.
pub(crate) fn identity(py: Python<'_>, own: bool) -> Result<Owned<'_>, Exception> {
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
    extern "C" fn careful(
        _: *mut ffi::PyObject,
        argument: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: Python lends a live object for the call, and holds the lock.
        unsafe { c!(Py_IncRef(argument)) };
        argument
    }
    extern "C" fn careless(
        _: *mut ffi::PyObject,
        argument: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        argument
    }
    static CAREFUL: Method = method(careful);
    static CARELESS: Method = method(careless);
    let method = if own { &CAREFUL } else { &CARELESS };
    // SAFETY: the lock is held; the definition stays, and is only read.
    let function = unsafe {
        c!(PyCFunction_NewEx(
            (&raw const method.0).cast_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        ))
    };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { check::new_reference(py, function) }
}

/// Calls a function while the allocation of that number fails. What it raises is made text of when
/// none fails any more. Returns also how many there were.
pub(crate) fn starved_call<'p>(
    function: &Owned<'p>,
    argument: &Owned<'p>,
    number: u64,
) -> (Result<Owned<'p>, Exception>, u64) {
    let end = ptr::null_mut::<ffi::PyObject>();
    let (result, made) = starve(number..=number, || {
        // SAFETY: the lock is held, both objects are live; NULL ends them. The type is checked there.
        unsafe { c!(PyObject_CallFunctionObjArgs(function.as_ptr(); argument.as_ptr(), end)) }
    });
    // SAFETY: the result of a call that returns new or NULL.
    let result = unsafe { check::new_reference(function.py(), result) };
    (result, made)
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
