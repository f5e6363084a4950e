//! `outliers detect`: the function, its parameters and its errors, exit statuses, and wrong usage.

mod reading;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;

use crate::common::{callee, outcome, outliers};
use signal_hook::consts::SIGINT;
use signal_hook::flag;

fn fine(stdout: &str) -> (Option<i32>, String, String) {
    (Some(0), format!("{stdout}\n"), String::new())
}

fn bad(stderr: &str) -> (Option<i32>, String, String) {
    (Some(1), String::new(), format!("outliers: {stderr}\n"))
}

/// Runs `detect` with a function of `tests/callees.py` on `1 2 NaN`.
fn call(function: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    outcome(&called(function, arguments))
}

fn called(function: &str, arguments: &[&str]) -> Output {
    let tests = Path::new(crate::common::CHECKOUT).join("tests");
    let directory = crate::common::directory(format!("call-{function}"));
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
    command.output().unwrap()
}

#[test]
fn your_own_function_is_called_and_decides_on_nan_itself() {
    assert_eq!(call("as_numpy", &[]), fine("[0, 2]"));
    assert_eq!(call("as_numpy", &["--format", "lines"]), fine("0\n2"));
    assert_eq!(
        call("as_nothing", &["--format", "lines"]),
        (Some(0), String::new(), String::new())
    );
}

#[test]
fn a_parameter_is_what_it_looks_like() {
    let settings = [
        "--set",
        "a=3",
        "-s",
        "b=1e3",
        "--set=c=true",
        "-sd=x=y",
        "-se=",
    ];
    let (_, _, stderr) = call("parameters", &settings);
    let text = "KeyError: \"a=3 b=1000.0 c=True d='x=y' e=''\"\n";
    assert!(stderr.contains(text), "{stderr}");
    let numbers = "1 2 3 4 5 6 7 8 9 30";
    for (threshold, expected) in [
        ("2.8", "[9]"),
        ("2.9", "[]"),
        ("0", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"),
    ] {
        let directory = crate::common::directory("threshold");
        std::fs::write(directory.join("ten"), numbers).unwrap();
        let setting = format!("threshold={threshold}");
        let mut command = outliers();
        command
            .args(["detect", "ten", "--set", &setting])
            .current_dir(directory);
        assert_eq!(outcome(&command.output().unwrap()), fine(expected));
    }
    let (status, _, stderr) = call("parameters", &["--set", "threshold"]);
    assert_eq!(status, Some(2));
    assert!(
        stderr.contains("write NAME=VALUE, such as threshold=3"),
        "{stderr}"
    );
}

#[test]
fn detect_can_fail_if_it_finds_outliers_and_prints_nothing_if_there_are_none() {
    let directory = crate::common::directory("found");
    std::fs::write(directory.join("none.csv"), "v\n1\n2\n").unwrap();
    let some = format!("v\n{}9\n", "1\n".repeat(8));
    std::fs::write(directory.join("some.csv"), some).unwrap();
    let detect = |arguments: &str| {
        let mut command = outliers();
        command.args(["detect", "-c", "v"]).current_dir(&directory);
        outcome(&command.args(arguments.split(' ')).output().unwrap())
    };
    for format in ["rows", "lines", "json"] {
        for asked in ["", " --fail-if-found"] {
            let outcome = detect(&format!("none.csv -o {format}{asked}"));
            assert_eq!(outcome, (Some(0), String::new(), String::new()), "{format}");
        }
        let (status, stdout, stderr) = detect(&format!("some.csv -o {format}"));
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
        let found = detect(&format!("some.csv -o {format} --fail-if-found"));
        assert_eq!(found, (Some(4), stdout, stderr), "{format}");
    }
    let rows = (Some(4), "some.csv:v\nsome.csv:9\n".into(), String::new());
    assert_eq!(detect("none.csv some.csv -o rows --fail-if-found"), rows);
    // An error takes precedence.
    let (status, stdout, _) = detect("some.csv nowhere.csv --fail-if-found");
    assert_eq!((status, stdout.as_str()), (Some(1), "some.csv:[8]\n"));
    let (_, help, _) = outcome(&outliers().arg("--help").output().unwrap());
    assert!(help.contains("4 outliers were found (detect --fail-if-found)"));
}

#[test]
fn an_error_shows_how_to_name_a_function_in_a_file() {
    let directory = crate::common::directory("named");
    std::fs::write(directory.join("mine.py"), "def f(data): return []\n").unwrap();
    std::fs::write(directory.join("numbers"), "1\n").unwrap();
    let detect = |arguments: &[&str]| {
        let mut command = outliers();
        command
            .arg("detect")
            .args(arguments)
            .current_dir(&directory);
        outcome(&command.output().unwrap())
    };
    let (status, _, stderr) = detect(&["numbers", "--function", "mine:f"]);
    assert_eq!(status, Some(1));
    assert!(
        stderr.ends_with("to load it from its file, write mine.py\n"),
        "{stderr}"
    );
    let problem = "outliers: mine.py:f (a function? use --function): No such file or directory (os error 2)\n";
    assert_eq!(
        detect(&["mine.py:f"]),
        (Some(1), String::new(), problem.into())
    );
}

#[test]
fn an_argument_that_is_not_utf_8_is_refused_and_named() {
    for (command, option, value) in [
        ("detect", "--function", &b"sp\xe9.py:f"[..]),
        ("transform", "--function", b"sp\xe9.py:f"),
        ("detect", "--set", b"name=\xe9"),
        ("detect", "--column", b"\xe9"),
        ("detect -c v -p x.svg", "--time", b"\xe9"),
        ("soak", "--allow", b"\xe9"),
    ] {
        let mut program = outliers();
        program
            .args(command.split(' ').chain([option]))
            .arg(OsStr::from_bytes(value));
        let (status, stdout, stderr) = outcome(&program.output().unwrap());
        assert_eq!((status, stdout.as_str()), (Some(2), ""));
        assert!(stderr.contains(&format!("for '{option} <")), "{stderr}");
        assert!(stderr.contains("it must be valid UTF-8\n"), "{stderr}");
    }
}

#[test]
fn an_exception_is_reported_in_a_line_with_its_traceback() {
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
fn a_module_that_raises_on_import_is_reported_in_a_line_with_its_traceback() {
    let directory = crate::common::directory("import");
    std::fs::write(directory.join("raises.py"), "1\n1 / 0\n").unwrap();
    std::fs::write(directory.join("wants.py"), "import no_such.module\n").unwrap();
    std::fs::write(directory.join("one"), "1").unwrap();
    let detect = |function: &str| {
        let mut command = outliers();
        command.args(["detect", "one", "--function", function]);
        command.env("PYTHONPATH", ".").current_dir(&directory);
        outcome(&command.output().unwrap())
    };
    let (status, stdout, stderr) = detect("raises:f");
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    let text =
        "outliers: cannot import raises: ZeroDivisionError: division by zero; the Python is ";
    assert!(stderr.starts_with(text), "{stderr}");
    assert!(stderr.contains("raises.py\", line 2, in "), "{stderr}");
    assert!(
        stderr.ends_with("\nZeroDivisionError: division by zero\n"),
        "{stderr}"
    );
    // For a missing module, the line is enough, so there is no traceback.
    for (function, remedy) in [
        (
            "wants:f",
            "(OUTLIERS_PYTHON); install what is missing there; or choose a Python that has it: \
             OUTLIERS_PYTHON=/path/to/python",
        ),
        (
            "no_such.module:f",
            "name its directory in PYTHONPATH, as the current one is not searched",
        ),
    ] {
        let (_, _, stderr) = detect(function);
        assert!(
            stderr.contains("ModuleNotFoundError: No module named 'no_such'"),
            "{stderr}"
        );
        assert!(stderr.trim_end().ends_with(remedy), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn the_message_of_a_memory_error_is_shown() {
    let text = "callees:raises_memory_error: out of memory: no room for three";
    assert_eq!(call("raises_memory_error", &[]), bad(text));
}

#[test]
fn system_exit_in_a_function_is_an_error_with_status_1() {
    let (status, stdout, stderr) = call("raises_system_exit", &[]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.starts_with("outliers: callees:raises_system_exit: SystemExit: 3\n"),
        "{stderr}"
    );
}

#[test]
fn ctrl_c_ends_the_process_as_it_does_without_python() {
    // A child process inherits an ignored signal, as under `nohup`, but no handler. This handler performs the
    // default action.
    flag::register_conditional_default(SIGINT, Arc::new(true.into())).unwrap();
    // The function sends the signal, after Python has imported `signal`.
    let output = called("presses_ctrl_c", &[]);
    assert_eq!(output.status.signal(), Some(SIGINT), "{output:?}");
    assert_eq!(outcome(&output), (None, String::new(), String::new()));
}

#[test]
fn other_signals_are_left_alone_too() {
    assert_eq!(call("ignores_sigxfsz", &[]), fine("[0]"));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let directory = crate::common::directory("closed-pipe");
    std::fs::write(directory.join("many"), "1 ".repeat(200_000)).unwrap();
    let mut child = outliers()
        .args(["detect", "many", "--function", "callees:minus_ones"])
        .env(
            "PYTHONPATH",
            Path::new(crate::common::CHECKOUT).join("tests"),
        )
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(outcome(&output), (Some(0), String::new(), String::new()));
}

#[test]
fn wrong_usage_is_status_2_and_the_error_shows_right_usage() {
    for (arguments, hint) in [
        (&["detekt"][..], "detect"),
        (&["detect", "--collumn", "1"], "--column"),
        (
            &["detect", "--function", "f"],
            "write MODULE:NAME or FILE.py:NAME",
        ),
        (&["detect", "--format", "xml"], "list, lines"),
    ] {
        let (status, stdout, stderr) = outcome(&outliers().args(arguments).output().unwrap());
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.contains(hint), "{stderr}");
    }
}

#[test]
fn the_library_refuses_an_infinity_and_names_its_index() {
    let detect = pyoutliers::Outliers::new("pyoutliers", "detect").unwrap();
    let error = detect.detect(&[1.0, f64::INFINITY]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the value at index 1 is not finite: inf")
    );
    assert!(callee("as_nothing").detect(&[f64::NAN]).unwrap().is_empty());
}
