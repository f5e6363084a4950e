//! Chooses a Python and starts it, once in a process.
//!
//! # Which Python
//!
//! The library, libpython, is loaded when Python is started: from a directory in `LD_LIBRARY_PATH`, else from
//! its directory at build time, else from the system's library directories.
//!
//! The environment decides where modules such as NumPy are found. It is the first of these:
//!
//! 1. `OUTLIERS_PYTHON`, a python executable
//! 2. `VIRTUAL_ENV`, an activated environment
//! 3. `CONDA_PREFIX`, an activated conda environment that has a Python
//! 4. the development environment of the checkout where the program was built, if Cargo's runner made one,
//!    and if it and every directory above it belong to this user or root and others cannot write to them
//! 5. the interpreter that the program was built with
//! 6. if that one is gone, the first on `PATH` of the same minor version: `python3.11`, `python3`, `python`
//!
//! A program installed with `cargo install --path` uses the environment of its checkout. A program
//! installed with `cargo install --git` has no checkout, so its Python must have NumPy.
//!
//! A Python whose minor version is not the library's is refused. Patch releases are compatible: a program
//! built for 3.11.7 runs with 3.11.2 on another machine. If there is no Python, the error says what to
//! install.
//!
//! The current directory is searched neither for modules nor for environments, and the directory of a `.py` file
//! is not searched for the modules that it imports. `PYTHONPATH` works as in Python, where an empty entry means
//! the current directory: `PYTHONPATH=:/x` has one, before the colon.
//!
//! # Once
//!
//! Python is started when it is first needed, on the thread that needs it first. It is never ended: NumPy
//! cannot be loaded twice in a process, and ending Python kills the threads that run in it. So functions
//! registered with `atexit` never run. Python's output is flushed after every call. Python installs
//! no signal handlers: Ctrl-C ends the process, even after Python code has imported `signal`.
//!
//! # In an extension module
//!
//! With the feature `extension-module`, this crate neither links Python nor starts it: Python loads the library,
//! and is left as it is. Nothing is flushed, and `import pyoutliers` finds what is installed. One library works in
//! CPython 3.8 to 3.15, if it is built for 3.8. Build packages that need the feature in a workspace of their own.

#[cfg(not(feature = "extension-module"))]
mod asked;
mod choice;
#[cfg(not(feature = "extension-module"))]
mod choose;
mod function;
#[cfg(feature = "extension-module")]
mod host;
mod loaded;
mod prelude;
#[cfg(not(feature = "extension-module"))]
mod start;
mod turns;
mod version;

pub use choice::{Choice, Rule};
pub(crate) use function::{c_name, find};
#[cfg(feature = "extension-module")]
use host::started_choice;
#[cfg(feature = "extension-module")]
pub use host::{choice, with_python};
pub use loaded::{Library, loaded};
pub use prelude::module;
#[cfg(not(feature = "extension-module"))]
use start::started_choice;
#[cfg(not(feature = "extension-module"))]
pub use start::{built_for, choice, with_python};
pub(crate) use turns::Turn;
pub use version::Version;
