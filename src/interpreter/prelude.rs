//! The Python part of the program: see `prelude.py`.

use std::ffi::CStr;
use std::sync::OnceLock;

use crate::capi::{self, Held, Output, Owned, Python, Stream};
use crate::error::{Exception, text};

/// What flushes Python's output, once the prelude is installed.
static FLUSHER: OnceLock<Flusher> = OnceLock::new();

pub(super) struct Flusher {
    output: Output,
    /// The prelude's `flush`.
    flush: Held,
}

/// What the prelude flushes by; installs it, unless that was done at the start.
///
/// Where somebody else started Python, two threads may both come to install it, as running Python
/// gives the lock away and none of ours may be held meanwhile; twice does no harm.
#[inline]
pub(super) fn installed(py: Python<'_>) -> Result<&'static Flusher, Exception> {
    match FLUSHER.get() {
        Some(flusher) => Ok(flusher),
        None => install(py, false),
    }
}

/// Installs the prelude. When we start Python, its output can be prepared, and Ctrl-C is ours to
/// leave alone.
#[cold]
pub(super) fn install(py: Python<'_>, at_the_start: bool) -> Result<&'static Flusher, Exception> {
    let (name, file) = (c"_outliers_traceback", c"<outliers>/traceback.py");
    let traceback = module(py, name, file, include_str!("traceback.py"))?;
    capi::trace_back_by(capi::object_get_attr_string(&traceback, c"text")?);
    let source = include_str!("prelude.py");
    let prelude = module(py, c"_outliers_prelude", c"<outliers>/prelude.py", source)?;
    let find = |name: &CStr| capi::object_get_attr_string(&prelude, name);
    let held = |name: &CStr| find(name).map(Held::from);
    let name = capi::unicode_from_str(py, "pyoutliers")?;
    let source = capi::unicode_from_str(py, include_str!("../../pyoutliers/__init__.py"))?;
    capi::object_call_function_obj_args(&find(c"install")?, [&name, &source])?;
    if at_the_start {
        capi::object_call_function_obj_args(&find(c"leave_ctrl_c_alone")?, [])?;
        capi::object_call_function_obj_args(&find(c"prepare_output")?, [])?;
    }
    let flusher = Flusher {
        output: Output {
            sys: held(c"sys_dict")?,
            stdout: Stream::new(held(c"STDOUT")?, held(c"stdout")?),
            stderr: Stream::new(held(c"STDERR")?, held(c"stderr")?),
            written: held(c"written")?,
        },
        flush: held(c"flush")?,
    };
    Ok(FLUSHER.get_or_init(|| flusher))
}

impl Flusher {
    /// Flushes Python's output. What cannot be flushed, to a pipe without a reader say, is let go.
    #[inline]
    pub fn flush(&self, py: Python<'_>) {
        if self.output.waits(py) {
            let _ = capi::object_call_function_obj_args(&self.flush.as_borrowed(py), []);
        }
    }
}

/// Makes a module of compiled-in source, which tracebacks call `file`.
pub(crate) fn module<'p>(
    py: Python<'p>,
    name: &CStr,
    file: &CStr,
    source: &str,
) -> Result<Owned<'p>, Exception> {
    let source = text!("{source}\0")?;
    let source = CStr::from_bytes_until_nul(source.as_bytes()).unwrap_or_default();
    capi::import_exec_code_module(name, &capi::compile_string(py, source, file)?)
}
