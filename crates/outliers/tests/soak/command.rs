//! `outliers soak` finds and names planted leaks, and its exit status matches its verdict.
#![allow(clippy::indexing_slicing)]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{WATCHDOG, finished, outcome, outliers};
use serde_json::Value;

/// `outliers soak`, which can import `tests/callees.py`.
fn soak(arguments: &[&str]) -> Command {
    let mut command = outliers();
    command.arg("soak").args(arguments);
    command.env(
        "PYTHONPATH",
        Path::new(crate::common::CHECKOUT).join("tests"),
    );
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The exit status and the JSON of a soak.
fn report(arguments: &[&str]) -> (Option<i32>, Value) {
    let (status, stdout, stderr) = outcome(&soak(arguments).arg("--json").output().unwrap());
    assert_eq!(stderr, "");
    (status, serde_json::from_str(&stdout).unwrap())
}

/// The JSON of a soak that must have this verdict and the matching exit status.
fn judged(arguments: &[&str], verdict: &str) -> Value {
    let status = match verdict {
        "clean" => 0,
        "leak" => 1,
        _ => 3,
    };
    let (actual, report) = report(arguments);
    assert_eq!(
        (actual, &report["verdict"]),
        (Some(status), &verdict.into()),
        "{report:#}"
    );
    report
}

/// A counter in that JSON.
fn counter<'a>(report: &'a Value, name: &str) -> &'a Value {
    let counters = report["counters"].as_array().unwrap();
    counters
        .iter()
        .find(|counter| counter["name"] == name)
        .unwrap()
}

/// The arguments to soak a function with this many calls and values.
fn calling<'a>(function: &'a str, calls: &'a str, size: &'a str) -> [&'a str; 6] {
    ["--calls", calls, "--size", size, "--function", function]
}

#[test]
fn the_calls_are_clean() {
    let report = judged(&["--calls", "16000"], "clean");
    assert_eq!(report["calls"], 16_000);
    assert_eq!(report["smallest_visible"], 800);
    for name in [
        "blocks",
        "tracked",
        "references",
        "rust_heap",
        "files",
        "threads",
    ] {
        assert_eq!(counter(&report, name)["total"], 0, "{report:#}");
    }
    let (status, stdout, _) = outcome(&soak(&["--calls", "1600", "--size", "1"]).output().unwrap());
    assert_eq!(status, Some(0), "{stdout}");
    assert!(
        stdout.starts_with("clean: no counter grows with the calls (1,600 made)\n"),
        "{stdout}"
    );
}

#[test]
fn the_calls_are_clean_with_a_parameter() {
    let mut arguments = calling("callees:scaled_to_ints", "1600", "10").to_vec();
    let (_, _, stderr) = outcome(&soak(&arguments).output().unwrap());
    assert!(
        stderr.contains("missing 1 required positional argument: 'factor'"),
        "{stderr}"
    );
    arguments.extend(["--set", "factor=3"]);
    judged(&arguments, "clean");
}

#[test]
fn a_planted_leak_is_found_named_and_measured() {
    for (kind, guilty, each) in [
        ("float", &["blocks"][..], 1.0),
        ("list", &["blocks", "tracked"], 1.0),
        ("reference", &["references"], 1.0),
        ("heap", &["c_heap"], 4096.0),
        ("file", &["files"], 1.0),
    ] {
        let rate = format!("{kind}/100");
        let report = judged(
            &["--calls", "16000", "--size", "1", "--inject", &rate],
            "leak",
        );
        let summary = report["summary"].as_str().unwrap();
        let guilty_alone = format!(" made): {}", guilty.join(", "));
        assert!(summary.ends_with(&guilty_alone), "{report:#}");
        for guilty in guilty {
            let rate = counter(&report, guilty)["per_call"].as_f64().unwrap();
            assert!((rate * 100.0 / each - 1.0).abs() < 0.01, "{report:#}");
        }
    }
}

#[test]
fn a_rare_leak_is_found_by_enough_calls() {
    let arguments = |calls| ["--calls", calls, "--size", "1", "--inject", "float/2000"];
    // The shortest window has just 2,000 calls.
    judged(&arguments("40000"), "leak");
    let (status, missed) = report(&arguments("1600"));
    assert_eq!(
        (status, &missed["smallest_visible"]),
        (Some(0), &80.into()),
        "{missed:#}"
    );
}

#[test]
fn a_large_leak_is_found_before_it_takes_all_memory() {
    let report = judged(
        &calling("callees:keeps_a_quarter_mebibyte", "3200", "10"),
        "leak",
    );
    let calls = report["calls"].as_u64().unwrap();
    assert!(calls < 2000, "{report:#}");
}

#[test]
fn a_function_that_keeps_arguments_is_found_with_its_line_type_and_variable() {
    let report = judged(&calling("callees:keeps_every_500th", "16000", "10"), "leak");
    let said = |key: &str| report[key].to_string();
    let line = include_str!("../../../../tests/callees.py")
        .lines()
        .position(|line| line.contains("        kept.append(data)"));
    let place = format!("callees.py:{}: ", line.unwrap() + 1);
    let grown = report["grown"].as_array().unwrap();
    let line = grown.iter().map(|line| line.as_str().unwrap());
    let mut line = line.filter(|line| line.contains("items of callees.kept per call"));
    let line = line.next().unwrap_or_default();
    assert!(
        line.contains(&place) && line.ends_with(": kept.append(data)"),
        "{report:#}"
    );
    assert!(
        said("grown").contains("objects of type list per call"),
        "{report:#}"
    );
    assert!(
        said("containers").contains("callees.kept, a list: +"),
        "{report:#}"
    );
}

#[test]
fn a_cache_that_fills_and_stops_is_clean() {
    judged(&calling("callees:fills_a_cache", "16000", "1"), "clean");
}

#[test]
fn a_meter_that_sees_nothing_gives_no_verdict() {
    let output = soak(&["--calls", "1600", "--json"])
        .env("PYTHONMALLOC", "malloc")
        .output()
        .unwrap();
    let (status, stdout, _) = outcome(&output);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (status, &report["verdict"]),
        (Some(3), &"none".into()),
        "{report:#}"
    );
    let summary = report["summary"].as_str().unwrap();
    assert!(
        summary.starts_with("the meter cannot be trusted: blocks should have seen 7"),
        "{summary}"
    );
    assert!(summary.ends_with("unset PYTHONMALLOC"), "{summary}");
}

#[test]
fn a_function_that_fails_is_an_error() {
    let output = soak(&[
        "--calls",
        "1600",
        "--function",
        "callees:raises_value_error",
    ])
    .output()
    .unwrap();
    let (status, stdout, stderr) = outcome(&output);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("outliers: callees:raises_value_error: ValueError: the message\n"));
    assert!(stderr.contains("in raises_value_error"), "{stderr}");
}

#[test]
fn ctrl_c_ends_with_the_verdict_so_far() {
    // At call 1,000 it still warms up; at 110,000 it has compared short windows with a long one.
    for (size, verdict) in [
        ("1", "none (interrupted): "),
        ("110", "clean (interrupted): "),
    ] {
        let arguments = calling("callees:interrupts_itself", "160000", size);
        let (status, stdout, stderr) = outcome(&soak(&arguments).output().unwrap());
        // It is said if the report takes a moment.
        let is_said = |line: &&str| line.starts_with("outliers: waiting since about call ");
        assert_eq!(stderr.lines().find(|line| !is_said(line)), None);
        assert_eq!(status, Some(130));
        assert!(stdout.starts_with(verdict), "{stdout}");
    }
    let warming_up = calling("callees:interrupts_itself", "160000", "1");
    let (_, stdout, _) = outcome(&soak(&warming_up).arg("--json").output().unwrap());
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&report["calls"], &report["warm_up"]),
        (&0.into(), &996.into()) // and four calls whose arguments were watched
    );
}

/// A process that is killed if the test fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn ctrl_c_twice_ends_a_call_that_never_returns() {
    let mut command = soak(&["--function", "callees:spins"]);
    let mut child = Killed(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut stderr = BufReader::new(child.0.stderr.take().unwrap());
    let (begun, begins) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        while stderr.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            let _ = begun.send(std::mem::take(&mut line));
        }
    });
    assert_eq!(begins.recv_timeout(WATCHDOG).unwrap(), "begun\n");
    let id = child.0.id();
    let press_ctrl_c = || {
        let mut sends = Command::new("sh");
        sends.args(["-c", &format!("kill -INT {id}")]);
        assert!(sends.status().unwrap().success());
    };
    press_ctrl_c();
    let says = "outliers: waiting since about call 1; press Ctrl-C again to end without a report\n";
    assert_eq!(begins.recv_timeout(WATCHDOG).unwrap(), says);
    assert_eq!(child.0.try_wait().unwrap(), None, "one is not enough");
    press_ctrl_c();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.0.try_wait().unwrap() {
            break status;
        }
        assert!(start.elapsed() < WATCHDOG, "the soak still runs");
        thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(status.signal(), Some(2));
}

#[test]
fn a_function_that_reads_standard_input_finds_it_empty() {
    let mut command = soak(&calling("callees:reads_standard_input", "16", "1"));
    command.arg("--json");
    let (status, stdout, stderr) = outcome(&finished(command, "a soak of a function that reads"));
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
}

#[test]
fn a_leak_too_rare_for_the_windows_gives_no_verdict() {
    let arguments = ["--calls", "8000", "--size", "1", "--inject", "float/600"];
    let report = judged(&arguments, "none");
    let summary = "these counters keep growing, but not evenly; make more calls: blocks";
    assert_eq!(report["summary"], summary);
}

#[test]
fn wrong_usage_is_status_2() {
    for arguments in [
        ["--calls", "0"],
        ["--size", "0"],
        ["--inject", "float"],
        ["--inject", "int/5"],
        ["--inject", "file/0"],
    ] {
        let (status, stdout, _) = outcome(&soak(&arguments).output().unwrap());
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
}

#[test]
fn a_function_without_its_option_gets_a_tip() {
    let (status, stdout, stderr) = outcome(&soak(&["spikes.py:spikes"]).output().unwrap());
    assert_eq!((status, stdout.as_str()), (Some(2), ""));
    assert!(
        stderr.contains("name a function with '--function'"),
        "{stderr}"
    );
}
