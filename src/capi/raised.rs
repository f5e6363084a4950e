//! Takes the current exception out of Python, as text.
//!
//! A call here that fails raises another exception, and making its text could fail too, and so on. So a part of
//! the text that cannot be made is left out. But if memory runs out, the result is a `MemoryError` instead.

use std::ffi::CStr;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use python3_sys as ffi;

use crate::capi::exception::Exception;
use crate::capi::held::Held;
use crate::capi::library::c;
use crate::capi::lock::Python;
use crate::capi::object::has_flag;
use crate::capi::owned::Owned;

/// The most characters of a message that are kept.
const LONGEST_MESSAGE: isize = 4096;
/// The most characters of a traceback that are kept; before that, `traceback.py` leaves out its middle.
const LONGEST_TRACEBACK: isize = 20_000;
/// Bytes that must be free to make a traceback. Without them there is no traceback, because CPython may crash if
/// the code that makes it runs out of memory. One `PyMem_Malloc` allocates them, and they are freed at once.
pub const ROOM_FOR_TRACEBACK: usize = 16 << 20;

static TRACEBACK_TEXT: OnceLock<Held> = OnceLock::new();

/// Sets the Python function that makes tracebacks: `text(exception, traceback, message)`.
pub(crate) fn trace_back_by(text: Owned<'_>) {
    TRACEBACK_TEXT.get_or_init(|| text.into());
}

/// Whether an exception is set.
#[doc(alias = "PyErr_Occurred")]
#[inline]
pub(in crate::capi) fn occurred(_: Python<'_>) -> bool {
    // SAFETY: the lock is held. The result is borrowed, and only compared with NULL.
    let exception_type = unsafe { c!(PyErr_Occurred()) };
    !exception_type.is_null()
}

impl Exception {
    /// Takes and clears the current exception, right after a C call has failed.
    ///
    /// If none is set, the result is a `SystemError`, as in Python.
    #[doc(alias = "PyErr_Fetch")]
    #[cold]
    pub fn take(py: Python<'_>) -> Self {
        let mut fetched = fetch(py);
        let [kind, value, traceback] = &mut fetched;
        if is_memory_error(py, *kind) && value.is_null() {
            // Describing a `MemoryError` would take memory too.
            owned(py, fetched);
            return Self::out_of_memory();
        }
        // SAFETY: the lock is held; the three are as fetched.
        unsafe { c!(PyErr_NormalizeException(kind, value, traceback)) };
        let is_out_of_memory = is_memory_error(py, *kind);
        let [kind, value, traceback] = owned(py, fetched);
        let Some(kind) = kind else {
            return Self::of_type("SystemError", "a C call failed without an exception");
        };
        describe(&kind, value, traceback, is_out_of_memory)
            .unwrap_or_else(|out_of_memory| out_of_memory)
    }
}

/// Fetches the exception that is set, and clears it: type, value and traceback. Each is a new reference,
/// which the caller now owns, or NULL.
#[doc(alias = "PyErr_Fetch")]
fn fetch(_: Python<'_>) -> [*mut ffi::PyObject; 3] {
    let mut fetched = [ptr::null_mut(); 3];
    let [kind, value, traceback] = &mut fetched;
    // SAFETY: the lock is held; three places, which are ours.
    unsafe { c!(PyErr_Fetch(kind, value, traceback)) };
    fetched
}

/// The three fetched references. Dropping one releases it.
fn owned(py: Python<'_>, fetched: [*mut ffi::PyObject; 3]) -> [Option<Owned<'_>>; 3] {
    fetched.map(|object| {
        // SAFETY: `PyErr_Fetch` handed over a reference for each pointer that is not NULL.
        NonNull::new(object).map(|object| unsafe { Owned::from_owned_ptr(py, object) })
    })
}

/// # Errors
///
/// A `MemoryError`, if memory runs out meanwhile.
fn describe(
    kind: &Owned<'_>,
    value: Option<Owned<'_>>,
    traceback: Option<Owned<'_>>,
    is_out_of_memory: bool,
) -> Result<Exception, Exception> {
    let said = value.as_ref().and_then(str_of);
    let message = match (&value, &said) {
        (None, _) => String::new(),
        (_, Some(said)) => utf8(said, LONGEST_MESSAGE)?.unwrap_or_default(),
        (Some(_), None) => "str() failed".to_owned(),
    };
    if is_out_of_memory && message.is_empty() {
        return Err(Exception::out_of_memory()); // which takes no memory
    }
    let type_name = name_of_type(kind)?;
    let traceback = match (value, traceback) {
        // Python code is not run without memory.
        _ if is_out_of_memory => None,
        (Some(value), Some(traceback)) => Some(traceback_text(&value, &traceback, said.as_ref())),
        (_, traceback) => traceback.map(|_| String::new()),
    };
    Ok(Exception {
        type_name: type_name.into(),
        message,
        traceback,
        is_out_of_memory,
    })
}

/// An exception and those that led to it, as Python prints them, given its traceback and the result of
/// `str`. Empty if making the text fails in any way.
fn traceback_text(value: &Owned<'_>, traceback: &Owned<'_>, said: Option<&Owned<'_>>) -> String {
    let py = value.py();
    let Some(function) = TRACEBACK_TEXT.get().filter(|_| has_room(py)) else {
        return String::new();
    };
    let [function, value, traceback] =
        [&function.as_borrowed(py), value, traceback].map(Owned::as_ptr);
    let said = said.map_or(ptr::null_mut(), Owned::as_ptr);
    let end = ptr::null_mut::<ffi::PyObject>();
    // SAFETY: the lock is held, all are live; the first NULL ends the arguments.
    let text = unsafe { c!(PyObject_CallFunctionObjArgs(function; value, traceback, said, end)) };
    // SAFETY: the result of a call that returns new or NULL.
    let text = unsafe { new_or_clear(py, text) }.ok().flatten();
    text.and_then(|text| utf8(&text, LONGEST_TRACEBACK).ok()?)
        .unwrap_or_default()
}

/// Whether Python has enough memory left to make a traceback.
fn has_room(_: Python<'_>) -> bool {
    // SAFETY: the lock is held.
    let room = unsafe { c!(PyMem_Malloc(ROOM_FOR_TRACEBACK)) };
    // SAFETY: as above; that block, or NULL.
    unsafe { c!(PyMem_Free(room)) };
    !room.is_null()
}

fn is_memory_error(_: Python<'_>, kind: *mut ffi::PyObject) -> bool {
    let memory_error = c!(static PyExc_MemoryError);
    // SAFETY: a static that Python set when it started; read with the lock held.
    let memory_error = unsafe { *memory_error };
    // SAFETY: the lock is held; `kind` may be NULL, which matches nothing.
    let matches = unsafe { c!(PyErr_GivenExceptionMatches(kind, memory_error)) };
    matches != 0
}

/// The name of a type as Python's tracebacks show it: `module.qualified`, or only `qualified` if the
/// module is `builtins` or `__main__`.
///
/// # Errors
///
/// A `MemoryError`, if memory runs out meanwhile.
pub(in crate::capi) fn name_of_type(kind: &Owned<'_>) -> Result<String, Exception> {
    let text = |name: &CStr| {
        // SAFETY: the lock is held, `kind` is live, the name ends in NUL.
        let attribute = unsafe { c!(PyObject_GetAttrString(kind.as_ptr(), name.as_ptr())) };
        // SAFETY: the result of a call that returns new or NULL.
        match unsafe { new_or_clear(kind.py(), attribute) }? {
            Some(text) => utf8(&text, LONGEST_MESSAGE),
            None => Ok(None),
        }
    };
    let name = text(c"__qualname__")?.unwrap_or_else(|| "a type without a name".to_owned());
    Ok(match text(c"__module__")? {
        Some(module) if module != "builtins" && module != "__main__" => format!("{module}.{name}"),
        _ => name,
    })
}

/// `str(value)`, unless that fails. It may run the exception's own code, so it is called only once.
fn str_of<'p>(value: &Owned<'p>) -> Option<Owned<'p>> {
    // SAFETY: the lock is held and the object live.
    let text = unsafe { c!(PyObject_Str(value.as_ptr())) };
    // A `__str__` may itself raise a MemoryError. The name of the exception's type says more than that error.
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { new_or_clear(value.py(), text) }.ok().flatten()
}

/// The first characters of a string, and `None` for any other object. Characters that UTF-8 cannot encode
/// are escaped.
///
/// # Errors
///
/// A `MemoryError`, if memory runs out meanwhile.
pub(in crate::capi) fn utf8(text: &Owned<'_>, most: isize) -> Result<Option<String>, Exception> {
    let py = text.py();
    // SAFETY: the lock is held and the object live.
    let is_string = unsafe { has_flag(text.as_ptr(), ffi::Py_TPFLAGS_UNICODE_SUBCLASS) };
    if !is_string {
        return Ok(None);
    }
    // SAFETY: the lock is held; `text` is a live string; the range is cut to its length.
    let part = unsafe { c!(PyUnicode_Substring(text.as_ptr(), 0, most)) };
    // SAFETY: the result of a call that returns new or NULL.
    let Some(part) = (unsafe { new_or_clear(py, part) })? else {
        return Ok(None);
    };
    // SAFETY: the lock is held; `part` is a live string; both names end in NUL.
    let bytes = unsafe {
        c!(PyUnicode_AsEncodedString(
            part.as_ptr(),
            c"utf-8".as_ptr(),
            c"backslashreplace".as_ptr(),
        ))
    };
    // SAFETY: the result of a call that returns new or NULL.
    let Some(bytes) = (unsafe { new_or_clear(py, bytes) })? else {
        return Ok(None);
    };
    // SAFETY: the lock is held; `bytes` is a live bytes object, so the result is not NULL.
    let start = unsafe { c!(PyBytes_AsString(bytes.as_ptr())) };
    // SAFETY: as above, so the result is not negative.
    let length = unsafe { c!(PyBytes_Size(bytes.as_ptr())) }.unsigned_abs();
    // SAFETY: the buffer of `bytes`, of that length, which does not change while `bytes` lives.
    let content = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) };
    Ok(str::from_utf8(content).ok().map(str::to_owned))
}

/// For a call that returns a new reference, or NULL with an exception set, which is cleared.
///
/// # Errors
///
/// A `MemoryError`, if that is the exception.
///
/// # Safety
///
/// `object` is the result of such a call, made just now.
unsafe fn new_or_clear(
    py: Python<'_>,
    object: *mut ffi::PyObject,
) -> Result<Option<Owned<'_>>, Exception> {
    if let Some(object) = NonNull::new(object) {
        // SAFETY: not NULL, so the caller guarantees a new reference that nobody else owns.
        return Ok(Some(unsafe { Owned::from_owned_ptr(py, object) }));
    }
    let fetched = fetch(py);
    let is_out_of_memory = is_memory_error(py, fetched[0]);
    owned(py, fetched);
    if is_out_of_memory {
        return Err(Exception::out_of_memory());
    }
    Ok(None)
}
