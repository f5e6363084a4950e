//! Less memory than a slice or a file needs, by the limit that `ulimit -v` sets: an error, never an
//! abort, and the next call is right.
//!
//! Here the system refuses, Rust as well as Python, where `out_of_memory.rs` fails Python's
//! allocations alone.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use crate::common::{finished, load, numpy_survives_without_memory, told};
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

def in_other_words(data):
    kept = []
    try:
        while True:
            kept.append(bytearray(int(data[0])))
    except MemoryError:
        raise ValueError('no room')
";

/// The process's address space, in bytes.
fn address_space() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let size = status.split("VmSize:").nth(1).unwrap();
    let kibibytes = size.split_whitespace().next().unwrap();
    1024 * kibibytes.parse::<usize>().unwrap()
}

/// Calls under limits from what the process has already to what the call needs; after each, under
/// the same limit, a small call has to be right.
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
#[ignore = "run by the test below, in a process of its own"]
fn python_alone() {
    load(c"limited", LIMITED);
    for name in ["ends", "everything", "large", "lazy"] {
        sweep(name, &Outliers::new("limited", name).unwrap());
    }
}

/// What took all there is lives until its exception has been turned into text, for which less is
/// left than one piece of it.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn another_exception() {
    const CASES: u32 = 400;
    load(c"limited", LIMITED);
    let limit = Outliers::new("limited", "limit").unwrap();
    let raises = Outliers::new("limited", "in_other_words").unwrap();
    for piece in (16..).step_by(16).take(CASES as usize) {
        let bytes = address_space() + MEBIBYTE / 8;
        limit
            .detect(&[f64::from(u32::try_from(bytes).unwrap())])
            .unwrap();
        let error = raises.detect(&[f64::from(piece)]).unwrap_err();
        limit.detect(&[-1.0]).unwrap();
        match error.kind() {
            ErrorKind::OutOfMemory(_) => (),
            ErrorKind::Call(exception) => assert_eq!(exception.message(), "no room"),
            _ => assert_eq!(error.to_string(), "out of memory"),
        }
    }
    println!("cases: {CASES}");
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn numpy() {
    load(c"limited", LIMITED);
    sweep("detect", &Outliers::new("pyoutliers", "detect").unwrap());
}

fn passes(test: &str) {
    // The test's own thread would reserve an arena of 64 MiB. And of what was freed, glibc shall keep
    // nothing that the next calls could do with.
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
fn an_exception_in_its_place_is_told_or_memory_is_said_to_be_out() {
    passes("another_exception");
}

#[test]
fn with_numpy_a_slice_too_large_is_an_error_and_the_next_call_is_right() {
    if numpy_survives_without_memory() {
        passes("numpy");
    }
}

/// `detect` of `numbers` in `directory` under `ulimit -v` of that many KiB.
fn limited(directory: &Path, kibibytes: i64, arguments: &str) -> (Option<i32>, String, String) {
    let detect = format!("ulimit -v {kibibytes}; exec \"$0\" detect {arguments}");
    let mut command = crate::common::command("sh");
    command
        .args(["-c", &detect, env!("CARGO_BIN_EXE_outliers")])
        .env("PYTHONPATH", directory)
        .env("MALLOC_ARENA_MAX", "1")
        .env("RUST_BACKTRACE", "0")
        .current_dir(directory);
    told(&finished(command, arguments))
}

/// What the program takes, in KiB, with Python started and without NumPy; and one MiB, as Python says
/// in words of its own that it cannot start.
fn at_rest(directory: &Path) -> i64 {
    fs::write(directory.join("limited.py"), LIMITED).unwrap();
    fs::write(directory.join("one"), "1").unwrap();
    let (status, stdout, stderr) = limited(
        directory,
        1 << 30,
        "one --format lines --function limited:peak",
    );
    assert_eq!(status, Some(0), "{stderr}");
    1024 + stdout.trim_end().parse::<i64>().unwrap()
}

#[test]
fn the_program_says_out_of_memory_and_ends_with_status_1() {
    let directory = crate::common::directory("limited");
    let at_rest = at_rest(&directory);
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    write("numbers", &"1.25\n".repeat(200_000));
    write("fields", &("1,".repeat(1_000_000) + "x"));
    // One word of nothing, which takes no room on the disk.
    let word = fs::File::create(directory.join("word")).unwrap();
    word.set_len(8 * MEBIBYTE as u64).unwrap();
    for (arguments, most) in [
        ("numbers --function limited:ends", 32),
        (
            "numbers --function limited:everything --format lines --plot x.svg",
            32,
        ),
        ("fields --function limited:ends", 128),
        ("word --function limited:ends", 512),
        ("- --function limited:ends <word", 512),
    ] {
        let expected = limited(&directory, 1 << 30, arguments);
        let (mut errors, mut answers) = (0, 0);
        for part in [0, 1, 2, 3, 4, 6, 8, 16] {
            let told = limited(&directory, at_rest + most * 1024 * part / 16, arguments);
            if told == expected {
                answers += 1;
                continue;
            }
            let (status, stdout, stderr) = told;
            assert_eq!(
                (status, stdout.as_str()),
                (Some(1), ""),
                "{arguments}: {part}: {stderr}"
            );
            assert!(
                stderr.ends_with(": out of memory\n"),
                "{arguments}: {part}: {stderr}"
            );
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            errors += 1;
        }
        println!("{arguments}: {errors} errors, {answers} answers");
        assert!(
            errors > 0 && answers > 0,
            "{arguments}: {errors}, {answers}"
        );
    }
}

#[test]
fn a_soak_of_more_values_than_memory_holds_is_refused() {
    let mut command = crate::common::command("sh");
    let soak =
        "ulimit -v 4000000; exec \"$0\" soak --size 4294967295 --calls 16 --function math:fsum";
    command.args(["-c", soak, env!("CARGO_BIN_EXE_outliers")]);
    let error = "outliers: --size 4294967295: out of memory\n";
    let told = told(&command.output().unwrap());
    assert_eq!(told, (Some(1), String::new(), error.into()));
}
