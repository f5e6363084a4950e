//! Turns for Python's lock: whatever functions do, calls are right, and no thread waits for ever.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::common::{is_free_threaded, load, passes, skipped};
use crate::threads::within_a_minute;
use pyoutliers::{Outliers, Result, with_python};

const FUNCTIONS: &str = "
import ctypes, os, signal, threading, time

def short(data): return [int(data[0])]

def long(data):
    end = time.perf_counter() + 0.012
    while time.perf_counter() < end: pass
    return short(data)

def sleeps(data):
    time.sleep(0.002)
    return short(data)

two = threading.Barrier(2)

def meets(data):
    # If no other thread comes, this call goes on alone.
    try: two.wait(0.02)
    except threading.BrokenBarrierError: two.reset()
    return short(data)

def raises(data): raise ValueError('the message')

def lets_go(data):
    # Releases Python's lock, and calls back on the same thread.
    return [ctypes.CFUNCTYPE(ctypes.c_longlong, ctypes.c_longlong)(int(data[1]))(int(data[0]))]

def keeps_it(data):
    return [ctypes.PYFUNCTYPE(ctypes.c_longlong, ctypes.c_longlong)(int(data[1]))(int(data[0]))]

def forks(data):
    child = os.fork()
    if child == 0:
        # A child that hangs is killed, so the test fails.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)
    return [child]

def ends(data): os._exit(int(data[0]))
def status(data): return [os.waitpid(int(data[0]), 0)[1]]
";

fn function(name: &str) -> Outliers {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| load(c"turns", FUNCTIONS));
    Outliers::new("turns", name).unwrap()
}

/// The Rust function that the functions call, which calls back into Python.
extern "C" fn calls(number: i64) -> i64 {
    let data = [i32::try_from(number).unwrap().into()];
    *function("short").detect(&data).unwrap().first().unwrap()
}

#[test]
fn any_mixture_of_functions_gives_every_thread_its_own_results() {
    within_a_minute(|| {
        let names = [
            "short", "long", "sleeps", "meets", "lets_go", "keeps_it", "raises",
        ];
        let functions = names.map(function);
        #[expect(clippy::cast_precision_loss, reason = "addresses have 47 bits")]
        let address = calls as *const () as usize as f64;
        let lives = |seed: i32| {
            let mut random = StdRng::seed_from_u64(seed.unsigned_abs().into());
            for number in 0..random.random_range(1..40) {
                let number = 100 * seed + number;
                // Mostly short ones: a thread makes several of them in a row.
                let which = random.random_range(0..3 * functions.len());
                let detector = functions.get(which).unwrap_or(&functions[0]);
                let detect = || detector.detect(&[number.into(), address]);
                let result = match random.random_range(0..10) {
                    // A thread that holds Python's lock must not wait for threads that wait for the lock.
                    0 => with_python(|_| detect()),
                    1 => {
                        let panics = || {
                            with_python(|_| -> Result<()> {
                                let _ = detect();
                                panic::resume_unwind(Box::new(()))
                            })
                        };
                        panic::catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
                        detect()
                    }
                    _ => detect(),
                };
                match result {
                    Ok(found) => assert_eq!(found, [i64::from(number)]),
                    Err(error) => assert!(error.to_string().contains("the message"), "{error}"),
                }
            }
        };
        thread::scope(|threads| {
            for first in 0..8 {
                // Each thread ends before the next one starts.
                threads.spawn(move || {
                    for seed in (first..80).step_by(8) {
                        thread::scope(|one| one.spawn(|| lives(seed)).join().unwrap());
                    }
                });
            }
        });
    });
}

#[test]
#[ignore = "run by the test below, in its own process"]
fn forking() {
    let [short, forks, ends, status] = ["short", "forks", "ends", "status"].map(function);
    let over = AtomicBool::new(false);
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                while !over.load(Relaxed) {
                    assert_eq!(short.detect(&[1.0]).unwrap(), [1]);
                }
            });
        }
        for _ in 0..100 {
            let child = *forks.detect(&[0.0]).unwrap().first().unwrap();
            if child == 0 {
                let calls =
                    || (0..50).all(|_| short.detect(&[2.0]).is_ok_and(|found| found == [2]));
                let right = calls()
                    && thread::scope(|both| {
                        let [one, other] = [0, 1].map(|_| both.spawn(calls));
                        one.join().is_ok_and(|right| right) && other.join().is_ok_and(|right| right)
                    });
                let _ = ends.detect(&[f64::from(u8::from(!right))]);
            }
            let child = i32::try_from(child).unwrap();
            assert_eq!(status.detect(&[child.into()]).unwrap(), [0]);
        }
        over.store(true, Relaxed);
    });
}

#[test]
fn a_child_of_fork_does_not_wait_for_threads_that_it_does_not_have() {
    if is_free_threaded() {
        return skipped(
            "a child of fork may wait for ever to flush sys.stdout in a free-threaded Python: the stream's own mutex may \
             be locked by a thread that the child does not have, without this crate too",
        );
    }
    println!("cases: 100");
    passes("turns::forking", &[]);
}
