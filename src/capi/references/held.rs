//! References held without the lock.

use std::mem::{self, ManuallyDrop};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::capi::ffi;

use crate::capi::runtime::lock::{self, Python, Started};
use crate::capi::{Borrowed, Owned};

/// A reference that is kept while the lock is not held: it can cross threads.
///
/// Taking the lock gives access to the object. Dropped where the lock is held, the reference is given
/// back at once; elsewhere by the next [`with_python`], as another thread may hold the lock for ever.
///
/// [`with_python`]: crate::with_python
#[derive(Debug)]
pub struct Held(NonNull<ffi::PyObject>);

// SAFETY: a bare address; the object behind it is reached only through `as_borrowed` and
// `into_owned`, which want the lock.
unsafe impl Send for Held {}
// SAFETY: as above; a shared `Held` gives nothing away without the lock.
unsafe impl Sync for Held {}

impl Held {
    /// The object, for as long as both the lock and this reference are there.
    ///
    /// ```
    /// # use pyoutliers::{capi, with_python};
    /// # with_python(|py| {
    /// let held = capi::Held::from(capi::float_from_double(py, 1.5)?); // may be kept without the lock
    /// assert_eq!(capi::float_as_double(&held.as_borrowed(py))?, 1.5);
    /// # Ok(())
    /// # })?;
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    #[inline]
    pub fn as_borrowed<'a, 'p>(&'a self, py: Python<'p>) -> Borrowed<'a, 'p> {
        // SAFETY: live, because `self` owns a reference, and is borrowed for as long as the result.
        unsafe { Borrowed::from_ptr(py, self.0) }
    }

    /// The reference itself, now that the lock is held.
    #[inline]
    pub fn into_owned(self, py: Python<'_>) -> Owned<'_> {
        // SAFETY: live, and the reference is ours, given away this once; the lock is held.
        unsafe { Owned::from_owned_ptr(py, ManuallyDrop::new(self).0) }
    }
}

impl From<Owned<'_>> for Held {
    fn from(owned: Owned<'_>) -> Self {
        Self(ManuallyDrop::new(owned).object)
    }
}

/// What was dropped, and is still to be given back.
static DROPPED: Mutex<Vec<Held>> = Mutex::new(Vec::new());
/// Whether there is any: quicker to ask.
static ANY_DROPPED: AtomicBool = AtomicBool::new(false);

impl Drop for Held {
    fn drop(&mut self) {
        if lock::is_held() {
            lock::with_lock(Started(()), |py| drop(Self(self.0).into_owned(py)));
            return;
        }
        let mut dropped = DROPPED.lock().unwrap_or_else(PoisonError::into_inner);
        // Without memory the reference is kept for ever.
        if dropped.try_reserve(1).is_ok() {
            dropped.push(Self(self.0));
            ANY_DROPPED.store(true, Relaxed);
        }
    }
}

/// Gives back what was dropped on any thread.
#[inline]
pub(crate) fn give_back_dropped(py: Python<'_>) {
    #[cold]
    fn give_back(py: Python<'_>) {
        ANY_DROPPED.store(false, Relaxed);
        let dropped = mem::take(&mut *DROPPED.lock().unwrap_or_else(PoisonError::into_inner));
        // Not under our own lock: Python code may run, and drop others.
        for held in dropped {
            drop(held.into_owned(py));
        }
    }
    if ANY_DROPPED.load(Relaxed) {
        give_back(py);
    }
}
