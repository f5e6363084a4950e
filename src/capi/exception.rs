//! Taking an exception out of Python, as text.
//!
//! Calls here must not report their own failure as an exception: its text could raise again, and
//! so for ever. What fails is left out.

use std::ptr::{self, NonNull};

use python3_sys as ffi;

use super::Owned;
use super::lock::Python;
use crate::error::Exception;

/// Characters of a message that are kept.
const LONGEST_MESSAGE: isize = 4096;
/// Characters of a traceback that are kept at each of its ends.
const LONGEST_TRACEBACK_END: isize = 8192;

/// Whether an exception is set.
#[doc(alias = "PyErr_Occurred")]
#[inline]
pub(super) fn occurred(_: Python<'_>) -> bool {
    // SAFETY: the lock is held. The result is borrowed, and only compared with NULL.
    let exception_type = unsafe { ffi::PyErr_Occurred() };
    !exception_type.is_null()
}

/// Takes the exception that is set, which clears it.
#[doc(alias = "PyErr_Fetch")]
pub(super) fn take(py: Python<'_>) -> Exception {
    let (mut kind, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: the lock is held; three places for three new references, each of which may be NULL.
    unsafe { ffi::PyErr_Fetch(&raw mut kind, &raw mut value, &raw mut traceback) };
    if is_memory_error(py, kind) {
        // No code of Python's is run to describe it: that would want memory too.
        owned(py, [kind, value, traceback]);
        return Exception::out_of_memory();
    }
    // SAFETY: the lock is held; the three are as fetched.
    unsafe { ffi::PyErr_NormalizeException(&raw mut kind, &raw mut value, &raw mut traceback) };
    if is_memory_error(py, kind) {
        owned(py, [kind, value, traceback]);
        return Exception::out_of_memory();
    }
    let [kind, value, traceback] = owned(py, [kind, value, traceback]);
    let Some(kind) = kind else {
        let message = "a C call failed without saying why";
        return Exception::new("SystemError".into(), message.into(), String::new());
    };
    let type_name = name_of_type(&kind);
    let Some(value) = value else {
        return Exception::new(type_name, String::new(), String::new());
    };
    let message = str_of(&value).and_then(|text| utf8(&text, 0, LONGEST_MESSAGE));
    let message = message.unwrap_or_else(|| "its text cannot be had: str() failed".into());
    let traceback = traceback.and_then(|traceback| format(&kind, &value, &traceback));
    Exception::new(type_name, message, traceback.unwrap_or_default())
}

/// The three that were fetched as references of our own, to be given back by their owner.
fn owned(py: Python<'_>, fetched: [*mut ffi::PyObject; 3]) -> [Option<Owned<'_>>; 3] {
    fetched.map(|object| {
        // SAFETY: `PyErr_Fetch` gave away a reference with each that is not NULL.
        NonNull::new(object).map(|object| unsafe { Owned::from_new(py, object) })
    })
}

fn is_memory_error(_: Python<'_>, kind: *mut ffi::PyObject) -> bool {
    // SAFETY: a static that Python set when it started; read with the lock held.
    let memory_error = unsafe { ffi::PyExc_MemoryError };
    // SAFETY: the lock is held; `kind` may be NULL, which matches nothing.
    let matches = unsafe { ffi::PyErr_GivenExceptionMatches(kind, memory_error) };
    matches != 0
}

/// The name of a type as Python's tracebacks give it: `module.qualified`, bare for built-ins.
pub(super) fn name_of_type(kind: &Owned<'_>) -> String {
    let text = |name: &std::ffi::CStr| {
        // SAFETY: the lock is held, `kind` is live, the name ends in NUL.
        let attribute = unsafe { ffi::PyObject_GetAttrString(kind.as_ptr(), name.as_ptr()) };
        // SAFETY: the result of a call that returns new or NULL.
        let text = unsafe { new_or_clear(kind.py(), attribute) }?;
        utf8(&text, 0, LONGEST_MESSAGE)
    };
    let name = text(c"__qualname__").unwrap_or_else(|| "a type without a name".into());
    match text(c"__module__") {
        Some(module) if module != "builtins" && module != "__main__" => format!("{module}.{name}"),
        _ => name,
    }
}

/// `"".join(traceback.format_exception(kind, value, traceback))`, its middle left out if very long.
fn format(kind: &Owned<'_>, value: &Owned<'_>, traceback: &Owned<'_>) -> Option<String> {
    let py = kind.py();
    // SAFETY: the lock is held; the name ends in NUL.
    let module = unsafe { ffi::PyImport_ImportModule(c"traceback".as_ptr()) };
    // SAFETY: the result of a call that returns new or NULL.
    let module = unsafe { new_or_clear(py, module) }?;
    // SAFETY: the lock is held, `module` is live, the name ends in NUL.
    let function =
        unsafe { ffi::PyObject_GetAttrString(module.as_ptr(), c"format_exception".as_ptr()) };
    // SAFETY: the result of a call that returns new or NULL.
    let function = unsafe { new_or_clear(py, function) }?;
    let end = ptr::null_mut::<ffi::PyObject>();
    // SAFETY: the lock is held; all four are live and borrowed; NULL ends them.
    let lines = unsafe {
        ffi::PyObject_CallFunctionObjArgs(
            function.as_ptr(),
            kind.as_ptr(),
            value.as_ptr(),
            traceback.as_ptr(),
            end,
        )
    };
    // SAFETY: the result of a call that returns new or NULL.
    let lines = unsafe { new_or_clear(py, lines) }?;
    // SAFETY: the lock is held; zero bytes are read.
    let nothing = unsafe { ffi::PyUnicode_FromStringAndSize(ptr::null(), 0) };
    // SAFETY: the result of a call that returns new or NULL.
    let nothing = unsafe { new_or_clear(py, nothing) }?;
    // SAFETY: the lock is held; both are live and borrowed, and checked there.
    let text = unsafe { ffi::PyUnicode_Join(nothing.as_ptr(), lines.as_ptr()) };
    // SAFETY: the result of a call that returns new or NULL.
    let text = unsafe { new_or_clear(py, text) }?;
    // SAFETY: the lock is held; `text` is a string, as `PyUnicode_Join` makes.
    let length = unsafe { ffi::PyUnicode_GetLength(text.as_ptr()) };
    let left_out = length - 2 * LONGEST_TRACEBACK_END;
    if left_out <= 0 {
        return utf8(&text, 0, length);
    }
    let head = utf8(&text, 0, LONGEST_TRACEBACK_END)?;
    let tail = utf8(&text, length - LONGEST_TRACEBACK_END, length)?;
    Some(format!("{head}\n[{left_out} characters left out]\n{tail}"))
}

/// `str(object)`.
fn str_of<'p>(object: &Owned<'p>) -> Option<Owned<'p>> {
    // SAFETY: the lock is held and the object live.
    let text = unsafe { ffi::PyObject_Str(object.as_ptr()) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { new_or_clear(object.py(), text) }
}

/// Characters `start..end` of a string, and of nothing else; what UTF-8 has no way to say is escaped.
pub(super) fn utf8(text: &Owned<'_>, start: isize, end: isize) -> Option<String> {
    let py = text.py();
    if !super::unicode_check(text) {
        return None;
    }
    // SAFETY: the lock is held; `text` is a live string; the range is cut to what there is.
    let part = unsafe { ffi::PyUnicode_Substring(text.as_ptr(), start, end) };
    // SAFETY: the result of a call that returns new or NULL.
    let part = unsafe { new_or_clear(py, part) }?;
    // SAFETY: the lock is held; `part` is a live string; both names end in NUL.
    let bytes = unsafe {
        ffi::PyUnicode_AsEncodedString(
            part.as_ptr(),
            c"utf-8".as_ptr(),
            c"backslashreplace".as_ptr(),
        )
    };
    // SAFETY: the result of a call that returns new or NULL.
    let bytes = unsafe { new_or_clear(py, bytes) }?;
    let (mut start, mut length) = (ptr::null_mut(), 0);
    // SAFETY: the lock is held; `bytes` is a live bytes object; both places are ours.
    let status =
        unsafe { ffi::PyBytes_AsStringAndSize(bytes.as_ptr(), &raw mut start, &raw mut length) };
    let length = usize::try_from(length).ok().filter(|_| status == 0)?;
    // SAFETY: the buffer of `bytes`, of that length, which lives and does not change while it does.
    let content = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) };
    Some(String::from_utf8_lossy(content).into_owned())
}

/// For a call that returns a new reference, or NULL with an exception set, which is dropped.
///
/// # Safety
///
/// `object` is the result of such a call, made just now.
unsafe fn new_or_clear(py: Python<'_>, object: *mut ffi::PyObject) -> Option<Owned<'_>> {
    let Some(object) = NonNull::new(object) else {
        // SAFETY: the lock is held.
        unsafe { ffi::PyErr_Clear() };
        return None;
    };
    // SAFETY: not NULL, so by the caller's word a new reference, and nobody else's.
    Some(unsafe { Owned::from_new(py, object) })
}
