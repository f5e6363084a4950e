//! What the counters mean.

use std::fmt;

use super::Counter;
use super::run::float;

/// What a soak says in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// No counter grows with the calls.
    Clean,
    /// A counter grows in every window, and twice as much in windows of twice the calls.
    Leak,
    /// The references to an object fall like that: they are given back too often.
    OverRelease,
    /// Nothing can be said, for this reason.
    Undecided(String),
}

impl Verdict {
    /// `clean`, `leak`, `over-release` or `none`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Leak => "leak",
            Self::OverRelease => "over-release",
            Self::Undecided(_) => "none",
        }
    }
}

/// What one counter did, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Finding {
    /// It fell in every window, and with the calls.
    OverRelease,
    /// It grew in every window, and with the calls.
    Leak,
    /// It goes on moving, but not in every window: too rarely to be judged.
    Rare,
    /// It moved, but not with the calls: a cache.
    Cache,
    /// It stands where it stood.
    Steady,
}

impl Finding {
    /// `steady`, `leak`, `over-release`, `cache` or `rare`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Leak => "leak",
            Self::OverRelease => "over-release",
            Self::Cache => "cache",
            Self::Rare => "rare",
        }
    }
}

/// One counter over all windows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Growth {
    /// What is counted.
    pub counter: Counter,
    /// What it did.
    pub finding: Finding,
    /// By how much it grew in all windows together.
    pub total: i64,
    /// By how much it grew per call.
    pub per_call: f64,
}

/// Windows by their length, in parts of all calls.
pub(super) const WINDOWS: [u64; 12] = [1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2];
/// What is outside malloc is told in pages, which come and go: less than that is nothing.
const LEAST_OUTSIDE: i64 = 1 << 20;

/// How something grew, window after window: by bits, of which the newest is the lowest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Series {
    short: i64,
    long: i64,
    grew: u16,
    fell: u16,
    windows: u8,
}

impl Series {
    pub fn note(&mut self, is_long: bool, growth: i64) {
        *if is_long {
            &mut self.long
        } else {
            &mut self.short
        } += growth;
        self.grew = self.grew << 1 | u16::from(growth > 0);
        self.fell = self.fell << 1 | u16::from(growth < 0);
        self.windows += 1;
    }

    /// Whether it went the same way in each of the last five windows.
    pub fn is_steady(&self) -> bool {
        const FIVE: u16 = 0b11111;
        self.grew & FIVE == FIVE || self.fell & FIVE == FIVE
    }

    /// Whether it fell in both of the last two windows.
    pub fn falls(&self) -> bool {
        self.fell & 0b11 == 0b11
    }

    pub fn total(&self) -> i64 {
        self.short + self.long
    }

    /// What it did, as [`WINDOWS`] go, or the first of them.
    pub fn judge(&self, counter: Counter) -> Finding {
        if self.grew | self.fell == 0 {
            return Finding::Steady;
        }
        let windows = usize::from(self.windows);
        let all = (1_u16 << windows) - 1;
        let done = WINDOWS.iter().take(windows);
        let long: i64 = done.clone().map(|&length| i64::from(length == 2)).sum();
        let short: i64 = done.map(|&length| i64::from(length == 1)).sum();
        // A leak's long windows have twice the growth of its short ones, a meter's or cache's the
        // same: the border is in the middle, 3 to 2. The counts bring both to the same number of windows.
        let share = |sum: i64, others: i64| sum.saturating_abs().saturating_mul(others);
        let scales = share(self.long, short).saturating_mul(2)
            >= share(self.short, long).saturating_mul(3)
            && long > 0;
        let is_reference = counter == Counter::References;
        let is_outside = counter == Counter::OutsideMalloc;
        let is_byte = matches!(counter, Counter::CHeap | Counter::RustHeap);
        if is_outside && self.total().abs() < LEAST_OUTSIDE {
            return Finding::Steady;
        }
        // Whatever fills up has done so by then; heaps always move by a few bytes.
        let later = (1_u16 << (windows - windows / 2)) - 1;
        let goes_on = |moved: u16, other: u16| other == 0 && (moved & later).count_ones() >= 2;
        if scales && self.grew == all {
            Finding::Leak
        } else if scales && is_reference && self.fell == all {
            Finding::OverRelease
        } else if is_outside && (self.grew & later).count_ones() * 2 >= later.count_ones()
            || !is_byte && self.grew != all && goes_on(self.grew, self.fell)
            || is_reference && self.fell != all && goes_on(self.fell, self.grew)
        {
            Finding::Rare
        } else {
            Finding::Cache
        }
    }
}

/// The verdict on all counters. What is given back too often is the worst, then a leak.
pub(super) fn conclude(growths: &[Growth]) -> Verdict {
    match growths.iter().map(|growth| growth.finding).min() {
        Some(Finding::OverRelease) => Verdict::OverRelease,
        Some(Finding::Leak) => Verdict::Leak,
        Some(Finding::Rare) => Verdict::Undecided(format!(
            "this goes on growing, but too rarely to be judged, so make more calls: {}",
            names(growths, Finding::Rare)
        )),
        _ => Verdict::Clean,
    }
}

/// The counters that did that, in words.
pub(super) fn names(growths: &[Growth], finding: Finding) -> String {
    let names: Vec<_> = of(growths, finding)
        .map(|growth| growth.counter.to_string())
        .collect();
    names.join(", ")
}

/// Those that did that.
pub(super) fn of(growths: &[Growth], finding: Finding) -> impl Iterator<Item = &Growth> {
    growths
        .iter()
        .filter(move |growth| growth.finding == finding)
}

/// `blocks  LEAK: one block in 1000.0 calls`, or `c_heap  LEAK: 4.096 bytes per call`.
impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<20} ", self.counter)?;
        let verb = match self.finding {
            Finding::Steady if self.counter == Counter::OutsideMalloc => {
                return f.write_str("less than 1 MiB");
            }
            Finding::Steady => return f.write_str("0"),
            Finding::Cache => return write!(f, "{:+} in all, not with the calls", self.total),
            Finding::Rare => return write!(f, "{:+} in all, too few to tell", self.total),
            Finding::Leak => "LEAK",
            Finding::OverRelease => "OVER-RELEASE",
        };
        write!(f, "{verb}: {}", Rate(self.per_call, self.counter.unit()))
    }
}

pub(super) fn per_call(total: i64, calls: u64) -> f64 {
    let ratio = float(total.unsigned_abs()) / float(calls.max(1));
    if total < 0 { -ratio } else { ratio }
}

/// So many of a unit per call: `1.5 blocks per call`, `one block in 1000 calls`.
pub(super) struct Rate(pub f64, pub &'static str);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(rate, unit) = self;
        let rounded = |number: f64| (number * 100.0).round() / 100.0;
        match rounded(rate.abs()) {
            1.0 => write!(f, "1 {unit} per call"),
            rate if rate > 1.0 => write!(f, "{rate} {unit}s per call"),
            _ => write!(f, "one {unit} in {} calls", rounded(1.0 / rate.abs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counter, Finding, Series, WINDOWS};

    /// With the windows in their order, as many as there are.
    fn judge(short: &[i64], long: &[i64], counter: Counter) -> Finding {
        let (mut short, mut long) = (short.iter(), long.iter());
        let mut series = Series::default();
        for length in WINDOWS {
            let next = if length == 2 { &mut long } else { &mut short };
            if let Some(&growth) = next.next() {
                series.note(length == 2, growth);
            }
        }
        series.judge(counter)
    }

    /// Each of these, of that counter, is found to be that.
    fn are(counter: Counter, expected: Finding, windows: &[(&[i64], &[i64])]) {
        for (short, long) in windows {
            let finding = judge(short, long, counter);
            assert_eq!(finding, expected, "{short:?} {long:?}");
        }
    }

    #[test]
    fn growth_in_every_window_and_with_the_calls_is_a_leak() {
        // The last grows by one in a window and a quarter: what a leak of exactly the visible size may look like.
        let leaks: &[(&[_], &[_])] = &[
            (&[1; 8], &[2; 4]),
            (&[12, 13, 12, 13], &[25, 25]),
            (&[1, 1, 1, 2, 1, 1, 1, 2], &[2, 3, 2, 3]),
        ];
        are(Counter::Blocks, Finding::Leak, leaks);
    }

    #[test]
    fn growth_that_does_not_scale_or_that_pauses_is_a_cache() {
        let caches: &[(&[_], &[_])] = &[
            (&[1; 8], &[1; 4]),
            (&[96; 8], &[96; 4]),
            (&[40, 30, 20, 10, 0, 0, 0, 0], &[80, 0, 0, 0]),
            (&[3, 0, 0, 0, 0, 0, 0, 0], &[0; 4]),
            (&[8, -8, 1, 0], &[0, 0]),
        ];
        are(Counter::Blocks, Finding::Cache, caches);
    }

    #[test]
    fn growth_that_goes_on_now_and_then_is_not_judged() {
        let (blocks, references) = (Counter::Blocks, Counter::References);
        let rare: (&[_], &[_]) = (&[1, 0, 1, 1, 1, 0, 1, 1], &[1, 2, 1, 2]);
        are(blocks, Finding::Rare, &[rare]);
        let rarer: (&[_], &[_]) = (&[0, 0, 1, 0, 0, 0, 1, 0], &[0, 1, 0, 1]);
        are(references, Finding::Rare, &[rarer]);
        let heap: (&[_], &[_]) = (&[16, 0, 16, 0, 16, 0, 16, 0], &[0, 32, 0, 16]);
        are(Counter::CHeap, Finding::Cache, &[heap]);
    }

    #[test]
    fn only_references_can_be_over_released() {
        let (falls, other): (&[_], &[_]) = (&[-5; 8], &[-10; 4]);
        are(Counter::References, Finding::OverRelease, &[(falls, other)]);
        are(Counter::Blocks, Finding::Cache, &[(falls, other)]);
        are(Counter::References, Finding::Cache, &[(falls, &[-5; 4])]);
    }

    #[test]
    fn windows_of_one_length_alone_prove_nothing() {
        are(Counter::Blocks, Finding::Cache, &[(&[1, 1], &[])]);
        are(Counter::Blocks, Finding::Steady, &[(&[], &[])]);
    }

    #[test]
    fn nothing_is_steady() {
        are(Counter::References, Finding::Steady, &[(&[0; 8], &[0; 4])]);
    }
}
