//! The run: warm up, prove the meter, make the windows, and stop as soon as it is certain.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::blame::Blame;
use super::lent;
use super::meter::{Meter, Reading, resident};
use super::report::{Ended, Report, Sample};
use super::universe::Window;
use super::verdict::{Series, Verdict, WINDOWS};
use super::{Counter, Soak};
use crate::error::{ErrorKind, Result};

/// A stage has so many of its shortest windows' calls.
pub(super) const PARTS: u64 = 16;
/// A soak that takes more memory than that, in bytes, is ended.
const MOST_MEMORY: i64 = 256 << 20;
/// Set aside, so that there is something left to make a report with when memory runs out.
const RESERVE: usize = 32 << 20;
/// Warm-up: at most this many windows, and this many quiet ones in a row are enough.
const MOST_WARM_UP: usize = 40;
const QUIET: u32 = 3;
/// Python 3.8 to 3.10 make a cache at a function's call 1,024.
const LEAST_WARM_UP: u64 = 1100;
/// Calls after which what grows is judged early; and the shortest windows of that.
const EARLY_FROM: u64 = 1000;
const EARLY: u64 = 50;
/// What a container holds may be a cache that fills: then the windows have to be longer.
const EARLY_IF_HELD: u64 = 1600;
/// And where there was no time to warm up, there have to be so many calls.
const LEAST_IF_HELD: u64 = 2000;
/// One before the windows, and one after each.
const READINGS: u32 = 13;
/// How often the clock, and the memory, are looked at.
const TICK: Duration = Duration::from_millis(50);

/// Where a soak is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// Calls made in the windows; 0 while it warms up.
    pub calls: u64,
    /// Calls that are to be made in the windows.
    pub wanted: u64,
    /// Calls made before.
    pub warm_up: u64,
    /// The time that is left, once that can be told.
    pub left: Option<Duration>,
    /// Objects whose references fall again and again.
    pub falling: Vec<String>,
    growth: Vec<(Counter, i64)>,
}

impl Progress {
    /// The counters that moved in the windows so far, and by how much.
    pub fn growth(&self) -> impl Iterator<Item = (Counter, i64)> {
        let growth = self.growth.iter().copied();
        growth.filter(|&(_, growth)| growth != 0)
    }
}

pub(super) struct Run<'a, C, W> {
    soak: Soak<'a>,
    call: C,
    watch: W,
    meter: Meter,
    blame: Blame,
    progress: Progress,
    /// Whether calls count for the windows.
    is_stage: bool,
    is_proven: bool,
    begun: Instant,
    ticked: Instant,
    /// How long a reading takes; and a call, in seconds.
    reading: Duration,
    pace: f64,
    /// The resident memory that further memory is measured from.
    resident: i64,
    samples: Vec<Sample>,
    reserve: Option<Vec<u8>>,
}

impl<'a, C: FnMut() -> Result<()>, W: FnMut(&Progress) -> ControlFlow<()>> Run<'a, C, W> {
    pub fn new(soak: Soak<'a>, call: C, watch: W) -> Result<Self> {
        let begun = Instant::now();
        let mut meter = Meter::new()?;
        let blame = Blame::new()?;
        meter.find_objects()?;
        Ok(Self {
            progress: Progress {
                calls: 0,
                wanted: soak.calls,
                warm_up: 0,
                left: None,
                falling: Vec::new(),
                growth: Vec::with_capacity(16),
            },
            soak,
            call,
            watch,
            meter,
            blame,
            is_stage: false,
            is_proven: false,
            begun,
            ticked: begun,
            reading: Duration::ZERO,
            pace: 0.0,
            resident: resident().0,
            // All room is made before the first reading.
            samples: Vec::with_capacity(8 * WINDOWS.len() + 2 * MOST_WARM_UP),
            reserve: Some(Vec::with_capacity(RESERVE)),
        })
    }

    pub fn run(mut self) -> Result<Report> {
        let lent = match self.soak.lent {
            Some((detector, data)) if !data.is_empty() => {
                lent::lend(detector, data, self.meter.collector())?
            }
            _ => lent::Lent::default(),
        };
        let mut report = if let Some(blind) = lent::prove()? {
            let mut report = Report::new(0, 0);
            report.blind(&blind);
            report
        } else if lent.is_over_released() {
            // More calls would only do more harm.
            let mut report = Report::new(0, 0);
            report.verdict = Verdict::OverRelease;
            report
        } else {
            match self.warm_up()? {
                ControlFlow::Break(report) => report,
                ControlFlow::Continue(()) => {
                    let is_late = self.is_past(4);
                    let mut report = self.stage(self.soak.calls / PARTS)?;
                    if is_late && report.warm_up + report.calls < LEAST_IF_HELD {
                        report.doubt_what_is_held();
                    }
                    report
                }
            }
        };
        let goes_on = self.reserve.is_some() && report.ended != Some(Ended::Interrupted);
        if report.verdict == Verdict::Leak && goes_on {
            let moved = self.meter.universe.judge();
            let lines = self.blame.lines(&report, &moved, &mut self.call);
            report.grown = lines.unwrap_or_default();
        }
        report.lent = lent;
        report.wanted = self.soak.calls;
        report.samples = self.samples;
        report.time = self.begun.elapsed();
        Ok(report)
    }

    /// Calls, as caches fill at first, until all counters stand still; or ends with a report, if
    /// there is no more to be learnt.
    fn warm_up(&mut self) -> Result<ControlFlow<Report>> {
        let most = (self.soak.calls / PARTS).clamp(16, 1000);
        let least = LEAST_WARM_UP.min(self.soak.calls.max(100));
        let (mut length, mut quiet, mut early) = (1, 0, 0);
        let mut series = [Series::default(); 16];
        let mut before = self.read(None)?;
        for _ in 0..MOST_WARM_UP {
            match self.calls(length)? {
                Some(Ended::Memory) if self.reserve.is_some() => return self.after_much_memory(),
                Some(ended) => return Ok(ControlFlow::Break(self.report(0, Some(ended)))),
                None => {}
            }
            let reading = self.read(Some(Window(length, false)))?;
            let (mut is_quiet, mut is_steady) = (true, self.meter.universe.is_steady());
            for ((counter, growth), series) in reading.growth(&before).zip(&mut series) {
                // Pages come and go.
                let is_nothing = counter == Counter::OutsideMalloc && growth < 64 << 10;
                series.note(false, if is_nothing { 0 } else { growth });
                is_quiet &= is_nothing || growth == 0;
                is_steady |= series.is_steady();
            }
            before = reading;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            self.note_what_falls();
            // A slow function has a quarter of the time to warm up.
            if self.is_past(4) || quiet >= QUIET && self.progress.warm_up >= least {
                break;
            }
            if is_steady && self.progress.warm_up >= EARLY_FROM {
                if let Some(report) = self.judge_early(length, &mut early)? {
                    return Ok(ControlFlow::Break(report));
                }
                before = self.read(None)?;
            }
            length = (length * 2).min(most);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Judges what grows steadily by short windows; a report, if it is certain.
    fn judge_early(&mut self, length: u64, done: &mut u64) -> Result<Option<Report>> {
        for window in [EARLY.max(length / 500 * EARLY), EARLY_IF_HELD] {
            // Half of the time is left for the rest.
            if window <= *done || window >= self.affordable(0.4) {
                continue;
            }
            *done = window;
            let report = self.stage(window)?;
            self.progress.warm_up += std::mem::take(&mut self.progress.calls);
            let is_fault = matches!(report.verdict, Verdict::Leak | Verdict::OverRelease);
            let is_all = report.holders.is_empty() && !report.may_grow_outside();
            let is_certain = is_all || window == EARLY_IF_HELD;
            if is_fault && is_certain || report.ended.is_some() || !self.is_proven {
                return Ok(Some(report));
            }
            if !is_fault {
                break;
            }
        }
        Ok(None)
    }

    /// Few windows, which take about as much memory again: a leak that large needs no more.
    fn after_much_memory(&mut self) -> Result<ControlFlow<Report>> {
        let window = self.progress.warm_up.div_ceil(PARTS);
        let mut report = self.stage(window.min(self.soak.calls / PARTS))?;
        report.cut_short(Ended::Memory);
        Ok(ControlFlow::Break(report))
    }

    /// Whether that part of the time is over.
    fn is_past(&self, part: u32) -> bool {
        let time = self.soak.time.map(|time| time / part);
        time.is_some_and(|time| self.begun.elapsed() > time)
    }

    /// How many calls the shortest windows can have in that share of the time left.
    fn affordable(&self, share: f64) -> u64 {
        let wanted = self.soak.calls / PARTS;
        let Some(time) = self.soak.time else {
            return wanted;
        };
        let left = time.saturating_sub(self.begun.elapsed()).mul_f64(share);
        let calls = left.saturating_sub(self.reading * READINGS).as_secs_f64() / self.pace;
        // What is no number or too large becomes the most.
        let per_window =
            Duration::try_from_secs_f64(calls / 16.0).map_or(wanted, |calls| calls.as_secs());
        wanted.min(per_window).max(1)
    }

    /// A stage of windows of so many calls, and of twice as many; and its verdict.
    fn stage(&mut self, window: u64) -> Result<Report> {
        // About as much memory again.
        self.resident = resident().0;
        self.meter.find_objects()?;
        if !self.is_proven
            && let Some(blind) = self.meter.prove()?
        {
            let mut report = self.report(window, None);
            report.blind(&blind);
            return Ok(report);
        }
        self.is_proven = true;
        // A part of the time is kept, should calls become slower.
        let window = window.min(self.affordable(0.8));
        // What was found is held now: what has to be nobody else's, to be used again, is made anew.
        self.calls(2)?;
        self.progress.wanted = window * PARTS;
        self.is_stage = true;
        let mut report = self.report(window, None);
        self.blame.begin()?;
        let start = self.read(None)?;
        self.meter.begin()?;
        let (mut last, mut ended) = (start, None);
        for length in WINDOWS {
            ended = self.calls(length * window)?;
            if ended.is_some() {
                break;
            }
            let reading = self.read(Some(Window(length * window, length == 2)))?;
            report.window(length, reading.growth(&last));
            last = reading;
            self.progress.growth.clear();
            self.progress.growth.extend(reading.growth(&start));
        }
        self.is_stage = false;
        let moved = self.meter.universe.judge();
        report.references = self.blame.name(&moved, report.calls);
        report.complete(ended);
        match report.verdict {
            Verdict::Leak => report.holders = self.blame.holders().unwrap_or_default(),
            Verdict::OverRelease => report.doubt_what_falls(self.blame.emptied(&moved)?),
            _ => {}
        }
        Ok(report)
    }

    fn report(&self, window: u64, ended: Option<Ended>) -> Report {
        let mut report = Report::new(window, self.progress.warm_up);
        report.complete(ended);
        report
    }

    /// Reads all counters, perhaps after a window.
    fn read(&mut self, window: Option<Window>) -> Result<Reading> {
        let begun = Instant::now();
        let reading = self.meter.read(window)?;
        self.reading = begun.elapsed();
        let made = self.progress.warm_up + self.progress.calls;
        self.samples.push(Sample::new(made, &reading));
        Ok(reading)
    }

    /// Names what falls in window after window, in case that it kills.
    fn note_what_falls(&mut self) {
        let falling = self.meter.universe.falling();
        if falling.len() != self.progress.falling.len() {
            let named = self.blame.name(&falling, self.progress.warm_up);
            self.progress.falling = named.iter().map(ToString::to_string).collect();
        }
    }

    /// Makes so many calls, unless something ends it.
    fn calls(&mut self, calls: u64) -> Result<Option<Ended>> {
        self.meter.prepare(calls)?;
        let begun = Instant::now();
        for _ in 0..calls {
            if (self.watch)(&self.progress).is_break() {
                return Ok(Some(Ended::Interrupted));
            }
            if self.ticked.elapsed() >= TICK {
                self.ticked = Instant::now();
                if self.is_past(1) {
                    return Ok(Some(Ended::Time));
                }
                if resident().0 - self.resident > MOST_MEMORY {
                    return Ok(Some(Ended::Memory));
                }
                let left = self.progress.wanted.saturating_sub(self.progress.calls);
                let left = Duration::try_from_secs_f64(float(left) * self.pace);
                self.progress.left = left.ok().filter(|_| self.is_stage);
            }
            match (self.call)() {
                Err(error) if matches!(error.kind(), ErrorKind::OutOfMemory(_)) => {
                    self.reserve = None;
                    return Ok(Some(Ended::Memory));
                }
                result => result?,
            }
            *if self.is_stage {
                &mut self.progress.calls
            } else {
                &mut self.progress.warm_up
            } += 1;
        }
        self.pace = begun.elapsed().as_secs_f64() / float(calls.max(1));
        Ok(None)
    }
}

/// A number of calls as a float, exact below 2 to the power of 53.
#[allow(clippy::cast_precision_loss)]
pub(super) fn float(calls: u64) -> f64 {
    calls as f64
}
