//! References that are kept while the lock is not held.

use std::mem::{self, ManuallyDrop};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use python3_sys as ffi;

use crate::capi::lock::{self, Python, Started};
use crate::capi::owned::{Borrowed, Owned};

/// A reference that is kept while the lock is not held, and can move to other threads.
///
/// Under the lock, the object can be used again. If the lock is held, dropping releases the reference at
/// once. Otherwise the next [`with_python`] releases it: waiting for the lock could take for ever.
///
/// [`with_python`]: crate::with_python
#[derive(Debug)]
pub struct Held(pub(super) NonNull<ffi::PyObject>);

// SAFETY: a bare address; only `as_borrowed` and `into_owned` reach the object, and they need the
// lock.
unsafe impl Send for Held {}
// SAFETY: as above; a shared `Held` is of no use without the lock.
unsafe impl Sync for Held {}

impl Held {
    /// Borrows the reference, for as long as both the lock and this reference are held.
    #[inline]
    pub fn as_borrowed<'a, 'p>(&'a self, py: Python<'p>) -> Borrowed<'a, 'p> {
        // SAFETY: live, because `self` owns a reference, and is borrowed for as long as the result.
        unsafe { Borrowed::from_ptr(py, self.0) }
    }

    /// Takes the reference out, under the lock.
    #[inline]
    pub fn into_owned(self, py: Python<'_>) -> Owned<'_> {
        // SAFETY: live, and the reference is ours, handed over this once; the lock is held.
        unsafe { Owned::from_owned_ptr(py, ManuallyDrop::new(self).0) }
    }
}

impl From<Owned<'_>> for Held {
    fn from(owned: Owned<'_>) -> Self {
        Self(ManuallyDrop::new(owned).object)
    }
}

/// References that were dropped without the lock and are not released yet.
static DROPPED: Mutex<Vec<Held>> = Mutex::new(Vec::new());
/// Whether there are any: quicker to read than the list.
static ANY_DROPPED: AtomicBool = AtomicBool::new(false);

impl Drop for Held {
    fn drop(&mut self) {
        if lock::is_held() {
            lock::with_lock(Started(()), |py| drop(Self(self.0).into_owned(py)));
            return;
        }
        let mut dropped = DROPPED.lock().unwrap_or_else(PoisonError::into_inner);
        // Without memory for it, the reference leaks.
        if dropped.try_reserve(1).is_ok() {
            dropped.push(Self(self.0));
            ANY_DROPPED.store(true, Relaxed);
        }
    }
}

/// Releases the references that any thread dropped without the lock.
#[inline]
pub(crate) fn release_dropped(py: Python<'_>) {
    #[cold]
    fn release(py: Python<'_>) {
        ANY_DROPPED.store(false, Relaxed);
        let dropped = mem::take(&mut *DROPPED.lock().unwrap_or_else(PoisonError::into_inner));
        // After the mutex is unlocked: this may run Python code, which may drop other references.
        for held in dropped {
            drop(held.into_owned(py));
        }
    }
    if ANY_DROPPED.load(Relaxed) {
        release(py);
    }
}
