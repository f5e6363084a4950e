//! The table of `outliers audit`: its rows, the worst first, as text and as JSON.

use std::cmp::Ordering;
use std::iter;
use std::path::PathBuf;
use std::time::Duration;

use refsoak::{Counter, Finding, Record};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Audit, called};

/// What `outliers soak` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Call {
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
pub(super) struct Row {
    #[serde(flatten)]
    pub call: Call,
    /// `over-release`, `died`, `hangs` or `leak`.
    pub verdict: String,
    /// In a few words, what the soak found.
    pub what: String,
    pub command: String,
    /// The script that shows it, if it was asked for and could be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reproducer: Option<PathBuf>,
    /// What `outliers soak --json` printed; null if the call hangs.
    pub report: Option<Record>,
}

impl Row {
    /// A call that a soak found to be bad.
    pub fn new(call: &Call, report: Record, reproducer: Option<PathBuf>) -> Self {
        Self {
            reproducer,
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

impl Audit {
    pub(super) fn to_json(&self, module: &str, time: Duration, is_interrupted: bool) -> String {
        let json = json!({
            "called": self.called,
            "compiled": self.compiled,
            "interrupted": is_interrupted,
            "left_out": self.left_out,
            "masked": self.masked,
            "module": module,
            "rows": self.rows,
            "schema": 1,
            "seconds": time.as_secs_f64(),
            "undecided": self.undecided,
            "unreached": self.unreached,
        });
        format!("{json:#}\n")
    }

    pub(super) fn to_text(&self, module: &str, time: Duration, is_interrupted: bool) -> String {
        let calls: u64 = self.called.values().sum();
        let found = match self.rows.len() {
            rows if is_interrupted => format!("interrupted, with findings so far: {rows},"),
            0 => "nothing leaks, dies or hangs".into(),
            1 => "1 finding".into(),
            rows => format!("{rows} findings"),
        };
        let mut text = format!(
            "{module}: {found} in {calls} calls of {} functions, methods and types\n",
            self.called.len()
        );
        for row in &self.rows {
            text += &format!(
                "\n{:<12} {}\n{:12} {}\n",
                row.verdict, row.call.statement, "", row.what
            );
            for line in row.report.iter().flat_map(|report| &report.native) {
                text += &format!("{:12} {line}\n", "");
            }
            text += &format!("{:12} {}\n", "", row.command);
            if let Some(file) = &row.reproducer {
                text += &format!("{:12} {}\n", "", file.display());
            }
        }
        text += "\n";
        let mut list = |names: &mut dyn Iterator<Item = &String>, why: &str| {
            let names: Vec<_> = names.map(String::as_str).collect();
            if !names.is_empty() {
                text += &format!("{} {why}: {}\n", names.len(), names.join(", "));
            }
        };
        list(&mut self.undecided.iter(), "without a verdict");
        list(
            &mut self.left_out.iter(),
            "not called, because of their names: they may touch files or processes, or wait",
        );
        list(
            &mut self.masked.iter(),
            "without a verdict, because their arguments or their instance leak",
        );
        list(
            &mut self.unreached.iter(),
            "accept no plain arguments, so that only their errors were tried",
        );
        text + &format!("{:.1} s\n", time.as_secs_f64())
    }
}
