//! `outliers soak --native` names the C function at fault. The functions are in `leaky.c`.
#![allow(clippy::indexing_slicing, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{self, outcome, outliers, skipped};
use serde_json::Value;

/// The directory of `leaky.c`, compiled with these flags; `None` if there is no compiler or no gdb.
fn compiled(name: &str, flags: &[&str]) -> Option<PathBuf> {
    if Command::new("gdb").arg("--version").output().is_err() {
        skipped("gdb is needed to name C functions");
        return None;
    }
    common::compiled("tests/soak/leaky.c", name, flags)
}

/// What the soak of a statement says about C functions.
///
/// `None` if gdb cannot watch here.
fn named(directory: &Path, statement: &str, verdict: &str) -> Option<Vec<String>> {
    let mut command = outliers();
    command.env("PYTHONPATH", directory);
    command.args(["soak", statement, "--setup", "import leaky", "--native"]);
    command.args(["--calls", "1600", "--json"]);
    let (_, stdout, stderr) = outcome(&command.output().unwrap());
    let report: Value = serde_json::from_str(&stdout).expect(&stderr);
    assert_eq!(report["verdict"], verdict, "{report:#}");
    let lines = report["native"].as_array().expect("C functions");
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.as_str().unwrap().into())
        .collect();
    let cannot = ["gdb may not attach", "no hardware watchpoints"];
    if cannot.iter().any(|cannot| lines[0].contains(cannot)) {
        skipped(&lines[0]);
        return None;
    }
    Some(lines)
}

/// The number of the line of `leaky.c` that contains this occurrence of the text, counted from 0.
fn line(text: &str, occurrence: usize) -> usize {
    let mut lines = include_str!("leaky.c").lines().enumerate();
    lines
        .by_ref()
        .filter(|(_, line)| line.contains(text))
        .nth(occurrence)
        .unwrap()
        .0
        + 1
}

#[test]
fn the_function_and_the_line_that_leak_a_reference_are_named() {
    let Some(directory) = compiled(
        "the_function_and_the_line_that_leak_a_reference_are_named",
        &["-g", "-O0"],
    ) else {
        return;
    };
    let takes = line("Py_INCREF(kept)", 0);
    let calls = line("return takes(self", 0);
    for (statement, called) in [
        ("leaky.takes()", String::new()),
        (
            "leaky.borrows_and_takes()",
            format!(" by borrows_and_takes (leaky.c:{calls})"),
        ),
    ] {
        let Some(named) = named(&directory, statement, "leak") else {
            return;
        };
        let expected =
            format!("+1 per call in takes (leaky.c:{takes}); called{called} from <statement>:1");
        assert_eq!(named, [expected]);
    }
}

#[test]
fn the_function_that_releases_too_often_is_named() {
    let Some(directory) = compiled(
        "the_function_that_releases_too_often_is_named",
        &["-g", "-O0"],
    ) else {
        return;
    };
    let Some(named) = named(&directory, "leaky.releases()", "over-release") else {
        return;
    };
    let at_fault = format!(
        "-1 per call in releases (leaky.c:{}); called from <statement>:1",
        line("Py_DECREF(kept)", 0)
    );
    assert_eq!(named, [at_fault]);
}

#[test]
fn without_debug_information_the_function_and_the_library_are_named() {
    let Some(directory) = compiled(
        "without_debug_information_the_function_and_the_library_are_named",
        &["-O2", "-s"],
    ) else {
        return;
    };
    let Some(named) = named(&directory, "leaky.takes()", "leak") else {
        return;
    };
    assert_eq!(named.len(), 1, "{named:?}");
    let offset = named[0].strip_prefix("+1 per call in 0x").unwrap();
    let offset = offset
        .strip_suffix(" (leaky.so); called from <statement>:1")
        .unwrap();
    // The library is small.
    assert!(
        u64::from_str_radix(offset, 16).unwrap() < 0x10_000,
        "{named:?}"
    );
}

/// What the soak of a statement says first about C functions.
fn first_named(test: &str, statement: &str, verdict: &str, optimized: &str) -> Option<String> {
    let directory = compiled(test, &["-g", optimized])?;
    let mut named = named(&directory, statement, verdict)?;
    Some(named.swap_remove(0))
}

#[test]
fn a_reference_that_a_call_returned_is_told_from_the_one_that_is_released() {
    let test = "a_reference_that_a_call_returned_is_told_from_the_one_that_is_released";
    let Some(named) = first_named(test, "leaky.imports()", "leak", "-O0") else {
        return;
    };
    let imports = line("PyImport_ImportModule", 0);
    let expected = format!("+1 by PyImport_ImportModule on line {imports}");
    assert!(named.contains(&expected), "{named}");
    assert!(named.contains(" in imports (leaky.c:"), "{named}");
}

#[test]
fn a_helper_that_returns_new_references_is_not_blamed_for_its_caller() {
    let test = "a_helper_that_returns_new_references_is_not_blamed_for_its_caller";
    let Some(named) = first_named(test, "leaky.forgets()", "leak", "-O0") else {
        return;
    };
    let forgets = line("forgotten = new_reference()", 0);
    let next = forgets + 1;
    let expected = format!(
        "+2 -1 per call in forgets (leaky.c:{forgets}): +1 on line {forgets}, +1 on line {next}, \
         -1 on line {next}; called from <statement>:1"
    );
    assert_eq!(named, expected);
}

#[test]
fn references_of_the_interpreter_do_not_pair_off_with_those_of_c_code() {
    let test = "references_of_the_interpreter_do_not_pair_off_with_those_of_c_code";
    let statement = "leaky.doubles(leaky.KEPT)";
    let Some(named) = first_named(test, statement, "leak", "-O2") else {
        return;
    };
    assert!(
        named.starts_with("+2 per call in doubles (leaky.c:"),
        "{named}"
    );
}

#[test]
fn a_reference_that_a_container_takes_does_not_hide_one_that_is_released_too_often() {
    let test = "a_reference_that_a_container_takes_does_not_hide_one_that_is_released_too_often";
    let Some(named) = first_named(test, "leaky.appends()", "over-release", "-O2") else {
        return;
    };
    let releases = line("/* borrowed */", 0);
    let expected = format!("+1 -1 per call in appends (leaky.c:{releases}): ");
    assert!(named.starts_with(&expected), "{named}");
}

#[test]
fn a_call_that_steals_a_reference_is_named() {
    let test = "a_call_that_steals_a_reference_is_named";
    let Some(named) = first_named(test, "leaky.gives()", "over-release", "-O2") else {
        return;
    };
    let gives = line("PyList_SetItem(list", 0);
    let expected = format!("-1 per call in gives (leaky.c:{gives}), by PyList_SetItem; called");
    assert!(named.starts_with(&expected), "{named}");
    let Some(named) = first_named(test, "leaky.builds()", "over-release", "-O2") else {
        return;
    };
    assert!(named.contains(r#"Py_BuildValue("(dnN)")"#), "{named}");
    assert!(named.contains("leaky."), "{named}");
}

#[test]
fn a_borrowed_reference_that_is_returned_names_the_line_of_python() {
    let test = "a_borrowed_reference_that_is_returned_names_the_line_of_python";
    let Some(named) = first_named(test, "1\nleaky.returns()", "over-release", "-O2") else {
        return;
    };
    let expected = "; called from <statement>:2; C code returned the object, or put it into a container, without a \
                    reference of its own";
    assert!(named.ends_with(expected), "{named}");
}

#[test]
fn a_leak_of_new_objects_names_no_c_function() {
    let mut command = outliers();
    command.args([
        "soak",
        "X.append([])",
        "--setup",
        "X = []",
        "--native",
        "--calls",
        "1600",
    ]);
    let (_, stdout, _) = outcome(&command.output().unwrap());
    let expected = "C functions that change the reference count:\n  none, because what leaks is not a \
                    reference to an object that lives on: write a --reproducer, and run it under valgrind\n";
    assert!(stdout.contains(expected), "{stdout}");
}

#[test]
fn without_gdb_a_sentence_says_what_to_install() {
    let Some(directory) = compiled("without_gdb_a_sentence_says_what_to_install", &["-O1"]) else {
        return;
    };
    let mut command = outliers();
    command.env("PYTHONPATH", directory).env("PATH", "/nowhere");
    command.args([
        "soak",
        "leaky.takes()",
        "--setup",
        "import leaky",
        "--native",
        "--calls",
        "1600",
    ]);
    let (_, stdout, stderr) = outcome(&command.output().unwrap());
    let expected = "none, because there is no gdb: install it, for example with apt install gdb\n";
    assert!(stdout.contains(expected), "{stdout}{stderr}");
}
