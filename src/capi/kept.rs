//! References that are kept for the next call.

#[cfg(free_threaded)]
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::{array, ptr, ptr::NonNull};

use python3_sys as ffi;

use crate::capi::held::Held;
use crate::capi::lock::Python;
use crate::capi::owned::Owned;

/// The lock lets one thread run at a time.
#[cfg(not(free_threaded))]
const PLACES: usize = 1;
#[cfg(free_threaded)]
const PLACES: usize = 32;

/// References that are kept for the next call: one, or without the lock one for each thread. With more threads than
/// `PLACES`, some threads share a place. No thread waits for another.
#[derive(Debug)]
pub(crate) struct Kept([Place; PLACES]);

/// A reference, which this owns, or NULL. It shares no cache line with other places: processors fetch two at a time.
#[derive(Debug)]
#[cfg_attr(free_threaded, repr(align(128)))]
struct Place(AtomicPtr<ffi::PyObject>);

impl Kept {
    pub(crate) fn new() -> Self {
        Self(array::from_fn(|_| Place(AtomicPtr::new(ptr::null_mut()))))
    }

    /// Takes out the reference that was kept.
    #[inline]
    pub(crate) fn take<'p>(&self, py: Python<'p>) -> Option<Owned<'p>> {
        self.swap(py, ptr::null_mut())
    }

    /// Keeps a reference, and releases the one that was kept before.
    #[inline]
    pub(crate) fn put(&self, object: Owned<'_>) {
        drop(self.swap(object.py(), object.into_ptr()));
    }

    #[inline]
    fn swap<'p>(&self, py: Python<'p>, object: *mut ffi::PyObject) -> Option<Owned<'p>> {
        let [place, ..] = &self.0;
        #[cfg(free_threaded)]
        let place = self
            .0
            .get(number_of_this_thread() % PLACES)
            .unwrap_or(place);
        let earlier = NonNull::new(place.0.swap(object, Ordering::AcqRel));
        // SAFETY: `put` gave up its reference, which keeps the object alive, and only one swap gets it back.
        earlier.map(|object| unsafe { Owned::from_owned_ptr(py, object) })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for Place(object) in &mut self.0 {
            drop(NonNull::new(*object.get_mut()).map(Held));
        }
    }
}

#[cfg(free_threaded)]
fn number_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    // It has no destructor, so it outlives all that could ask.
    NUMBER.with(|number| *number)
}
