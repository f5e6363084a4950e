//! The list that is kept between calls: whatever a function does to it, the next call is right.

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use crate::common::{load, passes};
use pyoutliers::{Outliers, with_python};

fn function(name: &str) -> Outliers {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| load(c"kept_list", include_str!("kept_list.py")));
    Outliers::new("kept_list", name).unwrap()
}

/// Held by tests that expect the same list again, and by those that search: a search refers to all lists meanwhile.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The address of the list that the function gets in a call of that length.
fn address(detector: &Outliers, length: usize) -> i64 {
    let data = vec![7.0; length];
    let found = detector.detect(&data).unwrap();
    assert!(found.iter().skip(1).all(|&value| value == 7));
    *found.first().unwrap()
}

#[test]
fn the_next_call_of_that_length_gets_the_same_list() {
    let _alone = alone();
    let which = function("which");
    let first = address(&which, 1000);
    assert_eq!(
        which.detect(&[1.0, 2.0, 3.0]).unwrap().get(1..),
        Some(&[1, 2][..])
    );
    // A list of another length has taken its place, so the next one may be anywhere.
    let second = address(&which, 1000);
    // It was never freed: else other lists could have been made at its address.
    for _ in 0..100 {
        assert_eq!(address(&which, 1000), second);
    }
    let other = function("which");
    assert_ne!(address(&other, 1000), second, "each keeps its own: {first}");
}

#[test]
fn a_list_that_is_too_long_is_freed_unless_it_was_asked_for() {
    passes("kept_list::counted", &[]);
}

/// Counts blocks of memory, so it must run without other tests.
#[test]
#[ignore = "run by the test above, in its own process"]
fn counted() {
    let blocks = function("blocks");
    let left_by = |detector: Outliers, length| {
        let one = [0.0];
        let before = *blocks.detect(&one).unwrap().first().unwrap();
        detector.detect(&vec![1e9; length]).unwrap();
        let kept = *blocks.detect(&one).unwrap().first().unwrap() - before;
        drop(detector);
        (
            kept,
            *blocks.detect(&one).unwrap().first().unwrap() - before,
        )
    };
    let reverses = || function("reverses");
    left_by(reverses(), 5000); // Python's own caches fill
    blocks.detect(&[0.0]).unwrap();
    // Some floats stay in Python's free list.
    let near = |count: i64, expected: i64| assert!((count - expected).abs() < 120, "{count}");
    for (detector, length, stays) in [
        (reverses(), 4096, 4096),
        (reverses(), 4097, 0),
        (reverses().keep_up_to(5000), 5000, 5000),
        (reverses().keep_up_to(0), 1, 0),
    ] {
        let (kept, left) = left_by(detector, length);
        near(kept, stays);
        near(left, 0);
    }
}

#[test]
fn a_list_that_another_thread_releases_is_freed_at_the_latest_when_its_thread_ends() {
    passes("kept_list::released_by_another", &[]);
}

/// Counts blocks of memory, so it must run without other tests.
#[test]
#[ignore = "run by the test above, in its own process"]
fn released_by_another() {
    let blocks = function("blocks");
    let count = || *blocks.detect(&[0.0]).unwrap().first().unwrap();
    let lives = || {
        let outliers = Arc::new(function("reverses").keep_up_to(50_000));
        let shared = Arc::clone(&outliers);
        let keeps = move || shared.detect(&vec![1e9; 50_000]).unwrap();
        thread::spawn(keeps).join().unwrap();
        let kept = count();
        Arc::into_inner(outliers).unwrap().close();
        (kept, count())
    };
    lives(); // Python's own caches fill
    let before = count();
    let (kept, left) = lives();
    assert!(kept - before > 49_000, "{before}, {kept}");
    assert!(left - before < 1000, "{before}, {left}");
}

#[test]
fn a_function_that_keeps_its_argument_gets_another_each_time() {
    passes("kept_list::held_by_others", &[]);
}

#[test]
#[ignore = "run by the test above, in its own process"]
fn held_by_others() {
    let (keeps, kept) = (function("keeps"), function("kept"));
    let addresses: Vec<_> = (0..5)
        .map(|value| keeps.detect(&[f64::from(value); 9]).unwrap())
        .collect();
    let mut different = addresses.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 5);
    assert_eq!(kept.detect(&[0.0; 9]).unwrap(), [0, 1, 2, 3, 4]);
    // The callee has the only reference: ours was released at once.
    assert_eq!(function("references").detect(&[0.0]).unwrap(), [1]);

    // Between two calls, other code gets a reference to it.
    let which = function("which");
    which.detect(&[123.0, 456.0, 789.0]).unwrap();
    assert_eq!(function("finds").detect(&[123.0, 456.0]).unwrap(), [1]);
    which.detect(&[0.0; 3]).unwrap();
    assert_eq!(
        kept.detect(&[0.0; 9]).unwrap().last(),
        Some(&123),
        "it stays as it was"
    );
}

#[test]
fn whatever_is_done_to_it_the_next_call_is_right() {
    let _alone = alone();
    let data = [1.0, 3.0, 2.0];
    for (name, expected) in [
        ("lengthens", None),
        ("empties", None),
        ("reverses", Some(vec![3, 2, 1])),
        ("yields", Some(vec![1, 3, 2])),
        ("puts_in", Some(vec![1, 3, 2])),
    ] {
        let detector = function(name);
        for _ in 0..5 {
            let indices = detector.detect(&data).unwrap();
            assert!(
                expected
                    .as_ref()
                    .is_none_or(|expected| *expected == indices),
                "{name}: {indices:?}"
            );
        }
    }
    assert_eq!(
        function("found").detect(&[0.0]).unwrap(),
        [0],
        "it cannot be found while it is filled"
    );
}

#[test]
fn it_is_kept_also_if_the_function_raises() {
    let _alone = alone();
    let raises = function("raises");
    let address = || {
        let error = raises.detect(&[1.0; 50]).unwrap_err();
        error.exception().unwrap().message().to_owned()
    };
    let first = address();
    assert!((0..20).all(|_| address() == first));
}

thread_local! {
    static NESTED: Cell<Option<&'static Outliers>> = const { Cell::new(None) };
}

extern "C" fn calls_in() {
    if let Some(nested) = NESTED.take() {
        assert_eq!(nested.detect(&[5.0, 6.0]).unwrap(), [5, 6]);
    }
}

#[test]
fn a_function_may_call_back_in() {
    let address = calls_in as *const () as usize;
    let parts =
        [address >> 20, address & 0xF_FFFF].map(|part| f64::from(u32::try_from(part).unwrap()));
    let (calls_back, calls) = (function("calls_back"), function("calls"));
    let calls: &'static Outliers = Box::leak(Box::new(calls));
    calls_back.detect(&parts).unwrap();
    for _ in 0..3 {
        NESTED.set(Some(calls));
        assert_eq!(calls.detect(&[1.0, 2.0]).unwrap(), [1, 2]);
        assert!(NESTED.take().is_none(), "it did call back");
    }
    with_python(|_| calls.detect(&[1.0, 2.0])).unwrap();
}
