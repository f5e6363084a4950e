//! Taking an exception out of Python, as text.
//!
//! Calls here must not report their own failure as an exception: its text could raise again, and
//! so for ever. What fails is left out, but that memory ran out, or that somebody's code said so.

use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use crate::capi::{c, ffi};

use crate::capi::{Held, Owned, Python};
use crate::error::{Exception, OutOfMemory, text};

/// Characters of a message that are kept.
const LONGEST_MESSAGE: isize = 4096;
/// Characters of a traceback that are kept; its middle was cut out before.
const LONGEST_TRACEBACK: isize = 20_000;
/// Bytes of memory that have to be free for it: Python may crash where its own code runs out of them.
const ROOM_FOR_TRACEBACK: usize = 16 << 20;

static TRACEBACK_TEXT: OnceLock<Held> = OnceLock::new();

/// From now on exceptions are told with their tracebacks: what `text(exception, traceback, message)`
/// returns.
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

/// The exception that is set, which clears it: type, value and traceback, each a new reference that is
/// the caller's now, or NULL.
#[doc(alias = "PyErr_Fetch")]
fn fetch(_: Python<'_>) -> [*mut ffi::PyObject; 3] {
    let (mut kind, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: the lock is held; three places, which are ours.
    unsafe {
        c!(PyErr_Fetch(
            &raw mut kind,
            &raw mut value,
            &raw mut traceback
        ))
    };
    [kind, value, traceback]
}

/// Takes the exception that is set, as text.
pub(crate) fn take(py: Python<'_>) -> Exception {
    let [mut kind, mut value, mut traceback] = fetch(py);
    if is_memory_error(py, kind) && value.is_null() {
        // Nothing is done to describe it: that would want memory too.
        owned(py, [kind, value, traceback]);
        return Exception::out_of_memory();
    }
    // SAFETY: the lock is held; the three are as fetched.
    unsafe {
        c!(PyErr_NormalizeException(
            &raw mut kind,
            &raw mut value,
            &raw mut traceback
        ))
    };
    let is_out_of_memory = is_memory_error(py, kind);
    let [kind, value, traceback] = owned(py, [kind, value, traceback]);
    let Some(kind) = kind else {
        let message = text!("a C call failed without saying why");
        return Exception::of_type("SystemError", message);
    };
    let exception = if is_out_of_memory {
        describe_memory_error(&kind, value)
    } else {
        describe(&kind, value, traceback)
    };
    exception.unwrap_or_else(|OutOfMemory| Exception::out_of_memory())
}

fn describe(
    kind: &Owned<'_>,
    value: Option<Owned<'_>>,
    traceback: Option<Owned<'_>>,
) -> Result<Exception, OutOfMemory> {
    let type_name = name_of_type(kind)?;
    let Some(value) = value else {
        let traceback = traceback.map(|_| String::new());
        return Ok(Exception::new(type_name, String::new(), traceback));
    };
    let said = str_of(&value);
    let message = message_of(said.as_ref())?;
    let traceback = traceback.map(|traceback| traceback_text(&value, &traceback, said.as_ref()));
    Ok(Exception::new(type_name, message, traceback.transpose()?))
}

/// An exception and those that led to it, as Python prints them, given its traceback and what it says;
/// empty if that fails in any way.
fn traceback_text(
    value: &Owned<'_>,
    traceback: &Owned<'_>,
    said: Option<&Owned<'_>>,
) -> Result<String, OutOfMemory> {
    let py = value.py();
    let Some(function) = TRACEBACK_TEXT.get().filter(|_| has_room(py)) else {
        return Ok(String::new());
    };
    let [function, value, traceback] =
        [&function.as_borrowed(py), value, traceback].map(Owned::as_ptr);
    let said = said.map_or(ptr::null_mut(), Owned::as_ptr);
    let end = ptr::null_mut::<ffi::PyObject>();
    // SAFETY: the lock is held, all are live; the first NULL ends the arguments.
    let text = unsafe { c!(PyObject_CallFunctionObjArgs(function; value, traceback, said, end)) };
    // SAFETY: the result of a call that returns new or NULL.
    match unsafe { new_or_clear(py, text) } {
        Ok(Some(text)) => Ok(utf8(&text, 0, LONGEST_TRACEBACK)?.unwrap_or_default()),
        Ok(None) | Err(OutOfMemory) => Ok(String::new()),
    }
}

/// Whether Python has memory left to trace back.
fn has_room(_: Python<'_>) -> bool {
    // SAFETY: the lock is held.
    let room = unsafe { c!(PyMem_Malloc(ROOM_FOR_TRACEBACK)) };
    // SAFETY: as above; that block, or NULL.
    unsafe { c!(PyMem_Free(room)) };
    !room.is_null()
}

/// What it says, if it says something; as Python raises it, it does not. No more than that: tracing
/// back runs Python code, which before 3.12 may end the process when memory is out.
fn describe_memory_error(
    kind: &Owned<'_>,
    value: Option<Owned<'_>>,
) -> Result<Exception, OutOfMemory> {
    let said = value.map(|value| message_of(str_of(&value).as_ref()));
    let message = said.unwrap_or_else(|| Ok(String::new()))?;
    if message.is_empty() {
        return Err(OutOfMemory);
    }
    Ok(Exception::of_memory(name_of_type(kind)?, message))
}

/// The three that were fetched as references of our own, to be given back by their owner.
fn owned(py: Python<'_>, fetched: [*mut ffi::PyObject; 3]) -> [Option<Owned<'_>>; 3] {
    fetched.map(|object| {
        // SAFETY: `PyErr_Fetch` gave away a reference with each that is not NULL.
        NonNull::new(object).map(|object| unsafe { Owned::from_owned_ptr(py, object) })
    })
}

fn is_memory_error(_: Python<'_>, kind: *mut ffi::PyObject) -> bool {
    let memory_error = c!(static PyExc_MemoryError);
    // SAFETY: a static that Python set when it started; read with the lock held.
    let memory_error = unsafe { *memory_error };
    // SAFETY: the lock is held; `kind` may be NULL, which matches nothing.
    let matches = unsafe { c!(PyErr_GivenExceptionMatches(kind, memory_error)) };
    matches != 0
}

/// The name of a type as Python's tracebacks give it: `module.qualified`, bare for built-ins.
pub(in crate::capi) fn name_of_type(kind: &Owned<'_>) -> Result<String, OutOfMemory> {
    let text = |name: &std::ffi::CStr| {
        // SAFETY: the lock is held, `kind` is live, the name ends in NUL.
        let attribute = unsafe { c!(PyObject_GetAttrString(kind.as_ptr(), name.as_ptr())) };
        // SAFETY: the result of a call that returns new or NULL.
        match unsafe { new_or_clear(kind.py(), attribute) }? {
            Some(text) => utf8(&text, 0, LONGEST_MESSAGE),
            None => Ok(None),
        }
    };
    let name = match text(c"__qualname__")? {
        Some(name) => name,
        None => text!("a type without a name")?,
    };
    match text(c"__module__")? {
        Some(module) if module != "builtins" && module != "__main__" => {
            text!("{module}.{name}")
        }
        _ => Ok(name),
    }
}

/// `str(value)`, if that does not fail. It is the exception's own code, so it is called once.
fn str_of<'p>(value: &Owned<'p>) -> Option<Owned<'p>> {
    // SAFETY: the lock is held and the object live.
    let text = unsafe { c!(PyObject_Str(value.as_ptr())) };
    // A `__str__` may raise a MemoryError too, and the type is worth more than no text.
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { new_or_clear(value.py(), text) }.ok().flatten()
}

/// What an exception said, cut if it is very long.
fn message_of(said: Option<&Owned<'_>>) -> Result<String, OutOfMemory> {
    let text = match said {
        Some(said) => utf8(said, 0, LONGEST_MESSAGE)?,
        None => None,
    };
    text.map_or_else(|| text!("its text cannot be had: str() failed"), Ok)
}

/// Characters `start..end` of a string, and of nothing else; what UTF-8 has no way to say is escaped.
pub(in crate::capi) fn utf8(
    text: &Owned<'_>,
    start: isize,
    end: isize,
) -> Result<Option<String>, OutOfMemory> {
    let py = text.py();
    if !crate::capi::unicode_check(text) {
        return Ok(None);
    }
    // SAFETY: the lock is held; `text` is a live string; the range is cut to what there is.
    let part = unsafe { c!(PyUnicode_Substring(text.as_ptr(), start, end)) };
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
    let (mut start, mut length) = (ptr::null_mut(), 0);
    // SAFETY: the lock is held; `bytes` is a live bytes object; both places are ours.
    let status = unsafe {
        c!(PyBytes_AsStringAndSize(
            bytes.as_ptr(),
            &raw mut start,
            &raw mut length
        ))
    };
    let Some(length) = usize::try_from(length).ok().filter(|_| status == 0) else {
        return Ok(None);
    };
    // SAFETY: the buffer of `bytes`, of that length, which lives and does not change while it does.
    let content = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) };
    let Ok(content) = str::from_utf8(content) else {
        return Ok(None);
    };
    text!("{content}").map(Some)
}

/// For a call that returns a new reference, or NULL with an exception set, which is dropped, unless
/// it says that memory ran out.
///
/// # Safety
///
/// `object` is the result of such a call, made just now.
unsafe fn new_or_clear(
    py: Python<'_>,
    object: *mut ffi::PyObject,
) -> Result<Option<Owned<'_>>, OutOfMemory> {
    match NonNull::new(object) {
        // SAFETY: not NULL, so by the caller's word a new reference, and nobody else's.
        Some(object) => Ok(Some(unsafe { Owned::from_owned_ptr(py, object) })),
        None => cleared(py).map(|()| None),
    }
}

/// Drops the exception that is set, unless it says that memory ran out.
fn cleared(py: Python<'_>) -> Result<(), OutOfMemory> {
    let fetched = fetch(py);
    let out_of_memory = is_memory_error(py, fetched[0]);
    owned(py, fetched);
    if out_of_memory {
        return Err(OutOfMemory);
    }
    Ok(())
}
