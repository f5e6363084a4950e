//! What a soak saw.

use std::fmt;

use super::meter::{MOST, Reading};
use super::verdict::{self, Finding, Growth, Verdict};
use super::{Counter, WINDOWS};

/// What a soak saw, and its verdict.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it was ended before all windows were complete.
    pub interrupted: bool,
    /// Calls in complete windows.
    pub calls: u64,
    /// Calls made before, to warm up.
    pub warm_up: u64,
    /// Whether all counters stood still at the end of the warm-up.
    pub settled: bool,
    /// Whether fewer calls were made than asked for, as they take so much memory.
    pub shortened: bool,
    /// What each counter did.
    pub counters: Vec<Growth>,
    /// A leak of one object in so many calls would have been seen.
    pub smallest_visible: u64,
    /// Memory after each window, the warm-up's included.
    pub samples: Vec<Sample>,
    names: Vec<Counter>,
    windows: Vec<(u64, [i64; MOST])>,
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
    pub(super) fn new(names: Vec<Counter>, window: u64) -> Self {
        Self {
            verdict: Verdict::None("it has not ended".into()),
            interrupted: false,
            calls: 0,
            warm_up: 0,
            settled: false,
            shortened: false,
            counters: Vec::new(),
            smallest_visible: window,
            samples: Vec::new(),
            names,
            windows: Vec::with_capacity(WINDOWS.len()),
        }
    }

    /// Makes fewer calls than were asked for: windows of `window` calls.
    pub(super) fn shorten(&mut self, window: u64) {
        self.shortened = window < self.smallest_visible;
        self.smallest_visible = window;
    }

    /// Notes a window of `length` times the shortest; allocates nothing.
    pub(super) fn window(&mut self, length: u64, growth: [i64; MOST]) {
        self.windows.push((length, growth));
    }

    pub(super) fn complete(mut self, readings: &[(u64, Reading)]) -> Self {
        self.samples = readings.iter().map(Sample::new).collect();
        self.calls = self
            .windows
            .iter()
            .map(|(length, _)| length * self.smallest_visible)
            .sum();
        let growths = |index: usize, wanted: u64| -> Vec<i64> {
            let windows = self.windows.iter().filter(|(length, _)| *length == wanted);
            windows
                .filter_map(|(_, growth)| growth.get(index).copied())
                .collect()
        };
        let growths = self.names.iter().enumerate().map(|(index, counter)| {
            let (short, long) = (growths(index, 1), growths(index, 2));
            let total = short.iter().chain(&long).sum();
            Growth {
                counter: counter.clone(),
                finding: verdict::judge(&short, &long, counter),
                total,
                per_call: ratio(total, self.calls),
            }
        });
        self.counters = growths.collect();
        self.verdict = verdict::conclude(&self.counters);
        self
    }

    /// The verdict so far. It takes a window of either length to have one.
    pub(super) fn interrupted(mut self, readings: &[(u64, Reading)]) -> Self {
        let judged = self.windows.iter().any(|&(length, _)| length == 2);
        self = self.complete(readings);
        self.interrupted = true;
        if !judged {
            self.verdict = Verdict::None("interrupted before there was anything to compare".into());
        }
        self
    }

    /// The meter has not seen what was planted.
    pub(super) fn blind(mut self, what: String, readings: &[(u64, Reading)]) -> Self {
        self = self.complete(readings);
        let malloc = std::env::var_os("PYTHONMALLOC").is_some_and(|value| !value.is_empty());
        let remedy = if malloc { "; unset PYTHONMALLOC" } else { "" };
        self.verdict = Verdict::None(format!("the meter is not to be trusted: {what}{remedy}"));
        self
    }
}

impl Sample {
    fn new((calls, reading): &(u64, Reading)) -> Self {
        let blocks = reading.counts().first().copied().unwrap_or(0);
        Self {
            calls: *calls,
            blocks,
            resident: reading.resident,
        }
    }
}

/// Both are far below 2 to the power of 53.
#[allow(clippy::cast_precision_loss)]
fn ratio(total: i64, calls: u64) -> f64 {
    if calls == 0 {
        0.0
    } else {
        total as f64 / calls as f64
    }
}

/// The verdict, a line for each counter, and how far to trust it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interrupted = if self.interrupted {
            " (interrupted)"
        } else {
            ""
        };
        writeln!(
            f,
            "{}{interrupted}: {}",
            self.verdict.name(),
            self.summary()
        )?;
        if self.calls == 0 {
            return Ok(());
        }
        for growth in &self.counters {
            writeln!(f, "  {growth}")?;
        }
        let smallest = thousands(self.smallest_visible);
        if self.smallest_visible == 1 {
            writeln!(
                f,
                "a leak at each call would have been seen in every window"
            )?;
        } else {
            writeln!(
                f,
                "a leak of one object in {smallest} calls would have been seen in every window"
            )?;
        }
        let moved = self
            .counters
            .iter()
            .any(|growth| growth.finding == Finding::Cache && growth.total > 0);
        if moved {
            writeln!(
                f,
                "what grew without the calls is a cache, or a leak yet rarer: more calls tell"
            )?;
        }
        if !self.settled {
            writeln!(
                f,
                "the counters never stood still in {} calls to warm up",
                thousands(self.warm_up)
            )?;
        }
        if self.shortened {
            writeln!(f, "fewer calls than asked for: each takes much memory")?;
        }
        let resident = |sample: Option<&Sample>| sample.map_or(0, |sample| sample.resident) / 1024;
        writeln!(
            f,
            "resident memory, for comparison: {} KiB at first, {} at the end",
            resident(self.samples.first()),
            resident(self.samples.last()),
        )
    }
}

impl Report {
    /// The verdict in a sentence.
    pub fn summary(&self) -> String {
        let calls = thousands(self.calls);
        let guilty = |wanted| {
            let names = self
                .counters
                .iter()
                .filter(move |growth| growth.finding == wanted);
            names
                .map(|growth| growth.counter.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match &self.verdict {
            Verdict::Clean => format!("nothing grows with the calls, over {calls} of them"),
            Verdict::Leak => {
                format!(
                    "this grows with the calls, over {calls} of them: {}",
                    guilty(Finding::Leak)
                )
            }
            Verdict::OverRelease => format!(
                "this falls with the calls, over {calls} of them: {}",
                guilty(Finding::OverRelease)
            ),
            Verdict::None(reason) => reason.clone(),
        }
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
