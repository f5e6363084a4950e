//! Making the text of an exception takes little time and memory, whatever the exception is.
#![cfg(target_os = "linux")]

use std::time::Duration;
use std::{env, fs};

use crate::common::{load, passes};
use pyoutliers::Outliers;

const SOURCE: &str = include_str!("error_bounds.py");
/// The most processor time that it may take: other processes do not add to it. The limit without the exception's own code
/// is two seconds. A text without end hangs the process.
const LONGEST: Duration = Duration::from_secs(10);
/// In KiB: enough for the lines of 4 MiB of source, but not for one of the large texts, which have 256 MiB.
const MOST: usize = 160 << 10;

fn traps() -> impl Iterator<Item = &'static str> {
    let after = SOURCE.split("@trap\ndef ").skip(1);
    after.map(|rest| rest.split('(').next().unwrap())
}

/// The largest memory of the process so far, in kibibytes. Linux counts pages on each processor and adds them up late, so
/// it may also be a little less than before.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.split("VmHWM:").nth(1).unwrap();
    peak.split_whitespace().next().unwrap().parse().unwrap()
}

/// The time for which a processor ran this thread.
fn processor_time() -> Duration {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let ran = schedstat.split_whitespace().next().unwrap();
    Duration::from_nanos(ran.parse().unwrap())
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn one() {
    load(c"error_bounds", SOURCE);
    let trap = Outliers::new("error_bounds", &env::var("TRAP").unwrap()).unwrap();
    trap.detect(&[0.0]).unwrap();
    let (before, begun) = (peak(), processor_time());
    let error = trap.detect(&[0.0; 2]).unwrap_err();
    let (took, grown) = (processor_time() - begun, peak().saturating_sub(before));
    assert!(took < LONGEST, "{took:?}");
    assert!(grown < MOST, "{grown} KiB");
    println!("{took:?}, {grown} KiB: {:.200}", format!("{error:?}"));
    assert!(!error.traceback().is_empty(), "{error}");
    assert!(error.traceback().len() < 20_000);
    // Those of `slow_texts` sleep, which takes no processor. Three are asked within the limit; the call asked the first.
    let asked = error.traceback().matches(".Slow: slow").count();
    assert!(asked <= 4, "{asked} texts");
}

#[test]
fn the_text_of_an_exception_has_a_limit_of_time_and_memory() {
    println!("cases: {}", traps().count());
    for trap in traps() {
        passes("error_bounds::one", &[("TRAP", trap.as_ref())]);
    }
}
