//! Named arguments, and functions that return floats.

use crate::common::callee;
use pyoutliers::{ErrorKind, Outliers, Parameter};

const SOURCE: &str = include_str!("parameters.py");

fn function(name: &str) -> Outliers {
    Outliers::from_source(SOURCE, "parameters.py", name).unwrap()
}

#[test]
fn a_parameter_arrives_as_its_type_and_value() {
    let types = function("types")
        .with("a", 2.5)
        .and_then(|types| types.with("b", 7))
        .and_then(|types| types.with("c", true))
        .and_then(|types| types.with("größe", "größer\0"))
        .unwrap();
    let expected = "a=2.5:float b=7:int c=True:bool größe='größer\\x00':str";
    for _ in 0..3 {
        let error = types.detect(&[1.0]).unwrap_err();
        assert_eq!(error.exception().unwrap().message(), expected);
    }
    let bits = [f64::NAN, -0.0, f64::MAX, 5e-324].map(Parameter::from);
    let ints = [i64::MIN, -1, i64::MAX].map(Parameter::from);
    for value in bits.into_iter().chain(ints) {
        let same = function("same").with("value", value).unwrap();
        match value {
            Parameter::Float(value) => {
                let back = same.transform(&[1.0]).unwrap();
                assert_eq!(back.first().unwrap().to_bits(), value.to_bits());
            }
            Parameter::Int(value) => assert_eq!(same.detect(&[1.0]).unwrap(), [value]),
            _ => unreachable!(),
        }
    }
}

#[test]
fn the_last_value_of_a_name_counts_and_calls_do_not_change_it() {
    let changes = function("changes").with("value", 1).unwrap();
    let changes = changes.with("value", 2).unwrap();
    for _ in 0..3 {
        assert_eq!(changes.detect(&[1.0]).unwrap(), [2]);
    }
}

#[test]
fn a_parameter_that_the_function_does_not_take_is_an_error_of_the_call() {
    for (name, text) in [
        ("no_such", "unexpected keyword argument"),
        ("data", "multiple values for argument 'data'"),
        ("", "unexpected keyword argument"),
    ] {
        let error = function("same").with(name, 1).unwrap();
        let error = error.detect(&[1.0]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Call(_)), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
    let error = function("same").with("a\0b", 1).unwrap_err();
    let text = "\"a\\0b\" is not a Python name: NUL at byte 1";
    assert_eq!(error.to_string(), text);
}

/// C code gets the dictionary and the tuple themselves, not copies.
#[test]
fn a_function_in_c_may_keep_what_it_gets() {
    let partial = Outliers::new("functools", "partial").unwrap();
    let partial = partial.with("value", 7).unwrap();
    for _ in 0..3 {
        let error = partial.detect(&[1.0]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Call(_)), "{error}");
    }
    let sorted = Outliers::new("builtins", "sorted").unwrap();
    let sorted = sorted.with("reverse", true).unwrap();
    for round in 1..20 {
        let data: Vec<f64> = (0..round).map(f64::from).collect();
        let expected: Vec<f64> = (0..round).rev().map(f64::from).collect();
        assert_eq!(sorted.transform(&data).unwrap(), expected);
    }
}

#[test]
fn a_float_is_a_float_and_nothing_else() {
    let float = |kind: &str| {
        let gives = function("gives").with("kind", kind).unwrap();
        gives.transform(&[1.0, 2.0])
    };
    for kind in [
        "float", "subclass", "float64", "float32", "float16", "array",
    ] {
        assert_eq!(float(kind).unwrap(), [0.5, 1.5], "{kind}");
    }
    for (kind, got) in [
        ("int", "int"),
        ("bool", "bool"),
        ("str", "str"),
        ("None", "NoneType"),
        ("int64", "numpy.int64"),
        ("complex", "complex"),
        ("Decimal", "decimal.Decimal"),
        ("has_float", "parameters-py.HasFloat"),
    ] {
        let error = float(kind).unwrap_err();
        let text =
            format!("parameters.py:gives: item 1 of the result should be a float, but is {got}");
        assert_eq!(error.to_string(), text);
    }
    let error = callee("counts_for_ever").transform(&[1.0]).unwrap_err();
    assert!(error.to_string().contains("should be a float, but is int"));
    let error = float("one more").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::TooManyItems { limit: 2 });
    let error = float("text").unwrap_err();
    let text = "parameters.py:gives: returned str, not an iterable of numbers";
    assert_eq!(error.to_string(), text);
    assert_eq!(function("gives").transform(&[]).unwrap(), []);
}
