//! Whether Python's output has to be flushed, told in some nanoseconds.

use std::ptr;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

use python3_sys as ffi;

use crate::capi::Python;
use crate::capi::{Held, Owned};

/// Python's standard streams as they were prepared: they note in a list that something was written.
#[derive(Debug)]
pub(crate) struct Output {
    /// The dictionary of `sys`, where any code may put other streams.
    pub sys: Held,
    pub stdout: Stream,
    pub stderr: Stream,
    /// A list, not empty if something was written to them since they were flushed.
    pub written: Held,
}

impl Output {
    /// Whether something may wait to be flushed: what was written to the prepared streams, or
    /// anything in others.
    #[inline]
    pub fn waits(&self, py: Python<'_>) -> bool {
        let sys = self.sys.as_borrowed(py);
        self.written(py) || !self.stdout.is_in(&sys) || !self.stderr.is_in(&sys)
    }

    #[doc(alias = "PyList_Size")]
    #[inline]
    fn written(&self, py: Python<'_>) -> bool {
        let written = self.written.as_borrowed(py);
        // SAFETY: the lock is held and the object is live; what is no list is refused there.
        let length = unsafe { ffi::PyList_Size(written.as_ptr()) };
        length != 0
    }
}

/// A stream that was put into `sys`.
#[derive(Debug)]
pub(crate) struct Stream {
    name: Held,
    stream: Held,
    /// Where its entry was found last. Dictionaries keep their entries in order, so that it is there
    /// again, in a fifth of the time of a look-up.
    place: AtomicIsize,
}

impl Stream {
    /// A stream by its name, the very string that is the key in the dictionary of `sys`.
    pub fn new(name: Held, stream: Held) -> Self {
        Self {
            name,
            stream,
            place: AtomicIsize::new(0),
        }
    }

    /// Whether the stream is still there.
    #[inline]
    fn is_in(&self, sys: &Owned<'_>) -> bool {
        self.is_after(self.place.load(Relaxed), sys) || self.is_found_in(sys)
    }

    /// Searches the whole dictionary.
    #[cold]
    fn is_found_in(&self, sys: &Owned<'_>) -> bool {
        let mut place = 0;
        while let Some((next, _, _)) = next_entry(sys, place) {
            if self.is_after(place, sys) {
                self.place.store(place, Relaxed);
                return true;
            }
            place = next;
        }
        false
    }

    /// Whether the next entry after a place is that of the stream.
    #[inline]
    fn is_after(&self, place: isize, sys: &Owned<'_>) -> bool {
        let py = sys.py();
        let entry = next_entry(sys, place);
        entry.is_some_and(|(_, key, value)| {
            key == self.name.as_borrowed(py).as_ptr()
                && value == self.stream.as_borrowed(py).as_ptr()
        })
    }
}

/// The next entry of a dictionary after a place: where the one behind it begins, its key and value,
/// to be compared only.
#[doc(alias = "PyDict_Next")]
#[inline]
fn next_entry(
    dict: &Owned<'_>,
    mut place: isize,
) -> Option<(isize, *mut ffi::PyObject, *mut ffi::PyObject)> {
    let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the lock is held, the dictionary is live. The manual has a place come from the call
    // before; every version so far compares it with the end, so that an old one is no worse.
    let found =
        unsafe { ffi::PyDict_Next(dict.as_ptr(), &raw mut place, &raw mut key, &raw mut value) };
    (found != 0).then_some((place, key, value))
}
