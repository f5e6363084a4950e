//! What the counters mean.

use std::fmt;

use super::Counter;

/// What a soak says in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// No counter grows with the calls.
    Clean,
    /// A counter grows in every window, and twice as much in windows of twice the calls.
    Leak,
    /// The references to a witness fall like that: they are given back too often.
    OverRelease,
    /// Nothing can be said, for this reason.
    None(String),
}

impl Verdict {
    /// `clean`, `leak`, `over-release` or `none`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Leak => "leak",
            Self::OverRelease => "over-release",
            Self::None(_) => "none",
        }
    }
}

/// What one counter did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// It stands where it stood.
    Steady,
    /// It grew in every window, and with the calls.
    Leak,
    /// It fell in every window, and with the calls.
    OverRelease,
    /// It moved, but not with the calls: a cache.
    Cache,
    /// It goes on growing, but not in every window: too rarely to be judged.
    Rare,
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

/// What a counter did in windows of equal length, and in others of twice that length.
pub(super) fn judge(short: &[i64], long: &[i64], counter: &Counter) -> Finding {
    let all = || short.iter().chain(long);
    if all().all(|&growth| growth == 0) {
        return Finding::Steady;
    }
    // A leak's long windows have twice the growth of its short ones, a meter's or cache's the same:
    // the border is in the middle, 3 to 2. The lengths bring both to the same number of windows.
    let sums = |windows: &[i64], others: &[i64]| {
        let count: i64 = others.iter().map(|_| 1).sum();
        windows
            .iter()
            .sum::<i64>()
            .saturating_abs()
            .saturating_mul(count)
    };
    let scales = sums(long, short).saturating_mul(2) >= sums(short, long).saturating_mul(3);
    let both = !short.is_empty() && !long.is_empty();
    let is_byte = matches!(counter, Counter::CHeap | Counter::RustHeap);
    let is_reference = matches!(counter, Counter::References(_));
    // Whatever fills up has done so by then; heaps always move by a few bytes.
    let later = |windows: &[i64]| {
        windows
            .iter()
            .skip(windows.len() / 2)
            .filter(|&&growth| growth > 0)
            .count()
    };
    let goes_on = later(short) + later(long) >= 2 && all().all(|&growth| growth >= 0);
    if both && scales && all().all(|&growth| growth > 0) {
        Finding::Leak
    } else if both && scales && is_reference && all().all(|&growth| growth < 0) {
        Finding::OverRelease
    } else if goes_on && !is_byte && all().any(|&growth| growth == 0) {
        Finding::Rare
    } else {
        Finding::Cache
    }
}

/// The verdict on all counters. A leak is the worst.
pub(super) fn conclude(growths: &[Growth]) -> Verdict {
    let any = |finding| growths.iter().any(|growth| growth.finding == finding);
    if any(Finding::Leak) {
        Verdict::Leak
    } else if any(Finding::OverRelease) {
        Verdict::OverRelease
    } else if any(Finding::Rare) {
        let names = growths
            .iter()
            .filter(|growth| growth.finding == Finding::Rare);
        let names: Vec<_> = names.map(|growth| growth.counter.to_string()).collect();
        Verdict::None(format!(
            "this goes on growing, but too rarely to be judged, so make more calls: {}",
            names.join(", ")
        ))
    } else {
        Verdict::Clean
    }
}

/// `blocks  LEAK: one block in 1000.0 calls`, or `c_heap  LEAK: 4.096 bytes per call`.
impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<20} ", self.counter.to_string())?;
        let verb = match self.finding {
            Finding::Steady => return f.write_str("0"),
            Finding::Cache => return write!(f, "{:+} in all, not with the calls", self.total),
            Finding::Rare => return write!(f, "{:+} in all, too few to tell", self.total),
            Finding::Leak => "LEAK",
            Finding::OverRelease => "OVER-RELEASE",
        };
        match (self.per_call.abs(), self.counter.unit()) {
            (rate, unit) if rate >= 1.0 => write!(f, "{verb}: {rate:.3} {unit}s per call"),
            (rate, unit) => write!(f, "{verb}: one {unit} in {:.1} calls", 1.0 / rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counter, Finding};

    fn judge(short: &[i64], long: &[i64], counts_references: bool) -> Finding {
        let counter = if counts_references {
            Counter::References("it".into())
        } else {
            Counter::Blocks
        };
        super::judge(short, long, &counter)
    }

    #[test]
    fn growth_in_every_window_and_with_the_calls_is_a_leak() {
        assert_eq!(judge(&[1; 8], &[2; 4], false), Finding::Leak);
        assert_eq!(judge(&[12, 13, 12, 13], &[25, 25], false), Finding::Leak);
        // One in a window and a quarter: what a leak of exactly the visible size may look like.
        assert_eq!(
            judge(&[1, 1, 1, 2, 1, 1, 1, 2], &[2, 3, 2, 3], false),
            Finding::Leak
        );
    }

    #[test]
    fn growth_that_does_not_scale_is_a_cache() {
        assert_eq!(judge(&[1; 8], &[1; 4], false), Finding::Cache);
        assert_eq!(judge(&[96; 8], &[96; 4], false), Finding::Cache);
    }

    #[test]
    fn growth_that_stops_or_pauses_is_a_cache() {
        assert_eq!(
            judge(&[40, 30, 20, 10, 0, 0, 0, 0], &[80, 0, 0, 0], false),
            Finding::Cache
        );
        assert_eq!(
            judge(&[3, 0, 0, 0, 0, 0, 0, 0], &[0; 4], false),
            Finding::Cache
        );
        assert_eq!(judge(&[8, -8, 1, 0], &[0, 0], false), Finding::Cache);
    }

    #[test]
    fn growth_that_goes_on_now_and_then_is_not_judged() {
        assert_eq!(
            judge(&[1, 0, 1, 1, 1, 0, 1, 1], &[1, 2, 1, 2], false),
            Finding::Rare
        );
        assert_eq!(
            judge(&[0, 0, 1, 0, 0, 0, 1, 0], &[0, 1, 0, 1], true),
            Finding::Rare
        );
        let heap = super::judge(
            &[16, 0, 16, 0, 16, 0, 16, 0],
            &[0, 32, 0, 16],
            &Counter::CHeap,
        );
        assert_eq!(heap, Finding::Cache);
    }

    #[test]
    fn only_references_can_be_over_released() {
        assert_eq!(judge(&[-5; 8], &[-10; 4], true), Finding::OverRelease);
        assert_eq!(judge(&[-5; 8], &[-10; 4], false), Finding::Cache);
        assert_eq!(judge(&[-5; 8], &[-5; 4], true), Finding::Cache);
    }

    #[test]
    fn windows_of_one_length_alone_prove_nothing() {
        assert_eq!(judge(&[1, 1], &[], false), Finding::Cache);
        assert_eq!(judge(&[], &[], false), Finding::Steady);
    }

    #[test]
    fn nothing_is_steady() {
        assert_eq!(judge(&[0; 8], &[0; 4], true), Finding::Steady);
    }
}
