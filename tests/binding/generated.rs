//! Generated data and results: floats arrive bit for bit, ints come back equal, and anything else is an error at
//! the right index.
//!
//! Each run makes new cases, and prints the smallest one that fails. PROPTEST_CASES sets their number.
#![allow(clippy::indexing_slicing)]

use std::env;
use std::sync::Once;

use crate::common::load;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use pyoutliers::{ErrorKind, Outliers};

fn callee(function: &str) -> Outliers {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| load(c"generated", include_str!("generated.py")));
    Outliers::new("generated", function).unwrap()
}

fn config() -> ProptestConfig {
    let cases = env::var("PROPTEST_CASES").map_or(1000, |cases| cases.parse().unwrap());
    println!("cases: {cases}");
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Values of all kinds, as bits: any bits, NaNs with any payload, and special values.
fn value() -> impl Strategy<Value = u64> {
    const NAN: u64 = 0x7FF0_0000_0000_0000;
    let special = [
        0.0,
        1.0,
        f64::MIN_POSITIVE,
        f64::EPSILON,
        f64::MAX,
        f64::INFINITY,
        f64::NAN,
    ];
    let negative = special.map(|value| -value);
    let special: Vec<_> = special
        .into_iter()
        .chain(negative)
        .map(f64::to_bits)
        .chain([1])
        .collect();
    prop_oneof![
        4 => any::<u64>(),
        1 => any::<u64>().prop_map(|bits| bits | NAN),
        1 => select(special),
    ]
}

fn values() -> impl Strategy<Value = Vec<u64>> {
    prop_oneof![9 => vec(value(), 1..100), 1 => vec(value(), 1000..5000)]
}

fn floats(words: impl IntoIterator<Item = u64>) -> Vec<f64> {
    words.into_iter().map(f64::from_bits).collect()
}

/// An int of any size up to 128 bits, often near a limit of 64 bits.
fn int() -> impl Strategy<Value = i128> {
    let edges = [
        0,
        -1,
        1,
        i64::MIN.into(),
        i64::MAX.into(),
        u64::MAX.into(),
        i128::MIN,
        i128::MAX,
    ];
    let near = (select(edges.to_vec()), -2..3_i128);
    prop_oneof![
        2 => any::<i64>().prop_map(i128::from),
        1 => any::<i128>(),
        1 => near.prop_map(|(edge, step)| edge.saturating_add(step)),
    ]
}

/// What the error calls an int that does not fit in 64 bits.
const LARGER: &str = "a larger one";

/// The right result for an item, by its kind: its value, or what the error calls it.
fn item(kind: usize, value: i128) -> Result<i64, &'static str> {
    match kind {
        0..3 => value.try_into().map_err(|_| LARGER),
        3 if value == 0 => Ok(0),
        3 => Err(LARGER),
        4 => Ok((value.rem_euclid(1 << 64) - (1 << 63)).try_into().unwrap()),
        5 => value.rem_euclid(1 << 64).try_into().map_err(|_| LARGER),
        _ => Err(["float", "bool", "NoneType", "str", "ValueError"][kind - 6]),
    }
}

/// The numbers of kinds of results and items in `generated.py`.
const RESULTS: usize = 7;
const ITEMS: usize = 11;
/// The kinds of items that fit in 64 bits if the value does.
const INTS: [usize; 4] = [0, 1, 2, 4];

fn program(result: usize, items: &[(usize, i128)]) -> Vec<f64> {
    let items = items.iter().flat_map(|&(kind, value)| {
        let low = value.rem_euclid(1 << 64).try_into().unwrap();
        let high = i64::try_from(value >> 64).unwrap().cast_unsigned();
        [kind as u64, high, low]
    });
    floats([result as u64].into_iter().chain(items))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_bit_pattern_survives_the_copy(words in values()) {
        let expected: Vec<i64> = words.iter().map(|word| word.cast_signed()).collect();
        prop_assert_eq!(callee("bits").detect(&floats(words)).unwrap(), expected);
    }

    #[test]
    fn ints_come_back_equal_whatever_they_come_in(
        result in 0..RESULTS,
        items in vec((select(&INTS), any::<i64>().prop_map(i128::from)), 0..40),
    ) {
        let expected: Vec<i64> = items.iter().map(|&(kind, value)| item(kind, value).unwrap()).collect();
        let built = callee("builds").detect(&program(result, &items));
        prop_assert_eq!(built.unwrap(), expected);
    }

    #[test]
    fn anything_else_is_an_error_at_the_first_wrong_index(
        result in 0..RESULTS,
        items in vec((0..ITEMS, int()), 1..12),
    ) {
        let built = callee("builds").detect(&program(result, &items));
        let expected: Result<Vec<_>, _> = items.iter().enumerate().map(|(index, &(kind, value))| {
            item(kind, value).map_err(|got| (index, got))
        }).collect();
        match (built, expected) {
            (Ok(built), Ok(expected)) => prop_assert_eq!(built, expected),
            (Err(error), Err((index, "ValueError"))) => {
                let (kind, text) = (error.kind(), items[index].1.to_string());
                let is_here = matches!(kind, ErrorKind::Iteration { index: at, .. } if *at == index);
                prop_assert!(is_here, "{}", error);
                prop_assert_eq!(error.exception().unwrap().type_name(), "ValueError");
                prop_assert_eq!(error.exception().unwrap().message(), text);
            }
            (Err(error), Err((index, got))) => {
                let expected = if got == LARGER { "an int that fits in 64 bits" } else { "an int" };
                let expected = ErrorKind::Item { index, expected, got: got.into() };
                prop_assert_eq!(error.kind(), &expected);
            }
            (built, expected) => prop_assert!(false, "should be {:?}, but is {:?}", expected, built),
        }
    }

    #[test]
    fn more_items_than_values_are_an_error_unless_an_earlier_item_is_wrong(
        length in 2..60_usize,
        count in 0..120_usize,
        wrong in 0..200_usize,
    ) {
        let mut data = vec![0.0; length];
        data[0] = f64::from_bits(count as u64);
        data[1] = f64::from_bits(wrong as u64);
        let counted = callee("counts").detect(&data).map_err(|error| error.kind().clone());
        let expected = if wrong < count.min(length) {
            Err(ErrorKind::Item { index: wrong, expected: "an int", got: "NoneType".into() })
        } else if count > length {
            Err(ErrorKind::TooManyItems { limit: length })
        } else {
            Ok((0..i64::try_from(count).unwrap()).collect())
        };
        prop_assert_eq!(counted, expected);
    }
}
