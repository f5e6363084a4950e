//! Calls of one `Outliers` by eight threads, also as the first use of Python.

use std::cell::RefCell;
use std::ffi::CStr;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Barrier, Mutex};
use std::thread;

use crate::common::{
    self, WATCHDOG, callee, directory, finished, in_a_process_of_its_own, load, outcome, passes,
};
use pyoutliers::capi::{self, Held};
use pyoutliers::{ErrorKind, Outliers, with_python};

/// Makes the test fail if its threads wait for one another for ever.
pub fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = std::sync::mpsc::channel();
    let running = thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    let waited = wait.recv_timeout(WATCHDOG);
    let name = thread::current().name().unwrap_or_default().to_owned();
    assert!(waited != Err(RecvTimeoutError::Timeout), "{name} hangs");
    running.join().unwrap();
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn first_use() {
    let barrier = Barrier::new(8);
    thread::scope(|threads| {
        for number in 0..8 {
            let barrier = &barrier;
            threads.spawn(move || {
                barrier.wait();
                if number % 2 == 0 {
                    with_python(|_| Ok(())).unwrap();
                }
                let detector = Outliers::new("pyoutliers", "detect").unwrap();
                let data = pyoutliers::gen_testdata().unwrap();
                assert_eq!(detector.detect(&data).unwrap(), [7, 113, 835]);
            });
        }
    });
}

#[test]
fn eight_threads_may_start_python_at_once() {
    for _ in 0..5 {
        passes("threads::first_use", &[]);
    }
}

/// Calls one `Outliers` from eight threads at once, and checks every result.
fn eight_threads_call(detector: &Outliers, data: &[f64], calls: usize, expected: &[i64]) {
    thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                for _ in 0..calls {
                    assert_eq!(detector.detect(data).unwrap(), expected);
                }
            });
        }
    });
}

#[test]
fn eight_threads_call_one_outliers() {
    within_a_minute(|| {
        let detector = Outliers::new("pyoutliers", "detect").unwrap();
        let data = pyoutliers::gen_testdata().unwrap();
        eight_threads_call(&detector, &data, 1000, &[7, 113, 835]);
    });
}

#[test]
fn eight_threads_make_100_000_calls_each() {
    println!("cases: 800000");
    within_a_minute(|| eight_threads_call(&callee("as_list"), &[0.5; 2], 100_000, &[0, 2]));
}

#[test]
fn threads_take_turns_while_python_waits() {
    within_a_minute(|| {
        callee("set_barrier").detect(&[0.0; 4]).unwrap();
        let waits = callee("waits_for_the_others");
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| assert_eq!(waits.detect(&[0.0]).unwrap(), [1]));
            }
        });
    });
}

#[test]
fn an_outliers_may_be_dropped_on_another_thread() {
    within_a_minute(|| {
        let outliers = callee("as_list");
        thread::spawn(move || drop(outliers)).join().unwrap();
        assert_eq!(callee("as_list").detect(&[0.0; 2]).unwrap(), [0, 2]);
    });
}

thread_local! {
    static KEPT: RefCell<Option<Outliers>> = const { RefCell::new(None) };
}

#[test]
fn an_outliers_in_a_thread_local_is_dropped_when_its_thread_ends() {
    within_a_minute(|| {
        for kept_first in [true, false] {
            let outliers = callee("as_tuple");
            let kept = references_to(c"as_tuple");
            let uses_python = || assert_eq!(callee("as_list").detect(&[0.0; 2]).unwrap(), [0, 2]);
            let thread = thread::spawn(move || {
                // Thread locals are dropped in any order, so the library's may be dropped before or after this one.
                if kept_first {
                    KEPT.set(Some(outliers));
                    uses_python();
                } else {
                    uses_python();
                    KEPT.set(Some(outliers));
                }
            });
            thread.join().unwrap();
            assert_eq!(references_to(c"as_tuple"), kept - 1);
            uses_python();
        }
    });
}

/// The number of references to a function that no other test here calls.
fn references_to(function: &CStr) -> usize {
    let references = with_python(|py| {
        let callees = capi::import_module(py, c"callees")?;
        Ok(capi::object_get_attr_string(&callees, function)?.reference_count())
    });
    references.unwrap()
}

#[test]
fn dropping_does_not_wait_for_the_lock() {
    within_a_minute(|| {
        let outliers = callee("as_set");
        let references = || references_to(c"as_set");
        let before = references();
        let dropped = with_python(|_| Ok(thread::spawn(move || drop(outliers)).join()));
        dropped.unwrap().unwrap();
        assert_eq!(references(), before - 1);
    });
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn drops_with_a_subinterpreter() {
    within_a_minute(|| {
        callee("makes_a_subinterpreter").detect(&[0.0]).unwrap();
        let outliers = callee("as_set");
        let (holds, held) = std::sync::mpsc::channel();
        thread::spawn(move || {
            with_python(|_| {
                holds.send(()).unwrap();
                thread::sleep(2 * WATCHDOG);
                Ok(())
            })
        });
        held.recv().unwrap();
        drop(outliers);
    });
}

#[test]
fn dropping_does_not_wait_for_the_lock_with_a_subinterpreter() {
    passes("threads::drops_with_a_subinterpreter", &[]);
}

#[test]
fn closing_releases_at_once() {
    within_a_minute(|| {
        let file = directory("closing").join("file");
        // The function keeps the file open; its text is written when the file is closed.
        let writes = format!("write = open({file:?}, 'w').write\nwrite('written')\n");
        load(c"writes", &writes);
        let outliers = Outliers::new("writes", "write").unwrap();
        load(c"writes", "write = None");
        assert_eq!(fs::read_to_string(&file).unwrap(), "");
        outliers.close();
        assert_eq!(fs::read_to_string(&file).unwrap(), "written");
    });
}

/// Objects that are left in the variables of a thread when it ends.
const ENDING: &str = "
import contextvars, ctypes, threading

local, variable, gone = threading.local(), contextvars.ContextVar('variable'), []
calls_back = ctypes.CFUNCTYPE(None)(lambda: gone.append('called back'))

class Reports:
    def __del__(self): gone.append('released')

class CallsBack:
    def __del__(self): calls_back()

def leaves_one_that_reports(data):
    local.kept = Reports()
    return []

def leaves_one_in_a_local(data):
    local.kept = CallsBack()
    return []

def leaves_one_in_a_context(data):
    variable.set(CallsBack())
    return []

def count(data): return [len(gone)]
";

#[test]
fn a_thread_releases_its_python_thread_state_whatever_its_name() {
    within_a_minute(|| {
        load(c"ending", ENDING);
        let count = Outliers::new("ending", "count").unwrap();
        for (gone, name) in (1..).zip(["another", "main"]) {
            let leaves = Outliers::new("ending", "leaves_one_that_reports").unwrap();
            let thread = thread::Builder::new().name(name.into());
            let thread = thread.spawn(move || leaves.detect(&[0.0])).unwrap();
            thread.join().unwrap().unwrap();
            assert_eq!(count.detect(&[0.0]).unwrap(), [gone], "{name}");
        }
    });
}

struct CallsWhenDropped(Outliers);

impl Drop for CallsWhenDropped {
    fn drop(&mut self) {
        self.0.detect(&[0.0]).unwrap();
    }
}

thread_local! {
    static CALLS_LATER: RefCell<Option<CallsWhenDropped>> = const { RefCell::new(None) };
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn calls_back_while_a_thread_ends() {
    load(c"ending", ENDING);
    let count = Outliers::new("ending", "count").unwrap();
    let functions = ["leaves_one_in_a_local", "leaves_one_in_a_context"];
    let cases = functions.map(|function| [(function, false), (function, true)]);
    for (gone, &(function, later)) in (1..).zip(cases.as_flattened()) {
        let leaves = Outliers::new("ending", function).unwrap();
        let thread = thread::spawn(move || {
            if later {
                // After the library has released its state for the thread.
                CALLS_LATER.set(Some(CallsWhenDropped(leaves)));
                with_python(|_| Ok(())).unwrap();
            } else {
                leaves.detect(&[0.0]).unwrap();
            }
        });
        thread.join().unwrap();
        assert_eq!(count.detect(&[0.0]).unwrap(), [gone], "{function} {later}");
    }
}

#[test]
fn what_a_thread_leaves_may_call_back_while_it_ends() {
    passes("threads::calls_back_while_a_thread_ends", &[]);
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn stream_that_calls_back() {
    let as_list = callee("as_list");
    let thread = thread::spawn(move || {
        calls_back("puts_a_stream_that_calls_back", takes_the_lock);
        assert_eq!(as_list.detect(&[0.0; 2]).unwrap(), [0, 2]);
    });
    thread.join().unwrap();
}

#[test]
fn a_stream_may_call_back_when_it_is_flushed() {
    passes("threads::stream_that_calls_back", &[]);
}

extern "C" fn ends_the_process() {
    std::process::exit(7);
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn callee_that_ends_the_process() {
    let looks = callee("looks_at_that_frame");
    let thread = thread::spawn(|| {
        // After the library has released its state for the thread.
        CALLS_LATER.set(Some(CallsWhenDropped(looks)));
        calls_back("calls_back", ends_the_process);
    });
    thread.join().unwrap();
}

#[test]
fn a_callee_on_a_thread_may_end_the_process() {
    let command = in_a_process_of_its_own("threads::callee_that_ends_the_process");
    let output = finished(command, "a process that a callee ends");
    assert_eq!(outcome(&output).0, Some(7), "{output:?}");
}

/// The results of the calls of `with_python` during the start of Python.
static DURING_THE_START: Mutex<Vec<pyoutliers::Result<()>>> = Mutex::new(Vec::new());

extern "C" fn uses_python_during_the_start() {
    let result = with_python(|_| Ok(()));
    DURING_THE_START.lock().unwrap().push(result);
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn start_that_calls_back() {
    let directory = std::env::var("PYTHONPATH").unwrap();
    let address = uses_python_during_the_start as *const () as usize;
    fs::write(format!("{directory}/address"), address.to_string()).unwrap();
    callee("as_list").detect(&[0.0; 2]).unwrap();
    let results = DURING_THE_START.lock().unwrap();
    assert_eq!(results.len(), 2);
    for result in results.iter() {
        let error = result.as_ref().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Start { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "Python is still starting: code that runs during the start, such as a sitecustomize, cannot call Python \
             through this library"
        );
    }
}

#[test]
fn a_start_that_calls_back_gets_an_error_and_goes_on() {
    let directory = directory("start_that_calls_back");
    let sitecustomize = "import ctypes, os, threading\n\
        with open(os.path.join(os.path.dirname(__file__), 'address')) as file:\n    \
            function = ctypes.CFUNCTYPE(None)(int(file.read()))\n\
        function()\n\
        thread = threading.Thread(target=function)\n\
        thread.start()\n\
        thread.join()\n";
    fs::write(directory.join("sitecustomize.py"), sitecustomize).unwrap();
    passes(
        "threads::start_that_calls_back",
        &[("PYTHONPATH", directory.as_os_str())],
    );
}

#[test]
fn a_thread_keeps_its_python_thread_state_between_calls() {
    within_a_minute(|| {
        let counts = callee("counts_calls_of_this_thread");
        for _ in 0..2 {
            thread::scope(|threads| {
                threads.spawn(|| {
                    for calls in 1..4 {
                        assert_eq!(counts.detect(&[0.0]).unwrap(), [calls]);
                    }
                });
            });
        }
    });
}

extern "C" fn takes_the_lock() {
    with_python(|_| Ok(())).unwrap();
}

/// Makes a callee call a function.
fn calls_back(callee: &str, function: extern "C" fn()) {
    let address = function as *const () as usize;
    let [high, low] = [address >> 20, address & 0xF_FFFF].map(|part| u32::try_from(part).unwrap());
    let address = f64::from(high) * f64::from(1 << 20) + f64::from(low);
    common::callee(callee).detect(&[address]).unwrap();
}

#[test]
fn a_thread_that_python_made_may_call_back() {
    within_a_minute(|| {
        for _ in 0..3 {
            calls_back("calls_back_on_a_thread", takes_the_lock);
        }
    });
}

#[test]
fn the_lock_can_be_taken_inside_the_lock() {
    within_a_minute(|| {
        let as_list = callee("as_list");
        let result = with_python(|_| as_list.detect(&[0.0; 2])).unwrap();
        assert_eq!(result, [0, 2]);
    });
}

#[test]
fn a_panic_releases_the_lock_and_the_references() {
    within_a_minute(|| {
        let held = with_python(|py| Ok(Held::from(capi::float_from_double(py, 1.5)?))).unwrap();
        let references = || with_python(|py| Ok(held.as_borrowed(py).reference_count())).unwrap();
        assert_eq!(references(), 1);
        let panics = || {
            let _ = with_python(|py| {
                let mut list = capi::list_new(py, 2).unwrap();
                capi::list_set_item(&mut list, 0, held.as_borrowed(py).clone()).unwrap();
                let _again = held.as_borrowed(py).clone();
                with_python(|_| -> pyoutliers::Result<()> { panic::resume_unwind(Box::new(())) })
                    .unwrap();
                Ok(())
            });
        };
        let as_list = callee("as_list");
        thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    for _ in 0..100 {
                        panic::catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
                        assert_eq!(as_list.detect(&[0.0; 2]).unwrap(), [0, 2]);
                    }
                });
            }
        });
        assert_eq!(references(), 1);
    });
}

#[test]
fn the_demo_ends_quietly() {
    let output = finished(
        common::command(env!("CARGO_BIN_EXE_pyoutliers")),
        "the demo",
    );
    assert_eq!(
        outcome(&output),
        (Some(0), "[7, 113, 835]\n".into(), String::new())
    );
}
