//! Python, started once: which one, and why that one; and closures with the lock held.
//!
//! # Which Python
//!
//! The library, libpython, is loaded when Python is started: from `LD_LIBRARY_PATH`, else from where it was
//! when the program was built, else from where the system has its libraries. The environment, which decides where modules such as
//! NumPy are found, is the first of these:
//!
//! 1. `OUTLIERS_PYTHON`, a python executable
//! 2. `VIRTUAL_ENV`, an activated environment
//! 3. `CONDA_PREFIX`, an activated conda environment that has a Python
//! 4. the development environment of the checkout where the program was built, if Cargo's runner made one,
//!    and it and every directory above it belong to this user or root and others cannot write to them
//! 5. the interpreter that the program was built with
//! 6. where that one is gone, the first on `PATH` of its minor version: `python3.11`, `python3`, `python`
//!
//! A program installed by `cargo install --path .` goes on using the checkout's environment. One
//! installed by `cargo install --git` knows of none: its Python has to have NumPy.
//!
//! A Python of another minor version than the library is refused. Patch releases fit each other, so a
//! program built for 3.11.7 runs on another machine with its 3.11.2. Where there is none, the start is an
//! error that says what to install.
//!
//! The current directory is searched neither for modules nor for an environment. `PYTHONPATH` works as in
//! Python. So an empty entry in it is the current directory: `PYTHONPATH=:/x` has one, before the colon.
//!
//! # Once
//!
//! Python is started when it is first needed, on whichever thread comes first, and never ended:
//! NumPy cannot be loaded twice in a process, and ending Python under running threads kills them.
//! So functions registered with `atexit` never run. What Python code printed is flushed after every
//! call. Python installs no signal handlers: Ctrl-C ends the process, even after Python code has
//! imported `signal`.

mod asked;
mod choice;
mod function;
mod prelude;
mod turns;
mod version;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::capi::{self, Python, Started};
use crate::error::{Error, ErrorKind, Exception, OutOfMemory, Result, text};

use choice::Build;
pub use choice::{Choice, Rule};
pub(crate) use function::{c_name, find};
pub use prelude::module;
pub(crate) use turns::Turn;
pub use version::Version;

/// How the one start went; its failure is every later caller's too.
static START: OnceLock<Result<Start>> = OnceLock::new();

struct Start {
    started: Started,
    /// None if somebody else had started Python.
    choice: Option<Choice>,
}

/// Runs a closure with Python's lock, the GIL, held; starts Python if that has not been done.
///
/// Works on any thread and inside another such closure. What Python printed is flushed at the end.
/// Other threads wait for the lock meanwhile: do not wait for them inside.
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
/// - [`ErrorKind::Start`] if Python cannot be started, now or at an earlier call; or if Python code that
///   runs during the start, such as a `sitecustomize`, calls this.
/// - [`ErrorKind::Call`] or [`ErrorKind::OutOfMemory`] if your program had started Python before, and
///   this crate cannot add its modules to it.
pub fn with_python<R>(closure: impl for<'p> FnOnce(Python<'p>) -> Result<R>) -> Result<R> {
    capi::with_lock(started()?.started, |py| {
        let flush = prelude::installed(py)?.as_borrowed(py);
        capi::give_back_dropped(py);
        let result = closure(py);
        let _ = capi::object_call_function_obj_args(&flush, []);
        result
    })
}

/// How the start went; starts Python if nobody has.
#[inline]
fn started() -> Result<&'static Start> {
    if START.get().is_none() && capi::calls_back() {
        let reason = "Python is still starting: what its start runs, such as a sitecustomize, \
                      cannot call it through this library";
        return Err(start_error(reason.into()));
    }
    // Who holds the lock already, where somebody else started Python, does not wait here for long:
    // `start` does not take it then.
    START.get_or_init(start).as_ref().map_err(Error::clone)
}

/// The Python that is chosen in this environment.
///
/// # Errors
///
/// [`ErrorKind::Start`] if it cannot be used: it is not there, or of another version.
///
/// ```
/// let choice = pyoutliers::interpreter::choice()?;
/// println!("{choice}"); // such as /path/to/python (VIRTUAL_ENV)
/// # Ok::<_, pyoutliers::Error>(())
/// ```
pub fn choice() -> Result<Choice> {
    let build = Build {
        linked: &built_for().version,
        python: Path::new(env!("OUTLIERS_BUILD_PYTHON")),
        development: Path::new(env!("OUTLIERS_BUILD_ENV")),
    };
    choice::choose(|name| env::var_os(name), &build).map_err(start_error)
}

/// A libpython.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Library {
    /// Its version.
    pub version: Version,
    /// Where it is: the directory of the build's, the file of the one that is loaded.
    pub path: PathBuf,
}

/// The libpython that the program was built for.
///
/// ```
/// use pyoutliers::interpreter::{built_for, loaded};
///
/// println!("{}: {}", built_for().version, built_for().path.display());
/// println!("{}: {}", loaded().version, loaded().path.display());
/// ```
pub fn built_for() -> Library {
    Library {
        version: version(env!("OUTLIERS_BUILD_VERSION")),
        path: env!("OUTLIERS_BUILD_LIBDIR").into(),
    }
}

/// The libpython that is loaded, now if it was not; of version 0.0.0 if there is none.
pub fn loaded() -> Library {
    if capi::load().is_err() {
        return Library {
            version: Version::default(),
            path: PathBuf::new(),
        };
    }
    Library {
        version: version(capi::loaded_version()),
        path: capi::loaded_library().unwrap_or_default(),
    }
}

/// Python's versions always have three numbers.
fn version(text: &str) -> Version {
    Version::parse(text).unwrap_or_default()
}

/// The error of an import, with advice.
fn import_error(py: Python<'_>, module: &str, exception: Exception) -> Error {
    if exception.is_out_of_memory() {
        return Error::from(exception).in_function(module);
    }
    let error = || {
        Ok(ErrorKind::Import {
            module: text!("{module}")?,
            advice: advice(py, module, &exception)?,
            exception,
        })
    };
    error().map_or_else(|OutOfMemory| OutOfMemory.into(), Error::from)
}

/// In which Python a module was searched, and what to do.
fn advice(py: Python<'_>, module: &str, exception: &Exception) -> Result<String, OutOfMemory> {
    let start = START.get().and_then(|start| start.as_ref().ok());
    let Some(choice) = start.and_then(|start| start.choice.as_ref()) else {
        return text!("the Python is one that this process had started before");
    };
    let library = version(capi::loaded_version());
    let message = exception.message();
    let named = message.strip_prefix("No module named '");
    let unknown = named.and_then(|name| name.strip_suffix('\''));
    // It, or a package that it is in.
    let rest = unknown.and_then(|name| module.strip_prefix(name));
    let is_asked_for = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if unknown == Some("numpy") {
        let remedy = install_numpy(py).unwrap_or_default();
        text!(
            "the Python is {choice}; install it: {remedy}; or choose a Python that has it: \
             OUTLIERS_PYTHON=/path/to/python"
        )
    } else if is_asked_for {
        text!(
            "the Python is {choice}; name its directory in PYTHONPATH, as the current one is not \
             searched"
        )
    } else if choice.version != library {
        text!(
            "the Python is {choice}; that is Python {} with the library of {library}: choose a \
             Python {library}",
            choice.version
        )
    } else if message.contains("numpy C-extensions failed") {
        text!(
            "the Python is {choice}; this NumPy was made for another Python than {library}: take it \
             off PYTHONPATH, or install one for this Python"
        )
    } else {
        text!("the Python is {choice}")
    }
}

/// The command that installs NumPy for the Python that runs.
fn install_numpy(py: Python<'_>) -> Option<String> {
    let source = include_str!("remedy.py");
    let remedy = module(py, c"_outliers_remedy", c"<outliers>/remedy.py", source).ok()?; // new
    let find = capi::object_get_attr_string(&remedy, c"install_numpy").ok()?; // new
    let command = capi::object_call_function_obj_args(&find, []).ok()?; // new
    capi::unicode_to_string(&command)
}

/// Starts Python, unless somebody has.
fn start() -> Result<Start> {
    capi::load().map_err(start_error)?;
    check_library(&built_for(), &loaded()).map_err(start_error)?;
    if let Some(started) = capi::already_started() {
        let choice = None;
        return Ok(Start { started, choice });
    }
    let choice = choice()?;
    check_home(&built_for().version).map_err(start_error)?;
    let started = capi::start(choice.python.as_os_str(), |py| {
        prelude::install(py, true).map(drop)
    });
    match started {
        Ok(started) => Ok(Start {
            started,
            choice: Some(choice),
        }),
        Err(reason) => Err(start_error(format!(
            "cannot start Python with {choice}: {reason}"
        ))),
    }
}

fn start_error(reason: String) -> Error {
    ErrorKind::Start { reason }.into()
}

/// Refuses a libpython of another minor version. By CPython's promise, patch releases fit each other.
fn check_library(built: &Library, loaded: &Library) -> Result<(), String> {
    if built.version.same_minor(&loaded.version) {
        return Ok(());
    }
    Err(format!(
        "this program was built for Python {} in {}, but the loader found {} in {}; unset \
         LD_LIBRARY_PATH, or build it again for that Python",
        built.version,
        built.path.display(),
        loaded.version,
        loaded.path.display(),
    ))
}

/// Python ends in twenty lines of its own where `PYTHONHOME` holds no standard library.
fn check_home(version: &Version) -> Result<(), String> {
    let Some(home) = env::var_os("PYTHONHOME").filter(|home| !home.is_empty()) else {
        return Ok(());
    };
    let prefix = env::split_paths(&home).next().unwrap_or_default();
    let found = ["lib", "lib64"].iter().any(|lib| {
        prefix
            .join(lib)
            .join(version.directory())
            .join("os.py")
            .exists()
    });
    if found {
        return Ok(());
    }
    Err(format!(
        "PYTHONHOME={} holds no standard library of Python {version} (no {}/lib/{}/os.py); \
         unset PYTHONHOME",
        home.display(),
        prefix.display(),
        version.directory(),
    ))
}
