//! Makes the calls of a soak, until there are enough or something ends it.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::clock::Clock;
use crate::counter::Counter;
use crate::error::Result;
use crate::meter::Meter;
use crate::process::resident;
use crate::stage::Ended;

/// A soak ends when it has taken more bytes of memory than this.
const MOST_MEMORY: i64 = 256 << 20;
/// Bytes set aside, so that a report can still be made when memory has run out.
const RESERVE: usize = 32 << 20;

/// How far a soak has come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// Calls made in the windows; 0 during the warm-up.
    pub calls: u64,
    /// Calls planned for the windows.
    pub wanted: u64,
    /// Calls made before, as warm-up.
    pub warm_up: u64,
    /// The time that is left, once it can be estimated.
    pub left: Option<Duration>,
    /// Objects whose references keep falling.
    pub falling: Vec<String>,
    pub(super) growth: Vec<(Counter, i64)>,
}

impl Progress {
    /// The counters that moved in the windows so far, and by how much.
    pub fn growth(&self) -> impl Iterator<Item = (Counter, i64)> {
        let growth = self.growth.iter().copied();
        growth.filter(|&(_, growth)| growth != 0)
    }
}

/// The part of the soak that the calls belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    WarmUp,
    Windows,
}

/// Whether the process has had enough memory so far.
#[derive(Debug)]
enum Memory {
    /// It has, and some is set aside.
    Enough { _reserve: Vec<u8> },
    /// A call ran out of memory, so the memory set aside was freed.
    RanOut,
}

/// The closure to soak, the one that watches, and what ends the calls.
pub(super) struct Calls<C, W> {
    pub call: C,
    watch: W,
    pub progress: Progress,
    pub phase: Phase,
    pub clock: Clock,
    memory: Memory,
    /// The resident memory from which the growth is measured.
    resident: i64,
}

impl<C: FnMut() -> Result<()>, W: FnMut(&Progress) -> ControlFlow<()>> Calls<C, W> {
    pub fn new(wanted: u64, call: C, watch: W, clock: Clock) -> Self {
        Self {
            call,
            watch,
            progress: Progress {
                calls: 0,
                wanted,
                warm_up: 0,
                left: None,
                falling: Vec::new(),
                growth: Vec::with_capacity(16),
            },
            phase: Phase::WarmUp,
            clock,
            memory: Memory::Enough {
                _reserve: Vec::with_capacity(RESERVE),
            },
            resident: resident().0,
        }
    }

    /// Whether a call ran out of memory.
    pub fn ran_out_of_memory(&self) -> bool {
        matches!(self.memory, Memory::RanOut)
    }

    /// Starts to measure here how much memory the soak takes.
    pub fn measure_memory_from_here(&mut self) {
        self.resident = resident().0;
    }

    /// Makes calls, unless something ends the soak first. Returns what ended it.
    pub fn make(&mut self, meter: &mut Meter, calls: u64) -> Result<Option<Ended>> {
        meter.prepare(calls)?;
        let begun = self.clock.counted();
        for _ in 0..calls {
            if (self.watch)(&self.progress).is_break() {
                return Ok(Some(Ended::Interrupted));
            }
            if self.clock.ticks() {
                if self.clock.is_past(1) {
                    return Ok(Some(Ended::Time));
                }
                if resident().0 - self.resident > MOST_MEMORY {
                    return Ok(Some(Ended::Memory));
                }
                let left = self.progress.wanted.saturating_sub(self.progress.calls);
                let left = self.clock.estimate(left);
                self.progress.left = left.filter(|_| self.phase == Phase::Windows);
            }
            match (self.call)() {
                Err(error) if error.is_out_of_memory() => {
                    self.memory = Memory::RanOut;
                    return Ok(Some(Ended::Memory));
                }
                // Some functions raise an error when there are too many files.
                Err(_) if meter.is_near_limit() => return Ok(Some(Ended::Files)),
                result => result?,
            }
            match self.phase {
                Phase::WarmUp => self.progress.warm_up += 1,
                Phase::Windows => self.progress.calls += 1,
            }
        }
        let taken = self.clock.counted().saturating_sub(begun);
        self.clock.pace = taken.as_secs_f64() / crate::counter::float(calls.max(1));
        Ok(None)
    }
}
