//! The Python part of the program: see `prelude.py`.

use std::ffi::{CStr, CString};
use std::sync::OnceLock;

use crate::capi::{self, Held, Owned, Python};
use crate::convert;
use crate::error::Exception;

/// The prelude's `flush`, once the prelude is installed.
static FLUSH: OnceLock<Held> = OnceLock::new();

/// Installs the prelude, unless that is done.
///
/// That is when we start Python, and Ctrl-C is ours to leave alone. Where somebody else started it,
/// two threads may both come here, as running Python gives the lock away and none of ours may be
/// held meanwhile; twice does no harm.
pub(super) fn install(py: Python<'_>, at_the_start: bool) -> Result<(), Exception> {
    if FLUSH.get().is_some() {
        return Ok(());
    }
    let source = include_str!("prelude.py");
    let prelude = module(py, c"_outliers_prelude", c"<outliers>/prelude.py", source)?;
    let name = capi::unicode_from_str(py, "pyoutliers")?;
    let source = capi::unicode_from_str(py, include_str!("../../pyoutliers/__init__.py"))?;
    let install = capi::object_get_attr_string(&prelude, c"install")?;
    convert::call(&install, [name, source])?;
    if at_the_start {
        convert::call(
            &capi::object_get_attr_string(&prelude, c"leave_ctrl_c_alone")?,
            [],
        )?;
    }
    let flush = capi::object_get_attr_string(&prelude, c"flush")?;
    let _ = FLUSH.set(flush.into());
    Ok(())
}

/// Flushes Python's output. What cannot be flushed, to a pipe without a reader say, is let go.
pub(super) fn flush(py: Python<'_>) {
    if let Some(flush) = FLUSH.get() {
        let _ = convert::call(&flush.as_borrowed(py), []);
    }
}

/// Makes a module of compiled-in source, which tracebacks call `file`.
pub(crate) fn module<'p>(
    py: Python<'p>,
    name: &CStr,
    file: &CStr,
    source: &str,
) -> Result<Owned<'p>, Exception> {
    // Our own sources have no NUL.
    let source = CString::new(source).unwrap_or_default();
    capi::import_exec_code_module(name, &capi::compile_string(py, &source, file)?)
}
