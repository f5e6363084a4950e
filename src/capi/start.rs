//! Starts Python, once in a process, as a given interpreter. A failed start is an error, not an exit.

use std::ffi::{CStr, OsStr, c_int};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use python3_sys as ffi;

use crate::capi::exception::Exception;
use crate::capi::library::c;
use crate::capi::lock::{self, Python, Started};

/// Whether [`start`] is running.
static STARTING: AtomicBool = AtomicBool::new(false);

/// Whether the caller is code that runs during the start. Such code cannot wait for the end of the start.
///
/// Other threads that want to start Python can wait: Python has no record of them yet.
/// `Py_IsInitialized` is no help: from 3.15 on it is false until the start is complete.
pub(crate) fn calls_back() -> bool {
    // SAFETY: only looks a pointer up, and finds none before Python keeps one for each thread.
    let known = || unsafe { c!(PyGILState_GetThisThreadState()) };
    STARTING.load(Relaxed) && !known().is_null()
}

/// Space for a `PyConfig` or `PyPreConfig` of any version. The types that python3-sys declares are too short
/// from 3.13 on: Python would write past their end. The largest so far has 456 bytes.
#[repr(C, align(16))]
pub(super) struct Config([u8; 4096]);

impl Config {
    const fn new() -> Self {
        Self([0; 4096])
    }

    fn as_mut_ptr<T>(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }

    /// Sets the int at index `place` to 0.
    fn clear(&mut self, place: usize) {
        let start = place * size_of::<c_int>();
        if let Some(int) = self.0.get_mut(start..start + size_of::<c_int>()) {
            int.fill(0);
        }
    }
}

/// `install_signal_handlers`, the fifth int of a `PyConfig` in every version since 3.8.
pub(super) const INSTALL_SIGNAL_HANDLERS: usize = 4;
/// `coerce_c_locale`, the sixth int of a `PyPreConfig` in every version since 3.8.
pub(super) const COERCE_C_LOCALE: usize = 5;

/// Starts Python as if `program` had been run, so Python finds the modules of its environment. Then runs
/// `prepare`.
///
/// Call it once in a process: a failed start cannot be tried again. Signal handlers do not change. On
/// return, no thread holds the lock. An error is Python's reason, or the exception of `prepare`.
#[doc(alias = "Py_InitializeFromConfig")]
pub(crate) fn start(
    program: &OsStr,
    prepare: impl for<'p> FnOnce(Python<'p>) -> Result<(), Exception>,
) -> Result<Started, String> {
    STARTING.store(true, Relaxed);
    let mut config = Config::new();
    // SAFETY: there is room for the largest PyPreConfig, and the alignment is at least its own.
    unsafe { c!(PyPreConfig_InitPythonConfig(config.as_mut_ptr())) };
    // Coercion would set LC_CTYPE, which another thread may be reading. Python uses UTF-8 without it too.
    config.clear(COERCE_C_LOCALE);
    // SAFETY: the config was initialised above.
    let status = unsafe { c!(Py_PreInitialize(config.as_mut_ptr())) };
    check(status)?;

    // Python keeps using this string, so it is in static storage.
    static PROGRAM: OnceLock<Vec<u32>> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| wide(program));
    // SAFETY: `wchar_t` has 32 bits on every Unix, and the string ends in 0 and is never freed.
    unsafe { c!(Py_SetProgramName(program.as_ptr().cast())) };
    let mut config = Config::new();
    // SAFETY: there is room for the largest PyConfig, and the alignment is at least its own.
    unsafe { c!(PyConfig_InitPythonConfig(config.as_mut_ptr())) };
    config.clear(INSTALL_SIGNAL_HANDLERS);
    // SAFETY: the config was initialised above.
    let status = unsafe { c!(Py_InitializeFromConfig(config.as_mut_ptr())) };
    // SAFETY: frees what the config holds, once; it was initialised above.
    unsafe { c!(PyConfig_Clear(config.as_mut_ptr())) };
    check(status)?;
    let prepared = lock::with_lock_of_the_start(prepare);
    // SAFETY: this thread has held the lock since the start. Python keeps the state as this thread's, so the
    // returned pointer is not needed.
    unsafe { c!(PyEval_SaveThread()) };
    STARTING.store(false, Relaxed);
    prepared
        .map(|()| Started(()))
        .map_err(|exception| exception.to_string())
}

/// Python's reason, if a step of the start failed.
fn check(status: ffi::PyStatus) -> Result<(), String> {
    // SAFETY: only reads the status.
    let failed = unsafe { c!(PyStatus_Exception(status)) };
    if failed == 0 {
        return Ok(());
    }
    if status.err_msg.is_null() {
        return Err(format!("exit status {}", status.exitcode));
    }
    // SAFETY: not NULL, and a static string that ends in NUL.
    let reason = unsafe { CStr::from_ptr(status.err_msg) };
    Err(reason.to_string_lossy().into_owned())
}

/// A path as a wide string for Python: decoded from UTF-8. A byte that is not UTF-8 becomes the surrogate
/// that Python turns back into that byte.
fn wide(path: &OsStr) -> Vec<u32> {
    let chunks = path.as_bytes().utf8_chunks();
    let text = chunks.flat_map(|chunk| {
        let bytes = chunk.invalid().iter().map(|&byte| 0xDC00 + u32::from(byte));
        chunk.valid().chars().map(u32::from).chain(bytes)
    });
    text.chain([0]).collect()
}
