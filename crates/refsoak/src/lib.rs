//! Leak soak: a verdict on a closure that is exact, fast, and proves itself.
//!
//! Resident memory hides small leaks, and grows where nothing leaks. So this counts what can leak: Python's
//! blocks of memory (every object takes at least one), the objects that its cycle collector tracks (those
//! that can hold others), the references to every object that can be found, the items in every container,
//! the heaps of C and Rust, open files, mapped files, threads, child processes, and shared memory. None of
//! these changes over any number of calls that leak nothing, except C's heap, by some bytes. Memory that
//! other allocators take from the system is measured too, in pages.
//!
//! ```standalone_crate
//! use pyoutliers::Outliers;
//! use refsoak::Soak;
//!
//! let detector = Outliers::new("pyoutliers", "detect")?;
//! let data = pyoutliers::gen_testdata()?;
//! let soak = Soak::new(1600).lend(&detector, &data);
//! soak.run(|| detector.detect(&data).map(drop))?.assert_clean();
//! # Ok::<_, refsoak::Error>(())
//! ```
//!
//! # The protocol
//!
//! 1. *Find the objects*: all that the collector tracks, and all that they refer to, what NumPy's arrays
//!    hold included. References to each are counted, and its items if it has a length. Immortal objects are
//!    left out. Each object is held by spare references, so that none dies if it is released too often.
//! 2. *Lend arguments*, if [`Soak::lend`] was asked for: four calls get lists that are watched, items
//!    included. That shows exactly, in one call, a list that is kept, a list or an item that is released too
//!    often, and a list that is returned without a reference of its own.
//! 3. *Warm up*: call until all counters stand still at three readings in a row, or some move steadily;
//!    after 1, 2, 4, 8 ... calls at first, as an object that is released too often soon crashes the process.
//!    An object whose count falls gets more spare references, so that it lives on.
//! 4. *Prove the meter*: plant blocks of Python memory, one of them tracked, references, an item, a block of
//!    C's heap, an open file, a mapped file and pages, and see each come and go exactly; release a reference
//!    too often; commit each fault with an argument. A counter that does not see what was planted is not
//!    judged, and the report says so. Without Python's own counters nothing is clean.
//!    (`PYTHONMALLOC=malloc`, for one, makes Python's count of blocks stand still.)
//! 5. *Windows*, calls between two readings: eight of n to 1.5n calls, then four of 2.3n to 2.8n.
//! 6. *Judge*: a leak grows in every window, *and* with the calls: per call as much in the long windows as in
//!    the short ones. A leak that comes once in p calls comes c/p times in c consecutive calls, give or take
//!    one, so no p up to n looks different in the two halves. And no two windows have the same length, so
//!    that a store that is emptied when it is full is not met fuller each time. If the
//!    references to an object fall like that, it is over-released. What goes on growing otherwise gets no
//!    verdict: make more calls.
//!
//! # Stores
//!
//! A store of fixed size (a cache, a window, a ring, a pool) is clean: what it evicts is freed, what it still
//! holds is counted.
//!
//! - Before each reading, the soak lets go of objects that nobody else leads to any more. An object that is
//!   released too often is not among those: its holder still leads to it.
//! - References that other objects hold explain themselves. Only what they do not explain is a leak or an
//!   over-release.
//! - Growth that older objects lead to may be a store that fills. It is a leak if it goes on for 125,000
//!   calls that each add something, or if a container comes to hold more than 100,000 objects. What adds
//!   something less often than in 50 calls is judged by the calls that were asked for.
//! - C's heap alone may be a cache of C code. It is judged like a store, by at least 25,600 calls.
//! - A soak without a time limit makes only the calls that were asked for, and judges by these. With one
//!   ([`Soak::within`]), it makes more calls if that tells a store from a leak, and gives no verdict on a
//!   store that still fills in the end.
//!
//! # When it ends
//!
//! As soon as it is certain: a leak that no older object leads to is certain after 800 calls. References to
//! types end no soak early, because they take no memory and must not hide what does. The shortest window
//! has a twentieth of all calls: a leak that comes at least once in so many calls is sure to be seen. Make
//! more calls to see a rarer one.
//!
//! A soak ends early when its time is up, when it has taken 256 MiB, or when nine tenths of the files are
//! open that may be. Then the verdict is a leak or none, never clean. (Files: the soft limit is raised to
//! the hard one.)
//!
//! # What grows, and where
//!
//! For a leak, the report names:
//!
//! - the objects whose references leak and the containers that grow, each with the variable that leads
//!   to it, and variables whose values become longer;
//! - the lines that allocate, found by `tracemalloc`;
//! - the lines that add to those containers, references and open files, or that call C code that leaks. What
//!   a line calls is booked to it, if that explains the sum.
//!
//! # How to read it
//!
#![doc = include_str!("../reading.md")]
//!
//! # What it cannot see
//!
//! - A leak rarer than one in n calls: `a_rare_leak_is_found_by_enough_calls`.
//! - A store that still fills and a leak look alike for as long as it fills:
//!   `a_store_that_still_fills_when_the_time_is_up_gets_no_verdict`. One of more than 100,000 entries, or of
//!   more than 256 MiB, is called a leak, except a deque with a `maxlen`. So is one of more than 20,000
//!   objects that C code hides from Python's collector.
//! - A leak behind a store that is emptied whenever it is full, if it comes to less in all calls than the
//!   store holds, and is not of blocks: `a_leak_behind_a_store_that_is_emptied_when_full_is_never_clean` and
//!   `a_leak_behind_a_store_shows_in_what_its_items_do_not_explain` have the others.
//! - References to objects that C code alone holds:
//!   `references_to_what_c_code_alone_holds_are_not_seen`; and to immortal ones, from 3.12 on `None`,
//!   small ints and others: `references_to_the_immortal_are_not_seen`.
//! - Less than 4 MiB outside malloc: `memory_that_no_allocator_knows_of_is_seen_from_four_mebibytes_on` has
//!   both sides.
//! - The line of another thread, though what it leaves behind is counted:
//!   `references_that_another_thread_leaks_are_found_without_its_line`.
//! - Code that looks at reference counts sees the spare ones: `ndarray.resize` refuses, in
//!   `an_array_that_was_there_before_refuses_to_be_resized`.
//!
//! # Tried on real leaks
//!
#![doc = include_str!("../real-leaks.md")]
//!
//! # Running out of memory
//!
//! [`starve`] fails Python's allocations, one after the other if you like. So the paths that are
//! taken when memory runs out can be soaked too.
//!
//! # In a test
//!
//! Give each soak a process of its own, such as by one `#[test]` in a file of `tests/`: other
//! threads of the process are counted too. Rust's heap is counted if the test says so:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: refsoak::CountingAllocator = refsoak::CountingAllocator;
//! ```

mod allow;
mod blame;
mod calls;
mod clock;
mod counter;
mod course;
mod decide;
mod error;
mod graph;
mod judge;
mod lent;
mod member;
mod memory;
mod meter;
mod process;
mod record;
mod reference;
mod report;
mod run;
mod spare;
mod stage;
mod starve;
mod universe;
mod verdict;

use std::ops::ControlFlow;
use std::time::Duration;

pub use calls::Progress;
pub use counter::Counter;
pub use error::{Error, Result};
pub use lent::{Lent, WatchedList};
pub use memory::{CBlock, CountingAllocator};
pub use record::{CounterRecord, Record, ReferenceRecord, Resident};
pub use reference::Reference;
pub use report::{Report, Sample};
pub use spare::SpareReferences;
pub use stage::Ended;
pub use starve::starve;
pub use verdict::{Finding, Growth, Verdict};

use pyoutliers::Outliers;
use run::Run;
use verdict::PARTS;

/// An error that a closure may return.
type CallError = Box<dyn std::error::Error + Send + Sync>;

/// A soak: how many calls, how long, and what is lent.
///
/// ```standalone_crate
/// use std::time::Duration;
///
/// use refsoak::{Soak, Verdict};
/// use pyoutliers::with_python;
///
/// let soak = Soak::new(1600).within(Duration::from_secs(60));
/// let report = soak.run(|| with_python(|_| Ok(())))?;
/// assert_eq!(report.verdict, Verdict::Clean);
/// println!("{report}");
/// # Ok::<_, refsoak::Error>(())
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
    /// A soak of that many calls, rounded up to a multiple of 20; more calls warm up before.
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
    pub fn briefly(mut self, warm_up: u64) -> Self {
        self.brief = Some(warm_up);
        self
    }

    /// Makes as many of the calls as there is time for, and more if these tell a store that fills from a
    /// leak. Locating a leak takes some seconds longer.
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
    /// # use pyoutliers::{capi, with_python};
    /// # use refsoak::Soak;
    /// let leaks = || with_python(|py| Ok(std::mem::forget(capi::import_module(py, c"sys")?)));
    /// let report = Soak::new(1600).allow("module <module 'sys' *").run(leaks)?;
    /// report.assert_clean();
    /// assert_eq!(report.allowed.len(), 1);
    /// # Ok::<_, refsoak::Error>(())
    /// ```
    pub fn allow(mut self, pattern: &str) -> Self {
        self.allowed.push(pattern.into());
        self
    }

    /// First makes four calls of a function with watched arguments. The report says if the function
    /// keeps its argument, releases the list or an item too often, or returns it without adding a
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
    pub fn run<E: Into<CallError>>(self, call: impl FnMut() -> Result<(), E>) -> Result<Report> {
        self.run_watched(call, |_| ControlFlow::Continue(()))
    }

    /// Soaks a closure, and reports to `watch` before each call how far it is; `Break` ends the soak with
    /// the verdict so far.
    ///
    /// ```standalone_crate
    /// # use std::ops::ControlFlow;
    /// # use pyoutliers::with_python;
    /// # use refsoak::{Ended, Soak};
    /// let call = || with_python(|_| Ok(()));
    /// let report = Soak::new(1600).run_watched(call, |progress| match progress.calls {
    ///     1000.. => ControlFlow::Break(()),
    ///     _ => ControlFlow::Continue(()),
    /// })?;
    /// assert_eq!(report.ended, Some(Ended::Interrupted));
    /// # Ok::<_, refsoak::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_watched<E: Into<CallError>>(
        self,
        mut call: impl FnMut() -> Result<(), E>,
        watch: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Report> {
        let call = || call().map_err(|error| Error::of_call(error.into()));
        Run::new(self, call, watch)?.run()
    }
}
