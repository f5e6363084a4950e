//! `outliers audit` finds the faults of a C module. The module is `audited.c`.
#![allow(clippy::indexing_slicing, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{self, directory, outcome, outliers};
use serde_json::Value;

fn audit(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = outliers();
    command.env("PYTHONPATH", directory).arg("audit");
    command.args(arguments);
    command
}

/// The exit status, stdout and stderr of the audit of a module in a directory.
fn audited(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    outcome(&audit(directory, arguments).output().unwrap())
}

/// The directory of `audited.c`, compiled with a flag; `None` if there is no compiler.
fn compiled(name: &str, flag: &str) -> Option<PathBuf> {
    common::compiled("tests/soak/audited.c", name, &[flag])
}

#[test]
fn planted_faults_are_found_and_nothing_else_is_and_each_command_repeats_its_row() {
    let name = "planted_faults_are_found_and_nothing_else_is_and_each_command_repeats_its_row";
    let Some(directory) = compiled(name, "-O1") else {
        return;
    };
    let scripts = directory.join("scripts");
    let scripts = scripts.to_str().unwrap();
    let arguments = ["audited", "--json", "--reproducer", scripts];
    let (status, stdout, stderr) = audited(&directory, &arguments);
    let audit: Value = serde_json::from_str(&stdout).expect(&stderr);
    let rows = audit["rows"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let found: Vec<_> = rows
        .iter()
        .map(|row| {
            [
                text(&row["verdict"]),
                text(&row["statement"]),
                text(&row["what"]),
            ]
            .join(" | ")
        })
        .collect();
    assert_eq!(
        found,
        [
            "died | audited.crashes(b'a') | the process died by SIGSEGV at about call 1",
            "hangs | audited.hangs(None) | it did not end within 20 seconds",
            "leak | audited.Careful().leaks(0) | blocks +1 per call",
            "leak | audited.Forgetful().leaks(0) | blocks +1, types +1 per call: type <class 'audited.Forgetful'>",
            "leak | audited.leaks(0) | blocks +1 per call",
            "leak | audited.leaks_on_error(1.5) | blocks +1 per call",
            "leak | audited.takes_three(0, 0, 'a') | blocks +1 per call",
            "leak | audited.Forgetful() | types +1 per call: type <class 'audited.Forgetful'>",
        ],
        "{audit:#}"
    );
    assert_eq!(status, Some(1));
    assert_eq!(audit["left_out"], serde_json::json!(["audited.remove_all"]));
    for row in rows.iter().filter(|row| row["verdict"] != "hangs") {
        let mut soak = outliers();
        soak.env("PYTHONPATH", &directory)
            .arg("soak")
            .arg(text(&row["statement"]));
        soak.arg("--setup").arg(text(&row["setup"]));
        if row["raises"] == true {
            soak.arg("--raises");
        }
        let (_, stdout, _) = outcome(&soak.output().unwrap());
        let verdict = text(&row["verdict"]);
        assert!(stdout.starts_with(&verdict), "{row:#} {stdout}");
        if verdict == "leak" {
            let script = fs::read_to_string(text(&row["reproducer"])).unwrap();
            assert!(script.starts_with("# Leak: "), "{script}");
        }
    }
}

/// A module written in Python, with these lines, in a directory of the test.
fn written(name: &str, module: &str, lines: &str) -> PathBuf {
    let directory = directory(name);
    fs::write(directory.join(module).with_extension("py"), lines).unwrap();
    directory
}

#[test]
fn a_module_that_cannot_be_audited_is_one_sentence() {
    let name = "a_module_that_cannot_be_audited_is_one_sentence";
    for (module, lines, status, expected) in [
        (
            "pure",
            "def f(): pass",
            3,
            "pure is written in Python: --python calls its functions and types",
        ),
        (
            "fails",
            "1 / 0",
            1,
            "cannot import fails: ZeroDivisionError: division by zero",
        ),
        (
            "dies",
            "import os; os.abort()",
            1,
            "while it imported dies, the process died by SIGABRT",
        ),
        (
            "uses",
            "import _testcapi",
            3,
            "uses is written in Python: --python calls its functions and types",
        ),
    ] {
        let directory = written(name, module, lines);
        let (actual, stdout, stderr) = audited(&directory, &[module]);
        assert_eq!((actual, &*stdout), (Some(status), ""), "{module}");
        assert_eq!(stderr, format!("outliers: {expected}\n"));
    }
    let (status, _, stderr) = audited(&directory(name), &["misspeled"]);
    let expected =
        "outliers: cannot import misspeled: ModuleNotFoundError: No module named 'misspeled'\n";
    assert_eq!((status, &*stderr), (Some(1), expected));
    assert_eq!(audited(&directory(name), &[]).0, Some(2));
}

#[test]
fn a_module_with_dangerous_functions_only_is_not_called() {
    let name = "a_module_with_dangerous_functions_only_is_not_called";
    let Some(directory) = compiled(name, "-DONLY_REMOVE_ALL") else {
        return;
    };
    let (status, stdout, stderr) = audited(&directory, &["audited"]);
    assert_eq!((status, &*stdout), (Some(3), ""));
    let expected = "outliers: nothing in audited is called: all that it has may touch files or processes, as the names \
                    say: audited.remove_all\n";
    assert_eq!(stderr, expected);
}

#[test]
fn functions_written_in_python_are_called_on_request() {
    let name = "functions_written_in_python_are_called_on_request";
    let lines = "KEPT = []\ndef keeps(x):\n    KEPT.append(x)\nclass Held:\n    def double(self, x):\n        return x + x";
    let directory = written(name, "pure", lines);
    let (status, stdout, _) = audited(&directory, &["pure", "--python"]);
    assert_eq!(status, Some(1), "{stdout}");
    let expected = "pure: 1 finding in ";
    assert!(stdout.starts_with(expected), "{stdout}");
    assert!(
        stdout.contains("\n             outliers soak 'pure.keeps(0)' --setup 'import pure'\n"),
        "{stdout}"
    );
}
