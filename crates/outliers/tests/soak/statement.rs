//! `outliers soak STATEMENT`: any inputs, the path that raises, and memory that runs out.
#![allow(clippy::indexing_slicing, clippy::expect_used)]

use std::path::Path;

use crate::common::{outcome, outliers};
use serde_json::Value;

/// The exit status, stdout and stderr of a soak that can import `tests/soak/truth.py`.
fn soaked(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = outliers();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soak");
    command.env("PYTHONPATH", path).arg("soak").args(arguments);
    command.args(["--calls", "1600"]);
    outcome(&command.output().unwrap())
}

fn report(arguments: &[&str]) -> (Option<i32>, Value) {
    let (status, stdout, stderr) = soaked(&[arguments, &["--json"]].concat());
    (status, serde_json::from_str(&stdout).expect(&stderr))
}

#[test]
fn a_statement_is_soaked_in_the_namespace_of_its_setup() {
    let setup = "import json; X = {'a': 1}; n = 0";
    let (status, report) = report(&["n += 1; json.dumps(X)", "--setup", setup]);
    assert_eq!((status, &report["verdict"]), (Some(0), &"clean".into()));
}

#[test]
fn a_leak_of_a_statement_has_its_variable_and_its_line() {
    let (status, report) = report(&["X.append(1)", "--setup", "X = []"]);
    assert_eq!((status, &report["verdict"]), (Some(1), &"leak".into()));
    let container = report["containers"][0].as_str().unwrap();
    assert!(container.starts_with("__soak__.X, a list: +"), "{report:#}");
    let line = "<statement>:1: +1 item of __soak__.X per call: X.append(1)";
    assert_eq!(report["grown"][0], line);
}

#[test]
fn the_path_that_raises_is_soaked() {
    let (status, report) = report(&["int('x')", "--raises"]);
    assert_eq!((status, &report["verdict"]), (Some(0), &"clean".into()));
    let leak = "KEPT.append(1); int('x')";
    let (status, report) = self::report(&[leak, "--setup", "KEPT = []", "--raises"]);
    assert_eq!((status, &report["verdict"]), (Some(1), &"leak".into()));
}

#[test]
fn a_statement_that_should_raise_and_does_not_is_an_error() {
    let (status, stdout, stderr) = soaked(&["1 + 1", "--raises"]);
    assert_eq!((status, &*stdout), (Some(1), ""));
    let expected = "outliers: AssertionError: the statement raises no exception\n";
    assert!(stderr.starts_with(expected), "{stderr}");
}

#[test]
fn after_an_error_of_the_statement_a_line_says_what_to_try() {
    let raises = "outliers: to soak the path that raises an exception, add --raises\n";
    let setup =
        "outliers: import what the statement uses with --setup, such as --setup 'import json'\n";
    for (arguments, advice) in [
        (&["int('x')"][..], raises),
        (&["json.dumps(1)"], setup),
        (&["jsno.dumps(1)", "--setup", "import json"], ""),
        (&["1", "--setup", "int('x')"], ""),
        (&["1 +"], ""),
    ] {
        let (status, stdout, stderr) = soaked(arguments);
        assert_eq!((status, &*stdout), (Some(1), ""), "{arguments:?}");
        let (_, after) = stderr.rsplit_once("Error: ").unwrap_or_default();
        let (_, after) = after.split_once('\n').unwrap_or_default();
        assert_eq!(after, advice, "{stderr}");
    }
}

#[test]
fn a_test_or_a_file_is_not_a_statement() {
    for (word, expected) in [
        ("tests/test_a.py::test_b", "pytest --soak"),
        ("tests/soak/truth.py", "pytest --soak"),
        ("spikes.py:spikes", "name a function with '--function'"),
    ] {
        let (status, _, stderr) = soaked(&[word]);
        assert_eq!(status, Some(2));
        assert!(stderr.contains("this is not a statement: "), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

/// When an allocation fails, the first statement releases everything, and the second keeps an object.
#[test]
fn a_leak_on_a_path_without_memory_is_found() {
    let (status, report) = report(&["[str(n) for n in X]", "--setup", "X = [1000]", "--starve"]);
    assert_eq!((status, &report["verdict"]), (Some(0), &"clean".into()));
    let setup = "KEPT = []
def keeps(x):
    try:
        return str(x)
    except MemoryError:
        KEPT.append(1)
        raise";
    let (status, report) = self::report(&["keeps(1000)", "--setup", setup, "--starve"]);
    assert_eq!((status, &report["verdict"]), (Some(1), &"leak".into()));
    let container = report["containers"][0].as_str().unwrap();
    assert!(container.starts_with("__soak__.KEPT, a list"), "{report:#}");
}

#[test]
fn a_statement_that_is_wrong_is_shown_with_the_error() {
    let (status, stdout, stderr) = soaked(&["1 +"]);
    assert_eq!((status, &*stdout), (Some(1), ""));
    assert!(stderr.contains("SyntaxError: invalid syntax (<statement>, line 1)"));
    let (status, _, stderr) = soaked(&["f()", "--setup", "import no_such_module"]);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("ModuleNotFoundError: No module named 'no_such_module'"));
}

#[test]
fn options_of_a_function_and_of_a_statement_do_not_mix() {
    for arguments in [
        &["1", "--function", "a:b"][..],
        &["1", "--size", "3"],
        &["1", "--set", "a=3"],
        &["--setup", "x = 1"],
        &["--starve"],
        &["1", "--raises", "--starve"],
    ] {
        assert_eq!(soaked(arguments).0, Some(2), "{arguments:?}");
    }
}
