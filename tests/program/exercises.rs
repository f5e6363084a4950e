//! Each exercise fails for its reason, each solution is clean, and the way through them works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{directory, outliers, skipped, told};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/exercises");

/// The exercises, and what is said of each.
const REASONS: [(&str, &str); 14] = [
    ("append", "blocks of memory stay behind"),
    ("build_value", "1 block of memory stays behind"),
    ("dictionary", "item 0 had"),
    ("iterator", "item 0 had"),
    (
        "stolen",
        "the result holds item 0 by a reference that nobody",
    ),
    (
        "returned",
        "the result holds the list by a reference that nobody",
    ),
    (
        "double_release",
        "the result holds item 8 by a reference that nobody",
    ),
    (
        "minus_one",
        "returned a result while an exception was set: Planted()",
    ),
    ("error_path", "Called with a list whose item 300 raises"),
    ("half_way", "of the call fails,"),
    ("null", "tried with: memory that runs out"),
    (
        "thin_ice",
        "Any call that runs code can end what you borrowed.",
    ),
    (
        "lock",
        "While the lock is released, all that is borrowed may go.",
    ),
    ("cycle", "the collector cannot"),
];

/// Whether extension modules can be compiled here; says so if not.
fn can_compile() -> bool {
    let can = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let can = can("cc") && can("pkg-config");
    if !can {
        skipped("a C compiler and pkg-config are needed to compile the exercises");
    }
    can
}

fn judge(file: &Path) -> (Option<i32>, String, String) {
    told(&outliers().arg("exercise").arg(file).output().unwrap())
}

#[test]
fn each_exercise_is_found_to_break_its_rule() {
    if !can_compile() {
        return;
    }
    for (name, reason) in REASONS {
        let (status, stdout, stderr) = judge(&Path::new(FOLDER).join(format!("{name}.c")));
        assert_eq!((status, stderr.as_str()), (Some(1), ""), "{name}: {stdout}");
        assert!(stdout.contains(reason), "{name}: {stdout}");
        assert!(
            stdout.lines().skip(1).all(|line| line.len() <= 80),
            "{stdout}"
        );
    }
    println!("cases: {}", REASONS.len());
}

#[test]
fn each_solution_keeps_the_rules() {
    if !can_compile() {
        return;
    }
    let mut files: Vec<PathBuf> = REASONS
        .iter()
        .map(|(name, _)| Path::new(FOLDER).join(format!(".solutions/{name}.c")))
        .collect();
    let there = fs::read_dir(Path::new(FOLDER).join(".solutions")).unwrap();
    assert_eq!(there.count(), files.len());
    for file in files.drain(..) {
        let (status, stdout, stderr) = judge(&file);
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
        assert!(stdout.ends_with(".c keeps the rules.\n"), "{stdout}");
    }
    println!("cases: {}", REASONS.len());
}

#[test]
fn an_exercise_is_put_where_one_works_and_is_passed_while_it_is_as_it_was() {
    if !can_compile() {
        return;
    }
    let here = directory("exercises");
    let exercise = |arguments: &[&str]| {
        let mut command = outliers();
        command.current_dir(&here).arg("exercise").args(arguments);
        told(&command.output().unwrap())
    };
    let (status, list, _) = exercise(&[]);
    assert_eq!(status, Some(0));
    assert!(list.starts_with("0 of 14 exercises passed."), "{list}");
    assert!(list.lines().all(|line| line.len() <= 80), "{list}");
    let (status, stdout, stderr) = exercise(&["append"]);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("exercises/append.c is written"), "{stderr}");
    assert!(
        stdout.contains("The lesson: outliers refcounts storing."),
        "{stdout}"
    );
    let (_, hint, _) = exercise(&["append", "--hint"]);
    assert!(hint.contains("PyList_Append"), "{hint}");
    let file = here.join("exercises/append.c");
    fs::copy(Path::new(FOLDER).join(".solutions/append.c"), &file).unwrap();
    let (status, stdout, _) = exercise(&["append"]);
    assert_eq!(status, Some(0));
    assert!(
        stdout.contains("Next: outliers exercise build_value"),
        "{stdout}"
    );
    assert!(exercise(&[]).1.contains("[x] append"));
    fs::write(&file, "int x").unwrap();
    assert!(exercise(&[]).1.contains("[ ] append"));
    let (status, stdout, stderr) = exercise(&["append"]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("error"), "{stderr}");
    let (status, _, stderr) = exercise(&["apend"]);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("there is no exercise apend"), "{stderr}");
}
