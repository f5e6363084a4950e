//! A slice that is too large for the memory: an error, not an abort, and the next call is right.
//!
//! The process limits its own address space, as `ulimit -v` does. So the system refuses memory to Rust as well
//! as to Python, while `out_of_memory.rs` makes only Python's allocations fail.
#![cfg(target_os = "linux")]

use std::fs;

use crate::common::{is_free_threaded, load, numpy_survives_without_memory, skipped};
use pyoutliers::{ErrorKind, Outliers};

const MEBIBYTE: usize = 1 << 20;

/// Python code that needs no NumPy.
const LIMITED: &str = "
import resource, sys

def limit(data):
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (int(data[0]), hard))
    return []

def peak(data):
    status = open('/proc/self/status').read()
    return [int(status.split('VmPeak:')[1].split()[0])]

def ends(data): return [0, len(data) - 1]
def everything(data): return range(len(data))
def large(data): return [2**40 + index for index in range(len(data))]
def lazy(data): return (2**40 + index for index in range(len(data)))
";

/// The process's address space, in bytes.
fn address_space() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let size = status.split("VmSize:").nth(1).unwrap();
    let kibibytes = size.split_whitespace().next().unwrap();
    1024 * kibibytes.parse::<usize>().unwrap()
}

/// Calls with limits from the memory that the process already has up to the memory that the call needs. After
/// each call, a small call under the same limit must be right.
fn sweep(name: &str, function: &Outliers) {
    let limit = Outliers::new("limited", "limit").unwrap();
    let set = |bytes: f64| limit.detect(&[bytes]).unwrap();
    let small = [1.0; 10];
    let data = vec![1.0; 100_000];
    let expected = function.detect(&data).ok();
    let expected_of_small = function.detect(&small).ok();
    let (mut errors, mut answers) = (0, 0);
    for eighths in 0..200 {
        let bytes = address_space() + eighths * MEBIBYTE / 8;
        set(f64::from(u32::try_from(bytes).unwrap()));
        let result = function.detect(&data);
        let again = expected_of_small.is_some().then(|| function.detect(&small));
        set(-1.0);
        match result {
            Err(error) if matches!(error.kind(), ErrorKind::OutOfMemory(_)) => errors += 1,
            result => {
                assert_eq!(result.ok(), expected, "{name}: {eighths} eighths");
                answers += 1;
            }
        }
        assert_eq!(
            again.map(Result::unwrap),
            expected_of_small,
            "{name}: {eighths} eighths"
        );
        if answers > 5 {
            break;
        }
    }
    println!("{name}: {errors} errors, {answers} answers");
    assert!(errors > 0 && answers > 5);
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn python_alone() {
    load(c"limited", LIMITED);
    for name in ["ends", "everything", "large", "lazy"] {
        sweep(name, &Outliers::new("limited", name).unwrap());
    }
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn numpy() {
    load(c"limited", LIMITED);
    sweep("detect", &Outliers::new("pyoutliers", "detect").unwrap());
}

fn passes(test: &str) {
    if is_free_threaded() {
        skipped(
            "a free-threaded Python reserves address space in advance, so a limit refuses it nothing",
        );
        return;
    }
    // Otherwise the thread of the test reserves an arena of 64 MiB, and glibc keeps freed memory that the next
    // calls could use.
    let settings = [
        ("MALLOC_ARENA_MAX", "1".as_ref()),
        ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0".as_ref()),
    ];
    crate::common::passes(&format!("address_space::{test}"), &settings);
}

#[test]
fn a_slice_too_large_is_an_error_and_the_next_call_is_right() {
    passes("python_alone");
}

#[test]
fn with_numpy_a_slice_too_large_is_an_error_and_the_next_call_is_right() {
    if numpy_survives_without_memory() {
        passes("numpy");
    }
}
