//! The texts of the lessons: they teach each rule, their lines fit, and bad examples do not compile.

use std::path::Path;
use std::process::Command;

use crate::common::{self, outcome, skipped};
use crate::refcounts::{alone, children, refcounts};
use lessons::{LESSONS, Lesson};

#[test]
fn the_lessons_fit_80_columns() {
    for lesson in LESSONS {
        let one_line = lesson.rule.chars().count() <= 80 && !lesson.rule.contains('\n');
        assert!(one_line, "{lesson:?}");
        for line in lesson.why().lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
    for arguments in [&[][..], &["--all"], &["--help"], &["stealing"], &["99"]] {
        let (_, stdout, stderr) = refcounts(arguments);
        let mut lines = stdout.lines().chain(stderr.lines());
        assert_eq!(lines.find(|line| line.chars().count() > 80), None);
    }
}

#[test]
fn each_step_fits_its_columns() {
    let (_alone, children, mut cases) = (alone(), children(), 0);
    for lesson in LESSONS {
        for step in lesson.run(&children).unwrap().steps {
            // Above 33, it has a line of its own.
            assert!(step.call.chars().count() <= 80, "{}", step.call);
            let shown = match step.expected.as_str() {
                "yes" | "no" => step.asked,
                _ => step.meaning,
            };
            assert!(shown.chars().count() <= 27, "{shown}");
            cases += 1;
        }
    }
    println!("cases: {cases}");
}

#[test]
fn every_rule_of_the_table_is_in_a_lesson() {
    let (_, lessons, _) = refcounts(&["--all"]);
    for row in include_str!("../../../../src/capi/rules.md")
        .lines()
        .skip(2)
    {
        let name = row.split('`').nth(1).unwrap();
        assert!(lessons.contains(name), "no lesson shows {name}");
    }
}

/// Each `compile_fail` example of a lesson, with the message that follows it.
#[test]
fn the_compiler_refuses_each_example_with_the_quoted_message() {
    if crate::common::is_tested_before() {
        return;
    }
    let mut cases = 0;
    let words = LESSONS.iter().map(Lesson::why);
    for example in words.flat_map(|why| why.split("```compile_fail\n").skip(1)) {
        let (code, rest) = example.split_once("```\n\n```text\n").unwrap();
        let said = rest.split_once("```").unwrap().0;
        let refused = refusal(code);
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        if !rustc("-V").starts_with("rustc 1.95") {
            skipped(
                "only rustc 1.95 prints the quoted messages: only their first lines are compared",
            );
            assert_eq!(first(&refused), first(said));
        } else {
            assert_eq!(refused, said);
        }
        cases += 1;
    }
    println!("cases: {cases}");
    assert_eq!(cases, 3);
}

fn rustc(argument: &str) -> String {
    outcome(&Command::new("rustc").arg(argument).output().unwrap()).1
}

/// The compiler's error for an example, from the first line to the end of the excerpt.
fn refusal(code: &str) -> String {
    let directory = common::directory("refused");
    let code: String = code
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
        .collect();
    std::fs::write(directory.join("lesson.rs"), code).unwrap();
    // `deps` may hold several builds of the library; Cargo copies the usual one to this place.
    let checkout = Path::new(common::CHECKOUT);
    assert!(
        common::cargo(checkout, &["build", "--lib"])
            .status()
            .unwrap()
            .success()
    );
    let library = common::target().join("debug/libpyoutliers.rlib");
    let dependencies = common::target().join("debug/deps");
    let mut rustc = Command::new("rustc");
    rustc
        .current_dir(&directory)
        .args(["--edition", "2024", "--emit", "metadata", "lesson.rs"]);
    rustc
        .arg("--extern")
        .arg(format!("pyoutliers={}", library.display()));
    rustc
        .arg("-L")
        .arg(format!("dependency={}", dependencies.display()));
    let (status, _, stderr) = outcome(&rustc.output().unwrap());
    assert_ne!(status, Some(0), "it compiles");
    let error = stderr
        .lines()
        .skip_while(|line| !line.starts_with("error[E"));
    let more = |line: &str| {
        let start = line.trim_start();
        line.is_empty() || ["help", "note", "="].iter().any(|s| start.starts_with(s))
    };
    let error = error.take_while(|line| !more(line));
    // The compiler makes the margin as wide as the longest line number of any file that it names.
    let margin = |line: &str| match line.split_once('|') {
        Some((number, rest))
            if number.trim().parse::<u32>().is_ok() || number.trim().is_empty() =>
        {
            format!("{:<2}|{rest}", number.trim())
        }
        _ => line.to_owned(),
    };
    // Cut to 80 columns, including the margin.
    let cut = |line: &str| match line.char_indices().nth(76) {
        Some(_) => line.chars().take(73).collect::<String>() + "...",
        None => line.into(),
    };
    // Without the location, because the reader does not have that file.
    let lines = error
        .filter(|line| !line.contains("-->"))
        .map(|line| cut(&margin(line)) + "\n");
    lines
        .collect::<String>()
        .trim_end()
        .trim_end_matches("\n  |")
        .to_owned()
        + "\n"
}
