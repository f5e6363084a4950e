//! Holding Python's lock, for the time of a closure.

use std::ffi::c_int;
use std::fmt;
use std::marker::PhantomData;
use std::mem;

use crate::capi::ffi;
use crate::capi::library::{Symbol, c};

/// The proof that Python's lock, the GIL, is held, for as long as `'p`.
///
/// Its lifetime, and that it stays on its thread, are those of the token of the `cpython` crate. But
/// that crate hands its token out with guards too, which can be dropped out of order or leaked. This one comes from
/// [`with_python`](crate::with_python) alone.
#[derive(Clone, Copy)]
pub struct Python<'p>(PhantomData<cpython::Python<'p>>);

impl fmt::Debug for Python<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Python")
    }
}

/// The proof that Python was started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started(pub(in crate::capi) ());

/// Runs a closure with the lock held, on any thread, also where the thread holds it already.
///
/// A closure and not a guard, because guards dropped out of order crash. A panic gives the lock
/// back too. The closure works for every lifetime, so nothing that carries the token can leave it.
#[inline]
pub(crate) fn with_lock<R>(_: Started, closure: impl for<'p> FnOnce(Python<'p>) -> R) -> R {
    // A thread that is ending may have given its state back already: then it has one for this time.
    let known = ThreadState::OF_THIS_THREAD.try_with(|_| ());
    let _state = known.is_err().then(ThreadState::keep);
    let _lock = Lock::take();
    closure(Python(PhantomData))
}

/// Runs a closure on the thread that has just started Python and holds the lock since.
pub(in crate::capi) fn with_lock_of_the_start<R>(
    closure: impl for<'p> FnOnce(Python<'p>) -> R,
) -> R {
    closure(Python(PhantomData))
}

/// Whether this thread holds the lock, as the main interpreter's: in a subinterpreter's code it does not.
///
/// Not by `PyGILState_Check`: after somebody has made a subinterpreter, that always says yes.
#[doc(alias = "PyThreadState_GetUnchecked")]
pub(crate) fn is_held() -> bool {
    // Declared by no version of python3-sys; exported by every version of Python.
    const NAME: &str = if cfg!(python_from_3_13) {
        "PyThreadState_GetUnchecked\0"
    } else {
        "_PyThreadState_UncheckedGet\0"
    };
    // SAFETY: ends in NUL, and has the type that the next line names.
    static CURRENT: Symbol = unsafe { Symbol::new(NAME) };
    let current: unsafe extern "C" fn() -> *mut ffi::PyThreadState = CURRENT.get();
    // SAFETY: may be called at any time: only looks a pointer up, and finds none before Python was started.
    let of_this_thread = unsafe { c!(PyGILState_GetThisThreadState()) };
    // SAFETY: as above.
    !of_this_thread.is_null() && of_this_thread == unsafe { current() }
}

struct Lock(ffi::PyGILState_STATE);

impl Lock {
    /// Only after Python was started, as every caller knows.
    #[inline]
    fn take() -> Self {
        // SAFETY: Python was started, which is all that this call asks.
        Self(unsafe { c!(PyGILState_Ensure()) })
    }
}

impl Drop for Lock {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: pairs with the call in `take`, on the same thread, innermost first.
        unsafe { c!(PyGILState_Release(self.0)) };
    }
}

/// Python's record of this thread, kept until the thread ends.
///
/// Without it, Python would make and free a record for each call: 8 µs instead of 0.2 from 3.11 on.
struct ThreadState {
    /// Unless it is somebody else's, or this is the main thread.
    ours: Option<*mut ffi::PyThreadState>,
}

impl ThreadState {
    thread_local! {
        static OF_THIS_THREAD: ThreadState = ThreadState::keep();
    }

    fn keep() -> Self {
        // SAFETY: Python was started; only looks a pointer up.
        let known = unsafe { c!(PyGILState_GetThisThreadState()) };
        if !known.is_null() {
            // Somebody else's, who gives it back: the thread that started Python, or one of its own.
            return Self { ours: None };
        }
        mem::forget(Lock::take());
        // SAFETY: the lock is held by this thread, since the line above.
        let state = unsafe { c!(PyEval_SaveThread()) };
        // The main thread ends with the process. Its state dies then anyway, and waiting for the
        // lock could keep the process from ending, were another thread to hold it for ever.
        let ours = (!is_main_thread()).then_some(state);
        Self { ours }
    }
}

impl Drop for ThreadState {
    fn drop(&mut self) {
        // We never end Python; a host that started it may, and has then freed the state.
        // SAFETY: may be called at any time.
        let running = unsafe { c!(Py_IsInitialized()) } != 0;
        let Some(state) = self.ours.filter(|_| running) else {
            return;
        };
        let lock = Lock::take();
        // SAFETY: the lock is held; the result is borrowed, and only compared with NULL.
        let frame = unsafe { c!(PyEval_GetFrame()) };
        if !frame.is_null() {
            // Python code on this thread called what ends the process: its frames need the state still.
            return;
        }
        mem::forget(lock);
        // Not by the last `PyGILState_Release`: up to 3.12.3 that counts the state as given back when
        // it clears it, and crashes if a finalizer takes the lock then (CPython gh-119585).
        // SAFETY: the lock is held, with this very state, which counts as in use by the `take` above.
        unsafe { c!(PyThreadState_Clear(state)) };
        // SAFETY: the lock is held with this state, which was cleared. Gives the lock back.
        unsafe { c!(PyThreadState_DeleteCurrent()) };
    }
}

/// Whether the process ends with this thread.
fn is_main_thread() -> bool {
    // In every libc of these systems; declared here so that the library needs no crate for one function.
    unsafe extern "C" {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        safe fn gettid() -> c_int;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        safe fn pthread_main_np() -> c_int;
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let main = gettid().cast_unsigned() == std::process::id();
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let main = pthread_main_np() != 0;
    main
}
