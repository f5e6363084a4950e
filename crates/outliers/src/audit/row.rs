//! A call that an audit makes, and a row of its table, the worst first.

use std::cmp::Ordering;
use std::iter;
use std::time::Duration;

use refsoak::{Counter, Finding, Record};
use serde::{Deserialize, Serialize};

use super::super::called;

/// What `outliers soak` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    pub statement: String,
    setup: String,
    pub raises: bool,
}

impl Call {
    /// The arguments of `outliers`.
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        let words = ["soak", &self.statement, "--setup", &self.setup];
        words.into_iter().chain(self.raises.then_some("--raises"))
    }

    /// The command, to paste into a shell.
    pub fn command(&self) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let quoted = |word: &str| {
            if word.chars().all(is_plain) {
                return word.to_owned();
            }
            format!("'{}'", word.replace('\'', r"'\''"))
        };
        let words = self.arguments().map(quoted);
        let words = iter::once(called::name().to_owned()).chain(words);
        words.collect::<Vec<_>>().join(" ")
    }
}

/// A call that leaks, ends its process or hangs.
#[derive(Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub call: Call,
    /// `over-release`, `died`, `hangs` or `leak`.
    pub verdict: String,
    /// In a few words, what the soak found.
    pub what: String,
    pub command: String,
    /// The script that shows it, if it was asked for and could be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reproducer: Option<String>,
    /// What `outliers soak --json` printed; null if the call hangs.
    pub report: Option<Record>,
}

impl Row {
    /// A call that a soak found to be bad.
    pub fn new(call: &Call, report: Record) -> Self {
        Self {
            reproducer: report.reproducer.clone(),
            what: what_moves(&report),
            verdict: report.verdict.clone(),
            report: Some(report),
            ..Self::hangs(call, Duration::ZERO)
        }
    }

    /// A call that did not return.
    pub fn hangs(call: &Call, limit: Duration) -> Self {
        Self {
            verdict: "hangs".into(),
            what: format!("it did not end within {} seconds", limit.as_secs()),
            command: call.command(),
            call: call.clone(),
            reproducer: None,
            report: None,
        }
    }

    /// The worst first: crashes, then hangs, then leaks of memory, then leaks of references to types.
    pub fn compare(&self, other: &Self) -> Ordering {
        let rank = |row: &Self| match &*row.verdict {
            "over-release" => 0,
            "died" => 1,
            "hangs" => 2,
            _ => {
                3 + u8::from(
                    rates(row.report.as_ref()).all(|(counter, _)| counter == Counter::Types),
                )
            }
        };
        let blocks = |row: &Self| {
            let mut rates = rates(row.report.as_ref());
            rates
                .find_map(|(counter, rate)| (counter == Counter::Blocks).then_some(rate))
                .unwrap_or_default()
        };
        rank(self)
            .cmp(&rank(other))
            .then(blocks(other).total_cmp(&blocks(self)))
    }
}

/// The counters that move, and their rates.
fn rates(report: Option<&Record>) -> impl Iterator<Item = (Counter, f64)> {
    let counters = report.into_iter().flat_map(|report| &report.counters);
    let moves =
        counters.filter(|counter| matches!(counter.finding, Finding::Leak | Finding::OverRelease));
    moves.map(|counter| (counter.name, counter.per_call))
}

/// `blocks +1, types +1 per call: type T`; for a death, its summary.
fn what_moves(report: &Record) -> String {
    let rounded = |rate: f64| (rate * 100.0).round() / 100.0;
    let moves: Vec<_> = rates(Some(report))
        .map(|(counter, rate)| format!("{counter} {:+}", rounded(rate)))
        .collect();
    if moves.is_empty() {
        return report.summary.clone();
    }
    let mut text = format!("{} per call", moves.join(", "));
    let is_bad = |finding| matches!(finding, Some(Finding::Leak | Finding::OverRelease));
    let mut references = report.references.iter();
    while let Some(reference) = references.find(|reference| is_bad(reference.finding)) {
        text += if text.contains(": ") { ", " } else { ": " };
        text += &reference.object;
    }
    text
}
