//! Fails each of Python's allocations in turn: the call returns an error or the right answer, leaks nothing,
//! and the next call is right.

use crate::common::{callee, numpy_survives_without_memory, passes};
use std::thread;

use pyoutliers::{Error, ErrorKind, Outliers};
use refsoak::starve;

/// Fails each allocation of a call in turn, alone or together with all that follow.
///
/// The call checks its answer. An error must be "out of memory", unless `any_error` is set; then leaks are
/// not counted either.
fn sweep(name: &str, any_error: bool, call: impl Fn() -> Result<(), Error>) {
    let count_blocks = callee("counts_blocks");
    let blocks = || *count_blocks.detect(&[0.0]).unwrap().first().unwrap();
    for _ in 0..20 {
        call().unwrap();
        blocks();
    }
    for following in [false, true] {
        let range = |number| number..=if following { u64::MAX } else { number };
        let (mut errors, mut answers) = (0, 0);
        for number in 1.. {
            let before = blocks();
            let (result, allocations) = starve(range(number), &call).unwrap();
            if allocations < number {
                break;
            }
            match result {
                Ok(()) => answers += 1,
                Err(error) if matches!(error.kind(), ErrorKind::OutOfMemory(_)) || any_error => {
                    errors += 1
                }
                Err(error) => assert_eq!(error.to_string(), "out of memory", "{name}: {number}"),
            }
            assert_eq!(call(), Ok(()), "{name}: after {number}");
            if blocks() == before || any_error {
                continue;
            }
            // Python keeps some blocks for reuse, but only once. A leak happens each time.
            let before = blocks();
            for _ in 0..TIMES {
                let _ = starve(range(number), &call);
                assert_eq!(call(), Ok(()), "{name}: after {number}");
            }
            let leaked = blocks() - before;
            assert!(
                leaked < TIMES,
                "{name}: {leaked} blocks leaked, {TIMES} times at {number}, following: {following}"
            );
        }
        let which = if following {
            "and all that follow"
        } else {
            "alone"
        };
        println!("{name}: each allocation failed, {which}: {errors} errors, {answers} answers");
        println!("cases: {}", errors + answers);
        assert!(errors > 0 && is_plausible(errors + answers));
    }
}

/// How often to repeat a failure after which blocks were left.
const TIMES: i64 = 10;

/// With far more allocations, the sweep would never have ended.
fn is_plausible(number: u64) -> bool {
    (3..20_000).contains(&number)
}

/// For a call that must fail: the expected error counts as the right answer.
fn expect<T>(result: Result<T, Error>, is_right: fn(&ErrorKind) -> bool) -> Result<(), Error> {
    match result.map(drop).unwrap_err() {
        error if is_right(error.kind()) => Ok(()),
        error => Err(error),
    }
}

fn data() -> Vec<f64> {
    (0_u32..300).map(|i| f64::from(i % 97)).collect()
}

/// The calls make no closures, generators, classes or threads: there, Python itself has faults when memory runs
/// out.
#[test]
#[ignore = "run by a test below, in its own process"]
fn with_python_alone() {
    let data = data();
    // Each call either reuses the list of the previous call or makes a new one.
    for (list, most) in [("kept", usize::MAX), ("new", 0)] {
        let callee = |name| callee(name).keep_up_to(most);
        let largest = callee("indices_of_largest");
        sweep(&format!("a call, {list} list"), false, || {
            let found = largest.detect(&data)?;
            assert_eq!(found, [96, 193, 290]);
            Ok(())
        });
        for name in ["raises_value_error", "raises_from", "raises_without_text"] {
            let function = callee(name);
            sweep(&format!("{name}, {list} list"), false, || {
                expect(function.detect(&data), |kind| {
                    matches!(kind, ErrorKind::Call(_))
                })
            });
        }
        for name in ["wrong_last", "returns_bools"] {
            let function = callee(name);
            sweep(&format!("{name}, {list} list"), false, || {
                expect(function.detect(&data), |kind| {
                    matches!(kind, ErrorKind::Item { .. })
                })
            });
        }
    }
    let none = callee("returns_none");
    sweep("a wrong result", false, || {
        expect(none.detect(&data), |kind| {
            matches!(kind, ErrorKind::NotIterable { .. })
        })
    });
    sweep("finding a function", false, || {
        Outliers::new("callees", "indices_of_largest").map(drop)
    });
    let source = "def last(data): return [len(data) - 1]";
    let last = || Outliers::from_source(source, "last.py", "last");
    last().unwrap();
    sweep("finding a function of source", false, || {
        assert_eq!(last()?.detect(&[1.0; 3])?, [2]);
        Ok(())
    });
    sweep("finding none", false, || {
        expect(Outliers::new("callees", "none"), |kind| {
            matches!(kind, ErrorKind::Lookup(_))
        })
    });
    let scaled = || {
        let scaled = Outliers::new("callees", "scaled")?;
        scaled.with("factor", 2.5)?.with("mode", "text")
    };
    let function = scaled().unwrap();
    sweep("a call with parameters, floats back", false, || {
        assert_eq!(function.transform(&[1.0, -2.0])?, [2.5, -5.0]);
        Ok(())
    });
    sweep("binding parameters", false, || scaled().map(drop));
    let wrong = callee("as_list");
    sweep("ints for floats", false, || {
        expect(wrong.transform(&data), |kind| {
            matches!(kind, ErrorKind::Item { .. })
        })
    });
    sweep("test data", false, || {
        assert_eq!(pyoutliers::gen_testdata()?.len(), 1000);
        Ok(())
    });
}

/// NumPy may report the error differently, and keep unfinished objects.
#[test]
#[ignore = "run by a test below, in its own process"]
fn with_numpy() {
    let data = data();
    for most in [usize::MAX, 0] {
        let detect = Outliers::new("pyoutliers", "detect").unwrap();
        let detect = detect.keep_up_to(most);
        let expected = detect.detect(&data).unwrap();
        sweep("detect", true, || {
            assert_eq!(detect.detect(&data)?, expected);
            Ok(())
        });
    }
}

#[test]
#[ignore = "run by a test below, in its own process"]
fn threads_and_hooks() {
    let function = callee("as_list");
    let call = || function.detect(&[1.5; 3]);
    let error = starve(1.., call).unwrap().0.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::OutOfMemory(_)), "{error}");
    // Another thread is not starved, and neither is an inner call with a smaller range.
    let elsewhere = || thread::scope(|threads| threads.spawn(call).join().unwrap());
    assert_eq!(starve(1.., elsewhere).unwrap().0, Ok(vec![0, 2]));
    let inner = || starve(1_000_000.., call).unwrap().0;
    assert_eq!(starve(100_000.., inner).unwrap().0, Ok(vec![0, 2]));
    // Code that changes the allocators causes an error: starving would fail nothing.
    callee("traces_memory").detect(&[1.0]).unwrap();
    let error = starve(1.., call).unwrap_err().to_string();
    assert!(
        error.starts_with("RuntimeError: cannot make allocations fail"),
        "{error}"
    );
    callee("stops_tracing_memory").detect(&[1.0]).unwrap();
    assert!(starve(1.., call).unwrap().0.is_err());
}

#[test]
fn starving_affects_no_other_thread_and_notices_other_hooks() {
    passes("out_of_memory::threads_and_hooks", &[]);
}

#[test]
fn a_failed_allocation_is_an_error_and_nothing_is_lost() {
    passes("out_of_memory::with_python_alone", &[]);
}

#[test]
fn with_numpy_a_failed_allocation_is_an_error_or_the_answer_is_right() {
    if numpy_survives_without_memory() {
        passes("out_of_memory::with_numpy", &[]);
    }
}
