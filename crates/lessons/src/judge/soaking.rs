//! Soaks the calls, and narrows down which of them make something grow.

use std::ops::Range;
use std::time::Duration;

use super::Judge;
use super::places::{self, Place};
use super::words::{Broken, gravest};
use pyoutliers::Result;
use pyoutliers::capi;
use pyoutliers::with_python;
use refsoak::{Report, Soak, Stopwatch, Verdict, observe};

/// The most sweeps of the first soak, and of each soak that narrows growth down.
const MOST: u64 = 320;
const MOST_TO_NARROW: u64 = 64;
/// How many calls follow the one whose allocations are recorded. What exists after them leaks.
const TRACED: usize = 3;
/// How long the references to one object are watched.
const LONGEST_WATCH: Duration = Duration::from_secs(3);
/// The time that the sweeps of a soak may take.
const LONGEST: Duration = Duration::from_millis(500);

/// Calls of several kinds, by number. A sweep makes one call of each kind in a range.
pub(super) trait Calls {
    /// A soak of that many sweeps.
    fn soak(&self, sweeps: u64) -> Soak<'static>;
    /// How many sweeps are enough to show all growth, and how many of them warm up.
    fn enough(&self) -> (u64, u64) {
        (MOST, 100)
    }
    /// Reports which kinds are tried.
    fn begin(&self, judge: &Judge<'_>, part: &Range<u64>) -> Result<()>;
    /// Makes a call of each kind.
    fn sweep(&self, judge: &Judge<'_>, part: &Range<u64>) -> Result<()>;
}

/// Calls with one list after the other.
struct WithLists;

impl Calls for WithLists {
    fn soak(&self, sweeps: u64) -> Soak<'static> {
        Soak::new(sweeps)
    }

    fn begin(&self, judge: &Judge<'_>, part: &Range<u64>) -> Result<()> {
        judge.run_part(c"sweeping", part)
    }

    fn sweep(&self, judge: &Judge<'_>, part: &Range<u64>) -> Result<()> {
        judge.run_part(c"sweep", part)
    }
}

impl Judge<'_> {
    /// Soaks calls with all lists in turn.
    pub(super) fn soak_calls(&self) -> refsoak::Result<()> {
        let kinds = with_python(|py| self.count(py, c"prepare", []))?;
        if let Some((part, report)) = self.growing(0..kinds, &WithLists)? {
            let mut broken = self.blame(&report, &part, &WithLists)?;
            if part.start + 2 == kinds {
                let rule =
                    "A module owns what its state holds: release it when the module is freed.";
                broken = broken.of("half-way", rule).by_imports();
            }
            if part.start + 1 == kinds {
                // In calls of the last kind, an item calls `detect` when it is freed.
                let rule = "Clear first: a release can run code that calls this function again.";
                broken = broken.of("clear-first", rule);
            }
            with_python(|py| self.found(py, broken.texts()))?;
        }
        Ok(())
    }

    /// Soaks calls. If something grows, returns the report and the first kinds that make it grow, or all
    /// kinds if no part of them does.
    pub(super) fn growing(
        &self,
        all: Range<u64>,
        calls: &impl Calls,
    ) -> refsoak::Result<Option<(Range<u64>, Report)>> {
        let Some(report) = self.soak(&all, calls, MOST)? else {
            return Ok(None);
        };
        let worst = gravest(&report);
        let soak = |part: &Range<u64>| {
            let report = self.soak(part, calls, MOST_TO_NARROW)?;
            Ok::<_, refsoak::Error>(report.filter(|report| gravest(report) == worst))
        };
        let mut found = None;
        let (mut start, mut length) = (all.start, 1);
        while found.is_none() && start < all.end {
            // From the start, because the first lists are the simplest; in short parts, because leaks
            // make each soak slower.
            let part = start..(start + length).min(all.end);
            let report = soak(&part)?;
            (start, length) = (part.end, 2 * length);
            found = report.map(|report| (part, report));
        }
        if let Some((part, _)) = &found {
            let mut part = part.clone();
            while part.end - part.start > 1 {
                let middle = part.start + (part.end - part.start) / 2;
                let half = part.start..middle;
                let report = soak(&half)?;
                part = if report.is_some() {
                    half
                } else {
                    middle..part.end
                };
                found = report.map(|report| (part.clone(), report)).or(found);
            }
            if found.as_ref().is_some_and(|(found, _)| *found != part) {
                let report = soak(&part)?;
                found = report.map(|report| (part, report)).or(found);
            }
        }
        if found.is_none() {
            // Either a cache is full by now, or only all kinds together make something grow.
            found = self.soak(&all, calls, MOST)?.map(|report| (all, report));
        }
        if let Some((part, _)) = &found {
            calls.begin(self, part)?;
        }
        Ok(found)
    }

    /// The places that made the blocks of memory which each call leaves.
    pub(super) fn traced(&self, call: impl Fn() -> Result<()>) -> Result<Vec<Place>> {
        let collect = || with_python(|py| self.sweep.collect(py));
        observe(places::observe, || {
            collect()?;
            places::open_record(true);
            call()?;
            places::open_record(false);
            // What the module keeps until a later call is no leak. Collecting also empties Python's free lists.
            for _ in 0..TRACED {
                collect()?;
                call()?;
            }
            collect()?;
            Ok(places::end_record())
        })?
    }

    /// The rule that these calls break, and the places that made what leaks.
    pub(super) fn blame(
        &self,
        report: &Report,
        part: &Range<u64>,
        calls: &impl Calls,
    ) -> Result<Broken> {
        let made = self.traced(|| calls.sweep(self, part))?;
        let gravest = gravest(report);
        let mut references = report.references.iter();
        let moved = references.find(|moved| gravest == Some((moved.finding, moved.counter)));
        let mut lines = String::new();
        if let Some(moved) = moved {
            let begun = Stopwatch::start();
            // The calls that leak may be rare.
            while lines.is_empty() && begun.elapsed() < LONGEST_WATCH {
                lines = with_python(|py| {
                    let object = moved.held().as_borrowed(py);
                    places::references(&object, || calls.sweep(self, part))
                })?;
            }
        }
        if part.end - part.start > 1 {
            // Only the last of several failing places is known.
            places::failed();
        }
        Ok(Broken::by(report, part.end - part.start, &made, &lines))
    }

    /// Soaks some of the calls. Returns the report, unless it is clean.
    fn soak(
        &self,
        part: &Range<u64>,
        calls: &impl Calls,
        most: u64,
    ) -> refsoak::Result<Option<Report>> {
        calls.begin(self, part)?;
        // The fastest of three sweeps, because first calls take longer.
        let mut pace = LONGEST.as_micros();
        for _ in 0..3 {
            let begun = Stopwatch::start();
            calls.sweep(self, part)?;
            pace = pace.min(begun.elapsed().as_micros().max(1));
        }
        let affordable = LONGEST.as_micros() / pace;
        let (enough, warm_up) = calls.enough();
        let most = most.min(enough);
        let mut sweeps = u64::try_from(affordable).map_or(most, |sweeps| sweeps.clamp(16, most));
        for is_last in [false, true] {
            let soak = calls.soak(sweeps).briefly(warm_up.min(sweeps));
            let report = soak.run_watched(|| calls.sweep(self, part), |_| self.is_at_work())?;
            match &report.verdict {
                Verdict::Clean => return Ok(None),
                Verdict::Undecided(reason) if is_last => with_python(|py| {
                    let reason = capi::unicode_from_str(py, reason)?;
                    self.ask(py, c"no_verdict", [&reason]).map(drop)
                })?,
                // Try again with more sweeps.
                Verdict::Undecided(_) => sweeps *= 8,
                _ => return Ok(Some(report)),
            }
        }
        Ok(None)
    }
}
