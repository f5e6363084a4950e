//! Leak soak: a verdict on a closure that is exact, fast, and proves itself.
//!
//! Resident memory hides small leaks and alarms about none. So this counts what can leak: Python's
//! blocks of memory (every object takes one at least), the objects that its collector of cycles
//! tracks (those that can hold others), the references to every object that can be found, the heaps
//! of C and Rust, open files and threads. All of these stand still over any number of calls that leak
//! nothing, but for C's heap, which moves by some bytes. Memory that other allocators take from the
//! system is told in pages.
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
//! 1. *Find the objects* whose references are counted: all that the collector tracks, all that they
//!    refer to, and NumPy's dtypes. The immortal are left out. Each is held by spare references, so
//!    that none dies if it is given back too often.
//! 2. *Lend arguments*, if [`Soak::lend`] was asked for: four calls get lists that are watched, items
//!    included. That shows exactly, in one call, a list that is kept, one or an item that is given back
//!    too often, and one that is returned without a reference of its own.
//! 3. *Warm up*: call, as caches fill at first, until all counters stand still at three readings in a
//!    row; after 1, 2, 4, 8 ... calls at first, as what is given back too often kills soon. What falls is
//!    lent more references.
//! 4. *Prove the meter*: plant blocks of Python memory, one of them tracked, a reference, a block of
//!    C's heap, an open file and pages, and see each come and go exactly; give a reference back too
//!    often; commit each fault with an argument. If one is not seen, there is no verdict.
//!    (`PYTHONMALLOC=malloc`, for one, makes Python's count of blocks stand still.)
//! 5. *Windows*, calls between two readings: twice one of n calls, then one of 2n, four times over.
//! 6. *Verdict*: a leak is growth in every window *and* twice of it at twice the calls. Growth that
//!    does not scale is a cache; growth that goes on now and then is not judged, it takes more calls.
//!    References to an object that fall in the same way are given back too often, over-released.
//!
//! What grows steadily in the warm-up is judged by windows of 50 calls. If it is a leak, that is the
//! verdict, unless a container grew too: that may be a cache that fills, and is judged again by windows
//! of 1,600 calls. If the time does not allow 2,000 calls, such growth gets no verdict.
//!
//! A leak of one object in n calls shows in every window. So one in n, a sixteenth of all calls, is
//! the rarest leak that is sure to be seen: make more calls to see a rarer one.
//!
//! A soak ends early when its time is up ([`Soak::within`]), or when it has taken 256 MiB. What was cut
//! short by memory is a leak or undecided, never clean.
//!
//! # What grows, and where
//!
//! Of a leak the report names the objects that are referred to, the containers that grow, both by the
//! variable that they are reached from, the lines that allocate, by `tracemalloc`, and the lines that
//! add to those containers and references, or call C code that leaks, by what each line adds.
//!
//! # How to read it
//!
#![doc = include_str!("reading.md")]
//!
//! # What it cannot see
//!
//! - A leak rarer than one in n calls: `a_rare_leak_is_found_by_enough_calls`.
//! - A cache that still fills and a leak look alike for as long as it fills:
//!   `a_cache_that_fills_and_stops_is_clean` has one that is seen through.
//! - References to objects that C code alone holds:
//!   `references_to_what_c_code_alone_holds_are_not_seen`; and to immortal ones, from 3.12 on `None`,
//!   small ints and others: `references_to_the_immortal_are_not_seen`.
//! - Less than 1 MiB outside malloc: `memory_that_no_allocator_knows_of_is_never_clean` has both sides.
//! - The line of another thread, though what it leaves behind is counted:
//!   `references_that_another_thread_leaks_are_found_without_its_line`.
//! - Code that looks at reference counts sees the spare ones: `ndarray.resize` refuses, in
//!   `an_array_that_was_there_before_refuses_to_be_resized`.
//!
//! # Tried on real leaks
//!
#![doc = include_str!("real-leaks.md")]
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
pub use blame::Reference;
pub use lent::Lent;
pub use meter::Counter;
pub use report::{Ended, Report, Sample};
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
/// threads use Python.
///
/// Python itself has faults where its memory runs out: before 3.14, a function that makes closures,
/// generators, classes or threads may leak, or end the process. So nothing is failed, nor counted,
/// while Python puts the traceback of an exception into words.
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
///
/// ```standalone_crate
/// use std::time::Duration;
///
/// use pyoutliers::soak::{Soak, Verdict};
/// use pyoutliers::with_python;
///
/// let soak = Soak::new(1600).within(Duration::from_secs(60));
/// let report = soak.run(|| with_python(|_| Ok(())))?;
/// assert_eq!(report.verdict, Verdict::Clean);
/// println!("{report}");
/// # Ok::<_, pyoutliers::Error>(())
/// ```
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
