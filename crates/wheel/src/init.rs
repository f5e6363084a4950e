//! What Python needs to load the module: its functions, its definition and its start.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ffi::CString;
use std::ptr::{self, NonNull};

use anyhow::Result;
use pyoutliers::capi::{self, Borrowed, Exception, Owned, c, ffi};
use pyoutliers::{Python, with_python};

use crate::Arguments;

/// The version of the C API that extension modules for many versions of Python name.
const STABLE_API: i32 = 3;

/// The entry of a function in the table.
macro_rules! method {
    ($name:expr, $function:path) => {
        ffi::PyMethodDef {
            ml_name: $name.as_ptr(),
            ml_meth: Some({
                extern "C" fn method(
                    _: *mut ffi::PyObject,
                    argument: *mut ffi::PyObject,
                ) -> *mut ffi::PyObject {
                    // SAFETY: Python calls this with the lock held, and its argument lives as long as the call.
                    unsafe { run(argument, $function) }
                }
                method
            }),
            ml_flags: ffi::METH_O,
            ml_doc: ptr::null(),
        }
    };
}
/// The functions of the module. The last one marks the end of the table.
static METHODS: Table<[ffi::PyMethodDef; 9]> = Table(UnsafeCell::new([
    method!(c"prepare", crate::prepare),
    method!(c"screen", crate::screen),
    method!(c"soak", crate::soak),
    method!(c"activity", crate::activity),
    method!(c"death", crate::death),
    method!(c"judge", crate::judge),
    method!(c"end", crate::end),
    method!(c"main", crate::main),
    ffi::PyMethodDef {
        ml_name: ptr::null(),
        ml_meth: None,
        ml_flags: 0,
        ml_doc: ptr::null(),
    },
]));

static MODULE: Table<ffi::PyModuleDef> = Table(UnsafeCell::new(ffi::PyModuleDef {
    m_name: c"refsoak._native".as_ptr(),
    m_size: -1,
    m_methods: METHODS.0.get().cast(),
    ..ffi::PyModuleDef_INIT
}));

/// A table that Python reads, and whose bookkeeping it writes, with the lock held.
struct Table<T>(UnsafeCell<T>);

// SAFETY: only Python uses the contents, with the lock held.
unsafe impl<T> Sync for Table<T> {}

/// Starts the module: Python calls this when it is imported.
#[unsafe(no_mangle)]
pub extern "C" fn PyInit__native() -> *mut ffi::PyObject {
    // SAFETY: Python calls this with the lock held; the definition is static.
    unsafe { c!(PyModule_Create2(MODULE.0.get(), STABLE_API)) }
}

/// Runs a function with its argument, a list. Returns a new reference to a list of strings, or NULL with an exception.
///
/// # Safety
///
/// The lock is held; the argument is a live object.
unsafe fn run(
    argument: *mut ffi::PyObject,
    function: fn(&Arguments<'_>) -> Result<Vec<String>>,
) -> *mut ffi::PyObject {
    let result = with_python(|py| {
        let argument = NonNull::new(argument);
        // SAFETY: not NULL, and the caller guarantees a live object, to which its caller has a reference.
        let argument = argument.map(|argument| unsafe { Borrowed::from_ptr(py, argument) });
        let result = argument.map(|list| function(&Arguments::new(&list)?));
        Ok(match result {
            Some(Ok(texts)) => strings(py, &texts)?.into_ptr(),
            Some(Err(error)) => raise(&format!("{error:#}")),
            None => ptr::null_mut(),
        })
    });
    result.unwrap_or_else(|error| raise(&error.to_string()))
}

/// Runs a closure with the lock released, as in a program that embeds Python. The closure is static, so it cannot use
/// the caller's objects.
pub(crate) fn without_lock<R>(closure: impl FnOnce() -> R + 'static) -> R {
    struct Released(*mut ffi::PyThreadState);
    impl Drop for Released {
        fn drop(&mut self) {
            // SAFETY: the state of this thread, which the call below returned.
            unsafe { c!(PyEval_RestoreThread(self.0)) };
        }
    }
    // SAFETY: the lock is held, as every caller is in a call from Python.
    let _released = Released(unsafe { c!(PyEval_SaveThread()) });
    closure()
}

fn strings<'p>(py: Python<'p>, texts: &[String]) -> Result<Owned<'p>, Exception> {
    let mut list = capi::list_new(py, texts.len())?;
    for (index, text) in texts.iter().enumerate() {
        capi::list_set_item(&mut list, index, capi::unicode_from_str(py, text)?)?;
    }
    list.finish()
}

/// Sets a `RuntimeError` with this text, and returns NULL.
fn raise(text: &str) -> *mut ffi::PyObject {
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    let error = c!(static PyExc_RuntimeError);
    // SAFETY: a static that Python set when it started.
    let error = unsafe { *error };
    // SAFETY: the lock is held, as every caller is in a call from Python; a type, and a text that ends in NUL.
    unsafe { c!(PyErr_SetString(error, text.as_ptr())) };
    ptr::null_mut()
}
