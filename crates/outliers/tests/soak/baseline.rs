//! `outliers soak --baseline`: only what is new or worse fails.
#![allow(clippy::indexing_slicing, clippy::expect_used)]

use std::fs;
use std::path::Path;

use crate::common::{directory, outcome, outliers};
use serde_json::{Value, json};

const SETUP: &str = "X, Y = [], []";

/// The exit status, stdout and stderr of a soak with a baseline.
fn soaked(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = outliers();
    command.current_dir(directory).arg("soak").args(arguments);
    command.args(["--calls", "1600", "--baseline", "known.json"]);
    outcome(&command.output().unwrap())
}

fn findings(directory: &Path) -> Value {
    let text = fs::read(directory.join("known.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["findings"].clone()
}

#[test]
fn what_is_known_does_not_fail_and_what_is_new_or_worse_does() {
    let directory = directory("what_is_known_does_not_fail_and_what_is_new_or_worse_does");
    let soak = |setup: &str| {
        let statement = "X.append(None); EXTRA()";
        let setup = format!("{SETUP}; EXTRA = {setup}");
        let (status, stdout, stderr) =
            soaked(&directory, &[statement, "--setup", &setup, "--json"]);
        let report: Value = serde_json::from_str(&stdout).unwrap();
        (status, report["baseline"].clone(), stderr)
    };
    let (status, judged, stderr) = soak("int");
    assert_eq!((status, judged), (Some(1), Value::Null));
    let said = "outliers: wrote 1 finding to known.json; from the next run on, it does not fail\n";
    assert_eq!(stderr, said);
    let row = json!({"counter": "items", "per_call": 1.0, "found_by": ["X.append(None); EXTRA()"]});
    let known = json!({"items of X in X.append(None); EXTRA()": row});
    assert_eq!(findings(&directory), known);

    let (status, judged, stderr) = soak("int");
    assert_eq!((status, judged, &*stderr), (Some(0), json!("known"), ""));

    let (status, judged, stderr) = soak("lambda: X.append(None)");
    assert_eq!((status, judged), (Some(1), json!("worse")));
    let said = "outliers: worse than in the baseline, 2 per call instead of 1: items of X in ";
    assert!(stderr.starts_with(said), "{stderr}");

    let (status, judged, stderr) = soak("lambda: Y.append(None)");
    assert_eq!((status, judged), (Some(1), json!("new")));
    let said = "outliers: not in the baseline: items of Y in X.append(None); EXTRA()\n";
    assert_eq!(stderr, said);

    let (status, judged, stderr) = soak("X.pop");
    assert_eq!((status, judged), (Some(0), Value::Null));
    let said = "outliers: no longer found, remove it from known.json: items of X in ";
    assert!(stderr.starts_with(said), "{stderr}");
    assert_eq!(findings(&directory), known);
}

#[test]
fn a_known_leak_is_named_in_the_text() {
    let directory = directory("a_known_leak_is_named_in_the_text");
    let leak = ["X.append(None)", "--setup", SETUP];
    soaked(&directory, &leak);
    let (status, stdout, stderr) = soaked(&directory, &leak);
    assert_eq!((status, &*stderr), (Some(0), ""));
    assert!(stdout.ends_with("\nknown, in known.json\n"), "{stdout}");
}

/// Its variable of the same name is another one.
#[test]
fn another_statement_says_nothing_about_the_findings_of_the_first() {
    let directory = directory("another_statement_says_nothing_about_the_findings_of_the_first");
    soaked(&directory, &["X.append(None)", "--setup", SETUP]);
    let (status, _, stderr) = soaked(&directory, &["1 + 1"]);
    assert_eq!((status, &*stderr), (Some(0), ""));
    let (status, _, stderr) = soaked(&directory, &["X.append(None) or 1", "--setup", SETUP]);
    let said = "outliers: not in the baseline: items of X in X.append(None) or 1\n";
    assert_eq!((status, &*stderr), (Some(1), said));
}

/// Of the same object, in the same statement.
#[test]
fn an_over_release_of_what_leaked_before_is_new() {
    let directory = directory("an_over_release_of_what_leaked_before_is_new");
    let soak = |call: &str| {
        let library = "import ctypes; X = ctypes.py_object(object()); CALL = ctypes.pythonapi";
        soaked(
            &directory,
            &["CALL(X)", "--setup", &format!("{library}.{call}")],
        )
    };
    assert_eq!(soak("Py_IncRef").0, Some(1));
    let (status, stdout, stderr) = soak("Py_DecRef");
    let said = "outliers: not in the baseline: over-released: references to object <object object>";
    assert!(stderr.starts_with(said), "{stderr}");
    assert!(stdout.ends_with("\nnew, not in known.json\n"), "{stdout}");
    assert_eq!(status, Some(1));
}

#[test]
fn a_soak_without_a_finding_writes_an_empty_baseline() {
    let directory = directory("a_soak_without_a_finding_writes_an_empty_baseline");
    let (status, _, stderr) = soaked(&directory, &["1 + 1"]);
    let said = "outliers: wrote known.json, without a finding\n";
    assert_eq!((status, &*stderr), (Some(0), said));
    assert_eq!(findings(&directory), json!({}));
}

#[test]
fn a_soak_without_a_verdict_writes_no_baseline() {
    let directory = directory("a_soak_without_a_verdict_writes_no_baseline");
    let crash = ["ctypes.string_at(0)", "--setup", "import ctypes"];
    let (status, _, stderr) = soaked(&directory, &crash);
    let said = "outliers: known.json is not written, because the soak has no full report\n";
    assert_eq!((status, &*stderr), (Some(1), said));
    assert!(!directory.join("known.json").exists());
}

#[test]
fn a_file_that_is_no_baseline_is_refused_before_the_soak() {
    let directory = directory("a_file_that_is_no_baseline_is_refused_before_the_soak");
    let file = directory.join("known.json");
    for (text, reason) in [
        (
            "words",
            "known.json is not a baseline: expected value at line 1 column 1",
        ),
        (
            "{}",
            "known.json is not a baseline: missing field `schema` at line 1 column 2",
        ),
        (
            r#"{"schema": 2, "findings": {}}"#,
            "known.json has the schema 2, and this program reads schema 1",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let (status, stdout, stderr) = soaked(&directory, &["1"]);
        assert_eq!((status, &*stdout), (Some(1), ""));
        assert_eq!(stderr, format!("outliers: {reason}\n"));
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let (status, stdout, stderr) = soaked(&directory, &["1"]);
    assert_eq!((status, &*stdout), (Some(1), ""));
    assert_eq!(
        stderr,
        "outliers: known.json: Is a directory (os error 21)\n"
    );
}
