//! The gallery of hostile callees, `hostile/`. A call of each returns the error or the answer in its caption.
//! After it, the next call is right, and nothing has leaked.
//!
//! A caption is a comment above the function, `#> KIND: TEXT`. A line above it, `#> before 3.11: KIND: TEXT`, is
//! the caption for older Pythons. A text that ends in `...` may continue.

use std::env;
use std::ffi::CStr;
use std::thread;

use crate::common::load;
use pyoutliers::{Error, Outliers, interpreter};

/// Callees that are called one after another in the same process.
const TOGETHER: [(&CStr, &str); 7] = [
    (c"raised", include_str!("hostile/raised.py")),
    (c"traps", include_str!("hostile/traps.py")),
    (c"results", include_str!("hostile/results.py")),
    (c"items", include_str!("hostile/items.py")),
    (c"drained", include_str!("hostile/drained.py")),
    (c"world", include_str!("hostile/world.py")),
    (c"settings", include_str!("hostile/settings.py")),
];
/// Callees that each need their own process.
const ALONE: (&CStr, &str) = (c"alone", include_str!("hostile/alone.py"));
const STATE: (&CStr, &str) = (c"state", include_str!("hostile/state.py"));

const DATA: [f64; 3] = [1.0, 2.0, 3.0];
/// Calls between two readings.
const CALLS: usize = 2;
/// The number of readings in a row that must be equal.
const FLAT: usize = 3;
/// The most readings in all, because caches fill first.
const MOST: usize = 40;

/// The default stack of a thread that Python starts, in bytes.
const PYTHONS_STACK: usize = 8 << 20;

struct Exhibit {
    module: &'static str,
    function: String,
    /// `KIND: TEXT`.
    expected: String,
}

impl Exhibit {
    fn name(&self) -> String {
        format!("{}:{}", self.module, self.function)
    }

    /// Checks a call against the caption. The error says what happened instead.
    fn is_as_expected(&self, result: Result<Vec<i64>, Error>) -> Result<(), String> {
        let outcome = match result {
            Ok(indices) => format!("Ok: {indices:?}"),
            Err(error) => {
                let kind = format!("{:?}", error.kind());
                let kind = kind.split(|c: char| !c.is_alphabetic()).next().unwrap();
                let text = error.to_string().replace('\0', "\\0");
                let prefix = self.name() + ": ";
                format!("{kind}: {}", text.strip_prefix(&prefix).unwrap_or(&text))
            }
        };
        let is_expected = match self.expected.strip_suffix("...") {
            Some(start) => outcome.starts_with(start),
            None => outcome == self.expected,
        };
        if is_expected {
            return Ok(());
        }
        Err(format!("should be {:?}, but is {outcome:?}", self.expected))
    }
}

/// The functions of a module of the gallery. Each must have a caption.
fn exhibits((module, source): (&'static CStr, &str)) -> Vec<Exhibit> {
    let minor = |version: &str| version.split('.').nth(1).unwrap().parse::<u32>().unwrap();
    let here = minor(&interpreter::built_for().version.to_string());
    let mut exhibits = Vec::new();
    let mut captions = Vec::new();
    for line in source.lines() {
        if let Some(caption) = line.strip_prefix("#> ") {
            captions.push(caption);
        }
        let definition = line.trim_start_matches("async ").strip_prefix("def ");
        let Some((function, rest)) = definition.and_then(|line| line.split_once('(')) else {
            continue;
        };
        assert!(
            !captions.is_empty() || !rest.starts_with("data)"),
            "{function} has no caption"
        );
        let applies = captions.drain(..).find_map(|caption| {
            let Some(dated) = caption.strip_prefix("before ") else {
                return Some(caption);
            };
            let (version, caption) = dated.split_once(": ").unwrap();
            (here < minor(version)).then_some(caption)
        });
        exhibits.extend(applies.map(|expected| Exhibit {
            module: module.to_str().unwrap(),
            function: function.into(),
            expected: expected.into(),
        }));
    }
    exhibits
}

/// The functions of `state.py`, and a call of the binding between the hostile ones.
struct Visit {
    restore: Outliers,
    reading: Outliers,
    detect: Outliers,
    data: Vec<f64>,
}

impl Visit {
    fn start() -> Self {
        for (name, source) in TOGETHER.into_iter().chain([ALONE, STATE]) {
            load(name, source);
        }
        let state = |function| Outliers::new("state", function).unwrap();
        let visit = Self {
            restore: state("restore"),
            reading: state("reading"),
            detect: Outliers::new("pyoutliers", "detect").unwrap(),
            data: pyoutliers::gen_testdata().unwrap(),
        };
        visit.answers().unwrap();
        state("settle").detect(&DATA).unwrap();
        visit
    }

    /// Whether the next call is right.
    fn answers(&self) -> Result<(), String> {
        match self.detect.detect(&self.data) {
            Ok(indices) if indices == [7, 113, 835] => Ok(()),
            other => Err(format!("then pyoutliers.detect returned {other:?}")),
        }
    }

    fn read(&self) -> Vec<i64> {
        self.reading.detect(&DATA).unwrap()
    }

    /// Calls a callee until the readings stay equal.
    fn show(&self, exhibit: &Exhibit) -> Result<(), String> {
        let hostile = Outliers::new(exhibit.module, &exhibit.function).unwrap();
        let (mut flat, mut readings) = (0, vec![self.read()]);
        while flat < FLAT {
            for _ in 0..CALLS {
                exhibit.is_as_expected(hostile.detect(&DATA))?;
                self.answers()?;
            }
            let reading = self.read();
            flat = if readings.last() == Some(&reading) {
                flat + 1
            } else {
                0
            };
            readings.push(reading);
            if readings.len() > MOST {
                return Err(format!("leaks: {readings:?}"));
            }
        }
        Ok(())
    }

    /// Calls a callee, then restores everything.
    fn show_and_restore(&self, exhibit: &Exhibit) -> Result<(), String> {
        let shown = self.show(exhibit);
        self.restore.detect(&DATA).unwrap();
        shown.and_then(|()| self.answers())
    }
}

fn report(exhibits: &[Exhibit], show: impl Fn(&Exhibit) -> Result<(), String>) {
    let problems = exhibits.iter().filter_map(|exhibit| {
        let problem = show(exhibit).err()?;
        Some(format!("\n{}: {problem}", exhibit.name()))
    });
    let problems: String = problems.collect();
    assert!(problems.is_empty(), "{problems}");
}

/// Runs a test of this file in its own process, for one callee if `exhibit` names it.
fn passes(test: &str, exhibit: &str) {
    let stack = PYTHONS_STACK.to_string();
    let variables = [
        ("EXHIBIT", exhibit.as_ref()),
        ("RUST_MIN_STACK", stack.as_ref()),
    ];
    crate::common::passes(&format!("hostile::{test}"), &variables);
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn together() {
    let visit = Visit::start();
    let exhibits: Vec<_> = TOGETHER.into_iter().flat_map(exhibits).collect();
    assert!(exhibits.len() > 100);
    report(&exhibits, |exhibit| visit.show_and_restore(exhibit));
}

#[test]
fn every_hostile_callee_is_as_expected_and_leaks_nothing() {
    let exhibits = TOGETHER.into_iter().flat_map(exhibits);
    println!("cases: {}", exhibits.count());
    passes("together", "");
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn alone() {
    let wanted = env::var("EXHIBIT").unwrap();
    let visit = Visit::start();
    let all = exhibits(ALONE);
    let exhibit = all.iter().find(|exhibit| exhibit.function == wanted);
    visit.show(exhibit.unwrap()).unwrap();
}

#[test]
fn every_callee_that_changes_the_process_for_good_is_as_expected() {
    println!("cases: {}", exhibits(ALONE).len());
    for exhibit in exhibits(ALONE) {
        passes("alone", &exhibit.function);
    }
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn leaks() {
    let visit = Visit::start();
    for function in ["leaks_the_list", "leaks_a_reference", "leaks_a_file"] {
        let planted = Exhibit {
            module: "state",
            function: function.into(),
            expected: "Ok: []".into(),
        };
        let problem = visit.show(&planted).unwrap_err();
        assert!(problem.starts_with("leaks: "), "{function}: {problem}");
    }
}

#[test]
fn a_planted_leak_is_seen() {
    passes("leaks", "");
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn deep() {
    let visit = Visit::start();
    let all: Vec<_> = TOGETHER.into_iter().flat_map(exhibits).collect();
    let deep: Vec<_> = all
        .iter()
        .filter(|exhibit| exhibit.expected.contains("RecursionError"))
        .collect();
    assert!(deep.len() > 3);
    for exhibit in deep {
        // The stack of a thread of `std` is enough, except for a sort that sorts while it compares: each step takes
        // 4 KiB of stack, so it needs the stack that Python gives its own threads.
        let sorts = exhibit.function == "sorts_by_itself";
        let size = if sorts { PYTHONS_STACK } else { 2 << 20 };
        let hostile = Outliers::new(exhibit.module, &exhibit.function).unwrap();
        let thread = thread::Builder::new().stack_size(size);
        let result = thread.spawn(move || hostile.detect(&DATA)).unwrap().join();
        exhibit.is_as_expected(result.unwrap()).unwrap();
        visit.restore.detect(&DATA).unwrap();
        visit.answers().unwrap();
    }
}

#[test]
fn recursion_to_the_limit_is_an_error_on_a_spawned_thread_too() {
    passes("deep", "");
}
