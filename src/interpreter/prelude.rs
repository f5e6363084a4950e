//! The Python part of the program: see `prelude.py`.

use std::ffi::CStr;
use std::sync::OnceLock;

use crate::capi::{self, Held, Owned, Python};
use crate::error::{Exception, text};

/// The prelude's `flush`, once that is installed.
static FLUSH: OnceLock<Held> = OnceLock::new();

/// The function that flushes Python's output; installs the prelude, unless that was done at the start.
///
/// Where somebody else started Python, two threads may both come to install it, as running Python
/// gives the lock away and none of ours may be held meanwhile; twice does no harm.
#[inline]
pub(super) fn installed(py: Python<'_>) -> Result<&'static Held, Exception> {
    match FLUSH.get() {
        Some(flush) => Ok(flush),
        None => install(py, false),
    }
}

/// Installs the prelude. When we start Python, Ctrl-C is ours to leave alone.
#[cold]
pub(super) fn install(py: Python<'_>, at_the_start: bool) -> Result<&'static Held, Exception> {
    let source = include_str!("prelude.py");
    let prelude = module(py, c"_outliers_prelude", c"<outliers>/prelude.py", source)?;
    let (name, file) = (c"_outliers_traceback", c"<outliers>/traceback.py");
    let traceback = module(py, name, file, include_str!("traceback.py"))?;
    capi::trace_back_by(capi::object_get_attr_string(&traceback, c"text")?);
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

/// Makes a module of source that is compiled in, which tracebacks call `file`, and which is imported under
/// `name` from then on.
///
/// # Errors
///
/// What the source raises.
///
/// ```
/// # use pyoutliers::{interpreter, with_python};
/// # with_python(|py| {
/// let module = interpreter::module(py, c"_my_helpers", c"<my program>/helpers.py", "x = 1.5")?;
/// # Ok(())
/// # })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
pub fn module<'p>(
    py: Python<'p>,
    name: &CStr,
    file: &CStr,
    source: &str,
) -> Result<Owned<'p>, Exception> {
    let source = text!("{source}\0")?;
    let source = CStr::from_bytes_until_nul(source.as_bytes()).unwrap_or_default();
    capi::import_exec_code_module(name, &capi::compile_string(py, source, file)?)
}
