//! The report of a soak: its verdict, and what it saw.

use std::fmt;
use std::time::Duration;

use crate::counter::{Counter, Reading};
use crate::lent::Lent;
use crate::reference::Reference;
use crate::series::PARTS;
use crate::stage::Ended;
use crate::verdict::{self, Finding, Growth, Verdict};
use pyoutliers::interpreter::loaded;

/// The verdict of a soak, and what it saw.
///
/// ```standalone_crate
/// # use pyoutliers::{capi, with_python};
/// # use refsoak::{Counter, Soak};
/// let leaks = || with_python(|py| Ok(std::mem::forget(capi::float_from_double(py, 1.5)?)));
/// let report = Soak::new(1600).run(leaks)?;
/// let growth = report.counters.iter().find(|growth| growth.counter == Counter::Blocks);
/// assert_eq!(growth.map(|growth| growth.per_call), Some(1.0));
/// assert!(report.summary().starts_with("these counters grow with the calls"));
/// # Ok::<_, refsoak::Error>(())
/// ```
///
/// `Display` prints all of it, with a line for each counter. [`Record`](crate::Record) is the same as JSON.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// Why the soak ended before all windows were complete, if it did.
    pub ended: Option<Ended>,
    /// The number of calls requested.
    pub wanted: u64,
    /// The calls in complete windows.
    pub calls: u64,
    /// The calls made before, as warm-up.
    pub warm_up: u64,
    /// The smallest detectable leak: one object in this many calls.
    pub smallest_visible: u64,
    /// What each counter did.
    pub counters: Vec<Growth>,
    /// The objects whose references grew or fell.
    pub references: Vec<Reference>,
    /// What the function did with the arguments that were lent.
    pub lent: Lent,
    /// The containers that grew, or are still filling, with their lengths.
    pub containers: Vec<String>,
    /// The containers whose lengths grew, with their rates.
    pub items: Vec<Reference>,
    /// After a leak, the lines that leak and the types of the objects.
    pub grown: Vec<String>,
    /// The C functions that take and release leaked references, the one most likely at fault first: see
    /// [`Soak::native`](crate::Soak::native).
    pub native: Vec<String>,
    /// What grew and was allowed by [`Soak::allow`](crate::Soak::allow).
    pub allowed: Vec<String>,
    /// The counters that were not judged because they missed what was planted, and possible reasons.
    pub unproven: Vec<String>,
    /// Of the blocks that leak per call, how many belong to the argument, if the function keeps it.
    pub argument_blocks: Option<i64>,
    /// Memory after each window, including those of the warm-up.
    pub samples: Vec<Sample>,
    /// How long the soak took.
    pub time: Duration,
}

/// Memory at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// The calls made so far, including those to warm up.
    pub calls: u64,
    /// Python's blocks in use.
    pub blocks: i64,
    /// Resident memory in bytes.
    pub resident: i64,
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

impl Report {
    /// Panics with the whole report if the verdict is not clean. Use it in a test.
    ///
    /// # Panics
    ///
    /// Unless the verdict is [`Verdict::Clean`].
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.verdict == Verdict::Clean, "{self}");
    }

    /// The verdict in a sentence.
    pub fn summary(&self) -> String {
        let calls = thousands(self.calls);
        match &self.verdict {
            Verdict::Clean => format!("no counter grows with the calls ({calls} made)"),
            Verdict::Leak => format!(
                "these counters grow with the calls ({calls} made): {}",
                verdict::names(&self.counters, Finding::Leak)
            ),
            Verdict::OverRelease if self.lent.is_over_released() => {
                "references to arguments are released too often".into()
            }
            Verdict::OverRelease => format!(
                "references are released too often ({calls} calls made): an object will be freed while \
                 it is in use"
            ),
            Verdict::Undecided(reason) => reason.clone(),
        }
    }

    /// Whether a counter leaks.
    fn leaks(&self, counter: Counter) -> bool {
        verdict::of(&self.counters, Finding::Leak).any(|growth| growth.counter == counter)
    }

    /// How far the numbers can be trusted, and what to do next.
    fn advise(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_clean = self.verdict == Verdict::Clean;
        let is_heap = self.leaks(Counter::CHeap) && !self.leaks(Counter::Blocks);
        if is_heap && self.containers.is_empty() || self.leaks(Counter::OutsideMalloc) {
            let advice = "C code allocates this: valgrind --leak-check=full names the place";
            writeln!(f, "{advice}")?;
        }
        match self.smallest_visible {
            1 => writeln!(f, "smallest detectable leak: one object per call")?,
            calls => writeln!(
                f,
                "smallest detectable leak: one object in {} calls",
                thousands(calls)
            )?,
        }
        if is_clean && loaded().version.is_free_threaded() {
            let limit = "not seen in a free-threaded Python: a str, bytes or tuple that is replaced by a longer one, below \
                         4 MiB; an instance that leaks a reference to its type";
            writeln!(f, "{limit}")?;
        }
        let is_cache = |growth: &Growth| growth.finding == Finding::Cache && growth.total > 0;
        if is_clean && self.counters.iter().any(is_cache) {
            let advice = "growth that does not follow the calls is a cache or a rare leak: make more \
                          --calls to find out";
            writeln!(f, "{advice}")?;
        }
        if self.ended.is_none() && self.smallest_visible * PARTS < self.wanted {
            let (wanted, made) = (thousands(self.wanted), thousands(self.calls));
            let reason = match self.verdict {
                Verdict::Clean | Verdict::Undecided(_) => "there was no time for more",
                _ => "they were enough to be certain",
            };
            writeln!(f, "made {made} of {wanted} calls: {reason}")?;
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

/// Prints the verdict, a line for each counter, what grew and where, and how far to trust it.
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
        if self.verdict != Verdict::Clean {
            lines(f, "arguments", &self.lent.faults())?;
        }
        if self.calls == 0 {
            return Ok(());
        }
        for growth in &self.counters {
            writeln!(f, "  {growth}")?;
        }
        if let Some(blocks) = self.argument_blocks {
            let belong = if blocks == 1 { "belongs" } else { "belong" };
            writeln!(
                f,
                "  of the blocks, {blocks} per call {belong} to the argument that the function keeps"
            )?;
        }
        let references: Vec<_> = self.references.iter().map(ToString::to_string).collect();
        lines(f, "references to objects that live on", &references)?;
        if self.leaks(Counter::Types) {
            let advice = "references to types take no memory: to accept them, allow types";
            writeln!(f, "  {advice}")?;
        }
        lines(f, "containers that grow", &self.containers)?;
        lines(f, "what grows, and where", &self.grown)?;
        lines(
            f,
            "C functions that change the reference count",
            &self.native,
        )?;
        lines(f, "allowed", &self.allowed)?;
        lines(f, "counters that were not judged", &self.unproven)?;
        self.advise(f)
    }
}

/// `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
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
