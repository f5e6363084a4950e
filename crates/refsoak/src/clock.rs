//! The clock of a soak: how much time has passed, and how many calls fit into the rest.

use std::time::{Duration, Instant};

use crate::counter::float;
use crate::verdict::PARTS;

/// How often the clock and the memory are checked.
const TICK: Duration = Duration::from_millis(50);
/// One reading before the windows, and one after each.
const READINGS: u32 = 13;

/// The clock of a soak.
pub(super) struct Clock {
    begun: Instant,
    ticked: Instant,
    limit: Option<Duration>,
    /// How long the last reading took.
    pub reading: Duration,
    /// How many seconds a call takes.
    pub pace: f64,
}

impl Clock {
    pub fn new(limit: Option<Duration>) -> Self {
        let begun = Instant::now();
        Self {
            begun,
            ticked: begun,
            limit,
            reading: Duration::ZERO,
            pace: 0.0,
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Whether a tick has passed since the last one.
    pub fn ticks(&mut self) -> bool {
        let ticks = self.ticked.elapsed() >= TICK;
        if ticks {
            self.ticked = Instant::now();
        }
        ticks
    }

    /// Whether more than one part in `parts` of the time limit has passed.
    pub fn is_past(&self, parts: u32) -> bool {
        let time = self.limit.map(|limit| limit / parts);
        time.is_some_and(|time| self.begun.elapsed() > time)
    }

    /// How many calls the shortest window can have, if a stage may take this share of the time that is left.
    /// `None` without a limit.
    pub fn affordable(&self, share: f64) -> Option<u64> {
        let left = self.limit?.saturating_sub(self.begun.elapsed());
        let left = left.mul_f64(share);
        let calls = left.saturating_sub(self.reading * READINGS).as_secs_f64() / self.pace;
        // Without a pace, the result is not finite: then there is no limit.
        let per_window = Duration::try_from_secs_f64(calls / float(PARTS))
            .map_or(u64::MAX, |calls| calls.as_secs());
        Some(per_window.max(1))
    }

    /// How long these calls will take, if that can be estimated.
    pub fn estimate(&self, calls: u64) -> Option<Duration> {
        Duration::try_from_secs_f64(float(calls) * self.pace).ok()
    }
}
