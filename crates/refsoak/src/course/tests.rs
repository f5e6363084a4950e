//! Tests of the course, without Python: whole soaks of a counter that is a function of the calls.

use super::{EARLY, LONGER, Next, Shown};
use crate::counter::Counter;
use crate::series::{PARTS, Series, windows};
use crate::verdict::{Finding, Growth, per_call};

/// A counter as a function of the calls, and the facts that the soak knows about it.
struct Played<'a> {
    counter: Counter,
    count: &'a dyn Fn(u64) -> i64,
    /// Whether older objects lead to what grows.
    is_kept: bool,
    /// How many blocks an entry has.
    blocks: f64,
    /// The number of calls for which there is time.
    most: u64,
}

/// How a soak ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Finding(Finding),
    Doubt,
}

impl Played<'_> {
    /// Plays a soak. Returns its end, and the number of calls. `wanted` is the shortest window if all requested
    /// calls are made in one stage.
    fn soak(&self, wanted: u64) -> (End, u64) {
        let (mut window, mut calls) = (EARLY.min(wanted), 1025);
        loop {
            let (mut series, mut last) = (Series::default(), (self.count)(calls));
            for length in windows(window) {
                calls += length;
                let now = (self.count)(calls);
                series.note(now - last);
                last = now;
            }
            let growths = [Growth {
                counter: self.counter,
                finding: series.judge(self.counter),
                total: series.total(),
                per_call: per_call(series.total(), window * PARTS),
            }];
            let shown = Shown {
                window,
                calls,
                growths: &growths,
                is_kept: self.is_kept,
                entries: growths[0].per_call / self.blocks,
                most_items: 0,
                may_grow_outside: false,
            };
            let affordable = self.most.saturating_sub(calls) / PARTS;
            match shown.next(wanted, Some(affordable)) {
                Next::Stop => return (End::Finding(growths[0].finding), calls),
                Next::Doubt => return (End::Doubt, calls),
                Next::Stage(next) => {
                    assert!(next > window, "{next} after {window}");
                    window = next;
                }
            }
        }
    }
}

const WANTED: u64 = 10_000;
const ENOUGH: u64 = 20_000_000;

/// A count as a signed number.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap()
}

#[test]
fn a_store_of_up_to_100_000_entries_is_clean_however_fast_it_fills() {
    let mut played = 0;
    for entries in (100..=100_000).step_by(97) {
        for (new, of) in [
            (1, 1),
            (1, 2),
            (1, 3),
            (2, 3),
            (1, 7),
            (1, 15),
            (3, 1),
            (10, 1),
        ] {
            let filled = |calls: u64| signed((calls * new / of).min(entries));
            for counter in [Counter::Blocks, Counter::Items] {
                let store = Played {
                    counter,
                    count: &filled,
                    is_kept: true,
                    blocks: 1.0,
                    most: ENOUGH,
                };
                let (end, calls) = store.soak(WANTED);
                let is_clean = matches!(end, End::Finding(Finding::Cache | Finding::Steady));
                assert!(
                    is_clean,
                    "{entries} entries, {new} in {of} calls: {end:?} after {calls}"
                );
                played += 1;
            }
        }
    }
    println!("cases: {played}");
}

#[test]
fn a_cache_of_c_code_of_up_to_100_000_entries_is_clean() {
    for entries in (100..=100_000).step_by(97) {
        let filled = |calls: u64| 112 * signed(calls.min(entries));
        let counter = Counter::CHeap;
        let cache = Played {
            counter,
            count: &filled,
            is_kept: false,
            blocks: 1.0,
            most: ENOUGH,
        };
        let (end, _) = cache.soak(WANTED);
        let is_clean = matches!(end, End::Finding(Finding::Cache | Finding::Steady));
        assert!(is_clean, "{entries} entries: {end:?}");
    }
}

#[test]
fn a_store_still_filling_when_the_time_is_up_gets_no_verdict() {
    for most in [2000, 5000, 30_000, 60_000] {
        for entries in [most * 2, 100_000] {
            let filled = |calls: u64| signed(calls.min(entries));
            let counter = Counter::Items;
            let store = Played {
                counter,
                count: &filled,
                is_kept: true,
                blocks: 1.0,
                most,
            };
            assert_eq!(
                store.soak(WANTED).0,
                End::Doubt,
                "{entries} entries, {most} calls"
            );
        }
    }
}

#[test]
fn every_leak_up_to_the_promised_limit_ends_as_a_leak() {
    for period in (1..=WANTED).step_by(7) {
        for phase in [0, period / 3, period - 1] {
            let leaked = |calls: u64| signed((calls + phase) / period);
            for (counter, is_kept) in [
                (Counter::Blocks, false),
                (Counter::Blocks, true),
                (Counter::Items, true),
            ] {
                let leak = Played {
                    counter,
                    count: &leaked,
                    is_kept,
                    blocks: 1.0,
                    most: ENOUGH,
                };
                let (end, _) = leak.soak(WANTED);
                assert_eq!(
                    end,
                    End::Finding(Finding::Leak),
                    "1 in {period}, {phase} before"
                );
            }
        }
    }
}

#[test]
fn a_leak_that_nothing_keeps_is_certain_soon() {
    let leaked = |calls: u64| signed(calls);
    for (counter, certain) in [
        (Counter::References, PARTS * EARLY),
        (Counter::Blocks, PARTS * (EARLY + LONGER)),
    ] {
        let leak = Played {
            counter,
            count: &leaked,
            is_kept: false,
            blocks: 1.0,
            most: ENOUGH,
        };
        assert_eq!(
            leak.soak(WANTED),
            (End::Finding(Finding::Leak), 1025 + certain)
        );
    }
}

/// The store is in C code, so no older object leads to its entries.
#[test]
fn a_hidden_store_of_objects_of_up_to_20_000_entries_is_clean() {
    for entries in (100..=20_000).step_by(13) {
        let filled = |calls: u64| signed(calls.min(entries));
        let store = Played {
            counter: Counter::Blocks,
            count: &filled,
            is_kept: false,
            blocks: 1.0,
            most: ENOUGH,
        };
        let (end, _) = store.soak(WANTED);
        assert!(
            matches!(end, End::Finding(Finding::Cache | Finding::Steady)),
            "{entries}: {end:?}"
        );
    }
}

/// The store fills first, and the leak continues after that.
#[test]
fn a_store_that_fills_does_not_hide_a_leak() {
    for entries in (100..=100_000).step_by(1009) {
        for period in [1, 10, 100, 1000, 10_000] {
            let count = |calls: u64| signed(calls.min(entries) + calls / period);
            let both = Played {
                counter: Counter::Blocks,
                count: &count,
                is_kept: true,
                blocks: 1.0,
                most: ENOUGH,
            };
            let (end, _) = both.soak(WANTED);
            assert_eq!(
                end,
                End::Finding(Finding::Leak),
                "{entries} entries, 1 in {period}"
            );
        }
    }
}

#[test]
fn references_to_types_do_not_end_a_soak_early() {
    let leaked = |calls: u64| signed(calls);
    let leak = Played {
        counter: Counter::Types,
        count: &leaked,
        is_kept: false,
        blocks: 1.0,
        most: ENOUGH,
    };
    let (end, calls) = leak.soak(WANTED);
    assert_eq!(end, End::Finding(Finding::Leak));
    assert!(calls >= WANTED * PARTS);
}

/// Pages are coarse, so this counter needs more calls than others.
#[test]
fn the_soak_waits_for_memory_outside_malloc_that_may_grow() {
    let stage = |window, counter, may_grow_outside| {
        let leak = [Growth {
            counter,
            finding: Finding::Leak,
            total: 800,
            per_call: 1.0,
        }];
        let shown = Shown {
            window,
            calls: 0,
            growths: &leak,
            is_kept: false,
            entries: 0.0,
            most_items: 0,
            may_grow_outside,
        };
        shown.next(WANTED, None)
    };
    assert_eq!(stage(40, Counter::References, false), Next::Stop);
    assert_eq!(stage(40, Counter::References, true), Next::Stage(1280));
    assert_eq!(stage(1280, Counter::References, true), Next::Stop);
    assert_eq!(stage(6, Counter::Threads, true), Next::Stop);
    assert_eq!(stage(40, Counter::Types, false), Next::Stage(WANTED));
    assert_eq!(stage(40, Counter::Types, true), Next::Stage(1280));
}
