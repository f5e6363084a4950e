//! Calls again and again: what grows is counted by the soak.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::Judge;
use super::words::{Broken, gravest};
use pyoutliers::Result;
use pyoutliers::capi;
use pyoutliers::with_python;
use refsoak::{Report, Soak, Verdict};

/// The most sweeps that a soak judges, unless something is known to grow; and how long they may take.
const MOST: u64 = 320;
const MOST_TO_NARROW: u64 = 64;
const LONGEST: Duration = Duration::from_millis(500);

/// Different calls, each of which has a number: all are made in turn, or some of them.
pub(super) trait Calls {
    /// A soak of them.
    fn soak(&self, sweeps: u64) -> Soak<'static>;
    /// How many sweeps are enough to see what grows, and to warm up.
    fn enough(&self) -> (u64, u64) {
        (MOST, 100)
    }
    /// Says that these are tried.
    fn begin(&self, judge: &Judge<'_>, part: &Range<u64>) -> Result<()>;
    /// Makes these.
    fn sweep(&self, judge: &Judge<'_>, part: &Range<u64>) -> Result<()>;
}

/// Those with one list after the other.
struct WithLists;

impl Calls for WithLists {
    fn soak(&self, sweeps: u64) -> Soak<'static> {
        Soak::new(sweeps)
    }

    fn begin(&self, judge: &Judge<'_>, part: &Range<u64>) -> Result<()> {
        judge.tell_part(c"sweeping", part)
    }

    fn sweep(&self, judge: &Judge<'_>, part: &Range<u64>) -> Result<()> {
        judge.tell_part(c"sweep", part)
    }
}

impl Judge<'_> {
    /// Soaks calls with all lists in turn.
    pub(super) fn soak_calls(&self) -> refsoak::Result<()> {
        let kinds = with_python(|py| self.count(py, c"prepare", []))?;
        if let Some((part, report)) = self.growing(0..kinds, &WithLists)? {
            let mut broken = Broken::by(&report, part.end - part.start);
            if part.start + 1 == kinds {
                // In the last kind, an item that ends calls again.
                let rule = "Clear first: what is released may run code that comes here again.";
                broken = broken.of("clear-first", rule);
            }
            with_python(|py| self.found(py, broken.texts()))?;
        }
        Ok(())
    }

    /// Soaks calls. If something grows, returns the first of them by which it does, or all of them if no
    /// few of them alone show it; and what the soak saw.
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
            // What comes first is the simplest, and what leaks makes each soak slower.
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
            // A store that is full by now, or what only all of them make grow.
            found = self.soak(&all, calls, MOST)?.map(|report| (all, report));
        }
        if let Some((part, _)) = &found {
            calls.begin(self, part)?;
        }
        Ok(found)
    }

    /// Soaks some of the calls; what it saw, unless that is clean.
    fn soak(
        &self,
        part: &Range<u64>,
        calls: &impl Calls,
        most: u64,
    ) -> refsoak::Result<Option<Report>> {
        calls.begin(self, part)?;
        // A call that was not made before takes longer.
        let mut pace = LONGEST.as_micros();
        for _ in 0..3 {
            let begun = Instant::now();
            calls.sweep(self, part)?;
            pace = pace.min(begun.elapsed().as_micros().max(1));
        }
        let affordable = LONGEST.as_micros() / pace;
        let (enough, warm_up) = calls.enough();
        let most = most.min(enough);
        let mut sweeps = u64::try_from(affordable).map_or(most, |sweeps| sweeps.clamp(16, most));
        for is_last in [false, true] {
            let soak = calls.soak(sweeps).briefly(warm_up.min(sweeps));
            let report = soak.run_watched(|| calls.sweep(self, part), |_| self.goes_on())?;
            match &report.verdict {
                Verdict::Clean => return Ok(None),
                Verdict::Undecided(reason) if is_last => with_python(|py| {
                    let reason = capi::unicode_from_str(py, reason)?;
                    self.ask(py, c"doubt", [&reason]).map(drop)
                })?,
                // More of them tell.
                Verdict::Undecided(_) => sweeps *= 8,
                _ => return Ok(Some(report)),
            }
        }
        Ok(None)
    }
}
