//! The course of a soak: when a stage of windows is enough, and how long the next one has to be.

use super::counter::Counter;
use super::verdict::{Finding, Growth, float};

/// Shortest windows, in calls: where a leak soon shows; where what grows may stop soon; where it is a
/// resource that soon runs out.
pub(super) const EARLY: u64 = 40;
const LONGER: u64 = 1280;
pub(super) const RESOURCES: u64 = 6;
/// The largest store that is not called a leak while it fills, in entries; and the calls after which one
/// that gets an entry per call would have been full for some time.
pub(super) const MOST_ENTRIES: i64 = 100_000;
const CALLS_TO_FILL: f64 = 125_000.0;
/// What gets an entry less often than this is not waited for.
const LEAST_RATE: f64 = 1.0 / 50.0;

/// What a stage has shown.
pub(super) struct Stage<'a> {
    /// The calls of its shortest window.
    pub window: u64,
    /// Calls so far, of the stages before and of the warm-up too.
    pub calls: u64,
    pub growths: &'a [Growth],
    /// Whether what grows is kept by what was there before: a store that fills, or a leak.
    pub is_kept: bool,
    /// How many entries per call such a store gets.
    pub entries: f64,
    /// How many objects the largest container has that grows like a leak.
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
        let is_over_released = |growth: &Growth| growth.finding == Finding::OverRelease;
        if self.growths.iter().any(is_over_released)
            || self.is_certain(wanted)
                && !(self.may_grow_outside && self.window < LONGER.min(wanted))
        {
            return Next::Stop;
        }
        let is_last = self.window >= wanted;
        let leaks = self.leaks(|_| true);
        let is_open = leaks
            || self
                .growths
                .iter()
                .any(|growth| growth.finding == Finding::Rare);
        let entries = if self.is_kept { self.entries } else { 1.0 };
        let would_be_full = self.most_items > MOST_ENTRIES
            || is_last && entries < LEAST_RATE
            || float(self.calls) * entries.min(1.0) >= CALLS_TO_FILL;
        if leaks && would_be_full && self.window >= LONGER.min(wanted)
            || is_last && (!is_open || affordable.is_none())
        {
            return Next::Stop;
        }
        let target = if (is_open || self.may_grow_outside) && self.window < LONGER.min(wanted) {
            LONGER.min(wanted)
        } else if is_open && is_last {
            2 * self.window
        } else {
            wanted
        };
        let longest = target.min(affordable.unwrap_or(wanted));
        // Less than a quarter more tells nothing new.
        if longest >= self.window + self.window.div_ceil(4) {
            return Next::Stage(longest);
        }
        let is_heap = !self.is_kept && self.leaks(|counter| counter == Counter::CHeap);
        // C's heap is no store of Python's: it has had time enough.
        if leaks && !(is_heap && self.window >= LONGER) && !self.is_certain(wanted) {
            Next::Doubt
        } else {
            Next::Stop
        }
    }

    fn leaks(&self, which: impl Fn(Counter) -> bool) -> bool {
        let mut leaks = self
            .growths
            .iter()
            .filter(|growth| growth.finding == Finding::Leak);
        leaks.any(|growth| which(growth.counter) && growth.counter != Counter::Types)
    }

    /// Whether more calls would not change that it is a leak.
    fn is_certain(&self, wanted: u64) -> bool {
        self.leaks(|counter| match counter {
            Counter::Items | Counter::CHeap => false,
            // A store of C code may hide the objects that it has.
            Counter::Blocks | Counter::Tracked if self.window < LONGER.min(wanted) => false,
            // They soon run out.
            Counter::Threads | Counter::Children => true,
            _ => !self.is_kept,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
