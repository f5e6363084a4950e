//! `--plot`: pictures are drawn of anything, written whole or not at all, and over nothing else.

use std::path::Path;

use crate::common::{outliers, told};

#[test]
fn memory_over_calls_can_be_drawn() {
    let file = crate::common::directory("soak-plot").join("memory.svg");
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
fn numbers_and_their_outliers_can_be_drawn() {
    let directory = crate::common::directory("detect-plot");
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
    let full = crate::common::directory("full-disk").join("plot.svg");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    for file in ["/nonexistent/plot.svg", full.to_str().unwrap()] {
        let drawn = outliers()
            .args(["detect", "/dev/null", "--plot", file])
            .output()
            .unwrap();
        let (status, stdout, stderr) = told(&drawn);
        assert_eq!((status, stdout.as_str()), (Some(1), ""));
        assert!(
            stderr.starts_with(&format!("outliers: {file}: ")),
            "{stderr}"
        );
    }
}

#[test]
fn only_a_file_for_pictures_is_overwritten() {
    let numbers = crate::common::directory("plot-over").join("numbers.csv");
    std::fs::write(&numbers, "1 2 3").unwrap();
    let drawn = outliers()
        .args(["detect", "--plot"])
        .args([&numbers, &numbers])
        .output()
        .unwrap();
    let (status, stdout, stderr) = told(&drawn);
    assert_eq!((status, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("name a file that ends in .svg"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&numbers).unwrap(), "1 2 3");
}
