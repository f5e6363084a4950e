//! The run of a soak: it lends arguments, warms up, proves the meter, and makes stages of windows until the
//! verdict is certain.

use std::ops::ControlFlow;

use crate::blame::Blame;
use crate::calls::{Calls, Phase, Progress};
use crate::clock::Clock;
use crate::counter::{ALL, Counter, Reading};
use crate::course::{self, Next, Shown};
use crate::decide::decide;
use crate::error::Result;
use crate::judge::{Judge, MOST_NAMED};
use crate::lent::{self, Lent};
use crate::member::Moved;
use crate::meter::{Meter, Unproven};
use crate::native;
use crate::prepared::Prepared;
use crate::reference::Reference;
use crate::report::{Report, Sample};
use crate::series::{self, MOST_WINDOWS, PARTS, Series};
use crate::settings::Settings;
use crate::stage::{Ended, Stage, Windows};
use crate::universe::Window;
use crate::verdict::{Finding, Verdict};
use pyoutliers::with_python;

/// The most windows of the warm-up. It ends earlier if nothing moved in QUIET windows in a row.
const MOST_WARM_UP: usize = 40;
const QUIET: u32 = 3;
/// Python 3.8 to 3.10 make a cache when a function is called for the 1,024th time.
const LEAST_WARM_UP: u64 = 1100;
/// The number of calls after which growth may be judged early.
const EARLY_FROM: u64 = 1000;
/// The most readings before the windows begin. They end once no object has to be released.
const MOST_UNSETTLED: usize = 6;
/// The most calls in which references are watched.
const NATIVE_CALLS: u64 = 2000;
/// The share of the remaining time that a stage may take.
const SHARE: f64 = 0.65;

/// A soak that is running.
pub(super) struct Run<'a, C, W> {
    settings: Settings<'a>,
    meter: Meter,
    blame: Blame,
    calls: Calls<C, W>,
    /// The counters that could not be proven; `None` before the proof.
    unproven: Option<Vec<Unproven>>,
    samples: Vec<Sample>,
}

impl<'a, C: FnMut() -> Result<()>, W: FnMut(&Progress) -> ControlFlow<()>> Run<'a, C, W> {
    pub fn new(
        settings: Settings<'a>,
        prepared: Option<Prepared>,
        call: C,
        watch: W,
    ) -> Result<Self> {
        let clock = Clock::new(settings.time);
        let Prepared { mut meter, .. } = prepared.map_or_else(Prepared::new, Ok)?;
        meter.raise_file_limit()?;
        let blame = Blame::new(&settings.hidden)?;
        Ok(Self {
            calls: Calls::new(settings.calls, call, watch, clock),
            settings,
            meter,
            blame,
            unproven: None,
            // All room is made before the first reading.
            samples: Vec::with_capacity(16 * MOST_WINDOWS + 2 * MOST_WARM_UP),
        })
    }

    pub fn run(mut self) -> Result<Report> {
        let lent = match self.settings.lent {
            Some((detector, data)) if !data.is_empty() => {
                lent::lend(detector, data, self.meter.collector())?
            }
            _ => Lent::default(),
        };
        let unseen = lent::prove()?;
        // If the function releases arguments too often, more calls only do more harm.
        let mut stage = if unseen.is_some() || lent.is_over_released() {
            Stage::empty(0, None)
        } else {
            self.stages()?
        };
        let verdict = decide(unseen.as_deref(), &lent, &stage);
        if matches!(verdict, Verdict::Undecided(_)) {
            stage.doubt();
        }
        let can_locate = !self.calls.ran_out_of_memory()
            && stage.ended != Some(Ended::Interrupted)
            && self.settings.brief.is_none();
        let mut argument_blocks = None;
        let moves = matches!(verdict, Verdict::Leak | Verdict::OverRelease);
        let native = if moves && can_locate && self.settings.native {
            self.native(&stage)?
        } else {
            Vec::new()
        };
        if verdict == Verdict::Leak && can_locate {
            // Without its lines, it is still a leak.
            let _ = self.blame.locate(&mut stage, &mut self.calls.call);
            if lent.is_kept() {
                argument_blocks = self.blocks_of_argument(&stage)?;
            }
        }
        Ok(Report {
            verdict,
            ended: stage.ended,
            wanted: self.settings.calls,
            calls: stage.calls,
            warm_up: stage.warm_up,
            smallest_visible: stage.shortest,
            counters: stage.counters,
            references: stage.references,
            lent,
            containers: stage.containers,
            items: stage.items,
            grown: stage.grown,
            native,
            allowed: stage.allowed,
            unproven: stage.unproven,
            argument_blocks,
            samples: self.samples,
            time: self.calls.clock.elapsed(),
        })
    }

    /// Warms up, and makes stages of longer and longer windows until the verdict is certain.
    fn stages(&mut self) -> Result<Stage> {
        let mut window = match self.warm_up()? {
            ControlFlow::Break(stage) => return Ok(stage),
            ControlFlow::Continue(window) => window,
        };
        let wanted = self.settings.calls / PARTS;
        let mut earlier: Option<Stage> = None;
        loop {
            let affordable = self.calls.clock.affordable(SHARE);
            let mut stage = self.stage(window.min(affordable.unwrap_or(u64::MAX)))?;
            let progress = &mut self.calls.progress;
            progress.warm_up += std::mem::take(&mut progress.calls);
            if let Some(earlier) = &earlier {
                stage.compare(earlier);
            }
            let shown = Shown {
                window: stage.shortest,
                calls: stage.warm_up + stage.calls,
                growths: &stage.counters,
                is_kept: stage.store.is_kept,
                entries: stage.store.entries,
                most_items: stage.store.most_items,
                may_grow_outside: stage.may_grow_outside(),
            };
            // Calls may have become slower.
            let affordable = match stage.ended {
                None => self.calls.clock.affordable(SHARE),
                Some(_) => Some(0),
            };
            match (shown.next(wanted, affordable), stage.ended) {
                (Next::Stage(next), _) => window = next,
                // If the stage before found a leak, the leak has continued up to this limit.
                (_, Some(ended @ (Ended::Memory | Ended::Files))) => {
                    if let Some(leak) =
                        earlier.filter(|earlier| earlier.conclusion == Verdict::Leak)
                    {
                        stage = leak;
                        stage.ended = Some(ended);
                    }
                    stage.may_still_fill = stage.store.is_bounded;
                    return Ok(stage);
                }
                (Next::Doubt, _) => {
                    self.judge().name_keeper(&mut stage)?;
                    stage.may_still_fill = true;
                    return Ok(stage);
                }
                (Next::Stop, _) => return Ok(stage),
            }
            earlier = Some(stage);
        }
    }

    /// Makes calls until caches are full and all counters stand still, or until some counter moves steadily.
    /// Returns the number of calls for the shortest window of the first stage, or the last stage if the soak
    /// ended here.
    fn warm_up(&mut self) -> Result<ControlFlow<Stage, u64>> {
        let wanted = self.settings.calls / PARTS;
        let most = wanted.clamp(16, 1000);
        let usual = LEAST_WARM_UP.min(self.settings.calls.max(100));
        let least = self.settings.brief.unwrap_or(usual);
        let (mut length, mut quiet) = (1, 0);
        let mut series = [Series::default(); ALL.len()];
        let mut before = self.read(None)?;
        for _ in 0..MOST_WARM_UP {
            match self.make(length)? {
                Some(Ended::Memory) if !self.calls.ran_out_of_memory() => {
                    return Ok(ControlFlow::Break(self.after_much_memory()?));
                }
                Some(ended) => {
                    let stage = Stage::empty(self.calls.progress.warm_up, Some(ended));
                    return Ok(ControlFlow::Break(stage));
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
            let made = self.calls.progress.warm_up;
            if takes_resources && made < EARLY_FROM {
                // A stage as long as the warm-up, so that the resource does not run out.
                let window = made.div_ceil(PARTS).max(course::RESOURCES);
                return Ok(ControlFlow::Continue(window.min(wanted)));
            }
            if is_steady && made >= EARLY_FROM {
                let window = (length / 500).max(1) * course::EARLY;
                return Ok(ControlFlow::Continue(window.min(wanted)));
            }
            let is_enough = quiet >= QUIET || self.settings.brief.is_some();
            // A slow function may warm up for a quarter of the time.
            if self.calls.clock.is_past(4) || is_enough && made >= least {
                break;
            }
            length = (length * 2).min(most);
        }
        Ok(ControlFlow::Continue(wanted))
    }

    /// Makes a short stage, which takes about half as much memory as the warm-up did: a leak so large needs no
    /// more calls.
    fn after_much_memory(&mut self) -> Result<Stage> {
        let window = self.calls.progress.warm_up.div_ceil(2 * PARTS);
        let mut stage = self.stage(window.min(self.settings.calls / PARTS))?;
        stage.ended = Some(Ended::Memory);
        Ok(stage)
    }

    /// Makes a stage whose shortest window has `window` calls, and judges it.
    fn stage(&mut self, window: u64) -> Result<Stage> {
        self.meter.find_objects()?;
        if self.unproven.is_none() {
            self.unproven = Some(self.meter.prove()?);
        }
        // The soak's own memory for the objects does not count.
        self.calls.measure_memory_from_here();
        // The soak now refers to all objects that it found. Some functions reuse an object only if nothing else
        // refers to it. They make a new one in these calls.
        self.make(2)?;
        // All room is made before the first reading, which must come after calls and release no object.
        let mut windows = Windows::new(window, self.calls.progress.warm_up);
        let mut start = self.read(None)?;
        for _ in 0..MOST_UNSETTLED {
            self.make(2)?;
            start = self.read(None)?;
            if self.meter.is_settled() {
                break;
            }
        }
        self.calls.progress.wanted = window * PARTS;
        self.calls.phase = Phase::Windows;
        self.meter.begin()?;
        let (mut last, mut ended) = (start, None);
        for calls in series::windows(window) {
            ended = self.make(calls)?;
            if ended.is_some() {
                break;
            }
            let reading = self.read(Some(Window(calls)))?;
            windows.note(calls, reading.growth(&last));
            last = reading;
            let growth = &mut self.calls.progress.growth;
            growth.clear();
            growth.extend(reading.growth(&start));
            if self.meter.is_near_limit() {
                ended = Some(Ended::Files);
                break;
            }
        }
        self.calls.phase = Phase::WarmUp;
        let mut unproven = self.unproven.take().unwrap_or_default();
        let stage = self.judge().judge(&windows, &mut unproven, ended);
        self.unproven = Some(unproven);
        Ok(stage?)
    }

    /// The C functions that change the count of the object that moved most.
    fn native(&mut self, stage: &Stage) -> Result<Vec<String>> {
        let is_bad = |row: &&Reference| matches!(row.finding, Finding::Leak | Finding::OverRelease);
        let Some(moved) = stage.references.iter().find(is_bad) else {
            let none = "none, because what leaks is not a reference to an object that lives on: write a --reproducer, and run it under \
                        valgrind";
            return Ok(vec![none.into()]);
        };
        self.meter.prepare(NATIVE_CALLS)?;
        native::functions(moved, &mut self.calls.call)
    }

    fn judge(&self) -> Judge<'_> {
        Judge {
            meter: &self.meter,
            blame: &self.blame,
            allowed: &self.settings.allowed,
        }
    }

    /// How many of the blocks that leak per call belong to the argument that the function keeps.
    fn blocks_of_argument(&mut self, stage: &Stage) -> Result<Option<i64>> {
        let data = self.settings.lent.map_or(&[][..], |(_, data)| data);
        let before = self.meter.read(None)?;
        let list = lent::list(data)?;
        let between = self.meter.read(None)?;
        drop(list);
        let blocks = between.count(Counter::Blocks) - before.count(Counter::Blocks);
        let mut all = stage.counters.iter();
        let all = all.find(|growth| growth.counter == Counter::Blocks);
        let explains = |blocks: i64| {
            let least = blocks.saturating_mul(stage.calls.cast_signed());
            all.is_some_and(|all| all.total >= least)
        };
        Ok(Some(blocks).filter(|&blocks| explains(blocks)))
    }

    /// Reads all counters, after a window or at another time.
    fn read(&mut self, window: Option<Window>) -> Result<Reading> {
        let begun = self.calls.clock.counted();
        let reading = self.meter.read(window)?;
        self.calls.clock.reading = self.calls.clock.counted().saturating_sub(begun);
        let made = self.calls.progress.warm_up + self.calls.progress.calls;
        self.samples.push(Sample::new(made, &reading));
        Ok(reading)
    }

    /// Makes calls, unless something ends the soak first. Returns what ended it.
    fn make(&mut self, calls: u64) -> Result<Option<Ended>> {
        self.calls.make(&mut self.meter, calls)
    }

    /// Names the objects whose references keep falling, because they may crash the process before the report.
    fn note_what_falls(&mut self) -> Result<()> {
        let falling: Vec<Moved> = with_python(|py| Ok(self.meter.universe.falling(py)))?;
        let progress = &mut self.calls.progress;
        if falling.len() != progress.falling.len() {
            let named = falling.get(..MOST_NAMED).unwrap_or(&falling);
            let names = self.blame.names(named);
            let named = names
                .iter()
                .zip(named)
                .filter(|(name, _)| !name.is_hidden());
            let calls = progress.warm_up;
            progress.falling = named
                .map(|(name, moved)| name.reference(moved, calls).to_string())
                .collect();
        }
        Ok(())
    }
}
