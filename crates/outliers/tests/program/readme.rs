//! What the README shows is what is printed.

use std::env;
use std::path::Path;

use crate::common::{CHECKOUT, command, finished, told};

const README: &str = include_str!("../../../../README.md");

/// Its lines `$ COMMAND`, each with what stands below it.
#[test]
fn what_the_readme_shows_of_detect_is_what_is_printed() {
    let section = README.split_once("## On your own files").unwrap().1;
    let shown = section.split("```").nth(1).unwrap();
    let shown = shown.trim_start_matches("sh\n").trim_start_matches("$ ");
    let mut count = 0;
    for shown in shown.split("\n$ ") {
        let (line, expected) = shown.split_once('\n').unwrap();
        let mut shell = command("sh");
        shell.args(["-c", line]).current_dir(CHECKOUT);
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
    assert_eq!(count, 4);
}
