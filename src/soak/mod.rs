//! Leak soak: a verdict on a closure that is exact, fast, and proves itself.
//!
//! Resident memory hides small leaks, and grows where nothing leaks. So this counts what can leak: Python's
//! blocks of memory (every object takes one at least), the objects that its collector of cycles
//! tracks (those that can hold others), the references to every object that can be found, the heaps
//! of C and Rust, open files and threads. None of these changes over any number of calls that leak
//! nothing, except C's heap, by some bytes. Memory that other allocators take from the system is
//! measured too, in pages.
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
//!    row; after 1, 2, 4, 8 ... calls at first, as an object that is given back too often soon crashes the
//!    process. An object whose count falls gets more spare references, so that it lives on.
//! 4. *Prove the meter*: plant blocks of Python memory, one of them tracked, a reference, a block of
//!    C's heap, an open file and pages, and see each come and go exactly; give a reference back too
//!    often; commit each fault with an argument. If one is not seen, there is no verdict.
//!    (`PYTHONMALLOC=malloc`, for one, makes Python's count of blocks stand still.)
//! 5. *Windows*, calls between two readings: twice one of n calls, then one of 2n, four times over.
//! 6. *Verdict*: a leak grows in every window, *and* twice as much in a window of twice the calls. What
//!    grows otherwise is a cache. What goes on growing, but not in every window, gets no verdict: make
//!    more calls. If the references to an object fall as a leak grows, they are given back too often:
//!    the object is over-released.
//!
//! If something grows steadily in the warm-up, windows of 50 calls judge it at once, and a leak is the
//! verdict. But a container that grows may be a cache that fills: then windows of 1,600 calls judge it
//! again. If there is no time for 2,000 calls, a growing container gets no verdict.
//!
//! The shortest window has a sixteenth of all calls. A leak that comes at least once in so many calls
//! shows in every window, and is sure to be seen. Make more calls to see a rarer one.
//!
//! A soak ends early when its time is up ([`Soak::within`]), or when it has taken 256 MiB. If it ends
//! because of memory, the verdict is a leak or none, never clean.
//!
//! # What grows, and where
//!
//! For a leak, the report names:
//!
//! - the objects whose references leak and the containers that grow, each with the variable that leads
//!   to it;
//! - the lines that allocate, found by `tracemalloc`;
//! - the lines that add to those containers and references, or that call C code that leaks.
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
//! - A store that empties lets go of references as if they were given back too often, so it gets no
//!   verdict: `a_store_that_empties_gets_no_verdict`.
//! - References to objects that C code alone holds:
//!   `references_to_what_c_code_alone_holds_are_not_seen`; and to immortal ones, from 3.12 on `None`,
//!   small ints and others: `references_to_the_immortal_are_not_seen`.
//! - Less than 1 MiB outside malloc: `memory_that_no_allocator_knows_of_is_seen_from_a_mebibyte_on` has both sides.
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

mod allow;
mod blame;
mod counter;
mod course;
mod graph;
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
pub use counter::Counter;
pub use lent::Lent;
pub use report::{Ended, Report, Sample};
pub use run::Progress;
pub use verdict::{Finding, Growth, Verdict};

pub(crate) use lent::Watched;

use crate::capi;
use crate::error::{ErrorKind, Result};
use crate::interpreter::with_python;
use crate::outliers::Outliers;
use run::Run;
use verdict::PARTS;

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
    allowed: Vec<String>,
    brief: Option<u64>,
}

impl<'a> Soak<'a> {
    /// A soak of that many calls, rounded up to a multiple of 16; more calls warm up before.
    pub fn new(calls: u64) -> Self {
        Self {
            calls: calls.div_ceil(PARTS).max(1).saturating_mul(PARTS),
            time: None,
            lent: None,
            allowed: Vec::new(),
            brief: None,
        }
    }

    /// Makes so many calls to warm up, and looks for no lines: many such soaks are made in a row.
    pub(crate) fn briefly(mut self, warm_up: u64) -> Self {
        self.brief = Some(warm_up);
        self
    }

    /// Makes as many of the calls as there is time for. To name a leak takes some seconds more.
    pub fn within(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Accepts growth: `types` for references to types, or a pattern, in which `*` stands for anything,
    /// of the object or container that gains: of its type, its variable, or its type and `repr`.
    ///
    /// What was allowed is in the report, and does not decide the verdict.
    ///
    /// ```standalone_crate
    /// # use pyoutliers::{capi, soak::Soak, with_python};
    /// let leaks = || with_python(|py| Ok(std::mem::forget(capi::import_module(py, c"sys")?)));
    /// let report = Soak::new(1600).allow("module <module 'sys' *").run(leaks)?;
    /// report.assert_clean();
    /// assert_eq!(report.allowed.len(), 1);
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    pub fn allow(mut self, pattern: &str) -> Self {
        self.allowed.push(pattern.into());
        self
    }

    /// First makes four calls of a function with watched arguments. The report says if the function
    /// keeps its argument, gives the list or an item back too often, or returns it without adding a
    /// reference.
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
    /// ```standalone_crate
    /// # use std::ops::ControlFlow;
    /// # use pyoutliers::{soak::{Ended, Soak}, with_python};
    /// let call = || with_python(|_| Ok(()));
    /// let report = Soak::new(1600).run_watched(call, |progress| match progress.calls {
    ///     1000.. => ControlFlow::Break(()),
    ///     _ => ControlFlow::Continue(()),
    /// })?;
    /// assert_eq!(report.ended, Some(Ended::Interrupted));
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
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
