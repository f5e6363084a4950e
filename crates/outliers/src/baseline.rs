//! Findings that are known, in a file: only what is new or worse fails. Of a run of `outliers soak`, or of a suite of
//! tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use refsoak::{Counter, Record};
use serde::{Deserialize, Serialize};

use super::findings::findings;
use super::overwrite;

/// A file of known findings.
#[derive(Debug)]
pub struct Baseline {
    /// The file.
    pub path: PathBuf,
    /// `None` if there is no file yet.
    known: Option<Findings>,
}

/// By what grows.
type Findings = BTreeMap<String, Row>;

#[derive(Debug, Serialize, Deserialize)]
struct File {
    schema: u32,
    findings: Findings,
}

/// One finding.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    counter: Counter,
    /// How much grows per call, at most.
    per_call: f64,
    /// The tests or statements that find it.
    found_by: BTreeSet<String>,
}

/// The result of one test or statement.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The test or statement.
    pub name: String,
    /// As in the record; a test may have others.
    pub verdict: String,
    /// The record, at least after a leak or an over-release.
    pub record: Option<Record>,
}

impl Outcome {
    /// Whether everything that leaks was found.
    fn is_certain(&self) -> bool {
        let has_died = self
            .record
            .as_ref()
            .is_some_and(|record| record.signal.is_some());
        !has_died && !matches!(&*self.verdict, "none" | "unsoaked" | "died")
    }

    fn findings(&self) -> Vec<(String, Counter, f64)> {
        match (&*self.verdict, &self.record) {
            ("leak" | "over-release", Some(record)) => findings(record, &self.name),
            _ => Vec::new(),
        }
    }
}

/// How a record compares with a baseline.
#[derive(Debug)]
pub struct Judged {
    /// `known`, `worse` or `new`.
    pub name: &'static str,
    /// A sentence for each finding that is new or worse.
    pub reasons: Vec<String>,
}

impl Baseline {
    /// Reads the file. If it does not exist, makes sure that it can be written.
    pub fn read(path: &Path) -> Result<Self> {
        let known = match fs::read(path) {
            Ok(text) => {
                let file: File = serde_json::from_slice(&text)
                    .with_context(|| format!("{} is not a baseline", path.display()))?;
                let has = file.schema;
                ensure!(
                    has == 1,
                    "{} has the schema {has}, and this program reads schema 1",
                    path.display()
                );
                Some(file.findings)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                overwrite::check(path)?;
                None
            }
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        Ok(Self {
            path: path.into(),
            known,
        })
    }

    /// Judges a leak or an over-release of a test or statement. `None` if there is no file yet.
    pub fn judge(&self, outcome: &Outcome) -> Option<Judged> {
        let known = self.known.as_ref()?;
        let found = outcome.findings();
        // A process that has died could not say what it had found.
        let mut name = if found.is_empty() { "new" } else { "known" };
        let mut reasons = Vec::new();
        for (what, _, now) in found {
            match known.get(&what) {
                None => {
                    name = "new";
                    reasons.push(format!("not in the baseline: {what}"));
                }
                Some(row) if is_worse(now, row.per_call) => {
                    name = if name == "new" { name } else { "worse" };
                    let rates = format!("{} per call instead of {}", rounded(now), row.per_call);
                    reasons.push(format!("worse than in the baseline, {rates}: {what}"));
                }
                Some(_) => {}
            }
        }
        Some(Judged { name, reasons })
    }

    /// Judges one run of a statement or a function, and writes a baseline that does not exist. Returns how the findings
    /// compare, and what there is to say.
    pub fn judge_run(
        &self,
        name: String,
        record: &Record,
    ) -> Result<(Option<Judged>, Vec<String>)> {
        let outcome = Outcome {
            name,
            verdict: record.verdict.clone(),
            record: Some(record.clone()),
        };
        if record.interrupted || !outcome.is_certain() {
            let said = match self.known {
                Some(_) => None,
                None => Some(format!(
                    "{} is not written, because the soak has no full report",
                    self.path.display()
                )),
            };
            return Ok((None, said.into_iter().collect()));
        }
        let leaks = !outcome.findings().is_empty();
        let judged = leaks.then(|| self.judge(&outcome)).flatten();
        Ok((judged, self.end(&[outcome])?))
    }

    /// Writes a baseline that does not exist. Returns what there is to say: that it was written, or what is gone.
    pub fn end(&self, outcomes: &[Outcome]) -> Result<Vec<String>> {
        let mut found = Findings::new();
        for outcome in outcomes {
            for (what, counter, per_call) in outcome.findings() {
                let row = found.entry(what).or_insert(Row {
                    counter,
                    per_call: 0.0,
                    found_by: BTreeSet::new(),
                });
                row.per_call = row.per_call.max(rounded(per_call));
                row.found_by.insert(outcome.name.clone());
            }
        }
        let path = self.path.display();
        let Some(known) = &self.known else {
            let said = match found.len() {
                0 => format!("wrote {path}, without a finding"),
                1 => format!("wrote 1 finding to {path}; from the next run on, it does not fail"),
                many => format!(
                    "wrote {many} findings to {path}; from the next run on, they do not fail"
                ),
            };
            let file = File {
                schema: 1,
                findings: found,
            };
            let text = serde_json::to_string_pretty(&file)? + "\n";
            overwrite::replace(&self.path, text.as_bytes()).with_context(|| path.to_string())?;
            return Ok(vec![said]);
        };
        // Other tests or statements may still find it.
        let certain = outcomes.iter().filter(|outcome| outcome.is_certain());
        let certain: BTreeSet<_> = certain.map(|outcome| outcome.name.clone()).collect();
        let is_gone =
            |what: &str, row: &Row| !found.contains_key(what) && row.found_by.is_subset(&certain);
        let gone = known.iter().filter(|(what, row)| is_gone(what, row));
        Ok(gone
            .map(|(what, _)| format!("no longer found, remove it from {path}: {what}"))
            .collect())
    }
}

/// Whether a rate has grown. Leaks that depend on chance are not measured exactly. But a leak happens in each of the
/// soak's windows, nine times or more, and by chance alone no two such measurements differ fourfold.
fn is_worse(now: f64, known: f64) -> bool {
    now > (1.25 * known + 0.01).min(4.0 * known)
}

/// To four digits.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.3e}").parse().unwrap_or(rate)
}

#[cfg(test)]
mod tests {
    use super::{is_worse, rounded};
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    #[test]
    fn a_rate_that_grows_by_a_quarter_or_fourfold_is_worse() {
        for (now, known, expected) in [
            (1.24, 1.0, false),
            (1.3, 1.0, true),
            (0.03, 0.02, false),
            (0.0001, 0.00003, false),
            (0.0001, 0.00002, true),
            (0.009, 0.0001, true),
        ] {
            assert_eq!(is_worse(now, known), expected, "{known} {now}");
        }
        assert_eq!(
            [0.000_012_345, 2.0, 1.0 / 3.0].map(rounded),
            [1.234e-5, 2.0, 0.3333]
        );
    }

    /// Leaks so rare that only the fourfold counts, measured twice with different numbers of calls.
    #[test]
    fn chance_alone_never_makes_a_rare_leak_worse() {
        let mut random = StdRng::seed_from_u64(1);
        // The rate of a leak that happens in each of twelve windows, if it is expected this often in each.
        let mut measured = |expected: f64| loop {
            let mut window = || {
                let (mut happened, mut at) = (-1.0, 0.0);
                while at < expected {
                    happened += 1.0;
                    at -= (1.0 - random.random::<f64>()).ln();
                }
                happened
            };
            let windows: [f64; 12] = std::array::from_fn(|_| window());
            if windows.iter().all(|&happened| happened > 0.0) {
                return windows.iter().sum::<f64>() / expected / 12.0;
            }
        };
        for (first, then) in [(2.0, 2.0), (2.0, 20.0), (20.0, 2.0)] {
            for _ in 0..2000 {
                let rate = 0.001;
                let known = rounded(rate * measured(first));
                let now = rate * measured(then);
                assert!(!is_worse(now, known), "{known} {now}");
            }
        }
    }
}
