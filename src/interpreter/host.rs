//! In an extension module: uses the Python that has loaded it, and leaves its modules, streams and signals alone.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::choice::{Choice, Rule};
use super::loaded::loaded;
use super::prelude;
use crate::capi::{self, Python};
use crate::error::{Error, ErrorKind, Result};

/// Runs a closure with Python's lock, the GIL, held.
///
/// It works on any thread, and inside another such closure. Threads that need the lock wait until the closure has
/// ended, so the closure must not wait for them.
///
/// # Errors
///
/// - [`ErrorKind::Start`] if no Python is running, or if it is free-threaded: this library is built for objects as they
///   are with the lock.
/// - The error of the closure.
pub fn with_python<R>(closure: impl for<'p> FnOnce(Python<'p>) -> Result<R>) -> Result<R> {
    capi::load().map_err(start_error)?;
    let started = capi::already_started().ok_or_else(|| start_error("Python has ended".into()))?;
    capi::with_lock(started, |py| {
        static PREPARED: OnceLock<()> = OnceLock::new();
        if PREPARED.get().is_none() {
            if loaded().version.is_free_threaded() {
                let reason = "this library was built for a Python with the lock, not for a free-threaded one";
                return Err(start_error(reason.into()));
            }
            prelude::install_traceback(py)?;
            let _ = PREPARED.set(());
        }
        capi::release_dropped(py);
        closure(py)
    })
}

/// Returns the running Python.
///
/// # Errors
///
/// If `sys.executable` cannot be read.
pub fn choice() -> Result<Choice> {
    with_python(|py| {
        let sys = capi::import_module(py, c"sys")?;
        let python = capi::object_get_attr_string(&sys, c"executable")?;
        Ok(Choice {
            python: PathBuf::from(capi::unicode_to_string(&python).unwrap_or_default()),
            version: loaded().version,
            rule: Rule::Host,
        })
    })
}

/// The running Python.
pub(super) fn started_choice() -> Option<&'static Choice> {
    static CHOICE: OnceLock<Choice> = OnceLock::new();
    if CHOICE.get().is_none() {
        let _ = CHOICE.set(choice().ok()?);
    }
    CHOICE.get()
}

fn start_error(reason: String) -> Error {
    ErrorKind::Start { reason }.into()
}
