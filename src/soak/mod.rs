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
//! use pyoutliers::{Error, Outliers, soak::{Soak, Verdict}};
//!
//! let detector = Outliers::new("pyoutliers", "detect")?;
//! let data = pyoutliers::gen_testdata()?;
//! let report = Soak::new(1600).function("pyoutliers", "detect")?.run(|| {
//!     detector.detect(&data)?;
//!     Ok::<_, Error>(())
//! })?;
//! assert_eq!(report.verdict, Verdict::Clean, "{report}");
//! # Ok::<_, Error>(())
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
mod meter;
mod report;
mod verdict;

use std::ops::{ControlFlow, RangeBounds};

pub use crate::capi::probes::memory::{CBlock, CountingAllocator};
pub use blame::lines_that_grow;
pub use meter::Counter;
pub use report::{Report, Sample};
pub use verdict::{Finding, Growth, Verdict};

use crate::capi::{self, Cushion};
use crate::error::{Error, ErrorKind, Result};
use crate::interpreter::{find, with_python};
use meter::{MOST, Meter, Reading, Witness};

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

/// Windows by their length, in parts of all calls.
const WINDOWS: [u64; 12] = [1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2];
const PARTS: u64 = 16;
/// A warm-up that takes more memory than that, in bytes, is ended, and so few calls follow that they
/// take about as much again: a leak that large needs no more of them.
const MOST_MEMORY: i64 = 256 << 20;
/// Warm-up: at most this many windows, and this many quiet ones in a row are enough.
const MOST_WARM_UP: usize = 30;
const QUIET: usize = 3;
/// Python 3.8 to 3.10 make a cache at a function's call 1,024.
const LEAST_WARM_UP: u64 = 1100;

/// A soak: how many calls, and which witnesses.
#[derive(Debug)]
pub struct Soak {
    calls: u64,
    witnesses: Vec<Witness>,
}

/// Where a soak is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// Calls made in the windows; 0 while it warms up.
    pub calls: u64,
    /// Calls made to warm up.
    pub warm_up: u64,
    counters: &'a [Counter],
    growth: [i64; MOST],
}

impl Progress<'_> {
    /// The counters, and how much each grew in the windows so far.
    pub fn growth(&self) -> impl Iterator<Item = (&Counter, i64)> {
        self.counters.iter().zip(self.growth)
    }
}

impl Soak {
    /// A soak of that many calls, made a multiple of 16, and up to 30,000 before them to warm up.
    pub fn new(calls: u64) -> Self {
        Self {
            calls: calls.div_ceil(PARTS).max(1).saturating_mul(PARTS),
            witnesses: Vec::new(),
        }
    }

    /// Makes a function and its module the witnesses: the references to them are counted.
    ///
    /// # Errors
    ///
    /// As [`Outliers::new`](crate::Outliers::new).
    pub fn function(mut self, module: &str, function: &str) -> Result<Self> {
        // As many as could be given back too often.
        let spare = self.calls.saturating_add(50_000).min(1 << 28);
        let spare = usize::try_from(spare).unwrap_or(0);
        let (module, function) = with_python(|py| {
            let (module, function) = find(py, module, function)?;
            Ok((Cushion::new(module, spare), Cushion::new(function, spare)))
        })?;
        let witness = |name: &str, object| Witness {
            name: name.into(),
            object,
        };
        self.witnesses = vec![witness("function", function), witness("module", module)];
        Ok(self)
    }

    /// Soaks a closure.
    ///
    /// # Errors
    ///
    /// The first error of the closure, which ends the soak; or of starting Python.
    pub fn run<E: From<Error>>(self, call: impl FnMut() -> Result<(), E>) -> Result<Report, E> {
        self.run_watched(call, |_| ControlFlow::Continue(()))
    }

    /// Soaks a closure, telling `watch` before each call where it is; `Break` ends the soak with
    /// the verdict so far.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_watched<E: From<Error>>(
        self,
        mut call: impl FnMut() -> Result<(), E>,
        mut watch: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Report, E> {
        let meter = Meter::new(self.witnesses)?;
        let mut window = self.calls / PARTS;
        // All room is made before the first reading.
        let mut readings: Vec<(u64, Reading)> =
            Vec::with_capacity(2 + MOST_WARM_UP + WINDOWS.len());
        let mut progress = Progress {
            calls: 0,
            warm_up: 0,
            counters: &meter.counters,
            growth: [0; MOST],
        };
        let mut report = Report::new(meter.counters.clone(), window);
        meter.read()?;
        let first = meter.read()?;
        readings.push((0, first));

        let (mut quiet, mut too_large) = (0, false);
        let least = LEAST_WARM_UP.min(self.calls.max(100));
        while readings.len() <= MOST_WARM_UP
            && (quiet < QUIET || progress.warm_up < least)
            && !too_large
        {
            for _ in 0..window.clamp(16, 1000) {
                if watch(&progress).is_break() {
                    report.warm_up = progress.warm_up;
                    return Ok(report.interrupted(&readings));
                }
                call()?;
                progress.warm_up += 1;
            }
            let before = readings.last().map(|&(_, reading)| reading);
            let reading = meter.read()?;
            let moved = before
                .is_none_or(|before| reading.growth(&before).iter().any(|&growth| growth != 0));
            quiet = if moved { 0 } else { quiet + 1 };
            too_large = reading.resident - first.resident > MOST_MEMORY;
            readings.push((progress.warm_up, reading));
        }
        report.warm_up = progress.warm_up;
        report.settled = quiet >= QUIET;
        if too_large {
            window = window.min(progress.warm_up.div_ceil(PARTS));
            report.shorten(window);
        }

        if let Some(blind) = meter.prove()? {
            return Ok(report.blind(blind, &readings));
        }
        let start = meter.read()?;
        let mut last = start;
        for length in WINDOWS {
            for _ in 0..length * window {
                if watch(&progress).is_break() {
                    return Ok(report.interrupted(&readings));
                }
                call()?;
                progress.calls += 1;
            }
            let reading = meter.read()?;
            report.window(length, reading.growth(&last));
            last = reading;
            progress.growth = reading.growth(&start);
            readings.push((progress.warm_up + progress.calls, reading));
        }
        Ok(report.complete(&readings))
    }
}
