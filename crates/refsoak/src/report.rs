//! What a soak saw.

use std::fmt;
use std::time::Duration;

use super::blame::Reference;
use super::counter::{Counter, Reading};
use super::lent::Lent;
use super::meter::Blind;
use super::universe::Moved;
use super::verdict::{
    self, Finding, Growth, MOST_WINDOWS, PARTS, Paired, Series, Verdict, per_call,
};

/// What a soak saw, and its verdict.
///
/// ```standalone_crate
/// # use pyoutliers::{capi, soak::{Counter, Soak}, with_python};
/// let leaks = || with_python(|py| Ok(std::mem::forget(capi::float_from_double(py, 1.5)?)));
/// let report = Soak::new(1600).run(leaks)?;
/// let growth = report.counters.iter().find(|growth| growth.counter == Counter::Blocks);
/// assert_eq!(growth.map(|growth| growth.per_call), Some(1.0));
/// assert!(report.summary().starts_with("this grows with the calls"));
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it ended before all windows were complete, if it did.
    pub ended: Option<Ended>,
    /// Calls that were asked for.
    pub wanted: u64,
    /// Calls in complete windows.
    pub calls: u64,
    /// Calls made before, to warm up.
    pub warm_up: u64,
    /// A leak of one object in so many calls would have been seen.
    pub smallest_visible: u64,
    /// What each counter did.
    pub counters: Vec<Growth>,
    /// The objects whose references grew, or fell.
    pub references: Vec<Reference>,
    /// What was done with the arguments that were lent.
    pub lent: Lent,
    /// The containers that grew, or still fill, with their lengths.
    pub holders: Vec<String>,
    /// After a leak, the lines that allocate it and the types that it is of.
    pub grown: Vec<String>,
    /// What grew and was allowed by [`Soak::allow`](super::Soak::allow).
    pub allowed: Vec<String>,
    /// The counters that were not judged, as they could not be proven, and why.
    pub unproven: Vec<String>,
    /// Of the blocks that leak at each call, those of the argument that is kept.
    pub argument_blocks: Option<i64>,
    /// Memory after each window, the warm-up's included.
    pub samples: Vec<Sample>,
    /// How long it took.
    pub time: Duration,
    /// Whether what was there before leads to what grows; and how many items the largest container has
    /// that grows like a leak.
    pub(super) is_kept: bool,
    pub(super) entries: f64,
    pub(super) most_items: i64,
    /// Whether the container that grows most has an end, such as a deque with a `maxlen`.
    pub(super) is_bounded: bool,
    series: Vec<(Counter, Series)>,
    windows: Vec<Paired>,
}

/// Why a soak ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Somebody ended it.
    Interrupted,
    /// It took too much memory, or there was no more.
    Memory,
    /// Almost as many files were open as may be.
    Files,
    /// The time was up.
    Time,
}

impl Ended {
    /// `interrupted`, `memory`, `files` or `time`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::Memory => "memory",
            Self::Files => "files",
            Self::Time => "time",
        }
    }
}

/// Memory at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// Calls so far, those to warm up included.
    pub calls: u64,
    /// Python's blocks in use.
    pub blocks: i64,
    /// Resident memory in bytes.
    pub resident: i64,
}

impl Report {
    /// Of windows that are to have so many calls at least, after so many to warm up.
    pub(super) fn new(window: u64, warm_up: u64) -> Self {
        Self {
            verdict: Verdict::Undecided("it has not ended".into()),
            ended: None,
            wanted: 0,
            calls: 0,
            warm_up,
            smallest_visible: window,
            counters: Vec::new(),
            references: Vec::new(),
            lent: Lent::default(),
            holders: Vec::new(),
            grown: Vec::new(),
            allowed: Vec::new(),
            unproven: Vec::new(),
            argument_blocks: None,
            samples: Vec::new(),
            time: Duration::ZERO,
            is_kept: false,
            entries: 0.0,
            most_items: 0,
            is_bounded: false,
            series: Vec::with_capacity(16),
            windows: Vec::with_capacity(MOST_WINDOWS),
        }
    }

    /// Panics with all that the soak found, if it is not clean: for a test.
    ///
    /// # Panics
    ///
    /// Unless the verdict is [`Verdict::Clean`].
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.verdict == Verdict::Clean, "{self}");
    }

    /// Notes a window of so many calls; allocates nothing.
    pub(super) fn window(&mut self, calls: u64, growth: impl Iterator<Item = (Counter, i64)>) {
        let is_first = self.series.is_empty();
        let mut paired = Paired {
            calls,
            blocks: 0,
            items: 0,
        };
        for (index, (counter, growth)) in growth.enumerate() {
            match counter {
                Counter::Blocks => paired.blocks = growth,
                Counter::Items => paired.items = growth,
                _ => {}
            }
            if is_first {
                self.series.push((counter, Series::default()));
            }
            if let Some((_, series)) = self.series.get_mut(index) {
                series.note(growth);
            }
        }
        self.windows.push(paired);
        self.calls += calls;
    }

    /// Judges the windows that there are: the counters that are proven, and the objects that moved.
    pub(super) fn complete(&mut self, blind: &[Blind], moved: &[Moved], ended: Option<Ended>) {
        let is_blind = |counter| blind.iter().any(|&(other, _)| other == counter);
        let growths = self.series.iter().map(|&(counter, series)| {
            let own = moved.iter().filter(|moved| moved.counter == counter);
            let (finding, total) = if counter.is_by_object() {
                let worst = own.clone().map(|moved| moved.finding).min();
                let worst = worst.unwrap_or(Finding::Steady);
                let worst_of_all = own.filter(|moved| moved.finding == worst);
                (worst, worst_of_all.map(|moved| moved.total).sum())
            } else {
                let finding = series.judge(counter);
                // A store that comes and goes may hide it.
                let is_hidden = counter == Counter::Blocks
                    && finding == Finding::Cache
                    && verdict::grow_behind_items(&self.windows);
                let finding = if is_hidden { Finding::Rare } else { finding };
                (finding, series.total())
            };
            Growth {
                counter,
                finding: if is_blind(counter) {
                    Finding::Unproven
                } else {
                    finding
                },
                total,
                per_call: per_call(total, self.calls),
            }
        });
        self.counters = growths.collect();
        self.unproven = blind
            .iter()
            .map(|(counter, saw)| format!("{counter} {saw}"))
            .collect();
        self.verdict = verdict::conclude(&self.counters);
        if let Some(ended) = ended {
            self.cut_short(ended);
        }
    }

    /// What went on unevenly in the stage before, and has grown at least a third as fast in this one, goes
    /// on: such as a buffer that is doubled from time to time, once in one stage and twice in another.
    pub(super) fn compare(&mut self, earlier: &Self) {
        for growth in &mut self.counters {
            let mut earlier = earlier.counters.iter();
            let same = earlier.find(|earlier| earlier.counter == growth.counter);
            let went_on = same.is_some_and(|earlier| {
                earlier.finding == Finding::Rare && 3.0 * growth.per_call >= earlier.per_call
            });
            let is_exact = growth.counter != Counter::OutsideMalloc;
            if went_on && is_exact && growth.finding == Finding::Cache && growth.total > 0 {
                growth.finding = Finding::Rare;
            }
        }
        if self.verdict == Verdict::Clean {
            self.verdict = verdict::conclude(&self.counters);
        }
    }

    /// Clean is only what Python's own counters say, all of them.
    pub(super) fn doubt_what_is_blind(&mut self, reasons: &[String]) {
        const NEEDED: [Counter; 4] = [
            Counter::Blocks,
            Counter::Tracked,
            Counter::References,
            Counter::Items,
        ];
        let unproven = verdict::of(&self.counters, Finding::Unproven);
        let is_needed = unproven
            .map(|growth| growth.counter)
            .any(|counter| NEEDED.contains(&counter));
        self.unproven.extend(reasons.iter().cloned());
        if self.verdict == Verdict::Clean && is_needed {
            let why = self.unproven.join("; ");
            self.verdict = Verdict::Undecided(format!("the meter is not to be trusted: {why}"));
        }
    }

    /// Notes that the windows are not complete: what is certain by then is so still, nothing else.
    pub(super) fn cut_short(&mut self, ended: Ended) {
        self.ended = Some(ended);
        // Windows of both lengths; or some, in which nothing moved that had to be compared.
        let is_steady = |growth: &Growth| growth.finding == Finding::Steady;
        let is_compared = self.calls > 12 * self.smallest_visible
            || self.calls >= 4 * self.smallest_visible.max(1)
                && self.counters.iter().all(is_steady);
        let reason = match ended {
            _ if matches!(self.verdict, Verdict::Leak | Verdict::OverRelease) => return,
            Ended::Memory => {
                "it took too much memory, and was stopped before it was certain what grows"
            }
            Ended::Files => {
                "almost as many files are open as may be, and it was stopped before it was certain \
                 what grows"
            }
            Ended::Time if !is_compared => {
                "the time was up before there was anything to compare: give it more"
            }
            Ended::Interrupted if !is_compared => {
                "interrupted before there was anything to compare"
            }
            _ => return,
        };
        self.verdict = Verdict::Undecided(reason.into());
    }

    /// What grows may be a store that still fills.
    pub(super) fn doubt_what_fills(&mut self) {
        if self.verdict == Verdict::Leak {
            let fills = match self.holders.first() {
                Some(holder) => format!(
                    "{holder}, after {} calls",
                    thousands(self.warm_up + self.calls)
                ),
                None => verdict::names(&self.counters, Finding::Leak),
            };
            let reason = format!(
                "this grows: a leak, or a store that still fills; more time tells: {fills}"
            );
            self.verdict = Verdict::Undecided(reason);
        }
    }

    /// Whether there is growth outside malloc that is too little to be judged, and more than noise.
    pub(super) fn may_grow_outside(&self) -> bool {
        let is_some = |growth: &Growth| {
            growth.counter == Counter::OutsideMalloc
                && matches!(growth.finding, Finding::Steady | Finding::Cache)
                && growth.total >= 256 << 10
        };
        self.counters.iter().any(is_some)
    }

    /// The meter has not seen what was planted among the arguments.
    pub(super) fn blind(&mut self, what: &str) {
        self.verdict = Verdict::Undecided(format!("the meter is not to be trusted: {what}"));
    }

    /// Whether a counter leaks.
    pub(super) fn leaks(&self, counter: Counter) -> bool {
        verdict::of(&self.counters, Finding::Leak).any(|growth| growth.counter == counter)
    }

    /// The verdict in a sentence.
    pub fn summary(&self) -> String {
        let calls = thousands(self.calls);
        match &self.verdict {
            Verdict::Clean => format!("nothing grows with the calls, over {calls} of them"),
            Verdict::Leak => format!(
                "this grows with the calls, over {calls} of them: {}",
                verdict::names(&self.counters, Finding::Leak)
            ),
            Verdict::OverRelease if self.lent.is_over_released() => {
                "references to arguments are released too often".into()
            }
            Verdict::OverRelease => format!(
                "references are released too often, over {calls} calls: the object will be freed while it is in use"
            ),
            Verdict::Undecided(reason) => reason.clone(),
        }
    }
}

impl Sample {
    pub(super) fn new(calls: u64, reading: &Reading) -> Self {
        Self {
            calls,
            blocks: reading.count(Counter::Blocks),
            resident: reading.resident,
        }
    }
}

/// The verdict, a line for each counter, what grew where, and how far to trust it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verdict.name())?;
        match self.ended {
            Some(Ended::Interrupted) => f.write_str(" (interrupted)")?,
            Some(ended) => write!(f, " (ended early: {})", ended.name())?,
            None => {}
        }
        writeln!(f, ": {}", self.summary())?;
        let lines = |f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]| {
            if !lines.is_empty() {
                writeln!(f, "{title}:")?;
            }
            lines.iter().try_for_each(|line| writeln!(f, "  {line}"))
        };
        let is_clean = self.verdict == Verdict::Clean;
        if !is_clean {
            lines(f, "arguments", &self.lent.faults())?;
        }
        if self.calls == 0 {
            return Ok(());
        }
        for growth in &self.counters {
            writeln!(f, "  {growth}")?;
        }
        let references: Vec<_> = self.references.iter().map(ToString::to_string).collect();
        if let Some(blocks) = self.argument_blocks {
            writeln!(
                f,
                "  of the blocks, {blocks} per call are those of the argument, which is kept"
            )?;
        }
        lines(f, "references to objects that live on", &references)?;
        if self.leaks(Counter::Types) {
            let advice = "a type that gains a reference per instance takes no memory: --allow types accepts it";
            writeln!(f, "  {advice}")?;
        }
        lines(f, "containers that grow", &self.holders)?;
        lines(f, "what grows, and where", &self.grown)?;
        lines(f, "allowed", &self.allowed)?;
        lines(f, "counters that were not judged", &self.unproven)?;
        let is_heap = self.leaks(Counter::CHeap) && !self.leaks(Counter::Blocks);
        if is_heap && self.holders.is_empty() || self.leaks(Counter::OutsideMalloc) {
            let advice = "C code allocates this: valgrind --leak-check=full names the place";
            writeln!(f, "{advice}")?;
        }
        let visible = match self.smallest_visible {
            1 => "at each call".into(),
            calls => format!("of one object in {} calls", thousands(calls)),
        };
        writeln!(f, "a leak {visible} would have been seen in every window")?;
        let is_cache = |growth: &Growth| growth.finding == Finding::Cache && growth.total > 0;
        if is_clean && self.counters.iter().any(is_cache) {
            let advice =
                "what grew, but not with the calls, is a cache or a rarer leak: more --calls tell";
            writeln!(f, "{advice}")?;
        }
        if self.ended.is_none() && self.smallest_visible * PARTS < self.wanted {
            let (wanted, made) = (thousands(self.wanted), thousands(self.calls));
            let reason = match is_clean {
                true => "as many as the time allowed",
                false => "they were enough to be certain",
            };
            writeln!(
                f,
                "made {made} of the {wanted} calls that were asked for: {reason}"
            )?;
        }
        let resident = |sample: Option<&Sample>| sample.map_or(0, |sample| sample.resident) / 1024;
        writeln!(
            f,
            "{:.1} s; resident memory, for comparison: {} KiB at first, {} at the end",
            self.time.as_secs_f64(),
            resident(self.samples.first()),
            resident(self.samples.last()),
        )
    }
}

/// `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
