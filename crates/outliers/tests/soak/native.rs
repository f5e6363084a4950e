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
    for statement in ["leaky.takes()", "leaky.borrows_and_takes()"] {
        let Some(named) = named(&directory, statement, "leak") else {
            return;
        };
        assert_eq!(named, [format!("+1 per call in takes (leaky.c:{takes})")]);
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
        "-1 per call in releases (leaky.c:{})",
        line("Py_DECREF(kept)", 0)
    );
    assert_eq!(named[0], at_fault, "{named:?}");
}

#[test]
fn without_debug_information_the_function_and_the_library_are_named() {
    let Some(directory) = compiled(
        "without_debug_information_the_function_and_the_library_are_named",
        &["-O0", "-s"],
    ) else {
        return;
    };
    let Some(named) = named(&directory, "leaky.takes()", "leak") else {
        return;
    };
    assert_eq!(named.len(), 1, "{named:?}");
    let offset = named[0].strip_prefix("+1 per call in 0x").unwrap();
    let offset = offset.strip_suffix(" (leaky.so)").unwrap();
    // The library is small.
    assert!(
        u64::from_str_radix(offset, 16).unwrap() < 0x10_000,
        "{named:?}"
    );
}

/// A function that takes more references than it releases comes before a function that only takes them.
#[test]
fn the_function_that_does_not_balance_comes_first() {
    let Some(directory) = compiled(
        "the_function_that_does_not_balance_comes_first",
        &["-g", "-O0"],
    ) else {
        return;
    };
    let Some(named) = named(&directory, "leaky.imports()", "leak") else {
        return;
    };
    assert!(
        named[0].contains(" per call in imports (leaky.c:"),
        "{named:?}"
    );
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
                    reference to an object that lives on\n";
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
