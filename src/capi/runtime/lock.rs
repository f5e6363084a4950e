//! Holding Python's lock, for the time of a closure.

use std::fmt;
use std::marker::PhantomData;
use std::mem;

use python3_sys as ffi;

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
    // A thread that is ending has lost its state already; it makes do without.
    let _ = ThreadState::OF_THIS_THREAD.try_with(|_| ());
    let _lock = Lock::take();
    closure(Python(PhantomData))
}

/// Runs a closure on the thread that has just started Python and holds the lock since.
pub(in crate::capi) fn with_lock_of_the_start<R>(
    closure: impl for<'p> FnOnce(Python<'p>) -> R,
) -> R {
    closure(Python(PhantomData))
}

struct Lock(ffi::PyGILState_STATE);

impl Lock {
    /// Only after Python was started, as every caller knows.
    #[inline]
    fn take() -> Self {
        // SAFETY: Python was started, which is all that this call asks.
        Self(unsafe { ffi::PyGILState_Ensure() })
    }
}

impl Drop for Lock {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: pairs with the call in `take`, on the same thread, innermost first.
        unsafe { ffi::PyGILState_Release(self.0) };
    }
}

/// Python's record of this thread, kept until the thread ends.
///
/// Without it, Python would make and free a record for each call: 8 µs instead of 0.2 from 3.11 on.
struct ThreadState {
    give_back: bool,
}

impl ThreadState {
    thread_local! {
        static OF_THIS_THREAD: ThreadState = ThreadState::keep();
    }

    fn keep() -> Self {
        // SAFETY: Python was started; only looks a pointer up.
        let known = unsafe { ffi::PyGILState_GetThisThreadState() };
        if !known.is_null() {
            // Somebody else's, who gives it back: the thread that started Python, or one of its own.
            return Self { give_back: false };
        }
        mem::forget(Lock::take());
        // SAFETY: the lock is held by this thread, since the line above. The state stays known to
        // Python as this thread's, so the returned pointer is not needed.
        unsafe { ffi::PyEval_SaveThread() };
        // The main thread ends with the process. Its state dies then anyway, and waiting for the
        // lock could keep the process from ending, were another thread to hold it for ever.
        Self {
            give_back: std::thread::current().name() != Some("main"),
        }
    }
}

impl Drop for ThreadState {
    fn drop(&mut self) {
        // We never end Python; a host that started it may, and has then freed the state.
        // SAFETY: may be called at any time.
        let running = unsafe { ffi::Py_IsInitialized() } != 0;
        if self.give_back && running {
            let _lock = Lock::take();
            // SAFETY: pairs with the `take` in `keep`, and is not the last: that of `_lock` follows.
            // LOCKED means that the lock itself stays held.
            unsafe { ffi::PyGILState_Release(ffi::PyGILState_STATE::PyGILState_LOCKED) };
        }
    }
}
