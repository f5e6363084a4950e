//! One `Outliers`, called by eight threads from their first use of Python on.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Barrier;
use std::thread;

use common::{callee, in_a_process_of_its_own, outliers, told};
use outliers::{Outliers, with_python};

/// Stops the test, instead of hanging, if the threads wait for one another for ever.
fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = std::sync::mpsc::channel();
    let running = thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    let waited = wait.recv_timeout(std::time::Duration::from_secs(60));
    assert!(
        waited != Err(std::sync::mpsc::RecvTimeoutError::Timeout),
        "the threads hang"
    );
    running.join().unwrap();
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn first_use() {
    within_a_minute(|| {
        let barrier = Barrier::new(8);
        thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    barrier.wait();
                    let outliers = Outliers::new("pyoutliers", "detect").unwrap();
                    let data = outliers::gen_testdata().unwrap();
                    assert_eq!(outliers.detect(&data).unwrap(), [7, 113, 835]);
                });
            }
        });
    });
}

#[test]
fn eight_threads_may_start_python_at_once() {
    for _ in 0..5 {
        let output = in_a_process_of_its_own("first_use").output().unwrap();
        assert!(output.status.success(), "{:?}", told(&output));
        assert!(told(&output).1.contains("1 passed"));
    }
}

#[test]
fn eight_threads_call_one_outliers() {
    within_a_minute(|| {
        let outliers = Outliers::new("pyoutliers", "detect").unwrap();
        let data = outliers::gen_testdata().unwrap();
        thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    for _ in 0..1000 {
                        assert_eq!(outliers.detect(&data).unwrap(), [7, 113, 835]);
                    }
                });
            }
        });
    });
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
    with_python(|_| ()).unwrap();
}

#[test]
fn a_thread_of_pythons_own_may_come_in() {
    within_a_minute(|| {
        let address = u32::try_from(takes_the_lock as *const () as usize >> 20).unwrap();
        let rest = u32::try_from(takes_the_lock as *const () as usize & 0xF_FFFF).unwrap();
        let address = f64::from(address) * f64::from(1 << 20) + f64::from(rest);
        for _ in 0..3 {
            callee("calls_back_on_a_thread").detect(&[address]).unwrap();
        }
    });
}

#[test]
fn the_lock_can_be_taken_inside_the_lock() {
    let result = with_python(|_| callee("as_list").detect(&[0.0; 2]).unwrap()).unwrap();
    assert_eq!(result, [0, 2]);
}

#[test]
fn a_panic_gives_the_lock_back() {
    within_a_minute(|| {
        let panicked =
            thread::spawn(|| with_python(|_| std::panic::resume_unwind(Box::new(())))).join();
        assert!(panicked.is_err());
        assert_eq!(callee("as_list").detect(&[0.0; 2]).unwrap(), [0, 2]);
    });
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn ends_with_threads_inside() {
    let spins = callee("spins");
    for _ in 0..4 {
        let spins = Outliers::new("callees", "spins").unwrap();
        thread::spawn(move || spins.detect(&[0.0]));
    }
    thread::sleep(std::time::Duration::from_millis(100));
    drop(spins);
}

#[test]
fn the_process_ends_quietly_with_threads_inside_python() {
    for _ in 0..10 {
        let output = in_a_process_of_its_own("ends_with_threads_inside")
            .output()
            .unwrap();
        assert!(output.status.success(), "{:?}", told(&output));
    }
}

#[test]
fn the_demo_ends_quietly() {
    let output = outliers().output().unwrap();
    assert_eq!(
        told(&output),
        (Some(0), "[7, 113, 835]\n".into(), String::new())
    );
}
