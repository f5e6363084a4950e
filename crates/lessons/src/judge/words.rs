//! Turns the report of a soak into the broken rule, and the evidence in words.

use super::places::{Place, named};
use refsoak::{Counter, Finding, Growth, Reference, Report};

/// The most objects that the evidence names.
const MOST_NAMED: usize = 2;

/// The most serious finding of a report, and its counter.
pub(super) fn gravest(report: &Report) -> Option<(Finding, Counter)> {
    let is_over_released = |reference: &Reference| reference.finding == Finding::OverRelease;
    if report.references.iter().any(is_over_released) {
        return Some((Finding::OverRelease, Counter::References));
    }
    let leaks = |counter| {
        let is_one = |growth: &Growth| growth.counter == counter && growth.finding == Finding::Leak;
        report.counters.iter().any(is_one)
    };
    let mut counters = WORDS.iter().map(|&(counter, ..)| counter);
    counters
        .find(|&counter| leaks(counter))
        .map(|counter| (Finding::Leak, counter))
}

/// A broken rule.
pub(super) struct Broken {
    lesson: &'static str,
    rule: &'static str,
    evidence: String,
}

impl Broken {
    /// From the report of a soak in which each sweep makes that many calls, the places that made the blocks which leak, and
    /// a sentence about the lines that change the references.
    pub fn by(report: &Report, calls: u64, made: &[Place], lines: &str) -> Self {
        let calls = i32::try_from(calls).map_or(1.0, f64::from);
        let references = |counter: Counter, finding: Finding| {
            let is_one = move |reference: &&Reference| {
                reference.counter == counter && reference.finding == finding
            };
            report.references.iter().filter(is_one)
        };
        for counter in [Counter::References, Counter::Types] {
            if let Some(released) = references(counter, Finding::OverRelease).next() {
                let rate = Rate(released.per_call / calls);
                return Self {
                    lesson: NOT_OWNED,
                    rule: "Do not release a reference that you borrowed.",
                    evidence: format!(
                        "{} to {} that it does not own.{lines}",
                        rate.of("releases", "a reference", "references"),
                        plain(released)
                    ),
                };
            }
        }
        let leaks = |counter: Counter| {
            let mut leaks = report.counters.iter();
            leaks.find(|growth| growth.counter == counter && growth.finding == Finding::Leak)
        };
        let (mut about, mut leaked) = (None, Vec::new());
        for (counter, one, many, lesson, rule) in WORDS {
            let is_by_object = matches!(counter, Counter::References | Counter::Types);
            // An object also counts as a block, and perhaps as tracked: one counter is enough.
            let Some(growth) = leaks(counter).filter(|_| leaked.is_empty() || is_by_object) else {
                continue;
            };
            about.get_or_insert((lesson, rule));
            let rate = |per_call: f64| Rate(per_call / calls).of("leaks", one, many);
            let references = references(counter, Finding::Leak).take(MOST_NAMED);
            match (counter, report.containers.first()) {
                (Counter::Items, Some(holder)) => {
                    leaked.push(format!("a container grows: {holder}"))
                }
                _ if is_by_object => leaked.extend(references.map(|reference| {
                    format!("{} to {}", rate(reference.per_call), plain(reference))
                })),
                _ => leaked.push(match counter {
                    Counter::Blocks | Counter::Tracked if !made.is_empty() => {
                        format!("{}, made by {}", rate(growth.per_call), named(made))
                    }
                    _ => rate(growth.per_call),
                }),
            }
        }
        let (lesson, rule) = about.unwrap_or((NEW, RELEASED));
        if leaked.is_empty() {
            leaked.push(report.summary());
        }
        Self {
            lesson,
            rule,
            evidence: format!("{}.{lines}", leaked.join("; ")),
        }
    }

    /// The same evidence with another rule, which fits these calls better, unless there is an over-release.
    pub fn of(self, lesson: &'static str, rule: &'static str) -> Self {
        if self.lesson == NOT_OWNED {
            return self;
        }
        Self {
            lesson,
            rule,
            ..self
        }
    }

    /// The same, when each call is an import.
    pub fn by_imports(self) -> Self {
        Self {
            evidence: self.evidence.replace("each call", "each import"),
            ..self
        }
    }

    pub fn texts(&self) -> [&str; 3] {
        [self.lesson, self.rule, &self.evidence]
    }
}

const NEW: &str = "new-reference";
const NOT_OWNED: &str = "called-by-python";
const HALF_WAY: &str = "half-way";
const RELEASED: &str = "You own each new reference: release it exactly once, on every path.";
const OF_TYPES: &str = "Release each reference that you own, exactly once. An object whose type was made on the heap owns one to its type.";
const FREED: &str = "You own what malloc returns: free it exactly once, on every path.";
const ENDED: &str = "You own what you open or start: close or end it exactly once, on every path.";

/// What can grow, most serious first: the singular, the plural, the lesson and the rule.
#[rustfmt::skip]
const WORDS: [(Counter, &str, &str, &str, &str); 12] = [
    (Counter::Blocks, "a block of memory", "blocks of memory", NEW, RELEASED),
    (Counter::Tracked, "an object", "objects", NEW, RELEASED),
    (Counter::CHeap, "a byte of C's heap", "bytes of C's heap", HALF_WAY, FREED),
    (Counter::References, "a reference", "references", NEW, RELEASED),
    (Counter::Types, "a reference", "references", NEW, OF_TYPES),
    (Counter::Items, "an item of a container", "items of containers", NEW, RELEASED),
    (Counter::Files, "an open file", "open files", HALF_WAY, ENDED),
    (Counter::Threads, "a thread", "threads", HALF_WAY, ENDED),
    (Counter::Children, "a child process", "child processes", HALF_WAY, ENDED),
    (Counter::Mappings, "a mapped file", "mapped files", HALF_WAY, ENDED),
    (Counter::SharedMemory, "a segment of shared memory", "segments of shared memory", HALF_WAY, ENDED),
    (Counter::OutsideMalloc, "a byte outside C's heap", "bytes outside C's heap", HALF_WAY, FREED),
];

/// An object by its `repr`, and its variable.
fn plain(reference: &Reference) -> String {
    let object = match reference.object.split_once(" <") {
        Some((_, rest)) => format!("<{rest}"),
        None => reference.object.clone(),
    };
    match reference.variable.as_str() {
        "" => object,
        variable => format!("{object} ({variable})"),
    }
}

/// A number of things for each call.
struct Rate(f64);

impl Rate {
    fn of(&self, verb: &str, one: &str, many: &str) -> String {
        let rate = self.0.abs();
        match rate.round() {
            1.0 => format!("each call {verb} {one}"),
            many_per_call if rate > 1.0 => format!("each call {verb} {many_per_call} {many}"),
            _ => format!("one call in {:.0} {verb} {one}", 1.0 / rate),
        }
    }
}
