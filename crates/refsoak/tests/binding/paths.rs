//! Soaks every path of the binding in its own process, and checks that planted leaks are found.

use std::cell::Cell;
use std::thread;

use crate::common::{callee, in_a_process_of_its_own, outcome};
use pyoutliers::capi::{self, Held};
use pyoutliers::{Outliers, with_python};
use refsoak::{Counter, CountingAllocator, Finding, Prepared, Report, Screened, Soak, Verdict};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Soaks a closure that returns whether it succeeded.
fn soak(calls: u64, mut call: impl FnMut() -> bool) -> Report {
    let report = Soak::new(calls).run(|| {
        assert!(call());
        Ok::<_, pyoutliers::Error>(())
    });
    let report = report.unwrap();
    println!("{report}");
    report
}

/// After the warm-up, no counter may move at all. The exceptions are C's heap, whose blocks vary by some bytes,
/// and memory outside malloc: the verdict judges these.
fn is_clean(calls: u64, call: impl FnMut() -> bool) {
    let report = soak(calls, call);
    assert_eq!(report.verdict, Verdict::Clean);
    assert!(
        report
            .counters
            .iter()
            .any(|growth| growth.counter == Counter::RustHeap)
    );
    for growth in &report.counters {
        let is_exact = !matches!(growth.counter, Counter::CHeap | Counter::OutsideMalloc);
        assert!(growth.total == 0 || !is_exact, "{report}");
    }
}

/// The same, except that a few blocks may stay: Python keeps some blocks for reuse, and with threads their
/// number varies.
fn is_clean_with_threads(calls: u64, call: impl FnMut() -> bool) {
    let report = soak(calls, call);
    let leaks = matches!(report.verdict, Verdict::Leak | Verdict::OverRelease);
    assert!(!leaks, "{report}");
    for growth in &report.counters {
        let most = match growth.counter {
            Counter::CHeap | Counter::OutsideMalloc => i64::MAX,
            Counter::Blocks => 8,
            _ => 0,
        };
        assert!(growth.total.abs() <= most, "{report}");
    }
}

fn detects(length: usize, calls: u64) {
    let detect = Outliers::new("pyoutliers", "detect").unwrap();
    let data: Vec<f64> = (0_u32..).map(|i| f64::from(i % 97)).take(length).collect();
    is_clean(calls, || detect.detect(&data).is_ok());
}

fn fails(function: &str) {
    let function = callee(function);
    is_clean(1600, || function.detect(&[1.5, 2.5, 3.5]).is_err());
}

/// Runs each of these tests in its own process, two at a time.
fn each_passes(names: &[&str]) {
    println!("cases: {}", names.len());
    let half = |first: usize| {
        let half = names.iter().skip(first).step_by(2);
        half.filter(|name| !passes(name)).collect()
    };
    let failed: Vec<_> = thread::scope(|threads| {
        let other = threads.spawn(|| half(1));
        let mut failed: Vec<_> = half(0);
        failed.extend(other.join().unwrap());
        failed
    });
    assert!(failed.is_empty(), "{failed:?}");
}

/// Whether a test passes in its own process. On failure, prints its output.
fn passes(name: &str) -> bool {
    let output = in_a_process_of_its_own(name).output().unwrap();
    let (_, stdout, stderr) = outcome(&output);
    let passed = output.status.success() && stdout.contains("1 passed");
    println!(
        "{name}: {}",
        if passed {
            "ok".into()
        } else {
            format!("{stdout}{stderr}")
        }
    );
    passed
}

macro_rules! each_in_its_own_process {
    (fn $test:ident() runs $module:ident: $($name:ident: $body:expr;)*) => {
        /// Run by the test below.
        mod $module {
            use super::*;
            $(
                #[test]
                #[ignore = "run in its own process"]
                fn $name() {
                    callee("as_list");
                    $body
                }
            )*
        }

        #[test]
        fn $test() {
            each_passes(&[$(concat!("paths::", stringify!($module), "::", stringify!($name))),*]);
        }
    };
}

each_in_its_own_process! {
    fn every_path_is_clean() runs paths:

    no_value: detects(0, 1600);
    one_value: detects(1, 1600);
    a_thousand_values: detects(1000, 1600);
    a_hundred_thousand_values: detects(100_000, 64);
    an_exception: fails("raises_value_error");
    system_exit: fails("raises_system_exit");
    a_memory_error: fails("raises_memory_error");
    an_exception_with_a_cause: fails("raises_from");
    a_wrong_result: fails("returns_none");
    a_wrong_item_first: fails("wrong_first");
    a_wrong_item_in_the_middle: fails("wrong_in_the_middle");
    a_wrong_item_last: fails("wrong_last");
    an_iterator_that_raises: fails("raises_half_way");
    an_endless_iterator: fails("counts_for_ever");
    an_import_that_fails: is_clean(1600, || Outliers::new("no_such_module", "f").is_err());
    a_lookup_that_fails: is_clean(1600, || Outliers::new("callees", "no_such_function").is_err());
    a_function_found_and_closed: is_clean(1600, || {
        Outliers::new("pyoutliers", "detect").is_ok_and(|detector| { detector.close(); true })
    });
    parameters_and_floats_back: {
        let scaled = callee("scaled").with("factor", 2.5).unwrap().with("mode", "text").unwrap();
        let (data, soak) = ([1.5; 100], Soak::new(1600));
        let report = soak.lend(&scaled, &data).run(|| scaled.transform(&data).map(drop));
        report.unwrap().assert_clean();
    };
    a_parameter_that_is_wrong: {
        let scaled = callee("scaled").with("no_such", 1).unwrap();
        is_clean(1600, || scaled.transform(&[1.5]).is_err());
    };
    parameters_bound_and_replaced: is_clean(1600, || {
        let bound = callee("scaled").with("factor", 2.5).and_then(|bound| bound.with("factor", i64::MAX));
        bound.and_then(|bound| bound.with("mode", true)).is_ok()
    });
    a_threshold: {
        let detect = Outliers::new("pyoutliers", "detect").unwrap().with("threshold", 3).unwrap();
        let data = pyoutliers::gen_testdata().unwrap();
        is_clean(1600, || detect.detect(&data).is_ok());
    };
    no_floats_back: {
        let wrong = callee("as_list");
        is_clean(1600, || wrong.transform(&[1.5, 2.5, 3.5]).is_err());
    };
    source_compiled_in: is_clean(1600, || {
        Outliers::from_source("def f(data): return data", "compiled_in.py", "f").is_ok()
    });
    source_that_raises: is_clean(1600, || {
        Outliers::from_source("1 / 0", "raises.py", "f").is_err()
    });
    test_data: is_clean(1600, || pyoutliers::gen_testdata().is_ok());
    a_drop_on_another_thread: is_clean(320, || {
        let detector = Outliers::new("callees", "as_list").unwrap();
        thread::spawn(move || drop(detector)).join().is_ok()
    });
    eight_threads: {
        let detect = Outliers::new("pyoutliers", "detect").unwrap();
        let data = pyoutliers::gen_testdata().unwrap();
        // If any of these 5,120 calls leaked, far more would be left.
        is_clean_with_threads(64, || thread::scope(|threads| {
            let calls = || (0..10).all(|_| detect.detect(&data).is_ok());
            let running: Vec<_> = (0..8).map(|_| threads.spawn(calls)).collect();
            running.into_iter().all(|thread| thread.join().unwrap())
        }));
    };
    an_error_kept_and_dropped_later: {
        let raises = callee("raises_value_error");
        let mut kept = std::collections::VecDeque::with_capacity(11);
        for _ in 0..10 {
            kept.push_back(raises.detect(&[1.0]).unwrap_err());
        }
        is_clean(1600, || {
            kept.push_back(raises.detect(&[1.0]).unwrap_err());
            kept.pop_front().is_some()
        });
    };
}

each_in_its_own_process! {
    fn the_soak_judges_right() runs judged:

    a_kept_argument_is_a_leak: {
        let keeps = callee("keeps_every_500th");
        let report = soak(16_000, || keeps.detect(&[1.0]).is_ok());
        assert_eq!(report.verdict, Verdict::Leak);
        // The list, its slots and its float, once in 500 calls.
        is_rate(&report, &Counter::Blocks, 3.0 / 500.0);
        is_rate(&report, &Counter::Tracked, 1.0 / 500.0);
    };
    a_kept_vector_is_a_leak_of_rusts_heap: {
        let report = soak(1600, || { std::mem::forget(vec![0_u8; 100]); true });
        assert_eq!(report.verdict, Verdict::Leak);
        is_rate(&report, &Counter::RustHeap, 100.0);
    };
    a_cache_that_fills_is_clean: {
        let fills = callee("fills_a_cache");
        let report = soak(16_000, || fills.detect(&[1.0]).is_ok());
        assert_eq!(report.verdict, Verdict::Clean);
    };
    growth_that_does_not_scale_is_clean: {
        // One vector in each window, whatever its length. With 1,600 calls, the windows begin with these calls.
        // The vectors are large, because C's heap varies by a KiB or two.
        let kept = Cell::new(Vec::new());
        let keep = || {
            let mut vectors = kept.take();
            vectors.push(vec![0_u8; 50_000]);
            kept.set(vectors);
        };
        let mut window = 0;
        let report = Soak::new(1600).run_watched(|| Ok::<_, pyoutliers::Error>(()), |progress| {
            let starts = [0, 80, 165, 260, 364, 455, 566, 664, 780, 963, 1180, 1377];
            if progress.calls > 0 && starts.contains(&(progress.calls - 1)) && progress.calls > window {
                window = progress.calls;
                keep();
            }
            std::ops::ControlFlow::Continue(())
        }).unwrap();
        println!("{report}");
        let rust = report.counters.iter().find(|growth| growth.counter == Counter::RustHeap).unwrap();
        assert_eq!((rust.finding, &report.verdict), (Finding::Cache, &Verdict::Clean));
        assert!(rust.total >= 12 * 50_000);
    };
    an_over_release_is_found: {
        let released = callee("is_released_too_often");
        let report = Soak::new(1600).run(|| released.detect(&[1.0]).map(drop)).unwrap();
        println!("{report}");
        assert_eq!(report.verdict, Verdict::OverRelease);
        is_rate(&report, &Counter::References, -1.0);
        let variables: Vec<_> = report.references.iter().map(|found| &found.variable).collect();
        assert_eq!(variables, ["callees.is_released_too_often"]);
    };
    a_screening_passes_what_does_not_grow: {
        let screened = screen(|| with_python(|_| Ok(())).is_ok());
        assert!(!screened.is_suspect);
        assert_eq!((screened.window, &*screened.cause), (20, ""));
        // Four calls to warm up, and three quiet windows; or more, if caches fill.
        assert!((4 + 60..=4 + 180).contains(&screened.calls), "{screened:?}");
    };
    a_screening_suspects_what_grows_once_in_a_window: {
        for leak in LEAKS {
            let mut calls = 0;
            let screened = screen(|| {
                calls += 1;
                if calls % 20 == 0 {
                    leak();
                }
                true
            });
            assert!(screened.is_suspect, "{screened:?}");
        }
    };
    the_cause_of_a_screening_is_the_object_that_moved: {
        let mut prepared = Prepared::new().unwrap();
        let mut screen = || prepared.screen(|| { LEAKS[0](); Ok::<_, pyoutliers::Error>(()) }).unwrap();
        let [first, second] = [screen(), screen()];
        assert!(first.cause.starts_with("references "), "{first:?}");
        assert!(first.cause.ends_with("+; "), "{first:?}");
        assert_eq!(first.cause, second.cause);
    };
    the_counters_of_a_screening_are_those_that_moved_without_an_object: {
        let counters = [vec![], vec![Counter::Blocks], vec![Counter::CHeap], vec![Counter::Files]];
        for (leak, expected) in LEAKS.into_iter().zip(counters) {
            assert_eq!(screen(|| { leak(); true }).counters, expected);
        }
    };
    a_soak_with_a_prepared_meter_gives_the_same_verdict: {
        let soak = |leak: fn()| {
            let mut prepared = Prepared::new().unwrap();
            let call = || { leak(); Ok::<_, pyoutliers::Error>(()) };
            prepared.screen(call).unwrap();
            let soak = Soak::new(1600);
            soak.run_prepared(prepared, call, |_| std::ops::ControlFlow::Continue(())).unwrap()
        };
        assert_eq!(soak(|| {}).verdict, Verdict::Clean);
        for leak in LEAKS {
            assert_eq!(soak(leak).verdict, Verdict::Leak);
        }
    };
    an_error_of_the_closure_ends_the_soak: {
        let raises = callee("raises_value_error");
        let error = Soak::new(1600).run(|| raises.detect(&[1.0]).map(drop)).unwrap_err();
        assert!(error.to_string().contains("the message"));
    };
}

/// Leaks: of a reference, of an object, of C's heap and of a file.
const LEAKS: [fn(); 4] = [
    || {
        let sys = with_python(|py| Ok(capi::import_module(py, c"sys")?.into()));
        std::mem::forget::<Held>(sys.unwrap());
    },
    || {
        let float = with_python(|py| Ok(capi::float_from_double(py, 1.5)?.into()));
        std::mem::forget::<Held>(float.unwrap());
    },
    || std::mem::forget(refsoak::CBlock::new()),
    || std::mem::forget(std::fs::File::open("/dev/null")),
];

fn screen(mut call: impl FnMut() -> bool) -> Screened {
    let call = || {
        assert!(call());
        Ok::<_, pyoutliers::Error>(())
    };
    Prepared::new().unwrap().screen(call).unwrap()
}

fn is_rate(report: &Report, counter: &Counter, expected: f64) {
    let growth = report
        .counters
        .iter()
        .find(|growth| growth.counter == *counter)
        .unwrap();
    assert!((growth.per_call / expected - 1.0).abs() < 0.02, "{report}");
}
