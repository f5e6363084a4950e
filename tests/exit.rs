//! The process ends quietly, 200 times, while threads are inside Python. The test needs its own `main`, so it does
//! not use Rust's test harness, which has one already.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::RefCell;
use std::env;
use std::sync::mpsc;
use std::thread;

use common::{WATCHDOG, command, finished, load, outcome};
use pyoutliers::{Outliers, with_python};

const NAME: &str = "the_process_ends_quietly_200_times_with_threads_inside_python";
const RUNS: usize = 200;

/// Set in the processes that end: the thread that starts Python there.
const STARTED_BY: &str = "STARTED_BY";

/// Set in those with a subinterpreter. Then `PyGILState_Check` says that every thread holds the lock.
const SUBINTERPRETER: &str = "SUBINTERPRETER";

/// The Python code that runs when the process ends. It does not import NumPy, to start fast.
const INSIDE: &str = "
import sys, threading, time

inside = []
sys.setswitchinterval(1e-4)

def makes_a_subinterpreter(data):
    try:
        import _interpreters
    except ImportError:  # before 3.13
        import _xxsubinterpreters as _interpreters
    _interpreters.create()
    return []

def count(data): return [len(inside)]

def comes_and_goes(data): return []

def spins(data):
    inside.append(spins)
    while True:
        pass

def sleeps(data):
    inside.append(sleeps)
    time.sleep(1000)

def waits(data):
    inside.append(waits)
    threading.Event().wait()

def prints(data):
    inside.append(prints)
    while True:
        print(end='.')
";

thread_local! {
    /// Dropped when the main thread ends: before or after the library releases its state for that thread.
    static KEPT: RefCell<Option<Outliers>> = const { RefCell::new(None) };
}

fn main() {
    if let Ok(started_by) = env::var(STARTED_BY) {
        return ends_with_threads_inside(&started_by);
    }
    // `cargo test NAME` runs every program, with that name as an argument.
    let other = |argument: String| !argument.starts_with('-') && !NAME.contains(&argument);
    if env::args().nth(1).is_some_and(other) {
        println!("\ntest {NAME} ... not asked for\n");
        return;
    }
    // Two at a time: the machines that run this have two cores.
    thread::scope(|threads| {
        for started_by in ["main", "another"] {
            threads.spawn(move || (0..RUNS / 2).for_each(|run| ends(started_by, run % 2 == 0)));
        }
    });
    println!("\ntest {NAME} ... ok\n\n---- {NAME} stdout ----\ncases: {RUNS}\n");
}

fn ends(started_by: &str, with_a_subinterpreter: bool) {
    let mut command = command(env::current_exe().unwrap());
    command.env(STARTED_BY, started_by);
    if with_a_subinterpreter {
        command.env(SUBINTERPRETER, "1");
    }
    let output = finished(
        command,
        &format!("a process whose Python was started by {started_by}"),
    );
    assert!(
        output.status.success(),
        "{started_by}: {:?}",
        outcome(&output)
    );
}

fn ends_with_threads_inside(started_by: &str) {
    let start = || load(c"inside", INSIDE);
    match started_by {
        "main" => start(),
        // The main thread then has its own Python thread state.
        _ => {
            KEPT.set(None);
            thread::spawn(start).join().unwrap();
        }
    }
    let function = |name| Outliers::new("inside", name).unwrap();
    if env::var_os(SUBINTERPRETER).is_some() {
        function("makes_a_subinterpreter").detect(&[0.0]).unwrap();
    }
    KEPT.set(Some(function("count")));
    for name in ["spins", "sleeps", "waits", "prints"] {
        let enters = function(name);
        thread::spawn(move || enters.detect(&[0.0]));
    }
    let comes_and_goes = function("comes_and_goes");
    thread::spawn(move || while comes_and_goes.detect(&[0.0; 100]).is_ok() {});
    let count = function("count");
    while count.detect(&[0.0]).unwrap() != [4] {}
    drop(count);
    // Last, a thread that keeps the lock for ever.
    let (holds, wait) = mpsc::channel();
    thread::spawn(move || {
        with_python(|_| {
            holds.send(()).unwrap();
            thread::sleep(2 * WATCHDOG);
            Ok(())
        })
    });
    wait.recv().unwrap();
}
