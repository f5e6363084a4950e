//! Functions of `truth.py`, whose verdict is obvious: a bounded store is clean, growth without end is a leak.
#![allow(clippy::indexing_slicing, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use crate::common::{is_free_threaded, is_tested_before, outcome, outliers};
use serde_json::Value;

fn soak(function: &str) -> Command {
    let mut command = soak_as_text(function);
    command.arg("--json");
    command
}

fn soak_as_text(function: &str) -> Command {
    let mut command = outliers();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soak");
    command.env("PYTHONPATH", path);
    command.args(["soak", "--size", "1", "--function"]);
    command.arg(format!("truth:{function}"));
    command
}

/// The report of a soak that must have this verdict and the matching exit status.
fn judged(command: &mut Command, verdict: &str) -> Value {
    let (status, stdout, stderr) = outcome(&command.output().unwrap());
    let report: Value = serde_json::from_str(&stdout).expect(&stderr);
    let expected = match verdict {
        "clean" => 0,
        "none" => 3,
        _ => 1,
    };
    assert_eq!(
        (status, &report["verdict"]),
        (Some(expected), &verdict.into()),
        "{report:#}"
    );
    if verdict == "none" {
        let text = report.to_string();
        assert!(!text.contains(r#""finding":"leak""#), "{report:#}");
    }
    report
}

#[test]
fn stores_of_fixed_size_are_clean() {
    if is_tested_before() {
        return;
    }
    judged(soak("stores").args(["--calls", "64000"]), "clean");
}

/// With the default options.
#[test]
fn a_store_that_fills_is_clean_once_it_is_full() {
    if is_tested_before() {
        return;
    }
    for function in [
        "fills_a_store_of_100_000",
        "fills_a_ring_of_100_000",
        "fills_rarely",
    ] {
        judged(&mut soak(function), "clean");
    }
}

#[test]
fn a_store_that_still_fills_when_the_time_is_up_gets_no_verdict() {
    if is_tested_before() {
        return;
    }
    for (function, store) in [
        ("takes_longer_to_fill_a_store", "truth.store, a dict: +"),
        (
            "takes_longer_to_fill_a_ring",
            "truth.store[0], a list: it holds ",
        ),
    ] {
        // On a busy machine, six seconds may be too few to compare anything.
        let seconds = ["6", "12", "24", "36"].iter();
        let mut reports =
            seconds.map(|seconds| judged(soak(function).args(["--seconds", seconds]), "none"));
        let is_compared =
            |report: &Value| !report["summary"].as_str().unwrap().contains("to compare");
        let report = reports.find(is_compared).unwrap();
        let summary = report["summary"].as_str().unwrap();
        assert!(
            summary.contains("a store that is still filling"),
            "{report:#}"
        );
        assert!(summary.contains(store), "{report:#}");
        let counters = report["counters"].to_string();
        assert!(counters.contains(r#""finding":"growing""#), "{report:#}");
    }
}

/// The deque has a limit, its `maxlen`.
#[test]
fn a_deque_that_still_fills_when_memory_runs_out_gets_no_verdict() {
    let report = judged(&mut soak("fills_a_deque_beyond_the_memory"), "none");
    let summary = report["summary"].as_str().unwrap();
    assert!(
        summary.contains("truth.JOBS, a collections.deque: +"),
        "{report:#}"
    );
}

#[test]
fn growth_without_end_is_a_leak_and_is_named() {
    if is_tested_before() {
        return;
    }
    let cases = [
        (
            "grows",
            "truth.HISTORY, a list: +",
            "+1 item of truth.HISTORY per call",
        ),
        (
            "grows_an_array",
            "truth.NUMBERS, an array.array: +",
            "+1 item of truth.NUMBERS",
        ),
        (
            "grows_a_bytearray",
            "truth.JOURNAL, a bytearray: +",
            "+100 items of truth.JOURNAL",
        ),
        (
            "grows_a_stream",
            "truth.STREAM, an _io.BytesIO: +",
            "+100 items of truth.STREAM",
        ),
        (
            "grows_a_text_stream",
            "truth.LINES, an _io.StringIO: +",
            "+3 items of truth.LINES",
        ),
        (
            "grows_a_set",
            "truth.SEEN, a set: +",
            "+1 item of truth.SEEN per call",
        ),
        (
            "grows_a_queue",
            "truth.QUEUE, a _queue.SimpleQueue: +",
            "+1 item of truth.QUEUE",
        ),
        ("grows_attributes", "a dict: +", "setattr(THING"),
        (
            "grows_a_text",
            "truth.TEXT, a str: +1 item per call",
            "TEXT += \"x\"",
        ),
        (
            "grows_a_tuple",
            "truth.PATH, a tuple: +1 item per call",
            "PATH += (1,)",
        ),
        (
            "grows_a_numpy_array",
            "truth.SERIES, a numpy.ndarray: +1 item per call",
            "np.append",
        ),
        ("grows_a_chain", "", "CHAIN = (CHAIN,)"),
    ];
    for (function, container, line) in cases {
        if is_free_threaded() && matches!(function, "grows_a_text" | "grows_a_tuple") {
            let text = outcome(
                &soak_as_text(function)
                    .args(["--calls", "16000"])
                    .output()
                    .unwrap(),
            )
            .1;
            let limit = "not seen in a free-threaded Python: a str, bytes or tuple that is replaced by a longer one";
            assert!(
                text.starts_with("clean: ") && text.contains(limit),
                "{text}"
            );
            continue;
        }
        let report = judged(soak(function).args(["--calls", "16000"]), "leak");
        assert!(
            report["containers"]
                .to_string()
                .replace("\\\"", "\"")
                .contains(container),
            "{report:#}"
        );
        assert!(
            report["grown"]
                .to_string()
                .replace("\\\"", "\"")
                .contains(line),
            "{report:#}"
        );
    }
    println!("cases: {}", cases.len());
}

#[test]
fn growth_that_is_rare_is_a_leak_too() {
    let report = judged(soak("grows_rarely").args(["--calls", "16000"]), "leak");
    assert!(
        report["containers"][0]
            .as_str()
            .unwrap()
            .starts_with("truth.HISTORY, a list: +"),
        "{report:#}"
    );
}

#[test]
fn a_store_does_not_hide_a_leak_beside_it() {
    if is_tested_before() {
        return;
    }
    let report = judged(
        soak("leaks_beside_a_store").args(["--calls", "64000"]),
        "leak",
    );
    let summary = report["summary"].as_str().unwrap();
    assert!(summary.contains(": blocks"), "{report:#}");
}

#[test]
fn leaked_system_resources_are_counted_and_have_a_line() {
    let cases = [
        (
            "leaves_children",
            "children",
            "+0.25 child processes per call: os.posix_spawn",
        ),
        (
            "maps_files",
            "mappings",
            "+1 mapped file per call: libc.mmap",
        ),
        (
            "leaves_files_open",
            "files",
            "+1 open file per call: os.dup(0)",
        ),
        ("leaves_threads_that_poll", "threads", "+1 thread per call"),
    ];
    for (function, counter, line) in cases {
        let report = judged(&mut soak(function), "leak");
        let summary = report["summary"].as_str().unwrap();
        assert!(summary.contains(counter), "{report:#}");
        assert!(report["grown"].to_string().contains(line), "{report:#}");
        // The soak ends before the resource runs out.
        assert!(report["calls"].as_u64().unwrap() < 2000, "{report:#}");
    }
    println!("cases: {}", cases.len());
}

/// Near a limit, no verdict is clean.
#[test]
fn too_many_open_files_end_a_soak_without_calling_it_clean() {
    let mut limited = Command::new("sh");
    let command = soak("leaves_files_open");
    limited.args(["-c", "ulimit -n 40; exec \"$@\"", "sh"]);
    limited.arg(command.get_program()).args(command.get_args());
    limited.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let report = judged(&mut limited, "none");
    assert_eq!(report["ended"], "files", "{report:#}");
}
