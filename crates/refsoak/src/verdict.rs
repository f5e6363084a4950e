//! What each counter did, and the verdict that follows from all of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::counter::{Counter, float};

/// The result of a soak.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// No counter grows with the calls.
    Clean,
    /// A counter grows in every window, and with the calls.
    Leak,
    /// The references to an object fall in every window, and with the calls: they are released too often.
    OverRelease,
    /// There is no verdict, for this reason.
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

/// What one counter did. The worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Finding {
    /// It fell in every window, and with the calls.
    OverRelease,
    /// It grew in every window, and with the calls.
    Leak,
    /// It grew like a leak, but may be a store that is still filling: there is no verdict.
    Growing,
    /// It keeps moving, but not evenly: only in some windows, or more and more slowly.
    Rare,
    /// The counter missed what was planted, so it was not judged.
    Unproven,
    /// It grew, and [`Soak::allow`](crate::Soak::allow) accepts that.
    Allowed,
    /// It moved, but not with the calls: a cache.
    Cache,
    /// It did not move.
    Steady,
}

impl Finding {
    /// `steady`, `leak`, `over-release`, `growing`, `cache`, `rare`, `unproven` or `allowed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Leak => "leak",
            Self::OverRelease => "over-release",
            Self::Growing => "growing",
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

/// The verdict on all counters, from the worst finding.
pub(super) fn conclude(growths: &[Growth]) -> Verdict {
    match growths.iter().map(|growth| growth.finding).min() {
        Some(Finding::OverRelease) => Verdict::OverRelease,
        Some(Finding::Leak) => Verdict::Leak,
        Some(Finding::Rare) if of(growths, Finding::Rare).all(|growth| growth.total < 0) => {
            Verdict::Undecided(format!(
                "these counters fall, but not evenly; make more calls: {}",
                names(growths, Finding::Rare)
            ))
        }
        Some(Finding::Rare) => Verdict::Undecided(format!(
            "these counters keep growing, but not evenly; make more calls: {}",
            names(growths, Finding::Rare)
        )),
        _ => Verdict::Clean,
    }
}

/// The names of the counters with a finding.
pub(super) fn names(growths: &[Growth], finding: Finding) -> String {
    let names: Vec<_> = of(growths, finding)
        .map(|growth| growth.counter.to_string())
        .collect();
    names.join(", ")
}

/// The counters with a finding.
pub(super) fn of(growths: &[Growth], finding: Finding) -> impl Iterator<Item = &Growth> {
    growths
        .iter()
        .filter(move |growth| growth.finding == finding)
}

/// `blocks  LEAK: one block in 1000 calls`, or `c_heap  LEAK: 4.096 bytes per call`.
impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<20} ", self.counter)?;
        let verb = match self.finding {
            Finding::Steady if self.counter == Counter::OutsideMalloc => {
                return f.write_str("less than 4 MiB");
            }
            Finding::Steady => return f.write_str("0"),
            Finding::Cache => return write!(f, "{:+} in total, not with the calls", self.total),
            Finding::Rare => return write!(f, "{:+} in total, not evenly", self.total),
            Finding::Unproven => return f.write_str("not judged"),
            Finding::Allowed => "allowed",
            Finding::Growing => "growing",
            Finding::Leak => "LEAK",
            Finding::OverRelease => "OVER-RELEASE",
        };
        write!(f, "{verb}: {}", Rate(self.per_call, self.counter.units()))
    }
}

/// The growth per call.
pub(super) fn per_call(total: i64, calls: u64) -> f64 {
    let ratio = float(total.unsigned_abs()) / float(calls.max(1));
    if total < 0 { -ratio } else { ratio }
}

/// A rate, with the singular and the plural of its unit: `1.5 blocks per call`, `one block in 1000 calls`.
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
