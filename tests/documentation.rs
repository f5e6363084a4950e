//! Facts that the documentation states twice are the same in both places.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{cargo, outcome, skipped};

const README: &str = include_str!("../README.md");
const CONTRIBUTING: &str = include_str!("../CONTRIBUTING.md");
const RULES: &str = include_str!("../src/capi/rules.md");
/// Where the C calls are.
const CALLS: [&str; 4] = [
    include_str!("../src/capi/calls/containers.rs"),
    include_str!("../src/capi/calls/numbers.rs"),
    include_str!("../src/capi/calls/objects.rs"),
    include_str!("../src/capi/calls/text.rs"),
];

#[test]
fn every_call_is_a_row_of_the_rule_table_and_every_row_a_call() {
    let names = |source: &'static str| {
        source
            .lines()
            .filter_map(|line| line.strip_prefix("pub fn ")?.split(['<', '(']).next())
    };
    let calls: Vec<_> = CALLS.into_iter().flat_map(names).collect();
    let rows = RULES
        .lines()
        .skip(2)
        .map(|row| row.split('`').nth(3).unwrap());
    let rows: Vec<_> = rows.filter(|name| !name.contains("::")).collect();
    let missing = calls.iter().find(|name| !rows.contains(name));
    assert_eq!(missing, None, "has no row in src/capi/rules.md");
    let unknown = rows.iter().find(|name| !calls.contains(name));
    assert_eq!(unknown, None, "has a row, but is no call");
    assert_eq!(calls.len(), rows.len(), "twice");
}

#[test]
fn every_call_has_an_example() {
    for source in CALLS {
        let parts: Vec<_> = source.split("\npub fn ").collect();
        for pair in parts.windows(2) {
            let [before, call] = pair else { continue };
            let documentation = before.rsplit("\n\n").next().unwrap();
            assert!(documentation.contains("/// ```"), "{call:.40}");
        }
    }
}

#[test]
fn every_row_can_be_searched_for_by_its_c_name() {
    let sources = CALLS.concat() + include_str!("../src/capi/owned.rs");
    for row in RULES.lines().skip(2) {
        let c_name = row.split('`').nth(1).unwrap();
        assert!(
            sources.contains(&format!("#[doc(alias = \"{c_name}\")]")),
            "{c_name}"
        );
    }
}

#[test]
fn the_crate_opens_with_the_sentence_of_the_readme() {
    let sentence = README.lines().nth(2).unwrap();
    let crate_docs = include_str!("../src/lib.rs")
        .lines()
        .take(2)
        .map(|line| line.trim_start_matches("//! "));
    assert_eq!(crate_docs.collect::<Vec<_>>().join(" "), sentence);
}

/// Cargo publishes no file of another package, such as those in `crates/`.
#[test]
fn the_package_holds_every_file_that_the_readme_links() {
    let package = [
        "package",
        "--list",
        "--allow-dirty",
        "--package",
        "pyoutliers",
    ];
    let output = cargo(Path::new(env!("CARGO_MANIFEST_DIR")), &package).output();
    let (status, packed, stderr) = outcome(&output.unwrap());
    assert_eq!(status, Some(0), "{stderr}");
    let links = README.split("](").skip(1);
    let links = links.filter_map(|rest| rest.split_once(')').map(|(link, _)| link));
    let mut links = links.filter(|link| !link.contains("://")).peekable();
    assert!(links.peek().is_some());
    for link in links {
        let is_packed = |file: &str| file == link || file.starts_with(&format!("{link}/"));
        assert!(
            packed.lines().any(is_packed),
            "{link} is not in the package:\n{packed}"
        );
    }
}

/// `tests/promises` checks the numbers. This test fails if the page names a test that does not exist.
#[test]
fn every_promise_names_tests_that_exist() {
    let page = include_str!("promises.md");
    let rows: Vec<_> = page.lines().filter(|line| line.contains("::")).collect();
    assert!(rows.len() >= 20);
    for row in rows {
        let mut columns = row.split(" | ");
        let mut column = || columns.next().unwrap();
        let (promise, tests, cases) = (column(), column(), column());
        assert!(
            cases.starts_with(|c: char| matches!(c, '1'..='9')),
            "{promise}: {cases} cases"
        );
        for test in tests.split('`').filter(|name| name.contains("::")) {
            let (modules, name) = test.rsplit_once("::").unwrap();
            let path = modules.replace("::", "/");
            // The name of a unit test begins with its crate.
            let unit = path.split_once('/');
            let unit = unit.map(|(name, path)| match name {
                "pyoutliers" => format!("src/{path}"),
                "pyoutliers_cli" => format!("crates/outliers/src/{path}"),
                _ => format!("crates/{name}/src/{path}"),
            });
            let rooms = [
                "tests",
                "crates/refsoak/tests",
                "crates/lessons/tests",
                "crates/outliers/tests",
            ];
            let places = rooms
                .iter()
                .map(|room| format!("{room}/{path}"))
                .chain(unit);
            let files =
                places.flat_map(|place| [format!("{place}.rs"), format!("{place}/main.rs")]);
            // The name of a function, or a name that a test without libtest prints.
            let forms = [format!("fn {name}("), format!("\"{name}\"")];
            let is_there = files
                .filter_map(|file| std::fs::read_to_string(file).ok())
                .any(|source| forms.iter().any(|form| source.contains(form)));
            assert!(is_there, "{test} is not there: {promise}");
        }
    }
}

#[test]
fn the_commands_for_contributors_are_those_of_ci() {
    let Ok(ci) = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/run")) else {
        return skipped("the package holds no .ci/run");
    };
    for task in ["test", "format", "lint", "documentation"] {
        let row = CONTRIBUTING
            .split_once(&format!("\n| {task} | `"))
            .unwrap()
            .1;
        let command = row.split('`').next().unwrap();
        let command = command.replace(" cargo doc", " step cargo doc");
        let run = |line: &str| {
            [
                &command,
                &format!("step {command}"),
                &format!("step suite {command}"),
            ]
            .iter()
            .any(|form| line == *form)
        };
        assert!(ci.lines().any(run), "{command}");
    }
}
