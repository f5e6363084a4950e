//! Adds the Python modules that are compiled into this crate: see `prelude.py`.

use std::ffi::{CStr, CString};
#[cfg(not(feature = "extension-module"))]
use std::sync::OnceLock;

#[cfg(not(feature = "extension-module"))]
use crate::capi::Held;
use crate::capi::{self, Exception, Owned, Python};

/// The function `flush` of the prelude, once that is installed.
#[cfg(not(feature = "extension-module"))]
static FLUSH: OnceLock<Held> = OnceLock::new();

/// The function that flushes Python's output. Installs the prelude if it is not installed yet.
///
/// If other code started Python, two threads may both install it. They cannot use a mutex: running Python code
/// releases Python's lock, so a thread that held the mutex could deadlock. Installing it twice does no harm.
#[cfg(not(feature = "extension-module"))]
#[inline]
pub(super) fn installed(py: Python<'_>) -> Result<&'static Held, Exception> {
    match FLUSH.get() {
        Some(flush) => Ok(flush),
        None => install(py, false),
    }
}

/// Installs the prelude. When this crate starts Python, it also restores the usual effect of Ctrl-C.
#[cfg(not(feature = "extension-module"))]
#[cold]
pub(super) fn install(py: Python<'_>, at_the_start: bool) -> Result<&'static Held, Exception> {
    let prelude = install_traceback(py)?;
    let find = |name: &CStr| capi::object_get_attr_string(&prelude, name);
    let name = capi::unicode_from_str(py, "pyoutliers")?;
    let source = capi::unicode_from_str(py, include_str!("../../pyoutliers/__init__.py"))?;
    capi::object_call_function_obj_args(&find(c"install")?, [&name, &source])?;
    if at_the_start {
        capi::object_call_function_obj_args(&find(c"leave_ctrl_c_alone")?, [])?;
    }
    let flush = find(c"flush")?.into();
    Ok(FLUSH.get_or_init(|| flush))
}

/// Makes the modules of this crate, of which one makes tracebacks. Returns the prelude.
pub(super) fn install_traceback(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    let source = include_str!("prelude.py");
    let prelude = module(py, c"_outliers_prelude", c"<outliers>/prelude.py", source)?;
    let (name, file) = (c"_outliers_traceback", c"<outliers>/traceback.py");
    let traceback = module(py, name, file, include_str!("traceback.py"))?;
    capi::trace_back_by(capi::object_get_attr_string(&traceback, c"text")?);
    Ok(prelude)
}

/// Makes a module of source code, which tracebacks call `file`. From then on `import name` finds it.
///
/// # Errors
///
/// Whatever the source raises; `ValueError` if it holds a NUL character.
///
/// ```
/// # use pyoutliers::{capi, interpreter, with_python};
/// # with_python(|py| {
/// let helpers = interpreter::module(py, c"_my_helpers", c"<my program>/helpers.py", "x = 1.5")?;
/// let x = capi::object_get_attr_string(&helpers, c"x")?;
/// assert_eq!(capi::float_as_double(&x)?, 1.5);
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
pub fn module<'p>(
    py: Python<'p>,
    name: &CStr,
    file: &CStr,
    source: &str,
) -> Result<Owned<'p>, Exception> {
    let source = CString::new(source)
        .map_err(|_| Exception::of_type("ValueError", "source code cannot hold a NUL"))?;
    capi::import_exec_code_module(name, &capi::compile_string(py, &source, file)?)
}
