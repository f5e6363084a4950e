//! References held without the lock.

use std::mem::{self, ManuallyDrop};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use python3_sys as ffi;

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
        unsafe { Borrowed::new(self.0, py) }
    }

    /// The reference itself, now that the lock is held.
    #[inline]
    pub(crate) fn into_owned(self, py: Python<'_>) -> Owned<'_> {
        // SAFETY: live, and the reference is ours, given away this once; the lock is held.
        unsafe { Owned::from_new(py, ManuallyDrop::new(self).0) }
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

/// A reference with spare ones, to be counted while code runs that may give back too many.
#[derive(Debug)]
pub(crate) struct SpareReferences {
    object: Held,
    spare: i64,
    before: i64,
}

impl SpareReferences {
    /// Keeps a reference, and `spare` more.
    pub(crate) fn new(object: Owned<'_>, spare: i64) -> Self {
        let py = object.py();
        let mut kept = Self {
            object: object.into(),
            spare: 0,
            before: 0,
        };
        kept.begin(py);
        kept.lend(py, spare);
        kept
    }

    /// Compares with the count of now on: with whoever held the object at first gone.
    pub(crate) fn begin(&mut self, py: Python<'_>) {
        self.before = self.count(py);
    }

    /// Keeps so many spare references at least, those that are missing not counted.
    pub(crate) fn lend(&mut self, py: Python<'_>, spare: i64) {
        while self.spare + self.growth(py).min(0) < spare {
            // Given back in `drop`.
            std::mem::forget(Owned::clone(&self.object(py)));
            self.spare += 1;
        }
    }

    /// The object.
    pub(crate) fn object<'p>(&self, py: Python<'p>) -> Borrowed<'_, 'p> {
        self.object.as_borrowed(py)
    }

    /// How many references there are, but for the spare ones.
    #[inline]
    pub(crate) fn count(&self, py: Python<'_>) -> i64 {
        let count = i64::try_from(self.object(py).reference_count());
        count.unwrap_or(i64::MAX) - self.spare
    }

    /// The spare references.
    pub(crate) fn spare(&self) -> i64 {
        self.spare
    }

    /// How much the count has grown since.
    pub(crate) fn growth(&self, py: Python<'_>) -> i64 {
        self.count(py) - self.before
    }

    /// Releases it, and all spare references, none of which is missing: what is fewer than at first, its
    /// owners have released.
    pub(crate) fn release(mut self, py: Python<'_>) {
        if self.count(py) > 0 {
            self.before = self.count(py);
        }
    }

    /// Gives one of the spare references back and tells nobody: what code does that gives back a
    /// reference too many.
    pub(crate) fn lose_one(&self, py: Python<'_>) {
        if -self.growth(py) < self.spare {
            // SAFETY: not all spare references made in `lend` are gone yet; the lock is held. `drop`
            // gives back one less.
            drop(unsafe { Owned::from_new(py, self.object.0) });
        }
    }
}

impl Drop for SpareReferences {
    fn drop(&mut self) {
        lock::with_lock(Started(()), |py| {
            // What was given back too often came out of the spare ones. What somebody else let go
            // of by right looks the same: then some are kept for ever, to be on the safe side.
            let missing = (-self.growth(py)).max(0);
            for _ in missing..self.spare {
                // SAFETY: one of the spare references made in `lend`; the lock is held.
                drop(unsafe { Owned::from_new(py, self.object.0) });
            }
        });
    }
}
