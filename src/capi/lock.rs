//! Python's lock, held while a closure runs.

use std::marker::PhantomData;
use std::mem;

use python3_sys as ffi;

use crate::capi::libc::is_main_thread;
use crate::capi::library::{Symbol, c};

/// The proof that this thread holds Python's lock, the GIL, for `'p`.
///
/// It wraps the token of the `cpython` crate, which cannot leave its thread. That crate also hands out its
/// token with guards, which can be dropped out of order or leaked. This one comes only from
/// [`with_python`](crate::with_python).
#[derive(Clone, Copy, Debug)]
pub struct Python<'p>(PhantomData<cpython::Python<'p>>);

/// The proof that Python was started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started(pub(in crate::capi) ());

/// The proof that Python is started, if other code in this process has started it.
#[doc(alias = "Py_IsInitialized")]
pub(crate) fn already_started() -> Option<Started> {
    // SAFETY: may be called at any time.
    let started = unsafe { c!(Py_IsInitialized()) };
    (started != 0).then_some(Started(()))
}

/// Runs a closure with the lock held, on any thread, also if the thread holds it already.
///
/// It takes a closure, because guards that are dropped out of order crash. A panic releases the lock too.
/// The closure must work for every lifetime, so nothing that carries the token can leave it.
#[inline]
pub(crate) fn with_lock<R>(_: Started, closure: impl for<'p> FnOnce(Python<'p>) -> R) -> R {
    // A thread that is ending may have released its state already. It then gets a state for this call.
    let known = ThreadState::OF_THIS_THREAD.try_with(|_| ());
    let _state = known.is_err().then(ThreadState::keep);
    let _lock = Lock::take();
    closure(Python(PhantomData))
}

/// Runs a closure on the thread that has just started Python, and so holds the lock.
#[cfg(not(feature = "extension-module"))]
pub(in crate::capi) fn with_lock_of_the_start<R>(
    closure: impl for<'p> FnOnce(Python<'p>) -> R,
) -> R {
    closure(Python(PhantomData))
}

/// Whether this thread holds the lock for the main interpreter: false in code of a subinterpreter.
///
/// `PyGILState_Check` is no help: once a subinterpreter exists, it always returns 1.
#[doc(alias = "PyThreadState_GetUnchecked")]
pub(crate) fn is_held() -> bool {
    // python3-sys does not declare it. Up to 3.12 it has the second name.
    const NAMES: &str = "PyThreadState_GetUnchecked\0_PyThreadState_UncheckedGet\0";
    // SAFETY: each ends in NUL, and has the type that the next line names.
    static CURRENT: Symbol = unsafe { Symbol::new(NAMES) };
    let current: unsafe extern "C" fn() -> *mut ffi::PyThreadState = CURRENT.get();
    // SAFETY: may be called at any time: it only looks a pointer up, and finds none before Python is started.
    let of_this_thread = unsafe { c!(PyGILState_GetThisThreadState()) };
    // SAFETY: as above.
    !of_this_thread.is_null() && of_this_thread == unsafe { current() }
}

struct Lock(ffi::PyGILState_STATE);

impl Lock {
    /// Every caller knows that Python was started.
    #[inline]
    fn take() -> Self {
        // SAFETY: Python was started, which is all that this call needs.
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
/// Without it, Python would make and free a record for each call, which takes 8 µs instead of 0.2 from
/// 3.11 on.
struct ThreadState {
    /// The record to release at the end; `None` if other code made the record, or if this is the main thread.
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
            // The code that made it releases it: the start of Python on this thread, or Python's own thread.
            return Self { ours: None };
        }
        mem::forget(Lock::take());
        // SAFETY: the line above took the lock.
        let state = unsafe { c!(PyEval_SaveThread()) };
        // The state of the main thread ends with the process. Waiting for the lock at that point could keep
        // the process from ending, if another thread holds the lock for ever.
        let ours = (!is_main_thread()).then_some(state);
        Self { ours }
    }
}

impl Drop for ThreadState {
    fn drop(&mut self) {
        // This crate never ends Python. A program that started Python itself may, which frees the state.
        // SAFETY: may be called at any time.
        let running = unsafe { c!(Py_IsInitialized()) } != 0;
        let Some(state) = self.ours.filter(|_| running) else {
            return;
        };
        let lock = Lock::take();
        // SAFETY: the lock is held; the result is borrowed, and only compared with NULL.
        let frame = unsafe { c!(PyEval_GetFrame()) };
        if !frame.is_null() {
            // Python code on this thread is ending the process: its frames still need the state.
            return;
        }
        mem::forget(lock);
        // The last `PyGILState_Release` would do this too, but up to 3.12.3 it crashes if a finalizer takes
        // the lock while the state is cleared (CPython gh-119585).
        // SAFETY: the lock is held, with this very state, which counts as in use by the `take` above.
        unsafe { c!(PyThreadState_Clear(state)) };
        // SAFETY: the lock is held with this state, which was cleared. Releases the lock.
        unsafe { c!(PyThreadState_DeleteCurrent()) };
    }
}
