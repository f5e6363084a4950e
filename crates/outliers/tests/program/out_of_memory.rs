//! When memory runs out, there is one line on stderr, status 1, and no partial result.

use std::fs;
use std::path::Path;

use crate::common::{finished, outcome};

const MEBIBYTE: i64 = 1 << 20;

/// A function that returns the peak of the address space in KiB, and functions to call under a limit.
const LIMITED: &str = "
def peak(data):
    status = open('/proc/self/status').read()
    return [int(status.split('VmPeak:')[1].split()[0])]

def ends(data): return [0, len(data) - 1]
def everything(data): return range(len(data))
";

/// Runs `detect` in `directory` under `ulimit -v` of that many KiB.
fn limited(directory: &Path, kibibytes: i64, arguments: &str) -> (Option<i32>, String, String) {
    let detect = format!("ulimit -v {kibibytes}; exec \"$0\" detect {arguments}");
    let mut command = crate::common::command("sh");
    command
        .args(["-c", &detect, env!("CARGO_BIN_EXE_outliers")])
        .env("PYTHONPATH", directory)
        .env("MALLOC_ARENA_MAX", "1")
        .env("RUST_BACKTRACE", "0")
        .current_dir(directory);
    outcome(&finished(command, arguments))
}

/// The KiB that the program needs with Python but without NumPy, plus one MiB: with less, Python has its own
/// message for a failed start.
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
    // One long word of zeros, in a sparse file.
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
            let outcome = limited(&directory, at_rest + most * 1024 * part / 16, arguments);
            if outcome == expected {
                answers += 1;
                continue;
            }
            let (status, stdout, stderr) = outcome;
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
    let outcome = outcome(&command.output().unwrap());
    assert_eq!(outcome, (Some(1), String::new(), error.into()));
}
