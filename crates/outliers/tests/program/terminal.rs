//! Text from files, names and exceptions cannot control the terminal. The program's own colours can.
#![allow(clippy::indexing_slicing)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::common::{self, outcome, outliers, skipped};

/// Characters that set the title, hide text, move the cursor back, and reverse the direction of text.
const RAW: &str = "\u{1b}]0;t\u{7}\u{1b}[8m\u{9b}8m\u{7f}\u{8}\r\u{202e}\u{2066}\u{2028}.svg";

/// Functions, exceptions and types with such names.
const MODULE: &str = r#"
RAW = "\x1b]0;t\x07\x1b[8m\x9b8m\x7f\x08\r\u202e\u2066\u2028"
def raises(data): raise ValueError(RAW)
def raises_type(data): raise type(RAW, (Exception,), {})()
def returns(data): return type(RAW, (), {})()
def item(data): return [type(RAW, (), {})()]
def evaluates(data): exec(compile("1 / 0", RAW, "exec"))
not_callable = type(RAW, (), {})()
"#;

fn is_obeyed(c: char) -> bool {
    c.is_control() && c != '\n' || ('\u{2028}'..='\u{202e}').contains(&c) || c == '\u{2066}'
}

fn directory(name: &str) -> PathBuf {
    let directory = common::directory(name);
    fs::write(directory.join("module.py"), MODULE).unwrap();
    let raising = "import module\nraise OSError(module.RAW)\n";
    fs::write(directory.join("raising.py"), raising).unwrap();
    fs::write(directory.join("one"), "1").unwrap();
    fs::write(directory.join("header"), format!("{RAW},b\n1,2\n")).unwrap();
    fs::write(directory.join(RAW), "x,y\n").unwrap();
    directory
}

#[test]
fn text_from_outside_cannot_control_the_terminal() {
    let directory = directory("raw");
    let function = |name: &str| ["detect", "one", "--function", name].map(str::to_owned);
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut cases = vec![
        words(&[
            "detect",
            "header",
            "--column",
            "b",
            "--function",
            "module:raises",
        ]),
        words(&["detect", "header", "--column", "c"]),
        words(&[
            "detect",
            "header",
            "--column",
            "1",
            "--function",
            &format!("{RAW}:f"),
        ]),
        words(&["detect", RAW]),
        words(&["detect", &format!("not{RAW}")]),
        words(&["detect", "one", "--column", RAW]),
        words(&["detect", "one", "--plot", &format!("{RAW}/x.svg")]),
        words(&["detect", "one", "--format", RAW]),
        words(&["soak", "--calls", RAW]),
        words(&["soak", "--inject", RAW]),
        words(&["soak", "--calls", "16", "--function", "module:raises"]),
        words(&["refcounts", RAW]),
        words(&[RAW]),
        words(&[&format!("--{RAW}")]),
    ];
    cases.extend(
        [
            "raises",
            "raises_type",
            "returns",
            "item",
            "evaluates",
            "not_callable",
            RAW,
        ]
        .map(|name| function(&format!("module:{name}")).to_vec()),
    );
    cases.push(function("raising:f").to_vec());
    println!("cases: {}", cases.len() + 2);
    let check = |program: &mut Command| {
        program
            .current_dir(&directory)
            .env("PYTHONPATH", &directory);
        let (status, stdout, stderr) = outcome(&program.output().unwrap());
        assert_ne!(status, Some(0), "{program:?}");
        let all = stdout.clone() + &stderr;
        assert!(!all.contains(is_obeyed), "{program:?}: {all:?}");
        assert!(
            all.contains(r"\u001b") || all.contains(r"\u{1b}"),
            "{program:?}: {all:?}"
        );
        stdout
    };
    for case in cases {
        check(outliers().args(case));
    }
    check(outliers().arg("doctor").env("OUTLIERS_PYTHON", RAW));
    let stdout = check(
        outliers()
            .args(["doctor", "--json"])
            .env("OUTLIERS_PYTHON", RAW),
    );
    let json: Value = serde_json::from_str(&stdout).unwrap();
    let problem = json.pointer("/problems/0").unwrap().as_str().unwrap();
    assert!(problem.contains("\u{1b}]0;t\u{7}"), "{problem:?}");
}

#[test]
fn the_programs_own_colours_reach_the_terminal() {
    let directory = directory("colours");
    for (arguments, ours) in [
        ("refcounts copy", "copy\u{1b}[0m"),
        ("--help", "\u{1b}[1m"),
        ("detect $'\\e]0;t\\a' --format $'\\e]0;t\\a'", "\u{1b}[1m"),
        ("detect $'\\e]0;t\\a'", r"\u001b]0;t\u0007"),
    ] {
        let line = format!("'{}' {arguments}", env!("CARGO_BIN_EXE_outliers"));
        let mut script = common::command("script");
        script
            .args(["-qc", &format!("exec bash -c \"{line}\""), "/dev/null"])
            .current_dir(&directory)
            .env("TERM", "xterm")
            .env_remove("NO_COLOR");
        let Ok(output) = script.output() else {
            return skipped("no command `script`, which simulates a terminal");
        };
        let (_, stdout, _) = outcome(&output);
        assert!(stdout.contains(ours), "{arguments}: {stdout:?}");
        assert!(
            !stdout.contains("\u{1b}]") && !stdout.contains('\u{7}'),
            "{stdout:?}"
        );
    }
}
