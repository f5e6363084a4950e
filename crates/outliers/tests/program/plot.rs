//! `--plot` draws any numbers, writes a whole picture or none, and overwrites no other kind of file.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use pyoutliers::interpreter;

use crate::common::{self, outcome, outliers};

#[test]
fn memory_over_the_calls_is_drawn() {
    let file = common::directory("soak-plot").join("memory.svg");
    let drawn = outliers()
        .arg("soak")
        .args([
            "--calls",
            "1600",
            "--size",
            "1",
            "--plot",
            file.to_str().unwrap(),
        ])
        .output()
        .unwrap();
    assert!(drawn.status.success(), "{drawn:?}");
    let svg = std::fs::read_to_string(&file).unwrap();
    for text in [
        "pyoutliers:detect: clean",
        "calls (shaded: warming up)",
        "resident memory in MiB",
    ] {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn numbers_and_their_outliers_are_drawn() {
    let directory = common::directory("detect-plot");
    for (name, numbers) in [
        ("few", "1 1 1 1 1 1 1 1 100".to_owned()),
        ("one", "7".to_owned()),
        ("none", String::new()),
        ("huge", "1e308 -1e308 1e308".to_owned()),
        ("tiny", "5e-324 0 1e-323".to_owned()),
        ("many", "1 2 3 4 5 6 7 8 9 99\n".repeat(100_000)),
    ] {
        let (input, file) = (directory.join(name), directory.join(format!("{name}.svg")));
        std::fs::write(&input, numbers).unwrap();
        let drawn = outliers()
            .arg("detect")
            .args([&input, Path::new("--plot"), &file])
            .output()
            .unwrap();
        assert!(drawn.status.success(), "{name}: {drawn:?}");
        let svg = std::fs::read_to_string(&file).unwrap();
        assert!(
            svg.contains(&format!("{name}: outliers among")) && svg.len() < 1_000_000,
            "{name}"
        );
    }
    let few = std::fs::read_to_string(directory.join("few.svg")).unwrap();
    assert_eq!(few.matches("<circle").count(), 1, "one outlier, one marker");
}

#[test]
fn a_picture_that_cannot_be_written_is_an_error_and_nothing_is_printed() {
    let full = common::directory("full-disk").join("plot.svg");
    // A new device, so that a bug cannot replace the real one.
    let mknod = Command::new("mknod")
        .arg(&full)
        .args(["c", "1", "7"])
        .status();
    if !mknod.is_ok_and(|status| status.success()) {
        symlink("/dev/full", &full).unwrap();
    }
    for file in ["/nonexistent/plot.svg", full.to_str().unwrap()] {
        let drawn = outliers()
            .args(["detect", "/dev/null", "--plot", file])
            .output()
            .unwrap();
        let (status, stdout, stderr) = outcome(&drawn);
        assert_eq!((status, stdout.as_str()), (Some(1), ""));
        assert!(
            stderr.starts_with(&format!("outliers: {file}: ")),
            "{stderr}"
        );
    }
}

#[test]
fn a_soak_whose_picture_cannot_be_written_makes_no_call() {
    let directory = common::directory("unwritable-plot");
    let source = "def f(data): open('called', 'w').close(); return []";
    fs::write(directory.join("f.py"), source).unwrap();
    let mut soak = outliers();
    soak.args(["soak", "--calls", "20", "--size", "1", "--function"]);
    soak.args(["f.py:f", "--plot", "nowhere/x.svg"]);
    let output = soak.current_dir(&directory).output().unwrap();
    let error = "outliers: nowhere/x.svg: No such file or directory (os error 2)\n";
    assert_eq!(outcome(&output), (Some(1), String::new(), error.into()));
    assert!(!directory.join("called").exists());
}

#[test]
fn a_picture_that_fails_at_the_end_does_not_take_the_report_along() {
    let directory = common::directory("plot-gone");
    fs::create_dir(directory.join("gone")).unwrap();
    let mut soak = outliers();
    soak.args(["soak", "1", "--setup", "import os; os.rmdir('gone')"]);
    soak.args(["--calls", "100", "--plot", "gone/x.svg"]);
    let (status, report, error) = outcome(&soak.current_dir(&directory).output().unwrap());
    assert_eq!(status, Some(1), "{error}");
    assert!(report.starts_with("clean: no counter grows"), "{report}");
    assert_eq!(
        error,
        "outliers: gone/x.svg: No such file or directory (os error 2)\n"
    );
}

#[test]
fn only_an_svg_file_is_overwritten() {
    let numbers = common::directory("plot-over").join("numbers.csv");
    std::fs::write(&numbers, "1 2 3").unwrap();
    let drawn = outliers()
        .args(["detect", "--plot"])
        .args([&numbers, &numbers])
        .output()
        .unwrap();
    let (status, stdout, stderr) = outcome(&drawn);
    assert_eq!((status, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("the name must end in .svg"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&numbers).unwrap(), "1 2 3");
}

/// A directory, and an old picture in it.
fn with_a_picture(name: &str) -> (PathBuf, PathBuf) {
    let directory = common::directory(name);
    let picture = directory.join("x.svg");
    fs::write(&picture, "old").unwrap();
    (directory, picture)
}

#[test]
fn a_picture_over_the_file_size_limit_leaves_the_old_one() {
    let (directory, picture) = with_a_picture("too-large");
    let detect = "ulimit -f 1; exec \"$0\" detect /dev/null --plot x.svg";
    let mut program = common::command("sh");
    program
        .args(["-c", detect, env!("CARGO_BIN_EXE_outliers")])
        .current_dir(&directory);
    let error = "outliers: x.svg: File too large (os error 27)\n";
    let outcome = outcome(&program.output().unwrap());
    assert_eq!(outcome, (Some(1), String::new(), error.into()));
    assert_eq!(fs::read_to_string(&picture).unwrap(), "old");
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
}

#[test]
fn a_picture_replaces_the_old_one_and_follows_a_symlink() {
    let (directory, picture) = with_a_picture("replaced");
    fs::set_permissions(&picture, fs::Permissions::from_mode(0o600)).unwrap();
    symlink("x.svg", directory.join("link.svg")).unwrap();
    let mut program = outliers();
    program
        .args(["detect", "/dev/null", "--plot", "link.svg"])
        .current_dir(&directory);
    let expected = (Some(0), "[]\n".into(), String::new());
    assert_eq!(outcome(&program.output().unwrap()), expected);
    let svg = fs::read_to_string(&picture).unwrap();
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    assert_eq!(
        picture.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(directory.join("link.svg").is_symlink());
    assert_eq!(fs::read_dir(directory).unwrap().count(), 2);
}

#[test]
fn a_picture_or_a_page_is_not_written_to_a_pipe() {
    let directory = common::directory("pipes");
    let made = Command::new("mkfifo")
        .args(["pipe.svg", "pipe.html"])
        .current_dir(&directory)
        .status();
    assert!(made.unwrap().success());
    for (command, error) in [
        ("detect /dev/null --plot pipe.svg", "pipe.svg"),
        ("refcounts --page pipe.html", "cannot write pipe.html"),
    ] {
        let mut program = outliers();
        program.args(command.split(' ')).current_dir(&directory);
        let error = format!("outliers: {error}: not a regular file\n");
        let outcome = outcome(&common::finished(program, command));
        assert_eq!(outcome, (Some(1), String::new(), error));
    }
}

#[test]
fn the_axis_of_values_has_the_name_of_the_column() {
    let directory = common::directory("axis");
    fs::write(directory.join("x.csv"), "time,celsius <&>\n1,20\n2,21\n").unwrap();
    fs::write(directory.join("named.csv"), "time,celsius\n1,20\n").unwrap();
    fs::write(directory.join("bare.csv"), "1,20\n2,21\n").unwrap();
    for (arguments, expected) in [
        ("x.csv -c 2", "celsius &lt;&amp;&gt;"),
        ("x.csv -c 2 -t time", "celsius &lt;&amp;&gt;"),
        ("named.csv -c celsius", "celsius"),
        ("bare.csv -c 2", "value"),
    ] {
        let mut program = outliers();
        program
            .args(["detect", "-p", "x.svg"])
            .current_dir(&directory);
        let (status, _, stderr) = outcome(&program.args(arguments.split(' ')).output().unwrap());
        assert_eq!((status, stderr.as_str()), (Some(0), ""));
        let svg = fs::read_to_string(directory.join("x.svg")).unwrap();
        let mut texts = svg.lines().map(str::trim);
        assert!(texts.any(|text| text == expected), "{arguments}: {svg}");
    }
}

#[test]
fn a_picture_is_well_formed_whatever_the_name_of_the_numbers() {
    let directory = common::directory("names");
    let name = "a\u{1b}[31m\u{1}\u{7f}\u{9b}\u{202e}\u{ffff}<&>\"'.txt";
    fs::write(directory.join(name), "1 2").unwrap();
    let drawn = outliers()
        .args(["detect", name, "--plot", "x.svg"])
        .current_dir(&directory)
        .output();
    assert!(drawn.unwrap().status.success());
    let caption = "import xml.etree.ElementTree as tree
print(tree.parse('x.svg').getroot().find('.//{*}text').text.strip())";
    let parsed = common::command(interpreter::choice().unwrap().python)
        .args(["-I", "-c", caption])
        .current_dir(&directory)
        .output();
    let caption =
        r#"a\u001b[31m\u0001\u007f\u009b\u202e\uffff<&>"'.txt: outliers among 2 values: 0"#;
    let expected = (Some(0), format!("{caption}\n"), String::new());
    assert_eq!(outcome(&parsed.unwrap()), expected);
}
