//! The course of a soak: when a stage of windows is enough, and how long the next one has to be.

use super::counter::Counter;
use super::verdict::{Finding, Growth, float};

/// Shortest windows, in calls: where a leak soon shows; where what grows may stop soon; where it is a
/// resource that soon runs out.
pub(super) const EARLY: u64 = 50;
const LONGER: u64 = 1600;
pub(super) const RESOURCES: u64 = 8;
/// The largest store that is not called a leak while it fills, in entries; and the calls after which one
/// that gets an entry per call would have been full for some time.
pub(super) const MOST_ENTRIES: i64 = 100_000;
const CALLS_TO_FILL: f64 = 125_000.0;
/// What gets an entry less often than this is not waited for.
const LEAST_RATE: f64 = 1.0 / 16.0;

/// What a stage has shown.
pub(super) struct Stage<'a> {
    /// The calls of its shortest window.
    pub window: u64,
    /// Calls so far, of the stages before and of the warm-up too.
    pub calls: u64,
    pub growths: &'a [Growth],
    /// Whether what grows is kept by what was there before: a store that fills, or a leak.
    pub is_kept: bool,
    /// How many entries the largest container has that grows like a leak.
    pub most_items: i64,
    /// Whether memory outside malloc may grow, and has not grown enough to tell.
    pub may_grow_outside: bool,
}

/// What comes after a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is enough.
    Stop,
    /// A stage whose shortest window has so many calls.
    Stage(u64),
    /// What grows may be a store that still fills, and there is no time to see.
    Doubt,
}

impl Stage<'_> {
    /// `wanted` is the shortest window of all calls that were asked for, `affordable` the longest that
    /// there is time for; none if time has no limit, and so no more calls are made than were asked for.
    pub fn next(&self, wanted: u64, affordable: Option<u64>) -> Next {
        if self.is_certain() && !self.may_grow_outside {
            return Next::Stop;
        }
        let longest = affordable.unwrap_or(wanted);
        let is_open = |growth: &Growth| match growth.finding {
            Finding::Leak => growth.counter != Counter::Types,
            finding => finding == Finding::Rare,
        };
        let target = if !self.growths.iter().any(is_open) || self.window >= LONGER {
            wanted
        } else {
            LONGER.min(wanted)
        };
        if self.window < target {
            // Less than a quarter more tells nothing new.
            let is_longer = target.min(longest) >= self.window + self.window.div_ceil(4);
            if is_longer {
                return Next::Stage(target.min(longest));
            }
        } else if !self.growths.iter().any(is_open) || self.would_be_full() || affordable.is_none()
        {
            return Next::Stop;
        } else if longest >= 2 * self.window {
            return Next::Stage(2 * self.window);
        }
        let is_heap = self.leaks(|counter| counter == Counter::CHeap) && !self.is_kept;
        match self.leaks(|_| true) {
            // C's heap is no store of Python's: it has had time enough.
            true if is_heap && self.window >= LONGER => Next::Stop,
            true if !self.is_certain() && !self.would_be_full() => Next::Doubt,
            _ => Next::Stop,
        }
    }

    fn leaks(&self, which: impl Fn(Counter) -> bool) -> bool {
        let mut leaks = self
            .growths
            .iter()
            .filter(|growth| growth.finding == Finding::Leak);
        leaks.any(|growth| which(growth.counter) && growth.counter != Counter::Types)
    }

    /// Whether more calls would not change the verdict.
    fn is_certain(&self) -> bool {
        let is_over_released = |growth: &Growth| growth.finding == Finding::OverRelease;
        self.growths.iter().any(is_over_released)
            || self.leaks(|counter| match counter {
                Counter::Items | Counter::CHeap => false,
                Counter::Blocks
                | Counter::Tracked
                | Counter::TotalReferences
                | Counter::RustHeap => !self.is_kept,
                _ => true,
            })
    }

    /// Whether a store of the largest size that fills at this rate would have been full for some time.
    fn would_be_full(&self) -> bool {
        let leaks = self
            .growths
            .iter()
            .filter(|growth| growth.finding == Finding::Leak);
        let rate = leaks.map(|growth| match growth.counter {
            Counter::CHeap => 1.0,
            _ => growth.per_call,
        });
        let rate = rate.fold(0.0, f64::max);
        self.most_items > MOST_ENTRIES
            || rate > 0.0
                && (rate < LEAST_RATE || float(self.calls) * rate.min(1.0) >= CALLS_TO_FILL)
    }
}

#[cfg(test)]
mod tests;
