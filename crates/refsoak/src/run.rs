//! The run: warm up, prove the meter, make the windows, and stop as soon as it is certain.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::Soak;
use super::allow;
use super::blame::Blame;
use super::counter::{Counter, Reading};
use super::course::{self, Next, Stage};
use super::lent;
use super::meter::{Blind, Meter, resident};
use super::report::{Ended, Report, Sample};
use super::universe::{Moved, Window};
use super::verdict::{self, Finding, MOST_WINDOWS, PARTS, Series, Verdict, float, per_call};
use crate::error::Result;
use pyoutliers::with_python;

/// A soak that takes more memory than that, in bytes, is ended.
const MOST_MEMORY: i64 = 256 << 20;
/// Set aside, so that there is something left to make a report with when memory runs out.
const RESERVE: usize = 32 << 20;
/// Warm-up: at most this many windows, and this many quiet ones in a row are enough.
const MOST_WARM_UP: usize = 40;
const QUIET: u32 = 3;
/// Python 3.8 to 3.10 make a cache at a function's call 1,024.
const LEAST_WARM_UP: u64 = 1100;
/// Calls after which what grows is judged early.
const EARLY_FROM: u64 = 1000;
/// One before the windows, and one after each.
const READINGS: u32 = 13;
/// Most readings before the windows, until there is nothing to let go of.
const MOST_UNSETTLED: usize = 6;
/// How often the clock, and the memory, are looked at.
const TICK: Duration = Duration::from_millis(50);
/// Most objects and containers that are named; and if some are allowed, most that are looked at for that.
const MOST_NAMED: usize = 8;
const MOST_ALLOWED: usize = 500;
/// What keeps a new object less often than once in so many calls is no store.
const KEPT_RARELY: i64 = 50;

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
    /// The counters that could not be proven, once that was tried.
    blind: Option<Vec<Blind>>,
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
            blind: None,
            begun,
            ticked: begun,
            reading: Duration::ZERO,
            pace: 0.0,
            resident: resident().0,
            // All room is made before the first reading.
            samples: Vec::with_capacity(16 * MOST_WINDOWS + 2 * MOST_WARM_UP),
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
            self.soak()?
        };
        let goes_on = self.reserve.is_some()
            && report.ended != Some(Ended::Interrupted)
            && self.soak.brief.is_none();
        if report.verdict == Verdict::Leak && goes_on {
            let moved = with_python(|py| self.meter.universe.judge(py, &self.meter.finder))?;
            // Without its lines a leak is one too.
            let _ = self.blame.locate(&mut report, &moved, &mut self.call);
            if lent.is_kept() {
                let data = self.soak.lent.map_or(&[][..], |(_, data)| data);
                report.argument_blocks = Some(self.blocks_of(data)?).filter(|&blocks| {
                    let all = report.counters.iter();
                    let mut all = all.filter(|growth| growth.counter == Counter::Blocks);
                    all.any(|all| all.total >= blocks.saturating_mul(report.calls.cast_signed()))
                });
            }
        }
        report.lent = lent;
        report.wanted = self.soak.calls;
        report.samples = self.samples;
        report.time = self.begun.elapsed();
        Ok(report)
    }

    /// Warms up, and makes stages of ever longer windows until one is certain.
    fn soak(&mut self) -> Result<Report> {
        let mut window = match self.warm_up()? {
            ControlFlow::Break(report) => return Ok(report),
            ControlFlow::Continue(window) => window,
        };
        let wanted = self.soak.calls / PARTS;
        let mut earlier: Option<Report> = None;
        loop {
            let mut report = self.stage(window.min(self.affordable(0.65)))?;
            self.progress.warm_up += std::mem::take(&mut self.progress.calls);
            if let Some(earlier) = &earlier {
                report.compare(earlier);
            }
            let stage = Stage {
                window: report.smallest_visible,
                calls: report.warm_up + report.calls,
                growths: &report.counters,
                is_kept: report.is_kept,
                entries: report.entries,
                most_items: report.most_items,
                may_grow_outside: report.may_grow_outside(),
            };
            // Calls may become slower.
            let affordable = match report.ended {
                None => self.soak.time.map(|_| self.affordable(0.65)),
                Some(_) => Some(0),
            };
            match (stage.next(wanted, affordable), report.ended) {
                (Next::Stage(next), _) => window = next,
                // Whatever takes so much is a leak; what leaked in the stage before has only gone on.
                (_, Some(ended @ (Ended::Memory | Ended::Files))) => {
                    if let Some(leak) = earlier.filter(|earlier| earlier.verdict == Verdict::Leak) {
                        report = leak;
                        report.ended = Some(ended);
                    }
                    if report.is_bounded {
                        report.doubt_what_fills();
                    }
                    return Ok(report);
                }
                (Next::Doubt, _) => {
                    self.name_keeper(&mut report)?;
                    report.doubt_what_fills();
                    return Ok(report);
                }
                (Next::Stop, _) => return Ok(report),
            }
            earlier = Some(report);
        }
    }

    /// Calls, as caches fill at first, until all counters stand still or some move steadily. Returns how
    /// long the shortest windows of the first stage have to be, or a report, if it ended here.
    fn warm_up(&mut self) -> Result<ControlFlow<Report, u64>> {
        let wanted = self.soak.calls / PARTS;
        let most = wanted.clamp(16, 1000);
        let usual = LEAST_WARM_UP.min(self.soak.calls.max(100));
        let least = self.soak.brief.unwrap_or(usual);
        let (mut length, mut quiet) = (1, 0);
        let mut series = [Series::default(); 16];
        let mut before = self.read(None)?;
        for _ in 0..MOST_WARM_UP {
            match self.calls(length)? {
                Some(Ended::Memory) if self.reserve.is_some() => {
                    return Ok(ControlFlow::Break(self.after_much_memory()?));
                }
                Some(ended) => {
                    let report = self.report(0, Some(ended));
                    return Ok(ControlFlow::Break(report));
                }
                None => {}
            }
            let reading = self.read(Some(Window(length)))?;
            let (mut is_quiet, mut is_steady) = (true, self.meter.universe.is_steady());
            let mut takes_resources = false;
            for ((counter, growth), series) in reading.growth(&before).zip(&mut series) {
                // Pages come and go.
                let is_nothing = counter == Counter::OutsideMalloc && growth < 64 << 10;
                series.note(if is_nothing { 0 } else { growth });
                is_quiet &= is_nothing || growth == 0;
                is_steady |= series.is_steady();
                takes_resources |= counter.is_resource() && series.is_steady() && growth > 0;
            }
            before = reading;
            quiet = if is_quiet && self.meter.universe.is_quiet() {
                quiet + 1
            } else {
                0
            };
            self.note_what_falls()?;
            if takes_resources && self.progress.warm_up < EARLY_FROM {
                // About as many again, so that they do not run out.
                let window = self.progress.warm_up.div_ceil(PARTS).max(course::RESOURCES);
                return Ok(ControlFlow::Continue(window.min(wanted)));
            }
            if is_steady && self.progress.warm_up >= EARLY_FROM {
                let window = (length / 500).max(1) * course::EARLY;
                return Ok(ControlFlow::Continue(window.min(wanted)));
            }
            // A slow function has a quarter of the time to warm up.
            let is_enough = quiet >= QUIET || self.soak.brief.is_some();
            if self.is_past(4) || is_enough && self.progress.warm_up >= least {
                break;
            }
            length = (length * 2).min(most);
        }
        Ok(ControlFlow::Continue(wanted))
    }

    /// Few windows, which take about as much memory again: a leak that large needs no more.
    fn after_much_memory(&mut self) -> Result<Report> {
        let window = self.progress.warm_up.div_ceil(PARTS);
        let mut report = self.stage(window.min(self.soak.calls / PARTS))?;
        report.cut_short(Ended::Memory);
        Ok(report)
    }

    /// Whether that part of the time is over.
    fn is_past(&self, part: u32) -> bool {
        let time = self.soak.time.map(|time| time / part);
        time.is_some_and(|time| self.begun.elapsed() > time)
    }

    /// How many calls the shortest windows can have in that share of the time left.
    fn affordable(&self, share: f64) -> u64 {
        let Some(time) = self.soak.time else {
            return u64::MAX;
        };
        let left = time.saturating_sub(self.begun.elapsed()).mul_f64(share);
        let calls = left.saturating_sub(self.reading * READINGS).as_secs_f64() / self.pace;
        // What is no number or too large becomes the most.
        let per_window = Duration::try_from_secs_f64(calls / float(PARTS))
            .map_or(u64::MAX, |calls| calls.as_secs());
        per_window.max(1)
    }

    /// A stage of windows of so many calls, and of twice as many; and its verdict.
    fn stage(&mut self, window: u64) -> Result<Report> {
        // About as much memory again.
        self.resident = resident().0;
        self.meter.find_objects()?;
        if self.blind.is_none() {
            self.blind = Some(self.meter.prove()?);
        }
        // What was found is held now: what has to be nobody else's, to be used again, is made anew.
        self.calls(2)?;
        // All room is made before the first reading, which is like the others: after calls, and without
        // anything to let go of.
        let mut report = Report::new(window, self.progress.warm_up);
        let mut start = self.read(None)?;
        for _ in 0..MOST_UNSETTLED {
            self.calls(2)?;
            start = self.read(None)?;
            if self.meter.is_settled() {
                break;
            }
        }
        self.progress.wanted = window * PARTS;
        self.is_stage = true;
        self.meter.begin()?;
        let (mut last, mut ended) = (start, None);
        for calls in verdict::windows(window) {
            ended = self.calls(calls)?;
            if ended.is_some() {
                break;
            }
            let reading = self.read(Some(Window(calls)))?;
            report.window(calls, reading.growth(&last));
            last = reading;
            self.progress.growth.clear();
            self.progress.growth.extend(reading.growth(&start));
            if self.meter.is_near_limit() {
                ended = Some(Ended::Files);
                break;
            }
        }
        self.is_stage = false;
        self.judge(&mut report, ended)?;
        Ok(report)
    }

    /// Judges the windows of a stage, names what moved, and leaves out what is allowed.
    fn judge(&mut self, report: &mut Report, ended: Option<Ended>) -> Result<()> {
        let mut moved = with_python(|py| self.meter.universe.judge(py, &self.meter.finder))?;
        let allows = !self.soak.allowed.is_empty();
        let named = moved.get(..if allows { MOST_ALLOWED } else { MOST_NAMED });
        let names = self.blame.names(named.unwrap_or(&moved));
        for (moved, name) in moved.iter_mut().zip(&names) {
            let is_type = moved.counter == Counter::Types;
            let mut patterns = self.soak.allowed.iter();
            if moved.finding == Finding::Leak
                && patterns.any(|pattern| {
                    is_type && pattern == "types"
                        || name
                            .texts()
                            .iter()
                            .any(|text| allow::matches(pattern, text))
                })
            {
                moved.finding = Finding::Allowed;
            }
        }
        for (moved, name) in moved.iter().zip(&names) {
            let text = match moved.counter {
                Counter::Items => name.container(moved),
                _ => name.reference(moved, report.calls).to_string(),
            };
            match (moved.finding, moved.counter) {
                (Finding::Allowed, _) => report.allowed.push(text),
                (_, Counter::Items) => report.holders.push(text),
                _ => report.references.push(name.reference(moved, report.calls)),
            }
        }
        report.references.truncate(MOST_NAMED);
        report.holders.truncate(MOST_NAMED);
        let is_growing = |moved: &&Moved| moved.finding == Finding::Leak && moved.are_objects;
        let growing = moved.iter().filter(is_growing);
        let largest = growing.max_by_key(|moved| moved.items);
        report.most_items = largest.map_or(0, |largest| largest.items);
        report.is_bounded =
            with_python(|py| Ok(largest.is_some_and(|largest| largest.is_bounded(py))))?;
        report.complete(self.blind.as_deref().unwrap_or_default(), &moved, ended);
        if report.leaks(Counter::SharedMemory) && self.meter.is_shared_memory_others() {
            let blind = self.blind.get_or_insert_default();
            let others = "grows without calls: other processes make segments";
            blind.push((Counter::SharedMemory, others.into()));
            report.complete(blind, &moved, ended);
        }
        let reasons = match report.unproven.is_empty() {
            true => Vec::new(),
            false => self.meter.disturbers()?,
        };
        report.doubt_what_is_blind(&reasons);
        if report.verdict == Verdict::Leak {
            self.look_for_stores(report, &moved)?;
        }
        Ok(())
    }

    /// Whether what was there before leads to the memory that grows: then it may be a store that fills. And
    /// how many entries per call that gets.
    fn look_for_stores(&mut self, report: &mut Report, moved: &[Moved]) -> Result<()> {
        const MEMORY: [Counter; 4] = [
            Counter::Blocks,
            Counter::Tracked,
            Counter::CHeap,
            Counter::RustHeap,
        ];
        let leaking = moved
            .iter()
            .filter(|moved| moved.counter == Counter::Items && moved.finding == Finding::Leak);
        // Of several that share the entries, all; of several that have the same ones, the largest.
        let entries = leaking.map(Moved::entries);
        let (sum, most) = (entries.clone().sum::<i64>(), entries.max());
        let entries = most.map(|most| most.max(sum / 2));
        let entries = if entries.is_some() || !MEMORY.iter().any(|&counter| report.leaks(counter)) {
            entries
        } else {
            with_python(|py| {
                let universe = &self.meter.universe;
                let kept = universe.kept(py, &self.meter.finder)?;
                if i64::try_from(kept).unwrap_or(i64::MAX)
                    < report.calls.cast_signed() / KEPT_RARELY
                {
                    return Ok(None);
                }
                // An entry may have many objects: what holds it has one.
                let keeper = universe.keeper(py, &self.meter.finder)?;
                Ok(Some(keeper.map_or(0, |keeper| keeper.total)))
            })?
        };
        report.is_kept = entries.is_some();
        report.entries = per_call(entries.unwrap_or_default(), report.calls);
        Ok(())
    }

    /// Names what keeps most of what grows, if no container does.
    fn name_keeper(&mut self, report: &mut Report) -> Result<()> {
        if report.holders.is_empty() {
            let keeper = with_python(|py| self.meter.universe.keeper(py, &self.meter.finder))?;
            let names = self.blame.names(keeper.as_slice());
            let named = names
                .iter()
                .zip(&keeper)
                .map(|(name, keeper)| name.container(keeper));
            report.holders.extend(named);
        }
        Ok(())
    }

    fn report(&self, window: u64, ended: Option<Ended>) -> Report {
        let mut report = Report::new(window, self.progress.warm_up);
        report.complete(&[], &[], ended);
        report
    }

    /// How many blocks of Python's memory a list of these values has.
    fn blocks_of(&mut self, data: &[f64]) -> Result<i64> {
        let before = self.meter.read(None)?;
        let list = lent::list(data)?;
        let between = self.meter.read(None)?;
        drop(list);
        Ok(between.count(Counter::Blocks) - before.count(Counter::Blocks))
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
    fn note_what_falls(&mut self) -> Result<()> {
        let falling: Vec<Moved> = with_python(|py| Ok(self.meter.universe.falling(py)))?;
        if falling.len() != self.progress.falling.len() {
            let named = falling.get(..MOST_NAMED).unwrap_or(&falling);
            let names = self.blame.names(named);
            let named = names.iter().zip(named);
            let calls = self.progress.warm_up;
            self.progress.falling = named
                .map(|(name, moved)| name.reference(moved, calls).to_string())
                .collect();
        }
        Ok(())
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
                Err(error) if error.is_out_of_memory() => {
                    self.reserve = None;
                    return Ok(Some(Ended::Memory));
                }
                // Some functions say themselves that there are too many.
                Err(_) if self.meter.is_near_limit() => return Ok(Some(Ended::Files)),
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
