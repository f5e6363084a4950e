//! Calls in which nothing goes wrong. Generated data and results are in `generated.rs`, wrong results in the
//! gallery of `hostile.rs`.

use crate::common::callee;

const DATA: [f64; 3] = [1.0, 2.0, 3.0];

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
fn empty_data_has_no_outliers_and_makes_no_call() {
    assert!(callee("raises_value_error").detect(&[]).unwrap().is_empty());
}

#[test]
fn the_copy_is_a_copy() {
    let mut data = DATA;
    callee("keeps").detect(&data).unwrap();
    data = data.map(|value| value + 6.0);
    // Neither a change of the data nor a later call changes the list that was kept.
    assert_eq!(
        callee("returns_what_was_kept").detect(&data).unwrap(),
        [1, 2, 3]
    );
}
