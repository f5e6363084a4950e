//! Starts Python, once in a process, and runs closures with its lock.

use std::env;
use std::path::Path;
use std::sync::OnceLock;

use super::choice::Choice;
use super::choose::{self, Build};
use super::loaded::{Library, loaded, version};
use super::prelude;
use super::version::Version;
use crate::capi::{self, Python, Started};
use crate::error::{Error, ErrorKind, Result};

/// The result of the start. If it failed, every later call gets the same error.
static START: OnceLock<Result<Start>> = OnceLock::new();

struct Start {
    started: Started,
    /// `None` if other code in this process had started Python.
    choice: Option<Choice>,
}

/// Runs a closure with Python's lock, the GIL, held. Starts Python if it is not started.
///
/// It works on any thread, and inside another such closure. At the end it flushes Python's output. Threads that
/// need the lock wait until the closure has ended, so the closure must not wait for them.
///
/// ```
/// use pyoutliers::{capi, with_python};
///
/// let pi = with_python(|py| {
///     let math = capi::import_module(py, c"math")?;
///     Ok(capi::float_as_double(&capi::object_get_attr_string(&math, c"pi")?)?)
/// })?;
/// assert_eq!(pi, std::f64::consts::PI);
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// # Errors
///
/// - [`ErrorKind::Start`] if Python cannot be started, now or at an earlier call; or if this is called by
///   Python code that runs during the start, such as a `sitecustomize`.
/// - [`ErrorKind::Call`] or [`ErrorKind::OutOfMemory`] if your program has started Python itself, and
///   this crate cannot add its modules to it.
/// - The error of the closure.
pub fn with_python<R>(closure: impl for<'p> FnOnce(Python<'p>) -> Result<R>) -> Result<R> {
    capi::with_lock(started()?.started, |py| {
        let flush = prelude::installed(py)?.as_borrowed(py);
        capi::release_dropped(py);
        let result = closure(py);
        let _ = capi::object_call_function_obj_args(&flush, []);
        result
    })
}

/// Starts Python if it is not started.
#[inline]
fn started() -> Result<&'static Start> {
    if START.get().is_none() && capi::calls_back() {
        let reason = "Python is still starting: code that runs during the start, such as a \
                      sitecustomize, cannot call Python through this library";
        return Err(start_error(reason.into()));
    }
    // If other code started Python, `start` does not take the lock. So a thread that holds the lock does not
    // wait here for long.
    START.get_or_init(start).as_ref().map_err(Error::clone)
}

/// Returns the Python that a start would choose now.
///
/// # Errors
///
/// [`ErrorKind::Start`] if that Python cannot be used: it does not exist, or has another version.
pub fn choice() -> Result<Choice> {
    let build = Build {
        linked: &built_for().version,
        python: Path::new(env!("OUTLIERS_BUILD_PYTHON")),
        development: Path::new(env!("OUTLIERS_BUILD_ENV")),
    };
    choose::choose(|name| env::var_os(name), &build).map_err(start_error)
}

/// The libpython that the program was built for.
pub fn built_for() -> Library {
    Library {
        version: version(env!("OUTLIERS_BUILD_VERSION")),
        path: env!("OUTLIERS_BUILD_LIBDIR").into(),
    }
}

/// The Python that was started; `None` if other code in this process had started Python.
pub(super) fn started_choice() -> Option<&'static Choice> {
    START.get()?.as_ref().ok()?.choice.as_ref()
}

/// Starts Python, unless other code in this process has.
fn start() -> Result<Start> {
    capi::load().map_err(start_error)?;
    check_library(&built_for(), &loaded()).map_err(start_error)?;
    if let Some(started) = capi::already_started() {
        let choice = None;
        return Ok(Start { started, choice });
    }
    let choice = choice()?;
    check_home(&built_for().version).map_err(start_error)?;
    let prepare = |py: Python<'_>| prelude::install(py, true).map(drop);
    let started = capi::start(choice.python.as_os_str(), prepare)
        .map_err(|reason| start_error(format!("cannot start Python with {choice}: {reason}")))?;
    let choice = Some(choice);
    Ok(Start { started, choice })
}

fn start_error(reason: String) -> Error {
    ErrorKind::Start { reason }.into()
}

/// Refuses a libpython with another minor version. CPython promises that patch releases are compatible.
fn check_library(built: &Library, loaded: &Library) -> Result<(), String> {
    if built.version.same_minor(&loaded.version) {
        return Ok(());
    }
    Err(format!(
        "this program was built for Python {} in {}, but the loader found {} in {}; unset \
         LD_LIBRARY_PATH, or rebuild the program for that Python: PYTHON_SYS_EXECUTABLE, and for PyO3 PYO3_PYTHON, \
         must name the same one",
        built.version,
        built.path.display(),
        loaded.version,
        loaded.path.display(),
    ))
}

/// Refuses a `PYTHONHOME` without a standard library: Python would print 20 lines and end.
fn check_home(version: &Version) -> Result<(), String> {
    let Some(home) = env::var_os("PYTHONHOME").filter(|home| !home.is_empty()) else {
        return Ok(());
    };
    let prefix = env::split_paths(&home).next().unwrap_or_default();
    let directory = version.directory();
    let has_library = |lib| prefix.join(format!("{lib}/{directory}/os.py")).exists();
    if has_library("lib") || has_library("lib64") {
        return Ok(());
    }
    Err(format!(
        "PYTHONHOME={} holds no standard library of Python {version} (no {}/lib/{}/os.py); \
         unset PYTHONHOME",
        home.display(),
        prefix.display(),
        directory,
    ))
}
