//! Spare references: they keep an object alive while code runs that may release it too often.

#![allow(unsafe_code)]

use std::ptr::NonNull;

use pyoutliers::capi::{Borrowed, Held, Owned};
use pyoutliers::{Python, with_python};

/// A reference to an object, with spare ones, so that the object survives if it is released too often; and a
/// count to compare with.
///
/// ```
/// use pyoutliers::{capi, with_python};
/// use refsoak::SpareReferences;
///
/// with_python(|py| {
///     let object = capi::float_from_double(py, 1.5)?;
///     let spare = SpareReferences::new(object, 16);
///     let taken = spare.object(py).clone();
///     assert_eq!(spare.growth(py), 1);
///     drop(taken);
///     assert_eq!(spare.growth(py), 0);
///     Ok(())
/// })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[derive(Debug)]
pub struct SpareReferences {
    object: Held,
    spare: i64,
    before: i64,
}

impl SpareReferences {
    /// Takes the reference, and adds `spare` more.
    pub fn new(object: Owned<'_>, spare: i64) -> Self {
        let py = object.py();
        let mut references = Self {
            object: object.into(),
            spare: 0,
            before: 0,
        };
        references.begin(py);
        references.ensure(py, spare);
        references
    }

    /// Makes the present count the one to compare with.
    pub fn begin(&mut self, py: Python<'_>) {
        self.before = self.count(py);
    }

    /// Adds spare references until there are at least `spare`, not counting those that are missing.
    pub fn ensure(&mut self, py: Python<'_>, spare: i64) {
        while self.spare + self.growth(py).min(0) < spare {
            // Released in `drop`.
            std::mem::forget(Owned::clone(&self.object(py)));
            self.spare += 1;
        }
    }

    /// The object.
    pub fn object<'p>(&self, py: Python<'p>) -> Borrowed<'_, 'p> {
        self.object.as_borrowed(py)
    }

    /// The reference count of the object, without the spare references.
    #[inline]
    pub fn count(&self, py: Python<'_>) -> i64 {
        let count = i64::try_from(self.object(py).reference_count());
        count.unwrap_or(i64::MAX) - self.spare
    }

    /// The number of spare references.
    pub fn spare(&self) -> i64 {
        self.spare
    }

    /// How much the count has grown since [`begin`](Self::begin).
    pub fn growth(&self, py: Python<'_>) -> i64 {
        self.count(py) - self.before
    }

    /// Releases the reference and all spare ones. References that are missing count as released by their
    /// owners, not as taken from the spare ones.
    pub fn release(mut self, py: Python<'_>) {
        if self.count(py) > 0 {
            self.before = self.count(py);
        }
    }

    /// Releases a spare reference without counting it, like code that releases the object once too often. Does
    /// nothing if no spare reference is left.
    pub fn lose_one(&self, py: Python<'_>) {
        if -self.growth(py) < self.spare {
            // `drop` releases one less.
            self.release_spare(py);
        }
    }

    /// Releases one of the spare references. There must be one.
    fn release_spare(&self, py: Python<'_>) {
        let object = NonNull::new(self.object(py).as_ptr());
        // SAFETY: the lock is held; the object is live, as `object` is a reference to it; and this
        // reference was made by `ensure`, and nobody else owns it.
        drop(object.map(|object| unsafe { Owned::from_owned_ptr(py, object) }));
    }
}

impl Drop for SpareReferences {
    fn drop(&mut self) {
        // Python was started, or there would be no reference.
        let _ = with_python(|py| {
            // Code that released the object too often took a spare reference. An owner that released its own
            // reference looks the same: to be safe, some spare ones are never released.
            let missing = (-self.growth(py)).max(0);
            (missing..self.spare).for_each(|_| self.release_spare(py));
            Ok(())
        });
    }
}
