//! Memory kept between calls, on demand; each in a process of its own, as it is set for a whole one.

use crate::common::passes;
use pyoutliers::{ErrorKind, Outliers, interpreter};

/// Pages that this process had to get from the system so far.
fn page_faults() -> u64 {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = status.rsplit_once(')').unwrap().1;
    fields.split_whitespace().nth(7).unwrap().parse().unwrap()
}

/// Calls with half a million values, after some that let memory grow; prints their page faults.
fn detect_repeatedly() {
    let detect = Outliers::new("pyoutliers", "detect").unwrap();
    let mut data: Vec<f64> = (0_u32..500_000).map(|i| f64::from(i % 97)).collect();
    *data.get_mut(4321).unwrap() = 1e6;
    for _ in 0..3 {
        assert_eq!(detect.detect(&data).unwrap(), [4321]);
    }
    let before = page_faults();
    for _ in 0..3 {
        assert_eq!(detect.detect(&data).unwrap(), [4321]);
    }
    println!("faults: {}", page_faults() - before);
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn kept() {
    interpreter::keep_memory().unwrap();
    detect_repeatedly();
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn not_kept() {
    detect_repeatedly();
}

#[test]
fn kept_memory_need_not_be_got_again() {
    let faults = |test| {
        let stdout = passes(&format!("kept_memory::{test}"), &[]);
        // Not always at the start of a line: a single test thread has begun it with the test's name.
        let faults = stdout.split_once("faults: ").unwrap().1;
        faults.lines().next().unwrap().parse::<u64>().unwrap()
    };
    let (kept, not_kept) = (faults("kept"), faults("not_kept"));
    assert!(kept * 10 < not_kept, "{kept} and {not_kept} page faults");
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn too_late() {
    let data = pyoutliers::gen_testdata().unwrap();
    let error = interpreter::keep_memory().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Start { .. }));
    assert!(
        error.to_string().contains("call keep_memory first of all"),
        "{error}"
    );
    let detect = Outliers::new("pyoutliers", "detect").unwrap();
    assert_eq!(detect.detect(&data).unwrap(), [7, 113, 835]);
}

#[test]
fn it_is_too_late_once_python_runs_and_python_goes_on() {
    passes("kept_memory::too_late", &[]);
}
