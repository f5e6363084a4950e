//! The lessons hold on this Python, print what the course says they print, and cover every rule.

use crate::common::{outliers, told};
use pyoutliers::interpreter;
use pyoutliers::refcounts::{Children, LESSONS, Lesson};

/// What the course says that a lesson prints.
fn printed(lesson: &Lesson) -> String {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/refcounts/printed");
    std::fs::read_to_string(format!("{directory}/{}.txt", lesson.name)).unwrap()
}

/// Without what depends on the machine or the version.
fn without_notes(text: &str) -> String {
    text.lines()
        .filter(|line| !line.starts_with("here: "))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn every_lesson_holds_and_prints_what_the_course_says() {
    let version = interpreter::built_for().version.to_string();
    let counts_all = ["3.8.", "3.9.", "3.10.", "3.11."]
        .iter()
        .any(|old| version.starts_with(old));
    let (status, stdout, stderr) = told(&outliers().arg("refcounts").output().unwrap());
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
    let course = LESSONS.iter().map(|lesson| {
        let mut printed = printed(lesson);
        if counts_all {
            let (immortal, counted) = (
                "immortal: not counted           0       0",
                "counted                         1       1",
            );
            printed = printed.replace(immortal, counted);
        }
        format!("{}\n{}\n\n{printed}", lesson.name, lesson.rule)
    });
    let course: Vec<_> = course.collect();
    println!("cases: {}", course.len());
    assert_eq!(without_notes(&stdout), without_notes(&course.join("\n")));
}

#[test]
fn a_lesson_fits_a_screen_of_80_columns() {
    for lesson in LESSONS {
        let printed = printed(lesson);
        let widest = printed
            .lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap();
        assert!(
            widest <= 80 && lesson.rule.len() <= 90,
            "{}: {widest}",
            lesson.name
        );
        assert!(printed.lines().count() <= 20, "{}", lesson.name);
    }
}

#[test]
fn every_rule_of_the_table_is_in_a_lesson() {
    let course: String = LESSONS.iter().map(printed).collect();
    for row in include_str!("../../src/capi/rules.md").lines().skip(2) {
        let name = row.split('`').nth(1).unwrap();
        assert!(course.contains(name), "no lesson shows {name}");
    }
}

#[test]
fn the_readme_shows_a_lesson_as_it_is() {
    let lesson = LESSONS
        .iter()
        .find(|lesson| lesson.name == "stolen-on-failure")
        .unwrap();
    let shown = format!("{}\n{}\n\n{}", lesson.name, lesson.rule, printed(lesson));
    assert!(include_str!("../../README.md").contains(&shown));
}

#[test]
fn one_lesson_can_be_asked_for() {
    let (status, stdout, _) = told(&outliers().args(["refcounts", "lock"]).output().unwrap());
    assert_eq!(status, Some(0));
    assert!(
        stdout.starts_with("lock\nGiving back needs the lock"),
        "{stdout}"
    );
    let (status, stdout, stderr) = told(&outliers().args(["refcounts", "lok"]).output().unwrap());
    assert_eq!((status, stdout.as_str()), (Some(2), ""));
    assert!(
        stderr.contains("tip: a similar value exists: 'lock'"),
        "{stderr}"
    );
}

#[test]
fn a_step_that_does_not_hold_is_told() {
    // A child that lives, where the lesson says that it dies.
    let children = Children::new(|_| {
        let mut command = std::process::Command::new("echo");
        command.arg("alive");
        command
    });
    let lesson = LESSONS
        .iter()
        .find(|lesson| lesson.name == "released-item")
        .unwrap();
    let table = lesson.run(&children).unwrap();
    assert!(!table.holds());
    assert!(
        table.to_string().contains("SIGSEGV   alive NO\n"),
        "{table}"
    );
    assert!(format!("{table:#}").contains("\x1b[31;1mNO\x1b[0m"));
}

#[test]
fn a_pipe_gets_no_colour() {
    let (_, stdout, _) = told(&outliers().args(["refcounts", "text"]).output().unwrap());
    assert!(!stdout.contains('\x1b'));
}
