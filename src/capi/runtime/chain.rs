//! The traceback of an exception, and those of the exceptions that led to it, as Python prints them.
//!
//! Not by Python's own module `traceback`: its code cannot bear it when memory runs out, anybody
//! can replace it, and it runs code of the exception's.

use std::ffi::CStr;
use std::ptr;

use python3_sys as ffi;

use super::exception::{self, name_of_type, new_or_clear, utf8};
use crate::capi::Owned;
use crate::error::{OutOfMemory, format};

/// Characters of a traceback that are kept at each of its ends.
const LONGEST_END: isize = 8192;
/// Exceptions of a chain that are told; it may be a circle.
const LONGEST_CHAIN: usize = 8;

/// What led to an exception: its causes, or what was being handled, the first one first.
pub(in crate::capi) fn before(value: &Owned<'_>) -> Result<String, OutOfMemory> {
    let mut told = String::new();
    let mut last: Option<Owned<'_>> = None;
    for _ in 0..LONGEST_CHAIN {
        let after = last.as_ref().unwrap_or(value);
        let Some((value, relation)) = cause_or_context(after)? else {
            break;
        };
        let frames = match traceback_of(&value) {
            Some(traceback) => frames(&traceback)?,
            None => String::new(),
        };
        let last_line = last_line(&type_name_of(&value)?, &exception::message_of(&value)?)?;
        told = format(format_args!("{frames}{last_line}{relation}{told}"))?;
        last = Some(value);
    }
    Ok(told)
}

/// The frames of a traceback, each with its line of source, the middle left out if there are many.
#[doc(alias = "PyTraceBack_Print")]
pub(in crate::capi) fn frames(traceback: &Owned<'_>) -> Result<String, OutOfMemory> {
    let text = printed(traceback)?.map(|text| ends(&text)).transpose()?;
    let text = text.flatten().unwrap_or_default();
    if text.is_empty() || text.ends_with('\n') {
        return Ok(text);
    }
    format(format_args!("{text}\n")) // it was cut short by lack of memory
}

/// `ValueError: the message`, and a line feed.
pub(in crate::capi) fn last_line(type_name: &str, message: &str) -> Result<String, OutOfMemory> {
    match message {
        "" => format(format_args!("{type_name}\n")),
        _ => format(format_args!("{type_name}: {message}\n")),
    }
}

/// What `PyTraceBack_Print` writes, taken by an `io.StringIO`.
fn printed<'p>(traceback: &Owned<'p>) -> Result<Option<Owned<'p>>, OutOfMemory> {
    let py = traceback.py();
    // SAFETY: the lock is held; the name ends in NUL.
    let module = unsafe { ffi::PyImport_ImportModule(c"io".as_ptr()) };
    // SAFETY: the result of a call that returns new or NULL.
    let Some(module) = (unsafe { new_or_clear(py, module) })? else {
        return Ok(None);
    };
    let end = ptr::null_mut::<ffi::PyObject>();
    let call = |object: &Owned<'p>, name: &CStr| {
        // SAFETY: the lock is held, the object is live, the name ends in NUL.
        let function = unsafe { ffi::PyObject_GetAttrString(object.as_ptr(), name.as_ptr()) };
        // SAFETY: the result of a call that returns new or NULL.
        let Some(function) = (unsafe { new_or_clear(py, function) })? else {
            return Ok(None);
        };
        // SAFETY: the lock is held, the function is live; NULL ends the arguments.
        let result = unsafe { ffi::PyObject_CallFunctionObjArgs(function.as_ptr(), end) };
        // SAFETY: the result of a call that returns new or NULL.
        unsafe { new_or_clear(py, result) }
    };
    let Some(file) = call(&module, c"StringIO")? else {
        return Ok(None);
    };
    let _held = entries(traceback)?;
    exception::clear_last_resort(py);
    // SAFETY: the lock is held, both are live, and so is every entry that is walked over: what is
    // run to write, or to open a file of source, cannot free it. Their types are checked there.
    let status = unsafe { ffi::PyTraceBack_Print(traceback.as_ptr(), file.as_ptr()) };
    if status != 0 {
        exception::cleared(py)?;
    }
    call(&file, c"getvalue")
}

/// All entries of a traceback, held.
fn entries<'p>(traceback: &Owned<'p>) -> Result<Vec<Owned<'p>>, OutOfMemory> {
    let mut entries = Vec::new();
    let mut next = Some(traceback.clone());
    while let Some(entry) = next {
        // SAFETY: the lock is held, the object is live, the name ends in NUL.
        let after = unsafe { ffi::PyObject_GetAttrString(entry.as_ptr(), c"tb_next".as_ptr()) };
        // SAFETY: the result of a call that returns new or NULL.
        next = unsafe { new_or_clear(entry.py(), after) }?;
        entries.try_reserve(1).map_err(|_| OutOfMemory)?;
        entries.push(entry);
    } // None, which ends them, has no attribute of that name
    Ok(entries)
}

/// A string, the middle left out if it is long.
fn ends(text: &Owned<'_>) -> Result<Option<String>, OutOfMemory> {
    // SAFETY: the lock is held and the object live; what is no string is refused there.
    let length = unsafe { ffi::PyUnicode_GetLength(text.as_ptr()) };
    if length < 0 {
        exception::cleared(text.py())?;
        return Ok(None);
    }
    let left_out = length - 2 * LONGEST_END;
    if left_out <= 0 {
        return utf8(text, 0, length);
    }
    let head = utf8(text, 0, LONGEST_END)?.unwrap_or_default();
    let tail = utf8(text, length - LONGEST_END, length)?.unwrap_or_default();
    let cut = format_args!("{head}\n[{left_out} characters left out]\n{tail}");
    format(cut).map(Some)
}

fn type_name_of(value: &Owned<'_>) -> Result<String, OutOfMemory> {
    // SAFETY: the lock is held and the object live.
    let kind = unsafe { ffi::PyObject_Type(value.as_ptr()) };
    // SAFETY: the result of a call that returns new or NULL.
    match unsafe { new_or_clear(value.py(), kind) }? {
        Some(kind) => name_of_type(&kind),
        None => Ok(String::new()),
    }
}

/// The exception that led to this one, if it is to be told, and how.
#[doc(alias = "PyException_GetCause")]
#[doc(alias = "PyException_GetContext")]
fn cause_or_context<'p>(
    value: &Owned<'p>,
) -> Result<Option<(Owned<'p>, &'static str)>, OutOfMemory> {
    if !is_exception(value) {
        return Ok(None);
    }
    // SAFETY: the lock is held; `value` is a live exception.
    let cause = unsafe { ffi::PyException_GetCause(value.as_ptr()) };
    // SAFETY: the result of a call that returns new, or NULL without an exception set.
    if let Some(cause) = unsafe { new_or_clear(value.py(), cause) }? {
        let relation = "\nThe above exception was the direct cause of the following exception:\n\n";
        return Ok(Some((cause, relation)));
    }
    // SAFETY: as above.
    let context = unsafe { ffi::PyException_GetContext(value.as_ptr()) };
    // SAFETY: as above.
    let context = unsafe { new_or_clear(value.py(), context) }?;
    let relation = "\nDuring handling of the above exception, another exception occurred:\n\n";
    match context {
        Some(context) if !is_suppressed(value)? => Ok(Some((context, relation))),
        _ => Ok(None),
    }
}

/// Whether it was raised `from None`.
fn is_suppressed(value: &Owned<'_>) -> Result<bool, OutOfMemory> {
    let py = value.py();
    // SAFETY: the lock is held; the name ends in NUL.
    let name = unsafe { ffi::PyUnicode_FromString(c"__suppress_context__".as_ptr()) };
    // SAFETY: the result of a call that returns new or NULL.
    let Some(name) = (unsafe { new_or_clear(py, name) })? else {
        return Ok(false);
    };
    // SAFETY: the lock is held, both are live. Asks the type, so that no `__getattribute__` is run;
    // a property of that name would be.
    let suppressed = unsafe { ffi::PyObject_GenericGetAttr(value.as_ptr(), name.as_ptr()) };
    // SAFETY: the result of a call that returns new or NULL.
    let suppressed = unsafe { new_or_clear(py, suppressed) }?;
    // SAFETY: a static that is there for ever, and only compared.
    Ok(suppressed.is_some_and(|suppressed| suppressed.as_ptr() == unsafe { ffi::Py_True() }))
}

/// Whether it is one: a class may make anything of itself, and be raised or a cause all the same.
fn is_exception(value: &Owned<'_>) -> bool {
    // SAFETY: the lock is held and the object live.
    let is_exception = unsafe { ffi::PyExceptionInstance_Check(value.as_ptr()) };
    is_exception != 0
}

#[doc(alias = "PyException_GetTraceback")]
fn traceback_of<'p>(value: &Owned<'p>) -> Option<Owned<'p>> {
    if !is_exception(value) {
        return None;
    }
    // SAFETY: the lock is held; `value` is a live exception.
    let traceback = unsafe { ffi::PyException_GetTraceback(value.as_ptr()) };
    // SAFETY: the result of a call that returns new, or NULL without an exception set.
    unsafe { new_or_clear(value.py(), traceback) }
        .ok()
        .flatten()
}
