//! References that are kept to spare, so that an object lives on if code releases too many.

#![allow(unsafe_code)]

use std::ptr::NonNull;

use pyoutliers::capi::{Borrowed, Held, Owned};
use pyoutliers::{Python, with_python};

/// A reference with spare ones, to be counted while code runs that may give back too many.
#[derive(Debug)]
pub struct SpareReferences {
    object: Held,
    spare: i64,
    before: i64,
}

impl SpareReferences {
    /// Keeps a reference, and `spare` more.
    pub fn new(object: Owned<'_>, spare: i64) -> Self {
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
    pub fn begin(&mut self, py: Python<'_>) {
        self.before = self.count(py);
    }

    /// Keeps so many spare references at least, those that are missing not counted.
    pub fn lend(&mut self, py: Python<'_>, spare: i64) {
        while self.spare + self.growth(py).min(0) < spare {
            // Given back in `drop`.
            std::mem::forget(Owned::clone(&self.object(py)));
            self.spare += 1;
        }
    }

    /// The object.
    pub fn object<'p>(&self, py: Python<'p>) -> Borrowed<'_, 'p> {
        self.object.as_borrowed(py)
    }

    /// How many references there are, but for the spare ones.
    #[inline]
    pub fn count(&self, py: Python<'_>) -> i64 {
        let count = i64::try_from(self.object(py).reference_count());
        count.unwrap_or(i64::MAX) - self.spare
    }

    /// The spare references.
    pub fn spare(&self) -> i64 {
        self.spare
    }

    /// How much the count has grown since.
    pub fn growth(&self, py: Python<'_>) -> i64 {
        self.count(py) - self.before
    }

    /// Releases it, and all spare references, none of which is missing: what is fewer than at first, its
    /// owners have released.
    pub fn release(mut self, py: Python<'_>) {
        if self.count(py) > 0 {
            self.before = self.count(py);
        }
    }

    /// Gives one of the spare references back and tells nobody: what code does that gives back a
    /// reference too many.
    pub fn lose_one(&self, py: Python<'_>) {
        if -self.growth(py) < self.spare {
            // `drop` releases one less.
            self.release_spare(py);
        }
    }

    /// Releases one of the spare references, of which there has to be one.
    fn release_spare(&self, py: Python<'_>) {
        let object = NonNull::new(self.object(py).as_ptr());
        // SAFETY: the lock is held; live, as `object` is a reference to it; and a reference that `lend` made
        // and nobody else owns.
        drop(object.map(|object| unsafe { Owned::from_owned_ptr(py, object) }));
    }
}

impl Drop for SpareReferences {
    fn drop(&mut self) {
        // Python was started, or there would be no reference.
        let _ = with_python(|py| {
            // What was released too often came out of the spare ones. What somebody else released by
            // right looks the same: then some are kept for ever, to be on the safe side.
            let missing = (-self.growth(py)).max(0);
            (missing..self.spare).for_each(|_| self.release_spare(py));
            Ok(())
        });
    }
}
