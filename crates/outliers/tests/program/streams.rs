//! Closed streams, full streams, a full disk, and signals while a function runs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::common::{command, finished, outcome, outliers, skipped};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Runs `detect` on some numbers with a function of a module.
fn calling(name: &str, source: &str, function: &str, numbers: &str) -> Command {
    let directory = crate::common::directory(name);
    fs::write(directory.join("module.py"), source).unwrap();
    fs::write(directory.join("numbers"), numbers).unwrap();
    let mut command = outliers();
    command
        .args(["detect", "numbers", "--function"])
        .arg(format!("module:{function}"))
        .current_dir(&directory)
        .env("PYTHONPATH", directory);
    command
}

const EVERYTHING: &str = "def everything(data): return range(len(data))";

fn full() -> fs::File {
    fs::File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn streams_can_be_closed() {
    let numbers = crate::common::directory("closed");
    let prints = "import sys\ndef prints(data):\n    print('out', flush=True)\n    \
                  print('err', file=sys.stderr)\n    return [sum(1 for _ in sys.stdin)]\n";
    fs::write(numbers.join("module.py"), prints).unwrap();
    fs::write(numbers.join("one"), "1").unwrap();
    for closed in ["<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        let detect = "detect one --plot one.svg --function module:prints";
        let mut program = command("sh");
        program
            .args(["-c", &format!("exec \"$0\" {detect} {closed}")])
            .arg(env!("CARGO_BIN_EXE_outliers"))
            .current_dir(&numbers)
            .env("PYTHONPATH", &numbers)
            .stdin(Stdio::null());
        let (status, stdout, stderr) = outcome(&program.output().unwrap());
        let closed: Vec<_> = closed.split(' ').collect();
        let open = |stream, text| match closed.contains(&stream) {
            true => String::new(),
            false => String::from(text),
        };
        let expected = (Some(0), open(">&-", "out\n[0]\n"), open("2>&-", "err\n"));
        assert_eq!((status, stdout, stderr), expected, "{closed:?}");
        // If the picture was opened as descriptor 1 or 2, it got none of the output.
        let svg = fs::read_to_string(numbers.join("one.svg")).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.ends_with("</svg>\n"),
            "{closed:?}"
        );
        fs::remove_file(numbers.join("one.svg")).unwrap();
    }
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    // The result may fit into the buffer, or not.
    for numbers in ["1 2 3", &"1 ".repeat(100_000)] {
        for format in ["list", "lines"] {
            let mut program = calling("full", EVERYTHING, "everything", numbers);
            program.args(["--format", format]).stdout(full());
            let error =
                "outliers: cannot write the result: No space left on device (os error 28)\n";
            assert_eq!(
                outcome(&program.output().unwrap()),
                (Some(1), String::new(), error.into())
            );
        }
    }
    for arguments in [
        &[][..],
        &["doctor"],
        &["refcounts", "stolen-reference"],
        &["--help"],
        &["--version"],
        &["help", "soak"],
    ] {
        let output = outliers().args(arguments).stdout(full()).output().unwrap();
        let (status, _, stderr) = outcome(&output);
        assert_eq!(status, Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("outliers: cannot write the result"));
    }
}

#[test]
fn a_full_disk_leaves_no_half_picture() {
    let disk = crate::common::directory("disk");
    let script = "mount -t tmpfs -o size=8k none . && cd \"$PWD\" || exit 77
        echo old >x.svg; \"$0\" detect /dev/null --plot x.svg; echo $?; cat x.svg; ls -A";
    let mut program = command("unshare");
    program
        .args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_outliers")])
        .current_dir(&disk);
    let output = program.output();
    match output.as_ref().map(outcome) {
        // `unshare` is missing or fails, or `mount` fails; the rest of the script ends with 0.
        Err(_) | Ok((Some(1 | 77), ..)) => {
            skipped(&format!("no disk of 8 KiB can be mounted here: {output:?}"));
        }
        Ok(outcome) => {
            let error = "outliers: x.svg: No space left on device (os error 28)\n";
            assert_eq!(outcome, (Some(0), "1\nold\nx.svg\n".into(), error.into()));
        }
    }
}

#[test]
fn a_reader_that_leaves_after_one_line_ends_the_program_quietly() {
    let numbers = "1 ".repeat(300_000);
    let mut program = calling("one-line", EVERYTHING, "everything", &numbers);
    program.args(["--format", "lines"]);
    let piped = program.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    assert_eq!(line, "0\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(outcome(&output), (Some(0), String::new(), String::new()));
}

/// A program can leave its shell's streams non-blocking.
#[test]
fn the_program_waits_for_non_blocking_streams() {
    const SCRIPT: &str = "import os, subprocess, sys, threading, time
ours, result = os.pipe()
numbers, theirs = os.pipe()
os.set_blocking(result, False)
os.set_blocking(numbers, False)
program = subprocess.Popen(sys.argv[1:], stdin=numbers, stdout=result)
os.close(result)
def feed():
    with open(theirs, 'wb') as pipe:
        for _ in range(10):
            time.sleep(0.01)
            pipe.write(b'1 ' * 20000)
            pipe.flush()
thread = threading.Thread(target=feed)
thread.start()
time.sleep(0.5)
with open(ours, 'rb') as pipe:
    found = pipe.read().split(b'\\n')
thread.join()
print(program.wait(), len(found), found[-2])";
    let directory = crate::common::directory("does-not-wait");
    fs::write(directory.join("module.py"), EVERYTHING).unwrap();
    let mut python = command(pyoutliers::interpreter::choice().unwrap().python);
    python.args(["-c", SCRIPT, env!("CARGO_BIN_EXE_outliers")]);
    python.args(["detect", "-o", "lines", "-f", "module.py:everything"]);
    python.current_dir(directory);
    let output = finished(python, "the pipe");
    let expected = "0 200001 b'199999'\n".to_owned();
    assert_eq!(outcome(&output), (Some(0), expected, String::new()));
}

/// Functions during which a signal might not end the process: in Python, in C with the lock held, or waiting.
const LONG: &str = "
import signal, sys, threading, time

def begun():
    print('begun', flush=True)

def sleeps(data):
    begun()
    time.sleep(50)
    return []

def spins(data):
    begun()
    end = time.monotonic() + 50
    while time.monotonic() < end:
        pass
    return []

def in_c(data):
    begun()
    return [pow(3, 10**8) & 1]

def waits(data):
    begun()
    threading.Event().wait(50)
    return []
";

#[test]
fn signals_end_the_program_while_a_function_runs() {
    // A child process inherits an ignored signal, as under `nohup`, but no handler. This handler performs the
    // default action.
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::new(true.into())).unwrap();
    }
    for (function, signal) in [
        ("sleeps", SIGINT),
        ("spins", SIGINT),
        ("in_c", SIGINT),
        ("waits", SIGINT),
        ("sleeps", SIGTERM),
        ("spins", SIGTERM),
        ("in_c", SIGHUP),
    ] {
        let mut program = calling(&format!("signal-{function}"), LONG, function, "1");
        let piped = program.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "begun\n");
        let id = child.id().to_string();
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {id}")])
            .status();
        assert!(sent.unwrap().success());
        // The signal ends it, so there is no exit status.
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.signal(),
            Some(signal),
            "{function}: {output:?}"
        );
        assert_eq!(outcome(&output).2, "", "{function}");
    }
}
