//! The clock of a soak: how much time has passed, and how many calls fit into the rest.
//!
//! A limit in plain seconds would allow fewer calls on a busy machine, so the clock does not count the time for which
//! this thread waits for a processor. <https://docs.kernel.org/scheduler/sched-stats.html>

use std::fs;
use std::time::{Duration, Instant};

use crate::counter::float;
use crate::series::PARTS;

/// How often the clock and the memory are checked.
const TICK: Duration = Duration::from_millis(50);
/// One reading before the windows, and one after each.
const READINGS: u32 = 13;
/// Even on a busy machine, a soak takes at most this many times its limit.
const LONGEST: u32 = 4;

/// A stopwatch that stands still while this thread waits for a processor.
#[derive(Debug)]
pub struct Stopwatch {
    begun: Instant,
    /// For how long this thread had waited for a processor by then.
    waited: Duration,
}

impl Stopwatch {
    /// Starts it.
    pub fn start() -> Self {
        Self {
            begun: Instant::now(),
            waited: waited(),
        }
    }

    /// The time since the start, without the time for which this thread waited for a processor.
    pub fn elapsed(&self) -> Duration {
        let elapsed = self.begun.elapsed();
        elapsed.saturating_sub(waited().saturating_sub(self.waited))
    }
}

/// The clock of a soak.
pub(super) struct Clock {
    watch: Stopwatch,
    ticked: Instant,
    limit: Option<Duration>,
    /// How long the last reading took.
    pub reading: Duration,
    /// How many seconds a call takes.
    pub pace: f64,
}

impl Clock {
    pub fn new(limit: Option<Duration>) -> Self {
        Self {
            watch: Stopwatch::start(),
            ticked: Instant::now(),
            limit,
            reading: Duration::ZERO,
            pace: 0.0,
        }
    }

    /// The time since the start, waiting included.
    pub fn elapsed(&self) -> Duration {
        self.watch.begun.elapsed()
    }

    /// The time since the start that counts towards the limit.
    pub fn counted(&self) -> Duration {
        self.watch.elapsed().max(self.elapsed() / LONGEST)
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
        time.is_some_and(|time| self.counted() > time)
    }

    /// How many calls the shortest window can have, if a stage may take this share of the time that is left.
    /// `None` without a limit.
    pub fn affordable(&self, share: f64) -> Option<u64> {
        let left = self.limit?.saturating_sub(self.counted());
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

/// For how long this thread has waited for a processor since it started: zero where the kernel does not count it.
fn waited() -> Duration {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = schedstat.split_whitespace().nth(1);
    Duration::from_nanos(
        nanoseconds
            .and_then(|field| field.parse().ok())
            .unwrap_or(0),
    )
}
