//! The windows of one stage, and the judgement of one counter by how it grew in each of them.

use crate::counter::{Counter, float};
use crate::verdict::{Finding, per_call};

/// The lengths of the windows, in hundredths of the shortest: first the short ones, then the long ones.
/// Both halves have nearly the same number of calls.
///
/// A leak of one object in `p` calls happens `c / p` times in `c` consecutive calls, plus or minus one. The
/// short windows are consecutive, and so are the long ones, so no period looks different in the two halves.
/// No two windows have the same length: otherwise a store that is emptied whenever it is full could be a
/// little fuller at each reading.
const WINDOWS: [u64; 12] = [100, 107, 118, 131, 113, 139, 122, 145, 229, 271, 247, 278];
/// How many of the windows are short.
const SHORT: usize = 8;
/// All windows together are this many times as long as the shortest.
pub(super) const PARTS: u64 = 20;

/// How many windows there are.
pub(super) const MOST_WINDOWS: usize = WINDOWS.len();

/// The lengths of the windows in calls, given the shortest.
pub(super) fn windows(shortest: u64) -> impl Iterator<Item = u64> {
    let mut hundredths = 0;
    WINDOWS.into_iter().map(move |length| {
        let begin = shortest.saturating_mul(hundredths) / 100;
        hundredths += length;
        shortest.saturating_mul(hundredths) / 100 - begin
    })
}

/// Memory outside malloc is counted in pages, which come and go. Growth below this counts as none.
const LEAST_OUTSIDE: i64 = 4 << 20;
/// A heap always moves by some bytes. Growth below this does not count as growth that continues.
const LEAST_HEAP: i64 = 4096;

/// How often an event happens in all windows if it happens once per shortest window.
pub(super) const LEAST_GROWTH: i64 = 20;

/// How a counter grew, window after window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Series {
    /// The growth in the short windows, and in the long ones.
    short: i64,
    long: i64,
    /// The growth in the last window; the most and the least growth in any window.
    last: i64,
    most: i64,
    least: i64,
    /// A bit for each window in which it grew, or fell. The lowest bit is the last window.
    grew: u16,
    fell: u16,
    windows: u8,
}

impl Series {
    /// Adds the next window.
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

    /// Whether it grew in each of the last five windows, or fell in each.
    pub fn is_steady(&self) -> bool {
        const FIVE: u16 = 0b1_1111;
        self.grew & FIVE == FIVE || self.fell & FIVE == FIVE
    }

    /// Whether it grew in at least three of the last five windows, and fell in none of them.
    pub fn mostly_grew(&self) -> bool {
        const FIVE: u16 = 0b1_1111;
        (self.grew & FIVE).count_ones() >= 3 && self.fell & FIVE == 0
    }

    /// Whether it fell in both of the last two windows.
    pub fn falls(&self) -> bool {
        self.fell & 0b11 == 0b11
    }

    /// The growth in the last window.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// The growth in all windows.
    pub fn total(&self) -> i64 {
        self.short + self.long
    }

    /// Judges the windows so far, which may be fewer than planned.
    pub fn judge(&self, counter: Counter) -> Finding {
        let windows = usize::from(self.windows).min(WINDOWS.len());
        let is_outside = counter == Counter::OutsideMalloc;
        if self.grew | self.fell == 0 || is_outside && self.total().abs() < LEAST_OUTSIDE {
            return Finding::Steady;
        }
        let all = (1_u16 << windows) - 1;
        let is_reference = matches!(counter, Counter::References | Counter::Types);
        let is_byte = matches!(counter, Counter::CHeap | Counter::RustHeap);
        let continues_evenly = self.scales(windows) && !self.has_slowed(windows);
        if continues_evenly && self.grew == all {
            return Finding::Leak;
        }
        if continues_evenly && self.fell == all && is_reference {
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
        // A store that fills early is full by the second half.
        let later = (1_u16 << (windows - windows / 2)) - 1;
        let often = |moved: u16| (moved & later).count_ones() >= 2;
        let continues = if is_outside {
            // It must keep growing: a fragmented heap grows only a few times.
            let is_often = (self.grew & later).count_ones() * 2 >= later.count_ones();
            is_often && self.scales(windows) && self.long >= LEAST_OUTSIDE
        } else if is_byte {
            // Steps in proportion to the calls: a block that is enlarged from time to time.
            let is_stairs = self.grew.count_ones() > 2 && self.scales(windows);
            is_stairs && self.long >= LEAST_HEAP
        } else {
            (often(self.grew) || is_reference && often(self.fell)) && !self.is_fading()
        };
        if continues {
            Finding::Rare
        } else {
            Finding::Cache
        }
    }

    /// Judges a counter that both grew and fell, like a store that is emptied whenever it is full. Such a
    /// store never grows beyond its size, so a total beyond the moves of single windows is growth that
    /// continues. Less than `least` counts as none, and so does growth in the short windows alone.
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

    /// The lengths of the short and of the long ones among the first windows, in hundredths.
    fn parts(windows: usize) -> (i64, i64) {
        let sum = |windows: &[u64]| {
            let add = |sum: i64, &length: &u64| sum.saturating_add_unsigned(length);
            windows.iter().fold(0, add)
        };
        let done = WINDOWS.get(..windows).unwrap_or(&WINDOWS);
        let (short, long) = done.split_at(done.len().min(SHORT));
        (sum(short), sum(long))
    }

    /// Whether it moved with the calls: per call, the long windows show at least two thirds of what the short
    /// ones show. A counter that moves once per window shows half.
    fn scales(&self, windows: usize) -> bool {
        let (short, long) = Self::parts(windows);
        let share = |sum: i64, others: i64| sum.saturating_abs().saturating_mul(others);
        long > 0
            && share(self.long, short).saturating_mul(3)
                >= share(self.short, long).saturating_mul(2)
    }

    /// Whether it moved in the last window by less than half of the average of the long ones: a store may have
    /// become full. A leak that happens at least once per shortest window happens at least half as often in
    /// any window as on average.
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

    /// Whether it has stopped: it did not move in the last window, and moved far less in the long ones than before.
    /// A leak that happens at least once per window never pauses.
    fn is_fading(&self) -> bool {
        self.last == 0 && self.long.saturating_abs().saturating_mul(4) < self.short.saturating_abs()
    }
}

/// How blocks and items grew in one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paired {
    pub calls: u64,
    pub blocks: i64,
    pub items: i64,
}

/// Whether blocks grow with the calls, apart from those that belong to items. The method of least
/// squares fits `blocks = a * items + rate * calls` to the windows, and every window must be close to the fit.
pub(super) fn grow_behind_items(windows: &[Paired]) -> bool {
    let each = || {
        let signed = |number: i64| per_call(number, 1);
        windows.iter().map(move |window| {
            let calls = float(window.calls);
            (calls, signed(window.blocks), signed(window.items))
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

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss
)]
mod tests;
