//! What each program in `examples/` prints.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Once;

use crate::common::{cargo, command, finished, target, told};
use pyoutliers::interpreter;

const README: &str = include_str!("../../README.md");

/// The program of an example. Cargo builds them for some ways to ask for tests only.
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
    assert_eq!(told(&output), expected, "{name}");
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

/// Python itself, asked by `-c`, searches the current directory before all others.
#[test]
fn the_snippet_tells_the_search_path_of_the_chosen_python() {
    let mut python = command(interpreter::choice().unwrap().python);
    let question = "
import sys
print('Python %d.%d searches modules in' % sys.version_info[:2])
print('\\n'.join(directory for directory in sys.path if directory))
";
    let (_, expected, _) = told(&python.args(["-c", question]).output().unwrap());
    assert!(expected.lines().count() > 2, "{expected}");
    prints("sys_path", &expected);
}

#[test]
fn a_function_of_ones_own_finds_spikes_and_tells_what_is_wrong() {
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

/// Cargo runs it beside this file, as it is a test too.
#[test]
fn the_soak_is_a_test() {
    let manifest = include_str!("../../Cargo.toml");
    let (_, example) = manifest.split_once("name = \"soak_in_a_test\"\n").unwrap();
    let (example, _) = example.split_once("[[").unwrap();
    assert!(example.contains("test = true\n"));
}

/// So that a new example is compared too.
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
    let compared = [
        "own_function",
        "smallest",
        "soak_in_a_test",
        "sys_path",
        "threads",
    ];
    assert_eq!(names, compared);
}

/// Its lines `$ COMMAND`, each with what stands below it.
#[test]
fn what_the_readme_shows_of_detect_is_what_is_printed() {
    let section = README.split_once("## On numbers of your own").unwrap().1;
    let shown = section.split("```").nth(1).unwrap();
    let shown = shown.trim_start_matches("sh\n").trim_start_matches("$ ");
    let mut count = 0;
    for shown in shown.split("\n$ ") {
        let (line, expected) = shown.split_once('\n').unwrap();
        let mut shell = command("sh");
        shell
            .args(["-c", line])
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        let program = Path::new(env!("CARGO_BIN_EXE_outliers")).parent().unwrap();
        let path = format!("{}:{}", program.display(), env::var("PATH").unwrap());
        shell.env("PATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = told(&finished(shell, line));
        assert_eq!(
            output,
            (Some(0), format!("{}\n", expected.trim_end()), String::new()),
            "{line}"
        );
        count += 1;
    }
    assert_eq!(count, 3);
}
