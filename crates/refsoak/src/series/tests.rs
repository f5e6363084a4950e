//! Tests of the judgement, without Python: a function of the calls gives the history of a counter.

use super::{Counter, Finding, PARTS, Paired, Series, grow_behind_items, windows};

/// The finding of a stage whose shortest window has `window` calls, for a counter that is `count` of the calls.
fn play(window: u64, start: u64, counter: Counter, count: impl Fn(u64) -> i64) -> Finding {
    let (mut series, mut calls, mut last) = (Series::default(), start, count(start));
    for length in windows(window) {
        calls += length;
        let now = count(calls);
        series.note(now - last);
        last = now;
    }
    series.judge(counter)
}

/// A count as a signed number.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap()
}

/// The finding for the growth in these windows.
fn judge(short: &[i64], long: &[i64], counter: Counter) -> Finding {
    let mut series = Series::default();
    short.iter().for_each(|&growth| series.note(growth));
    long.iter().for_each(|&growth| series.note(growth));
    series.judge(counter)
}

/// Checks that each of these histories of a counter has this finding.
fn are(counter: Counter, expected: Finding, windows: &[(&[i64], &[i64])]) {
    for (short, long) in windows {
        let finding = judge(short, long, counter);
        assert_eq!(finding, expected, "{short:?} {long:?}");
    }
}

#[test]
fn every_leak_up_to_the_promised_limit_is_seen_whatever_its_period_and_phase() {
    let mut played = 0_u64;
    for (window, phases) in [
        (1, 1),
        (2, 2),
        (7, 7),
        (16, 16),
        (50, 50),
        (100, 100),
        (625, 625),
        (1000, 1000),
        (1600, 200),
        (10_000, 20),
    ] {
        for period in 1..=window {
            let step = (period / phases).max(1);
            for phase in (0..period).step_by(usize::try_from(step).unwrap()) {
                let leaked = |calls: u64| signed((calls + phase) / period);
                let finding = play(window, 0, Counter::Blocks, leaked);
                assert_eq!(
                    finding,
                    Finding::Leak,
                    "1 in {period}, {phase} before, {window}"
                );
                let released = |calls: u64| -leaked(calls);
                let finding = play(window, 0, Counter::References, released);
                assert_eq!(
                    finding,
                    Finding::OverRelease,
                    "1 in {period}, {phase} before, {window}"
                );
                played += 2;
            }
        }
    }
    println!("cases: {played}");
    assert!(played > 2_500_000);
}

#[test]
fn a_rarer_leak_is_seen_if_it_happens_four_times_in_the_later_windows() {
    let window = 80;
    for period in window + 1..=window * PARTS {
        for phase in 0..period {
            let leaked = |calls: u64| signed((calls + phase) / period);
            let finding = play(window, 0, Counter::Blocks, leaked);
            let later = leaked(window * PARTS) - leaked(window * 7);
            let is_seen = matches!(finding, Finding::Leak | Finding::Rare);
            assert!(
                is_seen || later < 4,
                "1 in {period}, {phase} before: {finding:?}"
            );
        }
    }
}

#[test]
fn leaks_in_bursts_and_two_leaks_at_once_are_leaks() {
    let window = 100;
    for period in 1..=window {
        for phase in 0..period {
            for burst in [2, 3, 111, 4096] {
                let leaked = |calls: u64| burst * signed((calls + phase) / period);
                let finding = play(window, 0, Counter::Blocks, leaked);
                assert_eq!(
                    finding,
                    Finding::Leak,
                    "{burst} in {period}, {phase} before"
                );
            }
            // Two leaks at once.
            for other in [1, 7, 64, 99] {
                let leaked = |calls: u64| signed((calls + phase) / period + calls / other);
                let finding = play(window, 0, Counter::Blocks, leaked);
                assert_eq!(finding, Finding::Leak, "1 in {period} and 1 in {other}");
            }
        }
    }
}

#[test]
fn ramps_are_leaks() {
    for start in [0, 10, 1100, 30_000] {
        let faster = |calls: u64| signed(calls * calls / 1000);
        let finding = play(100, start, Counter::Blocks, faster);
        assert_eq!(finding, Finding::Leak, "from {start}");
    }
    // Growth that slows down, like a square root, needs more calls.
    let slower = |calls: u64| signed((calls * 100).isqrt());
    assert_eq!(play(100, 10, Counter::Blocks, slower), Finding::Rare);
}

#[test]
fn stairs_of_a_heap_are_never_clean() {
    // A block that is enlarged by an eighth each time, or doubled.
    for (more, least) in [(8, 1), (1, 1)] {
        for start in [1100_u64, 2000, 5000, 30_000] {
            let enlarged = |calls: u64| {
                let mut size = 64_u64;
                while size < calls * 8 {
                    size += (size / more).max(least);
                }
                signed(size)
            };
            let finding = play(10_000, start, Counter::CHeap, enlarged);
            let is_seen = matches!(finding, Finding::Leak | Finding::Rare);
            assert!(is_seen, "{more} from {start}: {finding:?}");
        }
    }
}

/// In units of the shortest window, the last window begins at 17.22, and its first two fifths end at 18.33.
#[test]
fn a_store_that_is_full_in_the_first_two_fifths_of_the_last_window_is_never_a_leak() {
    let mut played = 0_u64;
    for window in [50, 100, 1600, 12_500] {
        for entries in 0..=window * 183 / 10 {
            if window > 100 && entries % 37 != 0 {
                continue;
            }
            for start in [0, 20, 1100] {
                let filled = |calls: u64| signed(calls.min(start + entries));
                let finding = play(window, start, Counter::Blocks, filled);
                assert_ne!(finding, Finding::Leak, "{entries} of {window}");
                let emptied = |calls: u64| -filled(calls);
                let finding = play(window, start, Counter::References, emptied);
                assert_ne!(finding, Finding::OverRelease, "{entries} of {window}");
                played += 2;
            }
        }
    }
    println!("cases: {played}");
}

/// A store that is full within the first 6 of 20 parts.
#[test]
fn a_store_that_is_full_early_is_a_cache() {
    for entries in 1..=600 {
        let filled = |calls: u64| signed(calls.min(entries));
        assert_eq!(
            play(100, 0, Counter::Blocks, filled),
            Finding::Cache,
            "{entries}"
        );
    }
}

/// A cache that fills does not hide a leak.
#[test]
fn a_leak_beside_a_cache_is_never_clean() {
    for period in 1..=100 {
        for entries in 0..1600 {
            let count = |calls: u64| signed(calls.min(entries) + calls / period);
            let finding = play(100, 0, Counter::Blocks, count);
            let is_seen = matches!(finding, Finding::Leak | Finding::Rare);
            assert!(is_seen, "1 in {period}, and {entries} entries: {finding:?}");
        }
    }
}

/// The places of the store are filled at random, so that it grows more and more slowly.
#[test]
fn a_store_filled_at_random_is_never_a_leak() {
    for entries in [100, 1000, 5000, 20_000, 50_000] {
        let filled = |calls: u64| {
            let (calls, entries) = (calls as f64, f64::from(entries));
            (entries * (1.0 - (-calls / entries).exp())) as i64
        };
        for start in [0, 1100, 30_000] {
            let finding = play(10_000, start, Counter::Items, filled);
            assert_ne!(finding, Finding::Leak, "{entries} from {start}");
        }
    }
    // Nearly full: a few places are filled late.
    let late: (&[_], &[_]) = (&[75, 45, 27, 17, 10, 6, 4, 2], &[2, 1, 0, 0]);
    are(Counter::Items, Finding::Cache, &[late]);
}

#[test]
fn a_store_that_is_emptied_when_full_is_never_a_leak() {
    let (mut played, mut open) = (0_u64, 0_u64);
    for (window, step) in [
        (40, 1),
        (80, 1),
        (800, 3),
        (1280, 7),
        (10_000, 41),
        (20_000, 97),
    ] {
        for size in (2..window * 6).step_by(step) {
            for phase in 0..8 {
                let tooth = |calls: u64| signed((calls + phase * size / 8) % size);
                let finding = play(window, 0, Counter::Items, tooth);
                assert!(finding != Finding::Leak, "{size} of {window}, {phase}");
                played += 1;
                open += u64::from(finding == Finding::Rare);
            }
        }
    }
    println!("cases: {played}");
    // These histories get more calls.
    assert!(open * 4 < played, "{open} of {played}");
}

/// The leak adds more than the store ever holds.
#[test]
fn a_leak_behind_a_store_that_is_emptied_when_full_is_never_clean() {
    for size in (1000..50_000).step_by(397) {
        for phase in 0..8 {
            for (times, of) in [(1, 1), (1, 2), (1, 4)] {
                let window = 10_000.max(size * of / times / 5);
                let count =
                    |calls: u64| signed((calls + phase * size / 8) % size + calls * times / of);
                let finding = play(window, 0, Counter::Blocks, count);
                let is_seen = matches!(finding, Finding::Leak | Finding::Rare);
                assert!(is_seen, "{size}, {phase}, {times} in {of}: {finding:?}");
            }
        }
    }
}

/// A random number from 0 to `wide` for each number of calls.
fn noise(wide: i64, seed: u64) -> impl Fn(u64) -> i64 {
    move |calls| {
        let mut state = calls.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed;
        state ^= state >> 29;
        state = state.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state ^= state >> 32;
        signed(state % 1_000_003) % (wide + 1)
    }
}

#[test]
fn noise_is_not_a_leak_and_hides_no_larger_leak() {
    for seed in 0..20_000 {
        for wide in [1, 2, 10, 1000] {
            let noise = noise(wide, seed);
            let alone = play(100, 0, Counter::Blocks, &noise);
            assert!(
                !matches!(alone, Finding::Leak | Finding::OverRelease),
                "{seed} {wide}: {alone:?}"
            );
            let leak = |calls: u64| noise(calls) + signed(calls) * wide / 50;
            let found = play(100, 0, Counter::Blocks, leak);
            let is_seen = matches!(found, Finding::Leak | Finding::Rare);
            assert!(is_seen, "{seed} {wide}: {found:?}");
        }
    }
    println!("cases: {}", 2 * 4 * 20_000);
}

#[test]
fn growth_that_pauses_is_a_cache() {
    let caches: &[(&[_], &[_])] = &[
        (&[40, 30, 20, 10, 0, 0, 0, 0], &[0; 4]),
        (&[3, 0, 0, 0, 0, 0, 0, 0], &[0; 4]),
        (&[8, -8, 1, 0], &[]),
        (&[400, -1, 0, 0, 0, 0, 0, 0], &[0; 4]),
    ];
    are(Counter::Blocks, Finding::Cache, caches);
    // A heap that is enlarged twice, or mostly at first.
    let heaps: &[(&[_], &[_])] = &[
        (&[0; 8], &[0, 8192, 8192, 0]),
        (&[90_000, 90_000, 0, 0, 0, 0, 0, 0], &[8192, 0, 0, 8192]),
    ];
    are(Counter::CHeap, Finding::Cache, heaps);
}

/// Equal growth in every window may be a cache that fills at first, and then a leak.
#[test]
fn equal_growth_in_every_window_is_never_clean() {
    for growth in 1..100 {
        are(
            Counter::Blocks,
            Finding::Rare,
            &[(&[growth; 8], &[growth; 4])],
        );
    }
    // A heap always moves by some bytes per window.
    are(Counter::CHeap, Finding::Cache, &[(&[96; 8], &[96; 4])]);
}

#[test]
fn growth_in_some_windows_gets_no_verdict() {
    let (blocks, references) = (Counter::Blocks, Counter::References);
    let rare: (&[_], &[_]) = (&[1, 0, 1, 1, 1, 0, 1, 1], &[1, 2, 1, 2]);
    are(blocks, Finding::Rare, &[rare]);
    let rarer: (&[_], &[_]) = (&[0, 0, 1, 0, 0, 0, 1, 0], &[0, 1, 0, 1]);
    are(references, Finding::Rare, &[rarer]);
    let heap: (&[_], &[_]) = (&[16, 0, 16, 0, 16, 0, 16, 0], &[0, 32, 0, 16]);
    are(Counter::CHeap, Finding::Cache, &[heap]);
}

#[test]
fn only_references_can_be_over_released() {
    let (falls, other): (&[_], &[_]) = (&[-5; 8], &[-10; 4]);
    are(Counter::References, Finding::OverRelease, &[(falls, other)]);
    are(Counter::Types, Finding::OverRelease, &[(falls, other)]);
    are(Counter::Blocks, Finding::Cache, &[(falls, other)]);
    are(Counter::References, Finding::Rare, &[(falls, &[-5; 4])]);
}

#[test]
fn windows_of_one_length_prove_nothing() {
    are(Counter::Blocks, Finding::Cache, &[(&[1], &[])]);
    are(Counter::Blocks, Finding::Rare, &[(&[1; 8], &[])]);
    are(Counter::Blocks, Finding::Steady, &[(&[], &[])]);
}

#[test]
fn no_growth_is_steady() {
    are(Counter::References, Finding::Steady, &[(&[0; 8], &[0; 4])]);
}

/// A store that is emptied when full, with two blocks per entry, with or without a leak behind it.
#[test]
fn a_leak_behind_a_store_shows_in_what_its_items_do_not_explain() {
    for size in (100..60_000).step_by(97) {
        for (times, of) in [(0, 1), (1, 1), (1, 5), (1, 40)] {
            let items = |calls: u64| calls % size;
            let blocks = |calls: u64| signed(2 * items(calls) + calls * times / of);
            let mut calls = 1025;
            let paired = windows(10_000).map(|length| {
                let before = calls;
                calls += length;
                Paired {
                    calls: length,
                    blocks: blocks(calls) - blocks(before),
                    items: signed(items(calls)) - signed(items(before)),
                }
            });
            let paired: Vec<_> = paired.collect();
            if paired.iter().all(|window| window.items == 0) {
                // The items hide nothing.
                continue;
            }
            let grows = grow_behind_items(&paired);
            assert_eq!(grows, times > 0, "{size}, {times} in {of}");
        }
    }
    assert!(!grow_behind_items(&[]));
}
