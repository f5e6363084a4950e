//! The course of a soak: whether a stage is enough, and how long the next one must be.

use crate::counter::{Counter, float};
use crate::verdict::{Finding, Growth};

/// The calls of the shortest window: for a leak that shows early, for growth that may soon stop, and for a
/// resource that soon runs out.
pub(super) const EARLY: u64 = 40;
const LONGER: u64 = 1280;
pub(super) const RESOURCES: u64 = 6;
/// A store with more entries than this is called a leak.
pub(super) const MOST_ENTRIES: i64 = 100_000;
/// After this many calls, a store that gains an entry per call has had `MOST_ENTRIES` for some time.
const CALLS_TO_FILL: f64 = 125_000.0;
/// The soak does not wait for a store that gains fewer entries per call than this.
const LEAST_RATE: f64 = 1.0 / 50.0;

/// The results of a stage that decide about the next one.
pub(super) struct Shown<'a> {
    /// The calls of its shortest window.
    pub window: u64,
    /// The calls so far, including the warm-up and earlier stages.
    pub calls: u64,
    /// What each counter did.
    pub growths: &'a [Growth],
    /// Whether older objects lead to what grows: a store that fills, or a leak.
    pub is_kept: bool,
    /// How many entries per call such a store gains.
    pub entries: f64,
    /// The items of the largest container that grows like a leak.
    pub most_items: i64,
    /// Whether memory outside malloc may grow, but has not grown enough to be judged.
    pub may_grow_outside: bool,
}

/// What comes after a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: this one was enough.
    Stop,
    /// Another stage, whose shortest window has this many calls.
    Stage(u64),
    /// No verdict: the growth may be a store that is still filling, and there is no time to find out.
    Doubt,
}

impl Shown<'_> {
    /// What comes next. `wanted` is the shortest window if all requested calls are made in one stage.
    /// `affordable` is the longest one that there is time for, or `None` without a time limit: then no more
    /// calls are made than were requested.
    pub fn next(&self, wanted: u64, affordable: Option<u64>) -> Next {
        let is_over_released = |growth: &Growth| growth.finding == Finding::OverRelease;
        // A longer stage would use up the resource, and a thread takes memory outside malloc.
        let may_wait = self.may_grow_outside && !self.leaks(Counter::is_resource);
        if self.growths.iter().any(is_over_released)
            || self.is_certain(wanted) && !(may_wait && self.window < LONGER.min(wanted))
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
        // A stage that is less than a quarter longer would show nothing new.
        if longest >= self.window + self.window.div_ceil(4) {
            return Next::Stage(longest);
        }
        let is_heap = !self.is_kept && self.leaks(|counter| counter == Counter::CHeap);
        // Growth of C's heap alone is not a store of Python, and this stage was long enough for a cache of C.
        if leaks && !(is_heap && self.window >= LONGER) && !self.is_certain(wanted) {
            Next::Doubt
        } else {
            Next::Stop
        }
    }

    /// Whether one of these counters leaks. References to types do not count.
    fn leaks(&self, which: impl Fn(Counter) -> bool) -> bool {
        let mut leaks = self
            .growths
            .iter()
            .filter(|growth| growth.finding == Finding::Leak);
        leaks.any(|growth| which(growth.counter) && growth.counter != Counter::Types)
    }

    /// Whether there is a leak that more calls would only confirm.
    fn is_certain(&self, wanted: u64) -> bool {
        self.leaks(|counter| match counter {
            Counter::Items | Counter::CHeap => false,
            // C code may have a store whose objects cannot be seen.
            Counter::Blocks | Counter::Tracked if self.window < LONGER.min(wanted) => false,
            // Threads and processes soon run out.
            Counter::Threads | Counter::Children => true,
            _ => !self.is_kept,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
