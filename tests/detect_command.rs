//! `outliers detect`: what people have goes in, what is wrong is told by file, line and column.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use common::{callee, outliers, told};

/// `detect` of a file's text; the exit status, stdout, and stderr.
fn detect(name: &str, text: impl AsRef<[u8]>, arguments: &[&str]) -> (Option<i32>, String, String) {
    let directory = common::directory(format!("detect-{name}"));
    std::fs::write(directory.join("cpu.csv"), text).unwrap();
    let command = outliers()
        .args(["detect", "cpu.csv"])
        .args(arguments)
        .current_dir(directory)
        .output();
    told(&command.unwrap())
}

fn fine(stdout: &str) -> (Option<i32>, String, String) {
    (Some(0), format!("{stdout}\n"), String::new())
}

fn bad(stderr: &str) -> (Option<i32>, String, String) {
    (Some(1), String::new(), format!("outliers: {stderr}\n"))
}

#[test]
fn numbers_are_read_as_people_write_them() {
    for (name, text, arguments) in [
        ("one-per-line", "1\n1\n1\n1\n1\n1\n100\n", &[][..]),
        ("no-last-newline", "1\n1\n1\n1\n1\n1\n100", &[]),
        ("crlf", "1\r\n1\r\n1\r\n1\r\n1\r\n1\r\n100\r\n", &[]),
        ("cr", "1\r1\r1\r1\r1\r1\r100\r", &[]),
        ("byte-order-mark", "\u{feff}1\n1\n1\n1\n1\n1\n100\n", &[]),
        ("blank-lines", "\n1\n1\n\n1\n1\n  \n1\n1\n\n\n100\n\n", &[]),
        ("several-per-line", "1 1\t1\n1  1 1\n100\n", &[]),
        ("commas", "1, 1, 1, 1\n1,1,100\n", &[]),
        ("semicolons", "1;1;1;1\n1;1;100\n", &[]),
        (
            "quotes",
            "\"1\",\"1\",\"1\"\n\"1\",\"1\",\"1\",\"100\"\n",
            &[],
        ),
        ("forms", "1.0 +1 1e0 10E-1\n1. 01 1e2\n", &[]),
        (
            "header",
            "t,v\na,1\nb,1\nc,1\nd,1\ne,1\nf,1\ng,100\n",
            &["--column", "v"],
        ),
        (
            "header-by-number",
            "t,v\na,1\nb,1\nc,1\nd,1\ne,1\nf,1\ng,100\n",
            &["--column", "2"],
        ),
        (
            "no-header",
            "a,1\nb,1\nc,1\nd,1\ne,1\nf,1\ng,100\n",
            &["--column", "2"],
        ),
        (
            "first-column",
            "1,a\n1,b\n1\n1,d\n1,e\n1,f\n100,g\n",
            &["--column", "1"],
        ),
        (
            "quoted-fields",
            "\"a \"\"t\"\"\",\" v \"\n\"x,\n\",1\ny,1\ny,1\ny,1\ny,1\ny,1\ny,\"100\"\n",
            &["--column", "v"],
        ),
        (
            "tabs",
            "t\tv\na\t1\nb\t1\nc\t1\nd\t1\ne\t1\nf\t1\ng\t100\n",
            &["--column", "v"],
        ),
        (
            "name-is-a-number",
            "2019,2020\n1,1\n2,1\n3,1\n4,1\n5,1\n6,1\n7,100\n",
            &["--column", "2020"],
        ),
        (
            "not-utf-8",
            "t,v\n\u{e9},1\nb,1\nc,1\nd,1\ne,1\nf,1\ng,100\n",
            &["--column", "v"],
        ),
    ] {
        let text: Vec<u8> = text
            .chars()
            .map(|c| {
                if c == '\u{e9}' {
                    vec![0xE9]
                } else {
                    c.to_string().into_bytes()
                }
            })
            .collect::<Vec<_>>()
            .concat();
        assert_eq!(detect(name, text, arguments), fine("[6]"), "{name}");
    }
}

#[test]
fn what_is_no_number_is_told_by_file_line_and_column() {
    for (name, text, arguments, error) in [
        (
            "word",
            "1\n2\n\n\nn/a\n",
            &[][..],
            r#"cpu.csv:5: not a number: "n/a""#,
        ),
        (
            "word-crlf",
            "1\r\n2\r\n\r\n\r\nn/a\r\n",
            &[],
            r#"cpu.csv:5: not a number: "n/a""#,
        ),
        (
            "word-cr",
            "1\r2\r\r\rn/a\r",
            &[],
            r#"cpu.csv:5: not a number: "n/a""#,
        ),
        (
            "first",
            "value\n2\n",
            &[],
            r#"cpu.csv:1: not a number: "value" (a header? --column NAME)"#,
        ),
        (
            "table",
            "t,v\n1,2\n",
            &[],
            r#"cpu.csv:1: not a number: "t" (column 1; a header? --column NAME)"#,
        ),
        (
            "gap",
            "1,2\n3,,4\n",
            &[],
            r#"cpu.csv:2: not a number: "" (column 2)"#,
        ),
        (
            "in-column",
            "t,v\na,1\n\nb,n/a\n",
            &["--column", "v"],
            r#"cpu.csv:4: not a number: "n/a" (column v)"#,
        ),
        (
            "after-quotes",
            "t,v\n\"a\nb\nc\",1\nb,x\n",
            &["--column", "2"],
            r#"cpu.csv:5: not a number: "x" (column 2)"#,
        ),
        (
            "digit-first",
            "a,2O.1\nb,1\n",
            &["--column", "2"],
            r#"cpu.csv:1: not a number: "2O.1" (column 2; if that is a header: --column "2O.1")"#,
        ),
        (
            "missing-first",
            "a,n/a\nb,1\n",
            &["--column", "2"],
            r#"cpu.csv:1: not a number: "n/a" (column 2)"#,
        ),
        (
            "short",
            "t,v\na,1\nb\n",
            &["--column", "v"],
            "cpu.csv:3: no column v: the line ends before it",
        ),
        (
            "no-such",
            "t,v\na,1\n",
            &["--column", "w"],
            r#"cpu.csv:1: no column "w" among: t, v"#,
        ),
        (
            "no-such-number",
            "t,v\na,1\n",
            &["--column", "3"],
            r#"cpu.csv:1: no column "3" among: t, v"#,
        ),
        (
            "number-zero",
            "t,v\na,1\n",
            &["--column", "0"],
            r#"cpu.csv:1: no column "0" among: t, v"#,
        ),
        (
            "twice",
            "v,v\n1,1\n",
            &["--column", "v"],
            r#"cpu.csv: several columns are called "v"; give its number"#,
        ),
        (
            "decimal-comma",
            "t;v\na;1,5\n",
            &["--column", "v"],
            r#"cpu.csv:2: not a number: "1,5" (column v)"#,
        ),
        (
            "nan",
            "1\n2\nNaN\n",
            &[],
            r#"cpu.csv:3: not a finite number: "NaN""#,
        ),
        (
            "infinite",
            "1\n2\n-inf\n",
            &[],
            r#"cpu.csv:3: not a finite number: "-inf""#,
        ),
        (
            "too-large",
            "1 1e999\n",
            &[],
            r#"cpu.csv:1: not a finite number: "1e999""#,
        ),
        (
            "utf-16",
            "\u{fffe}",
            &[],
            "cpu.csv: this is UTF-16; save it as UTF-8",
        ),
    ] {
        let text = if name == "utf-16" {
            b"\xff\xfe1\0".to_vec()
        } else {
            text.into()
        };
        assert_eq!(detect(name, text, arguments), bad(error), "{name}");
    }
    let (_, _, long) = detect("long", "1\n".to_owned() + &"x".repeat(1000), &[]);
    assert_eq!(
        long,
        format!("outliers: cpu.csv:2: not a number: {:?}…\n", "x".repeat(40))
    );
}

#[test]
fn nothing_gives_an_empty_list() {
    for (name, text) in [
        ("empty", ""),
        ("only-blank", "\n \n"),
        ("only-a-mark", "\u{feff}"),
    ] {
        assert_eq!(detect(name, text, &[]), fine("[]"), "{name}");
    }
    assert_eq!(
        detect("only-header", "t,v\n", &["--column", "v"]),
        fine("[]")
    );
}

#[test]
fn shipped_data_gives_the_same_as_the_function_itself() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/temperature.csv");
    let output = outliers()
        .args(["detect", "--column", "celsius", file])
        .output()
        .unwrap();
    assert_eq!(told(&output), fine("[17, 18, 19, 41]"));
}

#[test]
fn a_million_lines_are_read() {
    let mut text = "1.25\n".repeat(1_000_000);
    text.push_str("7\n");
    assert_eq!(detect("million", text, &[]), fine("[1000000]"));
}

#[test]
fn standard_input_is_read_too() {
    for arguments in [&["detect"][..], &["detect", "-"]] {
        let mut child = outliers()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"1\nx\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(told(&output), bad(r#"standard input:2: not a number: "x""#));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_name() {
    for (file, reason) in [
        ("no-such-file", "No such file or directory (os error 2)"),
        ("..", "Is a directory (os error 21)"),
    ] {
        let output = outliers().args(["detect", file]).output().unwrap();
        assert_eq!(told(&output), bad(&format!("{file}: {reason}")));
    }
}

/// `detect` with a function of `tests/callees.py`, on `1 2 3`.
fn call(function: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let directory = common::directory(format!("call-{function}"));
    std::fs::write(directory.join("three"), "1 2 NaN").unwrap();
    let mut command = outliers();
    command
        .args([
            "detect",
            "three",
            "--function",
            &format!("callees:{function}"),
        ])
        .args(arguments);
    command
        .env("PYTHONPATH", tests)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(directory);
    told(&command.output().unwrap())
}

#[test]
fn another_function_may_be_called_and_decides_on_nan_itself() {
    assert_eq!(call("as_numpy", &[]), fine("[0, 2]"));
    assert_eq!(call("as_numpy", &["--format", "lines"]), fine("0\n2"));
    assert_eq!(
        call("as_nothing", &["--format", "lines"]),
        (Some(0), String::new(), String::new())
    );
}

#[test]
fn an_exception_is_a_line_and_its_traceback() {
    let (status, stdout, stderr) = call("raises_value_error", &[]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    let mut lines = stderr.lines();
    assert_eq!(
        lines.next(),
        Some("outliers: callees:raises_value_error: ValueError: the message")
    );
    assert_eq!(lines.next(), Some("Traceback (most recent call last):"));
    assert!(stderr.contains("in raises_value_error"), "{stderr}");
}

#[test]
fn system_exit_in_a_function_is_an_error_with_our_status() {
    let (status, stdout, stderr) = call("raises_system_exit", &[]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.starts_with("outliers: callees:raises_system_exit: SystemExit: 3\n"),
        "{stderr}"
    );
}

#[test]
fn ctrl_c_ends_the_process_as_it_does_without_python() {
    // The function presses it, in a Python where `signal` has been imported.
    let (status, stdout, stderr) = call("presses_ctrl_c", &[]);
    assert_eq!(
        (status, stdout.as_str(), stderr.as_str()),
        (None, "", ""),
        "ended by a signal"
    );
}

#[test]
fn other_signals_are_left_alone_too() {
    assert_eq!(call("ignores_sigxfsz", &[]), fine("[0]"));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let directory = common::directory("closed-pipe");
    std::fs::write(directory.join("many"), "1 ".repeat(200_000)).unwrap();
    let mut child = outliers()
        .args(["detect", "many", "--function", "callees:minus_ones"])
        .env(
            "PYTHONPATH",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"),
        )
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(told(&output), (Some(0), String::new(), String::new()));
}

#[test]
fn wrong_usage_is_status_2_and_says_what_is_right() {
    for (arguments, hint) in [
        (&["detekt"][..], "detect"),
        (&["detect", "--collumn", "1"], "--column"),
        (&["detect", "--function", "f"], "write MODULE:FUNCTION"),
        (&["detect", "--format", "xml"], "list, lines"),
    ] {
        let (status, stdout, stderr) = told(&outliers().args(arguments).output().unwrap());
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.contains(hint), "{stderr}");
    }
}

#[test]
fn the_library_reads_a_nan_by_its_index() {
    let detect = outliers::Outliers::new("pyoutliers", "detect").unwrap();
    let error = detect.detect(&[1.0, f64::INFINITY]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the value at index 1 is not finite: inf")
    );
    assert!(callee("as_nothing").detect(&[f64::NAN]).unwrap().is_empty());
}
