//! `outliers audit` finds the faults of a C module. The module is `audited.c`.
#![allow(clippy::indexing_slicing, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{self, directory, outcome, outliers};
use serde_json::{Value, json};

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
    if common::is_tested_before() {
        return;
    }
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
            "died | audited.crashes(b'abc') | the process died by SIGSEGV at about call 1",
            "hangs | audited.hangs(None) | it did not end within 20 seconds",
            "leak | audited.Careful().leaks(0) | blocks +1 per call",
            "leak | audited.Forgetful().leaks(0) | blocks +1, types +1 per call: type <class 'audited.Forgetful'>",
            "leak | audited.leaks(0) | blocks +1 per call",
            "leak | audited.leaks_on_error(1.5) | blocks +1 per call",
            "leak | audited.takes_three(0, 0, 'abc') | blocks +1 per call",
            "leak | audited.Forgetful() | types +1 per call: type <class 'audited.Forgetful'>",
        ],
        "{audit:#}"
    );
    assert_eq!(status, Some(1));
    assert_eq!(audit["left_out"], json!(["audited.remove_all"]));
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

/// It would otherwise count as one that accepts no plain arguments.
#[test]
fn a_slow_function_is_screened_and_one_that_is_too_slow_is_listed() {
    let name = "a_slow_function_is_screened_and_one_that_is_too_slow_is_listed";
    let lines = "import time\n\
                 def computes():\n    \
                     end = time.process_time() + 0.005\n    \
                     while time.process_time() < end: pass\n\
                 def rests():\n    \
                     time.sleep(0.4)\n";
    let directory = written(name, "slow", lines);
    let (_, stdout, stderr) = audited(&directory, &["slow", "--python", "--json"]);
    let audit: Value = serde_json::from_str(&stdout).expect(&stderr);
    // A call without an argument, and a call with one, which is refused.
    let called = json!({"slow.computes": 2, "slow.rests": 1});
    assert_eq!(audit["called"], called, "{audit:#}");
    assert_eq!(audit["slow"], json!(["slow.rests"]));
    assert_eq!(audit["unreached"], json!([]));
}

/// The script of an earlier audit is none: this leak does not show in plain Python.
#[test]
fn a_row_names_only_a_script_that_this_audit_wrote() {
    let name = "a_row_names_only_a_script_that_this_audit_wrote";
    let lines = "import sys\nKEPT = []\ndef keeps():\n    if '_outliers_prelude' in sys.modules: KEPT.append(0)\n";
    let directory = written(name, "coy", lines);
    let old = directory.join("coy.keeps.py");
    fs::write(&old, "old").unwrap();
    let scripts = directory.to_str().unwrap();
    let arguments = ["coy", "--python", "--json", "--reproducer", scripts];
    let (_, stdout, stderr) = audited(&directory, &arguments);
    let audit: Value = serde_json::from_str(&stdout).expect(&stderr);
    let row = &audit["rows"][0];
    assert_eq!(row["verdict"], "leak", "{audit:#}");
    assert_eq!(row["reproducer"], Value::Null);
    assert_eq!(fs::read_to_string(old).unwrap(), "old");
}

#[test]
fn a_compiled_submodule_is_left_out_only_if_its_name_has_the_word_test() {
    let name = "a_compiled_submodule_is_left_out_only_if_its_name_has_the_word_test";
    let directory = directory(name);
    let package = directory.join("package");
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("__init__.py"), "").unwrap();
    for module in ["latest", "_tests"] {
        let init = format!("-DPyInit_audited=PyInit_{module}");
        let flags = ["-DONLY_REMOVE_ALL", &*init];
        let name = format!("{name}_{module}");
        let Some(made) = common::compiled("tests/soak/audited.c", &name, &flags) else {
            return;
        };
        let library = package.join(module).with_extension("so");
        fs::copy(made.join("audited.so"), library).unwrap();
    }
    let (status, _, stderr) = audited(&directory, &["package"]);
    assert_eq!(status, Some(3));
    assert!(
        stderr.ends_with(": package.latest.remove_all\n"),
        "{stderr}"
    );
}

#[test]
fn functions_written_in_python_are_called_on_request() {
    let name = "functions_written_in_python_are_called_on_request";
    let lines = "KEPT = []\ndef keeps(x):\n    KEPT.append(x)\nclass Held:\n    def double(self, x):\n        return x + x";
    let directory = written(name, "pure", lines);
    let mut audit = audit(&directory, &["pure", "--python"]);
    // The child processes run in other directories.
    let audit = audit.current_dir(&directory).env("TMPDIR", ".");
    let (status, stdout, stderr) = outcome(&audit.output().unwrap());
    assert_eq!(status, Some(1), "{stdout}{stderr}");
    let expected = "pure: 1 finding in ";
    assert!(stdout.starts_with(expected), "{stdout}");
    assert!(
        stdout.contains("\n             outliers soak 'pure.keeps(0)' --setup 'import pure'\n"),
        "{stdout}"
    );
}

#[test]
fn a_function_that_removes_modules_hides_no_finding() {
    let lines = "import sys\nKEPT = []\ndef clears():\n    sys.modules.clear()\ndef keeps():\n    KEPT.append(object())";
    let directory = written(
        "a_function_that_removes_modules_hides_no_finding",
        "rude",
        lines,
    );
    let (status, stdout, stderr) = audited(&directory, &["rude", "--python"]);
    assert_eq!(status, Some(1), "{stdout}{stderr}");
    assert!(
        stdout.contains("outliers soak 'rude.keeps()' --setup 'import rude'\n"),
        "{stdout}"
    );
    assert!(!stdout.contains("--setup 'import '"), "{stdout}");
}
