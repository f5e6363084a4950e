//! The report as JSON: the only definition of its schema.

use serde::{Deserialize, Deserializer, Serialize};

use crate::counter::Counter;
use crate::reference::Reference;
use crate::report::{Report, Sample};
use crate::stage::Ended;
use crate::verdict::{Finding, Growth};

/// A report as JSON, as `outliers soak --json` prints it. The keys are in alphabetical order.
///
/// [`schema`](Self::schema) stays 1 until a key changes its meaning or is removed. New keys may be added.
///
/// ```standalone_crate
/// # use pyoutliers::with_python;
/// use refsoak::{Record, Soak};
///
/// let report = Soak::new(1600).run(|| with_python(|_| Ok(())))?;
/// let json = serde_json::to_string_pretty(&Record::from(&report))?;
/// assert!(json.contains(r#""verdict": "clean""#));
/// let record: Record = serde_json::from_str(&json)?;
/// assert_eq!(record.calls, 1600);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What grew and was allowed.
    pub allowed: Vec<String>,
    /// Of the blocks that leak per call, how many belong to the argument, if the function keeps it.
    pub argument_blocks: Option<i64>,
    /// What the function did wrong with its arguments, in sentences.
    pub arguments: Vec<String>,
    /// Compared with a file of known findings: `known`, `worse` or `new`; missing unless that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// The calls in complete windows; after a death, all calls.
    pub calls: u64,
    /// The containers that grew, or are still filling, with their lengths.
    pub containers: Vec<String>,
    /// What each counter did.
    pub counters: Vec<CounterRecord>,
    /// Why the soak ended early, if it did.
    pub ended: Option<Ended>,
    /// After a leak, the lines that leak and the types of the objects.
    pub grown: Vec<String>,
    /// Whether the soak ended early because it was interrupted.
    pub interrupted: bool,
    /// The containers whose lengths grew, with their rates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ReferenceRecord>,
    /// The C functions that take and release leaked references; missing unless they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub native: Vec<String>,
    /// The objects whose references grew or fell.
    pub references: Vec<ReferenceRecord>,
    /// The script that reproduces the leak; missing unless it was asked for and written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproducer: Option<String>,
    /// Resident memory.
    pub resident: Resident,
    /// The version of the schema: 1.
    pub schema: u32,
    /// How long the soak took.
    pub seconds: f64,
    /// After a death only: the number of the signal, or null if the process ended by itself.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub signal: Option<Option<i32>>,
    /// The smallest detectable leak: one object in this many calls.
    pub smallest_visible: Option<u64>,
    /// The verdict in a sentence.
    pub summary: String,
    /// The counters that were not judged, and possible reasons.
    pub unproven: Vec<String>,
    /// `clean`, `leak`, `over-release`, `died` or `none`.
    pub verdict: String,
    /// The number of calls requested.
    pub wanted: Option<u64>,
    /// The calls made before the windows.
    pub warm_up: Option<u64>,
}

/// What one counter did, as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CounterRecord {
    /// What it did.
    pub finding: Finding,
    /// What is counted.
    pub name: Counter,
    /// How much it grew per call.
    pub per_call: f64,
    /// How much it grew in all windows together.
    pub total: i64,
    /// What one unit of it is called.
    pub unit: String,
}

/// What happened to the references to one object, or to the items in one container, as JSON. After a death, only the object is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReferenceRecord {
    /// `references` or `types`; `items` for a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<Counter>,
    /// Python source that gives the object in a new process.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expression: String,
    /// What the references did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// Its type and its `repr`, shortened; after a death, with the rate and the variable.
    pub object: String,
    /// How much the references grew per call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_call: Option<f64>,
    /// How much they grew in all windows together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// The variable that leads to it, or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

/// Resident memory in bytes, as JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resident {
    /// At the first reading.
    pub first: Option<i64>,
    /// At the last reading.
    pub last: Option<i64>,
}

/// Keeps a null different from a missing key.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<i32>>, D::Error> {
    Deserialize::deserialize(from).map(Some)
}

impl Record {
    /// The record of a soak that could not report, such as one whose process died. It has only a verdict and
    /// a sentence.
    pub fn without_report(verdict: &str, summary: &str) -> Self {
        Self {
            allowed: Vec::new(),
            argument_blocks: None,
            arguments: Vec::new(),
            baseline: None,
            calls: 0,
            containers: Vec::new(),
            counters: Vec::new(),
            ended: None,
            grown: Vec::new(),
            interrupted: false,
            items: Vec::new(),
            native: Vec::new(),
            references: Vec::new(),
            reproducer: None,
            resident: Resident::default(),
            schema: 1,
            seconds: 0.0,
            signal: Some(None),
            smallest_visible: None,
            summary: summary.into(),
            unproven: Vec::new(),
            verdict: verdict.into(),
            wanted: None,
            warm_up: None,
        }
    }
}

impl From<&Report> for Record {
    fn from(report: &Report) -> Self {
        let resident = |sample: Option<&Sample>| sample.map(|sample| sample.resident);
        Self {
            allowed: report.allowed.clone(),
            argument_blocks: report.argument_blocks,
            arguments: report.lent.faults(),
            baseline: None,
            calls: report.calls,
            containers: report.containers.clone(),
            counters: report.counters.iter().map(CounterRecord::from).collect(),
            ended: report.ended,
            grown: report.grown.clone(),
            interrupted: report.ended == Some(Ended::Interrupted),
            items: report.items.iter().map(ReferenceRecord::from).collect(),
            native: report.native.clone(),
            references: report
                .references
                .iter()
                .map(ReferenceRecord::from)
                .collect(),
            reproducer: None,
            resident: Resident {
                first: resident(report.samples.first()),
                last: resident(report.samples.last()),
            },
            schema: 1,
            seconds: report.time.as_secs_f64(),
            signal: None,
            smallest_visible: Some(report.smallest_visible),
            summary: report.summary(),
            unproven: report.unproven.clone(),
            verdict: report.verdict.name().into(),
            wanted: Some(report.wanted),
            warm_up: Some(report.warm_up),
        }
    }
}

impl From<&Growth> for CounterRecord {
    fn from(growth: &Growth) -> Self {
        Self {
            finding: growth.finding,
            name: growth.counter,
            per_call: growth.per_call,
            total: growth.total,
            unit: growth.counter.unit().into(),
        }
    }
}

impl From<&Reference> for ReferenceRecord {
    fn from(reference: &Reference) -> Self {
        Self {
            counter: Some(reference.counter),
            expression: reference.expression.clone(),
            finding: Some(reference.finding),
            object: reference.object.clone(),
            per_call: Some(reference.per_call),
            total: Some(reference.total),
            variable: Some(reference.variable.clone()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{CounterRecord, Record, ReferenceRecord};
    use crate::counter::{ALL, Counter};
    use crate::verdict::Finding;

    /// Programs read these keys: if a key changes or is removed, the schema needs a new number.
    #[test]
    fn schema_1_has_these_keys_in_this_order() {
        let counter = CounterRecord {
            finding: Finding::OverRelease,
            name: Counter::TotalReferences,
            per_call: -1.0,
            total: -800,
            unit: "reference".into(),
        };
        let reference = ReferenceRecord {
            counter: Some(Counter::Types),
            finding: Some(Finding::Leak),
            expression: String::new(),
            object: "type T".into(),
            per_call: Some(0.5),
            total: Some(400),
            variable: Some(String::new()),
        };
        let object = ReferenceRecord {
            object: "object".into(),
            ..ReferenceRecord::default()
        };
        let record = Record {
            counters: vec![counter],
            references: vec![reference, object],
            ..Record::without_report("died", "it died")
        };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(text, SCHEMA_1);
        let read: Record = serde_json::from_str(SCHEMA_1).unwrap();
        assert_eq!(read, record);
        // Only a death has a signal, which may be null.
        let report = SCHEMA_1.replace(r#""signal":null,"#, "");
        let read: Record = serde_json::from_str(&report).unwrap();
        assert_eq!(read.signal, None);
    }

    /// The program reads a report from its child, and prints it again.
    #[test]
    fn every_number_is_read_as_it_was_written() {
        for number in 1..20_000 {
            let rate = f64::from(number) / 700_001.0;
            let text = serde_json::to_string(&rate).unwrap();
            assert_eq!(
                serde_json::from_str::<f64>(&text).unwrap().to_bits(),
                rate.to_bits()
            );
        }
    }

    const SCHEMA_1: &str = concat!(
        r#"{"allowed":[],"argument_blocks":null,"arguments":[],"calls":0,"containers":[],"#,
        r#""counters":[{"finding":"over-release","name":"total_references","per_call":-1.0,"#,
        r#""total":-800,"unit":"reference"}],"ended":null,"grown":[],"interrupted":false,"#,
        r#""references":[{"counter":"types","finding":"leak","object":"type T","per_call":0.5,"#,
        r#""total":400,"variable":""},{"object":"object"}],"#,
        r#""resident":{"first":null,"last":null},"schema":1,"seconds":0.0,"signal":null,"#,
        r#""smallest_visible":null,"summary":"it died","unproven":[],"verdict":"died","#,
        r#""wanted":null,"warm_up":null}"#
    );

    /// The text of a report and the JSON use the same names.
    #[test]
    fn counters_and_findings_have_one_name() {
        for counter in ALL {
            let name = serde_json::to_value(counter).unwrap();
            assert_eq!(name, counter.to_string());
        }
        for finding in [
            Finding::OverRelease,
            Finding::Leak,
            Finding::Growing,
            Finding::Rare,
            Finding::Unproven,
            Finding::Allowed,
            Finding::Cache,
            Finding::Steady,
        ] {
            assert_eq!(serde_json::to_value(finding).unwrap(), finding.name());
        }
        for ended in [
            crate::Ended::Interrupted,
            crate::Ended::Memory,
            crate::Ended::Files,
            crate::Ended::Time,
        ] {
            assert_eq!(serde_json::to_value(ended).unwrap(), ended.name());
        }
    }
}
