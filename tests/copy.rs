//! The way of the data: into Python bit by bit, and out of whatever it returns, all or nothing.
#![allow(clippy::unwrap_used)]

mod common;

use common::callee;
use outliers::ErrorKind;
use rand::{RngExt, SeedableRng, rngs::StdRng};

const DATA: [f64; 3] = [1.0, 2.0, 3.0];

#[test]
fn every_bit_pattern_survives_the_copy() {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        f64::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::EPSILON,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        -f64::NAN,
        f64::from_bits(1),
        f64::from_bits(0x7FF0_0000_0000_0001),
        f64::from_bits(u64::MAX),
    ];
    let mut random = StdRng::seed_from_u64(7);
    let any = std::iter::repeat_with(|| f64::from_bits(random.random())).take(10_000);
    let data: Vec<f64> = special.into_iter().chain(any).collect();
    let expected: Vec<i64> = data
        .iter()
        .map(|value| value.to_bits().cast_signed())
        .collect();
    assert_eq!(callee("bits").detect(&data).unwrap(), expected);
}

#[test]
fn ints_come_out_of_any_iterable() {
    for function in [
        "as_list",
        "as_tuple",
        "as_range",
        "as_array",
        "as_numpy",
        "as_small_numpy",
        "as_numpy_ints",
        "as_generator",
        "as_index",
    ] {
        assert_eq!(
            callee(function).detect(&DATA).unwrap(),
            [0, 2],
            "{function}"
        );
    }
    for function in ["as_set", "as_dict"] {
        assert_eq!(callee(function).detect(&DATA).unwrap(), [2], "{function}");
    }
    assert!(callee("as_nothing").detect(&DATA).unwrap().is_empty());
}

#[test]
fn minus_one_is_a_value() {
    assert_eq!(callee("minus_ones").detect(&DATA).unwrap(), [-1, -1, -1]);
}

#[test]
fn the_smallest_and_the_largest_int_are_values() {
    assert_eq!(
        callee("as_extremes").detect(&DATA).unwrap(),
        [i64::MIN, i64::MAX]
    );
}

#[test]
fn a_result_that_is_no_iterable_of_ints_is_refused() {
    for (function, got) in [
        ("returns_none", "NoneType"),
        ("returns_int", "int"),
        ("returns_float", "float"),
        ("returns_str", "str"),
        ("returns_empty_str", "str"),
        ("returns_bytes", "bytes"),
        ("returns_bytearray", "bytearray"),
        ("returns_scalar_array", "numpy.ndarray"),
    ] {
        let error = callee(function).detect(&DATA).unwrap_err();
        assert_eq!(
            error.kind(),
            &ErrorKind::NotIterable { got: got.into() },
            "{function}"
        );
        let text = format!("callees:{function}: returned {got}, not an iterable of ints");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_wrong_item_is_refused_with_its_index() {
    for (function, got) in [
        ("has_float", "float"),
        ("has_numpy_float", "numpy.float64"),
        ("has_bool", "bool"),
        ("has_str", "str"),
        ("has_bytes", "bytes"),
        ("has_none", "NoneType"),
        ("has_list", "list"),
        ("has_large", "one beyond 64 bits"),
        ("has_small", "one beyond 64 bits"),
        ("has_large_numpy", "one beyond 64 bits"),
    ] {
        let error = callee(function).detect(&DATA).unwrap_err();
        let kind = ErrorKind::Item {
            index: 1,
            expected: "an int",
            got: got.into(),
        };
        assert_eq!(error.kind(), &kind, "{function}");
        let text =
            format!("callees:{function}: item 1 of the result should be an int, but is {got}");
        assert_eq!(error.to_string(), text);
    }
    // Called numpy.bool_ before NumPy 2.
    for (function, at) in [("has_numpy_bool", 1), ("returns_mask", 0)] {
        let error = callee(function).detect(&DATA).unwrap_err();
        let ErrorKind::Item { index, got, .. } = error.kind() else {
            unreachable!("{error}")
        };
        assert!(
            *index == at && got.starts_with("numpy.bool"),
            "{function}: {error}"
        );
    }
}

#[test]
fn an_exception_half_way_is_an_error_with_the_items_index() {
    for (function, type_name) in [
        ("raises_half_way", "ValueError"),
        ("has_raising_index", "RuntimeError"),
        ("has_overflowing_index", "OverflowError"),
        ("has_mistaken_index", "TypeError"),
    ] {
        let error = callee(function).detect(&DATA).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Iteration { index: 1, .. }),
            "{function}: {error}"
        );
        assert_eq!(error.exception().unwrap().type_name(), type_name);
    }
}

#[test]
fn an_exception_of_iter_is_an_error() {
    for (function, type_name) in [
        ("returns_uniterable", "LookupError"),
        ("returns_iterable_with_mistake", "TypeError"),
    ] {
        let error = callee(function).detect(&DATA).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Call(_)),
            "{function}: {error}"
        );
        assert_eq!(error.exception().unwrap().type_name(), type_name);
    }
}

#[test]
fn more_items_than_values_are_refused_and_an_endless_iterator_ends() {
    for function in ["counts_for_ever", "returns_one_too_many"] {
        let error = callee(function).detect(&DATA).unwrap_err();
        assert_eq!(
            error.kind(),
            &ErrorKind::TooManyItems { limit: 3 },
            "{function}"
        );
    }
}

#[test]
fn empty_data_has_no_outliers_and_makes_no_call() {
    assert!(callee("raises_value_error").detect(&[]).unwrap().is_empty());
}

#[test]
fn the_copy_is_a_copy() {
    let data = DATA;
    callee("changes").detect(&data).unwrap();
    assert_eq!(data, DATA);
}
