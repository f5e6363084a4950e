//! A stopwatch, on a processor that another process keeps busy.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use pyoutliers::{interpreter, with_python};
use refsoak::Stopwatch;

/// Three seconds: those that pass, and those that a stopwatch counts.
fn three_seconds(mut wait: impl FnMut()) -> [Duration; 2] {
    let (begun, watch) = (Instant::now(), Stopwatch::start());
    while begun.elapsed() < Duration::from_secs(3) {
        wait();
    }
    let counted = watch.elapsed();
    [begun.elapsed(), counted]
}

#[test]
fn a_stopwatch_counts_sleep_and_does_not_count_waiting_for_a_processor() {
    let [passed, counted] = three_seconds(|| thread::sleep(Duration::from_millis(500)));
    assert!(
        passed / 2 < counted && counted <= passed,
        "{counted:?} of {passed:?}"
    );

    if !Path::new("/proc/thread-self/schedstat").exists() {
        return common::skipped("this system does not count how long threads wait for a processor");
    }
    let one = "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n";
    let busy = format!("{one}while True: pass");
    let mut other = Command::new(interpreter::choice().unwrap().python);
    let mut other = other.args(["-c", &busy]).spawn().unwrap();
    // From here on, this thread gets only the time that the other process leaves.
    let idle = format!("{one}os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n");
    let name = c"idle";
    with_python(|py| Ok(interpreter::module(py, name, name, &idle).map(drop)?)).unwrap();
    let [passed, counted] = three_seconds(|| ());
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(counted < passed / 2, "{counted:?} of {passed:?}");
}
