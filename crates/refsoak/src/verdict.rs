//! What the counters mean: the judgement of one series of windows.

use std::fmt;

use super::counter::Counter;

/// The result of a soak.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// No counter grows with the calls.
    Clean,
    /// A counter grows in every window, and with the calls.
    Leak,
    /// The references to an object fall like that: they are released too often.
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
    /// It goes on moving, but not evenly: in some windows only, or ever more slowly.
    Rare,
    /// It could not be proven that this counter sees a leak, so it was not judged.
    Unproven,
    /// It grew, and that was allowed.
    Allowed,
    /// It moved, but not with the calls: a cache.
    Cache,
    /// It did not move.
    Steady,
}

impl Finding {
    /// `steady`, `leak`, `over-release`, `cache`, `rare`, `unproven` or `allowed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Leak => "leak",
            Self::OverRelease => "over-release",
            Self::Cache => "cache",
            Self::Rare => "rare",
            Self::Unproven => "unproven",
            Self::Allowed => "allowed",
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
    /// How much it grew in all windows together.
    pub total: i64,
    /// How much it grew per call.
    pub per_call: f64,
}

/// Windows by their length, in hundredths of the shortest one: first short ones, then long ones, with
/// nearly as many calls in the ones as in the others.
///
/// A leak that comes once in `p` calls comes `c / p` times in `c` consecutive calls, give or take one. So
/// short ones next to each other, and long ones next to each other, leave no period that looks different
/// in the two halves. And no two have the same length, so that a store that is emptied whenever it is full
/// is not met fuller each time.
const WINDOWS: [u64; 12] = [100, 107, 118, 131, 113, 139, 122, 145, 229, 271, 247, 278];
/// How many of them are short.
const SHORT: usize = 8;
/// The calls of all windows, in those of the shortest.
pub(super) const PARTS: u64 = 20;

/// How many windows there are.
pub(super) const MOST_WINDOWS: usize = WINDOWS.len();

/// The windows, in calls, if the shortest has so many.
pub(super) fn windows(shortest: u64) -> impl Iterator<Item = u64> {
    let mut hundredths = 0;
    WINDOWS.into_iter().map(move |length| {
        let begin = shortest.saturating_mul(hundredths) / 100;
        hundredths += length;
        shortest.saturating_mul(hundredths) / 100 - begin
    })
}

/// Memory outside malloc is counted in pages, which come and go: less than that is nothing.
const LEAST_OUTSIDE: i64 = 4 << 20;
/// A heap always moves by some bytes: what goes on below that is nothing.
const LEAST_HEAP: i64 = 4096;

/// What comes once per shortest window comes so often in all.
pub(super) const LEAST_GROWTH: i64 = 20;

/// How something grew, window after window: by bits, of which the newest is the lowest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Series {
    /// In the short windows, and in the long ones.
    short: i64,
    long: i64,
    /// In the last of them; in the one with the most growth, and with the least.
    last: i64,
    most: i64,
    least: i64,
    grew: u16,
    fell: u16,
    windows: u8,
}

impl Series {
    /// Notes the next window.
    pub fn note(&mut self, growth: i64) {
        *if usize::from(self.windows) < SHORT {
            &mut self.short
        } else {
            &mut self.long
        } += growth;
        self.last = growth;
        self.most = self.most.max(growth);
        self.least = self.least.min(growth);
        self.grew = self.grew << 1 | u16::from(growth > 0);
        self.fell = self.fell << 1 | u16::from(growth < 0);
        self.windows = self.windows.saturating_add(1);
    }

    /// Whether it moved in the last window.
    pub fn has_moved(&self) -> bool {
        (self.grew | self.fell) & 1 == 1
    }

    /// Whether it went the same way in each of the last five windows.
    pub fn is_steady(&self) -> bool {
        const FIVE: u16 = 0b1_1111;
        self.grew & FIVE == FIVE || self.fell & FIVE == FIVE
    }

    /// Whether it fell in both of the last two windows.
    pub fn falls(&self) -> bool {
        self.fell & 0b11 == 0b11
    }

    pub fn total(&self) -> i64 {
        self.short + self.long
    }

    /// What it did, in all windows or the first of them.
    pub fn judge(&self, counter: Counter) -> Finding {
        let windows = usize::from(self.windows).min(WINDOWS.len());
        let is_outside = counter == Counter::OutsideMalloc;
        if self.grew | self.fell == 0 || is_outside && self.total().abs() < LEAST_OUTSIDE {
            return Finding::Steady;
        }
        let all = (1_u16 << windows) - 1;
        let is_reference = matches!(counter, Counter::References | Counter::Types);
        let is_byte = matches!(counter, Counter::CHeap | Counter::RustHeap);
        let goes_on_evenly = self.scales(windows) && !self.has_slowed(windows);
        if goes_on_evenly && self.grew == all {
            return Finding::Leak;
        }
        if goes_on_evenly && self.fell == all && is_reference {
            return Finding::OverRelease;
        }
        if self.fell != 0 && self.grew != 0 {
            let least = match counter {
                Counter::OutsideMalloc => LEAST_OUTSIDE,
                Counter::CHeap | Counter::RustHeap => 4 * LEAST_HEAP,
                _ => 3 * LEAST_GROWTH,
            };
            return match self.judge_falls(windows, least) {
                // Pages come and go.
                Finding::Rare if is_outside => Finding::Cache,
                finding => finding,
            };
        }
        // Whatever fills up has done so by then.
        let later = (1_u16 << (windows - windows / 2)) - 1;
        let often = |moved: u16| (moved & later).count_ones() >= 2;
        let goes_on = if is_outside {
            // What goes on, and not only where a heap is broken into pieces.
            let is_often = (self.grew & later).count_ones() * 2 >= later.count_ones();
            is_often && self.scales(windows) && self.long >= LEAST_OUTSIDE
        } else if is_byte {
            // Steps that stay in proportion to the calls: a block that is enlarged from time to time.
            let is_stairs = self.grew.count_ones() > 2 && self.scales(windows);
            is_stairs && self.long >= LEAST_HEAP
        } else {
            (often(self.grew) || is_reference && often(self.fell)) && !self.is_fading()
        };
        if goes_on {
            Finding::Rare
        } else {
            Finding::Cache
        }
    }

    /// What it did, if it both grew and fell, as a store does that is emptied whenever it is full. That is no
    /// fuller in the end than it was once before: what comes to more than it moves in a window goes on.
    /// Less than `least` is nothing, and so is what came in the short windows alone.
    fn judge_falls(&self, windows: usize, least: i64) -> Finding {
        let (total, moves) = (self.total(), self.most - self.least);
        if total < least.max(moves / 3) || 4 * self.long < self.short {
            Finding::Cache
        } else if total < 3 * moves || !self.scales(windows) {
            Finding::Rare
        } else {
            Finding::Leak
        }
    }

    /// Calls in the short and in the long ones of the first so many windows, in hundredths.
    fn parts(windows: usize) -> (i64, i64) {
        let sum = |windows: &[u64]| {
            let add = |sum: i64, &length: &u64| sum.saturating_add_unsigned(length);
            windows.iter().fold(0, add)
        };
        let done = WINDOWS.get(..windows).unwrap_or(&WINDOWS);
        let (short, long) = done.split_at(done.len().min(SHORT));
        (sum(short), sum(long))
    }

    /// Whether it moved with the calls: per call at least two thirds as much in the long windows as in
    /// the short ones. What moves once per window comes to half.
    fn scales(&self, windows: usize) -> bool {
        let (short, long) = Self::parts(windows);
        let share = |sum: i64, others: i64| sum.saturating_abs().saturating_mul(others);
        long > 0
            && share(self.long, short).saturating_mul(3)
                >= share(self.short, long).saturating_mul(2)
    }

    /// Whether it moved in the last window by less than half as much as in the long ones on average: a
    /// store may have been filled by then. A leak that comes once per shortest window, or more often,
    /// comes at least half as often in any window as on average.
    fn has_slowed(&self, windows: usize) -> bool {
        let (_, long) = Self::parts(windows);
        let last = WINDOWS
            .get(windows.saturating_sub(1))
            .copied()
            .unwrap_or_default();
        let average = self
            .long
            .saturating_abs()
            .saturating_mul(0_i64.saturating_add_unsigned(last));
        self.last.saturating_abs().saturating_mul(2 * long) < average
    }

    /// Whether it has come to rest: nothing in the last window, and in the long ones far less than before.
    /// No leak that comes once per window or more often pauses.
    fn is_fading(&self) -> bool {
        self.last == 0 && self.long.saturating_abs().saturating_mul(4) < self.short.saturating_abs()
    }
}

/// What blocks and items did in a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paired {
    pub calls: u64,
    pub blocks: i64,
    pub items: i64,
}

/// Whether blocks grow with the calls besides those that come and go with items: by the method of least
/// squares, `blocks = a * items + rate * calls` in each window, and all windows are that close to it.
pub(super) fn grow_behind_items(windows: &[Paired]) -> bool {
    let each = || {
        let float = |number: i64| per_call(number, 1);
        windows.iter().map(move |window| {
            let calls = self::float(window.calls);
            (calls, float(window.blocks), float(window.items))
        })
    };
    let sum = |product: fn((f64, f64, f64)) -> f64| each().map(product).sum::<f64>();
    let (calls, items) = (sum(|(c, _, _)| c * c), sum(|(_, _, i)| i * i));
    let both = sum(|(c, _, i)| c * i);
    let (with_calls, with_items) = (sum(|(c, b, _)| c * b), sum(|(_, b, i)| i * b));
    let determinant = calls * items - both * both;
    let rate = (with_calls * items - with_items * both) / determinant;
    let a = (with_items * calls - with_calls * both) / determinant;
    let is_close = |(c, b, i): (f64, f64, f64)| (b - a * i - rate * c).abs() <= rate * c / 4.0;
    let least = per_call(3 * LEAST_GROWTH, 1);
    windows.len() >= 6 && rate * sum(|(c, _, _)| c) >= least && each().all(is_close)
}

/// The verdict on all counters. What is released too often is the worst, then a leak.
pub(super) fn conclude(growths: &[Growth]) -> Verdict {
    match growths.iter().map(|growth| growth.finding).min() {
        Some(Finding::OverRelease) => Verdict::OverRelease,
        Some(Finding::Leak) => Verdict::Leak,
        Some(Finding::Rare) if of(growths, Finding::Rare).all(|growth| growth.total < 0) => {
            Verdict::Undecided(format!(
                "this falls, rightly or not, so make more calls: {}",
                names(growths, Finding::Rare)
            ))
        }
        Some(Finding::Rare) => Verdict::Undecided(format!(
            "this goes on growing, but not evenly, so make more calls: {}",
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
                return f.write_str("less than 4 MiB");
            }
            Finding::Steady => return f.write_str("0"),
            Finding::Cache => return write!(f, "{:+} in all, not with the calls", self.total),
            Finding::Rare => return write!(f, "{:+} in all, not evenly", self.total),
            Finding::Unproven => return f.write_str("not judged"),
            Finding::Allowed => "allowed",
            Finding::Leak => "LEAK",
            Finding::OverRelease => "OVER-RELEASE",
        };
        write!(f, "{verb}: {}", Rate(self.per_call, self.counter.units()))
    }
}

/// A number of calls as a float, exact below 2 to the power of 53.
#[allow(clippy::cast_precision_loss)]
pub(super) fn float(calls: u64) -> f64 {
    calls as f64
}

pub(super) fn per_call(total: i64, calls: u64) -> f64 {
    let ratio = float(total.unsigned_abs()) / float(calls.max(1));
    if total < 0 { -ratio } else { ratio }
}

/// So many of a unit per call: `1.5 blocks per call`, `one block in 1000 calls`.
pub(super) struct Rate(pub f64, pub (&'static str, &'static str));

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(rate, (unit, units)) = self;
        let rounded = |number: f64| (number * 100.0).round() / 100.0;
        match rounded(rate.abs()) {
            1.0 => write!(f, "1 {unit} per call"),
            rate if rate > 1.0 => write!(f, "{rate} {units} per call"),
            _ => write!(f, "one {unit} in {} calls", rounded(1.0 / rate.abs())),
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss
)]
mod tests;
