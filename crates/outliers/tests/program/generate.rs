//! The help, and the completions and man pages of `outliers generate`.

use std::fs;

use crate::common::{command, directory, outcome, outliers};

#[test]
fn completions_and_man_pages_have_every_option() {
    let directory = directory("generated");
    let mut generate = outliers();
    generate.args(["generate", "."]).current_dir(&directory);
    let nothing = (Some(0), String::new(), String::new());
    assert_eq!(outcome(&generate.output().unwrap()), nothing);
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let (_, help, _) = outcome(&outliers().args(["detect", "--help"]).output().unwrap());
    let options: Vec<_> = help
        .split([' ', ',', '\n'])
        .filter_map(|word| word.strip_prefix("--"))
        .filter(|word| !word.is_empty())
        .collect();
    assert!(options.len() > 8, "{help}");
    let page = read("outliers-detect.1").replace("\\-", "-");
    for option in options {
        for name in ["outliers.bash", "_outliers"] {
            assert!(
                read(name).contains(&format!("--{option}")),
                "{name}: {option}"
            );
        }
        assert!(
            read("outliers.fish").contains(&format!("-l {option}")),
            "{option}"
        );
        assert!(page.contains(&format!("--{option}")), "{option}");
    }
    assert!(page.contains("Examples:") && read("outliers.1").contains("outliers"));
    let parsed = command("bash")
        .arg("-n")
        .arg(directory.join("outliers.bash"))
        .output();
    assert_eq!(outcome(&parsed.unwrap()), nothing);
}

#[test]
fn the_help_fits_80_columns() {
    let commands = "detect transform soak refcounts exercise doctor generate".split(' ');
    for command in commands.map(Some).chain([None]) {
        for help in ["-h", "--help"] {
            let mut program = outliers();
            let (_, help, _) = outcome(&program.args(command).arg(help).output().unwrap());
            let wide = help.lines().find(|line| line.chars().count() > 80);
            assert!(
                help.contains("Usage:") && wide.is_none(),
                "{command:?}: {wide:?}"
            );
        }
    }
}

#[test]
fn a_directory_that_cannot_be_created_is_an_error() {
    let (status, _, stderr) = outcome(
        &outliers()
            .args(["generate", "/dev/null/x"])
            .output()
            .unwrap(),
    );
    assert_eq!(status, Some(1));
    assert!(stderr.starts_with("outliers: /dev/null/x: "), "{stderr}");
}
