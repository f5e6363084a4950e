//! The output of each program in `examples/`.

use std::path::{Path, PathBuf};
use std::sync::Once;

use crate::common::{cargo, command, directory, finished, outcome, target};
use pyoutliers::interpreter;
use rand::{RngExt, SeedableRng, rngs::StdRng};

const README: &str = include_str!("../../README.md");

/// The program of an example. Cargo builds the examples only if it runs all tests.
fn built(name: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let mut build = cargo(
            Path::new(env!("CARGO_MANIFEST_DIR")),
            &["build", "--examples"],
        );
        assert!(build.status().unwrap().success());
    });
    target().join("debug/examples").join(name)
}

fn prints(name: &str, expected: &str) {
    let output = finished(command(built(name)), name);
    let expected = (Some(0), expected.to_owned(), String::new());
    assert_eq!(outcome(&output), expected, "{name}");
}

#[test]
fn the_smallest_program_finds_the_three() {
    prints("smallest", "[7, 113, 835]\n");
}

#[test]
fn the_smallest_program_is_that_of_the_readme() {
    let example = include_str!("../../examples/smallest.rs");
    let program = example.split_once("\n\n").unwrap().1;
    assert!(README.contains(&format!("```rust\n{program}```\n")));
}

/// With `-c`, Python itself searches the current directory first.
#[test]
fn the_snippet_prints_the_search_path_of_the_chosen_python() {
    let mut python = command(interpreter::choice().unwrap().python);
    let question = "
import sys
print('Python %d.%d searches for modules in' % sys.version_info[:2])
print('\\n'.join(directory for directory in sys.path if directory))
";
    let (_, expected, _) = outcome(&python.args(["-c", question]).output().unwrap());
    assert!(expected.lines().count() > 2, "{expected}");
    prints("sys_path", &expected);
}

#[test]
fn your_own_function_finds_spikes_and_its_error_says_what_is_wrong() {
    prints(
        "own_function",
        "[3, 6]\n\
         own_function.py:spikes: item 0 of the result: ValueError: 2 values are too few: a spike has \
         two neighbours\n",
    );
}

#[test]
fn each_thread_finds_its_own() {
    let lines =
        (0..8).map(|thread| format!("thread {thread}: [{thread}, {}]\n", 100 + 10 * thread));
    prints("threads", &lines.collect::<String>());
}

/// 200 columns of noise, each with a peak, except one that is flat.
#[test]
fn each_of_200_series_prints_its_records_or_its_error() {
    let peak = |column: usize| 10 + column * 7 % 180;
    let mut random = StdRng::seed_from_u64(2);
    let mut value = |record: usize, column: usize| match column {
        0 => "1".to_owned(),
        _ if record == peak(column) => "99".to_owned(),
        _ => random.random_range(0.0..10.0).to_string(),
    };
    let mut line = |record| {
        let fields: Vec<_> = (0..200).map(|column| value(record, column)).collect();
        fields.join(",")
    };
    let header = (0..200).map(|column| format!("s{column}"));
    let mut lines = vec![header.collect::<Vec<_>>().join(",")];
    lines.extend((0..200).map(&mut line));

    let file = directory("series").join("series.csv");
    let outcome_for = |lines: &[String]| {
        std::fs::write(&file, lines.join("\n")).unwrap();
        let mut program = command(built("series"));
        program.arg(&file);
        outcome(&finished(program, "series"))
    };
    let (status, stdout, stderr) = outcome_for(&lines);
    let expected = (1..200).map(|column| format!("s{column}: [{}]\n", peak(column)));
    assert_eq!(stdout, expected.collect::<String>());
    assert_eq!(
        stderr,
        "s0: series.py:far_from_median: item 0 of the result: ValueError: more than half of the \
         values are the same\n"
    );
    assert_eq!(status, Some(1));

    let one = lines.get_mut(51).unwrap();
    *one = one.replacen("1,", "one,", 1);
    let (status, stdout, stderr) = outcome_for(&lines);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.contains("(line: 52, ") && stderr.contains("field 0: "),
        "{stderr}"
    );
}

/// A new example must not be forgotten here.
#[test]
fn these_are_all_examples() {
    let mut names: Vec<_> =
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"))
            .unwrap()
            .filter_map(|entry| {
                entry
                    .unwrap()
                    .file_name()
                    .into_string()
                    .unwrap()
                    .strip_suffix(".rs")
                    .map(str::to_owned)
            })
            .collect();
    names.sort_unstable();
    let compared = ["own_function", "series", "smallest", "sys_path", "threads"];
    assert_eq!(names, compared);
}
