//! The program prints what the READMEs show.

use std::env;
use std::path::Path;

use crate::common::{CHECKOUT, command, finished, outcome};

const ROOT: &str = include_str!("../../../../README.md");
const PROGRAM: &str = include_str!("../../README.md");

/// The commands in the code blocks, each with the output that is shown below it.
fn commands(readme: &str) -> Vec<(&str, &str)> {
    let blocks = readme.split("```").skip(1).step_by(2);
    let after_prompts = blocks.flat_map(|block| block.split("\n$ ").skip(1));
    let commands = after_prompts.map(|shown| shown.split_once('\n').unwrap_or((shown, "")));
    commands.collect()
}

/// Whether the text is as shown, where `...` stands for anything.
fn is_as_shown(shown: &str, text: &str) -> bool {
    let parts: Vec<_> = shown.split("...").collect();
    let [first, middle @ .., last] = &parts[..] else {
        return shown == text;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Runs a command in the root of the checkout and compares what it prints.
fn check(line: &str, shown: &str) {
    let program = Path::new(env!("CARGO_BIN_EXE_outliers")).parent().unwrap();
    let path = format!("{}:{}", program.display(), env::var("PATH").unwrap());
    let mut shell = command("sh");
    shell.args(["-c", &format!("exec 2>&1\n{line}")]);
    shell.current_dir(CHECKOUT).env("PATH", path);
    shell.env("PYTHONDONTWRITEBYTECODE", "1");
    let (status, printed, _) = outcome(&finished(shell, line));
    let (shown, printed) = (shown.trim_end(), printed.trim_end());
    assert!(
        is_as_shown(shown, printed),
        "{line}\nis shown to print\n{shown}\nbut prints\n{printed}"
    );
    let is_bad = shown.starts_with("outliers: ") || shown.starts_with("leak");
    assert_eq!(status, Some(i32::from(is_bad)), "{line}");
}

#[test]
fn the_root_readme_shows_what_the_program_prints() {
    let commands = commands(ROOT);
    for (line, shown) in &commands {
        check(line, shown);
    }
    println!("cases: {}", commands.len());
    assert_eq!(commands.len(), 5);
}

#[test]
fn the_readme_of_the_program_shows_what_it_prints() {
    let commands = commands(PROGRAM);
    for (line, shown) in &commands {
        check(line, shown);
    }
    println!("cases: {}", commands.len());
    assert!(commands.len() > 10);
}

#[test]
fn three_dots_stand_for_anything() {
    for (shown, text, expected) in [
        ("a\nb", "a\nb", true),
        ("a\nb", "a\nb\nc", false),
        ("a ...", "a 1\n2", true),
        ("a ...\nc", "a 1\nb\nc", true),
        ("a ...\nc", "a 1\nc\nd", false),
        ("...c...e", "a b c d e", true),
        ("...d...c", "a b c d", false),
        ("b ...", "a b c", false),
    ] {
        assert_eq!(is_as_shown(shown, text), expected, "{shown:?} {text:?}");
    }
}
