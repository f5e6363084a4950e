//! Leak soak: a verdict on a closure that is exact, fast, and proves itself.
//!
//! Resident memory, which is what one usually watches, shows nothing of a small leak and alarms
//! about none. So this counts what can leak: Python's blocks of memory (every object takes one at
//! least), the objects that its collector of cycles tracks (those that can hold others), the
//! references to chosen objects, the witnesses, the heaps of C and Rust, open files and threads. All
//! of these stand still over any number of calls that leak nothing, but for C's heap, which moves by
//! some bytes.
//!
//! ```standalone_crate
//! use pyoutliers::{Outliers, soak::Soak};
//!
//! let detector = Outliers::new("pyoutliers", "detect")?;
//! let data = pyoutliers::gen_testdata()?;
//! let soak = Soak::new(1600).lend(&detector, &data);
//! soak.run(|| detector.detect(&data).map(drop))?.assert_clean();
//! # Ok::<_, pyoutliers::Error>(())
//! ```
//!
//! # The protocol
//!
//! 1. *Warm up*: call, as caches fill at first, until all counters stand still at three readings in
//!    a row; thirty readings at most, or 256 MiB, after which fewer calls follow.
//! 2. *Prove the meter*: plant seven blocks of Python memory, one of them tracked, a reference, a
//!    block of C's heap and an open file, and see each come and go exactly. If not, there is no
//!    verdict. (`PYTHONMALLOC=malloc`, for one, makes Python's count of blocks stand still.) The
//!    reference is one to an object of the meter's own, the `sentinel`.
//! 3. *Windows*, calls between two readings: twice one of n calls, then one of 2n, four times over.
//! 4. *Verdict*: a leak is growth in every window *and* twice of it at twice the calls. Growth that
//!    does not scale is a cache; growth that goes on now and then is not judged, it takes more calls.
//!    References to a witness that fall in the same way are given back too often, over-released.
//!
//! A leak of one object in n calls shows in every window. So one in n, a sixteenth of all calls, is
//! the rarest leak that is sure to be seen: make more calls to see a rarer one.
//!
//! # Running out of memory
//!
//! [`starve`] fails Python's allocations, one after the other if you like: so the paths that are
//! taken when memory runs out can be soaked too.
//!
//! # In a test
//!
//! Give each soak a process of its own, such as by one `#[test]` in a file of `tests/`: other
//! threads of the process are counted too. Rust's heap is counted if the test says so:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: pyoutliers::soak::CountingAllocator = pyoutliers::soak::CountingAllocator;
//! ```

mod blame;
mod lent;
mod meter;
mod report;
mod run;
mod universe;
mod verdict;

use std::ops::{ControlFlow, RangeBounds};
use std::time::Duration;

pub use crate::capi::probes::memory::{CBlock, CountingAllocator};
pub use lent::Lent;
pub use meter::Counter;
pub use report::{Ended, Reference, Report, Sample};
pub use run::Progress;
pub use verdict::{Finding, Growth, Verdict};

use crate::capi;
use crate::error::{ErrorKind, Result};
use crate::interpreter::with_python;
use crate::outliers::Outliers;
use run::{PARTS, Run};

/// Runs a closure while those of Python's allocations on this thread fail that are in a range,
/// counted from 1. Returns what the closure returned, and how many there were.
///
/// `3..=3` fails the third alone, `3..` that and all that follow. So a loop fails each in turn:
///
/// ```standalone_crate
/// use pyoutliers::{Error, ErrorKind, capi, soak::starve, with_python};
///
/// for number in 1.. {
///     let call = || with_python(|py| Ok(drop(capi::unicode_from_str(py, "a string")?)));
///     let (result, allocations) = starve(number..=number, call)?;
///     if allocations < number {
///         break; // all have been failed
///     }
///     assert!(matches!(result.unwrap_err().kind(), ErrorKind::OutOfMemory(_)));
/// }
/// # Ok::<_, Error>(())
/// ```
///
/// Python's allocations are those of its [three
/// allocators](https://docs.python.org/3/c-api/memory.html#allocator-domains); what C code or NumPy
/// takes from elsewhere is none. The first call puts an allocator around each, best before other
/// threads use Python. Python itself has faults on these paths: before 3.14, a function with closures or generators may
/// leak or worse.
///
/// # Errors
///
/// [`ErrorKind::Start`] if Python cannot be started, and [`ErrorKind::Starve`] if somebody else has
/// changed its allocators since the first call, as `tracemalloc` does.
pub fn starve<R>(range: impl RangeBounds<u64>, closure: impl FnOnce() -> R) -> Result<(R, u64)> {
    if !with_python(|py| Ok(capi::prepare_starving(py)))? {
        return Err(ErrorKind::Starve.into());
    }
    Ok(capi::starve(range, closure))
}

/// A soak: how many calls, how long, and what is lent.
#[derive(Clone, Debug)]
pub struct Soak<'a> {
    calls: u64,
    time: Option<Duration>,
    lent: Option<(&'a Outliers, &'a [f64])>,
}

impl<'a> Soak<'a> {
    /// A soak of that many calls, made a multiple of 16, and up to 30,000 before them to warm up.
    pub fn new(calls: u64) -> Self {
        Self {
            calls: calls.div_ceil(PARTS).max(1).saturating_mul(PARTS),
            time: None,
            lent: None,
        }
    }

    /// Makes as many of the calls as there is time for.
    pub fn within(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// First calls a function with arguments that are watched: whether it keeps the list, and whether
    /// it gives the list or an item of it back too often.
    pub fn lend(mut self, detector: &'a Outliers, data: &'a [f64]) -> Self {
        self.lent = Some((detector, data));
        self
    }

    /// Soaks a closure.
    ///
    /// # Errors
    ///
    /// The first error of the closure, which ends the soak; or of starting Python. If memory runs out,
    /// that is no error but ends the soak with the verdict so far.
    pub fn run(self, call: impl FnMut() -> Result<()>) -> Result<Report> {
        self.run_watched(call, |_| ControlFlow::Continue(()))
    }

    /// Soaks a closure, telling `watch` before each call where it is; `Break` ends the soak with
    /// the verdict so far.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_watched(
        self,
        call: impl FnMut() -> Result<()>,
        watch: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Report> {
        Run::new(self, call, watch)?.run()
    }
}
