//! `outliers transform` prints floats, as strictly as `detect` prints indices.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::{directory, outcome, outliers};

const SOURCE: &str = "
def mean(data, width=3):
    return [sum(data[end - width:end]) / width for end in range(width, len(data) + 1)]

def odd(data):
    return [float('nan'), 1e300, -0.0]

def half(data):
    yield 1.0
    raise ValueError('half')

def ints(data):
    return [1]
";

/// Runs a command with a function of the module above, in a directory with two files.
fn run(command: &str, function: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    // Tests run in parallel.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let directory = directory(format!("transform-{number}"));
    fs::write(directory.join("module.py"), SOURCE).unwrap();
    fs::write(directory.join("numbers"), "1 2 3 4 5.5").unwrap();
    fs::write(directory.join("table"), "a;b\n1;2\n2;\n3;4\n").unwrap();
    let function = format!("module.py:{function}");
    let mut outliers = outliers();
    outliers.args([command, "--function", &function]);
    outliers.args(arguments).current_dir(directory);
    outcome(&outliers.output().unwrap())
}

fn prints(function: &str, arguments: &[&str], expected: &str) {
    let outcome = run("transform", function, arguments);
    assert_eq!(outcome, (Some(0), expected.into(), String::new()));
}

#[test]
fn floats_are_printed_as_a_list_or_as_lines() {
    prints("mean", &["numbers"], "[2.0, 3.0, 4.166666666666667]\n");
    let lines = ["numbers", "-s", "width=4", "-o", "lines"];
    prints("mean", &lines, "2.5\n3.625\n");
    prints(
        "mean",
        &["table", "-c", "a", "-s", "width=2"],
        "[1.5, 2.5]\n",
    );
    let several = ["-s", "width=5", "numbers", "numbers"];
    prints("mean", &several, "numbers:[3.1]\nnumbers:[3.1]\n");
    // JSON has no NaN. Each number is read back as the same float.
    prints("odd", &["numbers"], "[null, 1e+300, -0.0]\n");
    prints("odd", &["numbers", "-o", "lines"], "NaN\n1e300\n-0.0\n");
    prints("mean", &["/dev/null"], "[]\n");
}

#[test]
fn missing_values_are_skipped_on_request() {
    let (status, stdout, stderr) = run("transform", "mean", &["table", "-c", "b"]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("outliers: table:3: "), "{stderr}");
    let skipping = ["table", "-c", "b", "-m", "-s", "width=2"];
    let (status, stdout, stderr) = run("transform", "mean", &skipping);
    assert_eq!((status, stdout.as_str()), (Some(0), "[3.0]\n"));
    assert_eq!(stderr, "outliers: table: skipped 1 missing value\n");
}

#[test]
fn an_error_half_way_prints_nothing_for_that_file() {
    let (status, stdout, stderr) = run("transform", "half", &["numbers", "-o", "lines"]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    let text = "outliers: module.py:half: item 1 of the result: ValueError: half\n";
    assert!(stderr.starts_with(text), "{stderr}");
    let (status, stdout, stderr) = run("transform", "mean", &["nowhere", "numbers"]);
    let rest = "numbers:[2.0, 3.0, 4.166666666666667]\n";
    assert_eq!((status, stdout.as_str()), (Some(1), rest));
    assert!(stderr.starts_with("outliers: nowhere: "), "{stderr}");
}

#[test]
fn a_function_for_the_other_command_is_an_error() {
    let (status, stdout, stderr) = run("detect", "mean", &["numbers"]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    let remedy = "should be an int, but is float; `outliers transform` prints floats\n";
    assert!(stderr.ends_with(remedy), "{stderr}");
    let (status, stdout, stderr) = run("transform", "ints", &["numbers"]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.ends_with("should be a float, but is int\n"),
        "{stderr}"
    );
}
