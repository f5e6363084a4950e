//! References held without the lock.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use python3_sys as ffi;

use crate::capi::runtime::lock::{self, Python, Started};
use crate::capi::{Borrowed, Owned};

/// A reference that is kept while the lock is not held: it can cross threads.
///
/// Taking the lock gives access to the object; dropping it takes the lock by itself.
#[derive(Debug)]
pub struct Held(NonNull<ffi::PyObject>);

// SAFETY: a bare address; the object behind it is reached only through `as_borrowed`, which wants
// the lock, and `drop`, which takes it.
unsafe impl Send for Held {}
// SAFETY: as above; a shared `Held` gives nothing away without the lock.
unsafe impl Sync for Held {}

impl Held {
    /// The object, for as long as both the lock and this reference are there.
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

impl Drop for Held {
    fn drop(&mut self) {
        // An object exists, so Python was started; and it is never ended.
        lock::with_lock(Started(()), |py| {
            // SAFETY: live, and the reference is ours, given away this once; the lock is held.
            drop(unsafe { Owned::from_new(py, self.0) });
        });
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

    /// How much the count has grown since.
    pub(crate) fn growth(&self, py: Python<'_>) -> i64 {
        self.count(py) - self.before
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
