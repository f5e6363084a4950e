//! Checks every row of the rule table, and any other C call, by counts of fresh objects. It is the only test in its
//! process, because it counts references.
#![allow(clippy::unwrap_used)]

mod any_call;
mod containers;
mod numbers;
mod objects;
mod owned;
mod text;

use std::ffi::CStr;

use pyoutliers::capi::{self, Owned};
use pyoutliers::{Exception, Python, with_python};

/// A check for each row, under its Rust name.
type Checks = &'static [(&'static str, fn(Python<'_>) -> Result<(), Exception>)];

/// They are in files with the same names as in `src/capi/calls`.
const CHECKS: [Checks; 5] = [
    containers::CHECKS,
    numbers::CHECKS,
    objects::CHECKS,
    text::CHECKS,
    owned::CHECKS,
];

#[test]
fn every_row_of_the_table_keeps_its_rule() {
    let rows: Vec<_> = include_str!("../../src/capi/rules.md")
        .lines()
        .skip(2)
        .collect();
    let names: Vec<_> = rows
        .iter()
        .map(|row| row.split('`').nth(3).unwrap())
        .collect();
    let checks = CHECKS.concat();
    let checked: Vec<_> = checks.iter().map(|&(name, _)| name).collect();
    let missing = names.iter().find(|name| !checked.contains(name));
    assert_eq!(missing, None, "has a row, but no check in tests/rules");
    assert_eq!(names, checked, "in the order of the table");
    println!("cases: {}", checked.len());
    // The second round finds references that the first one leaked.
    for _ in 0..2 {
        for (name, check) in checks.iter().chain(any_call::CHECKS) {
            println!("{name}");
            with_python(|py| Ok(check(py)?)).unwrap();
        }
    }
}

/// A call does not change the count of an object that it borrows, also if it fails.
fn borrows<'p, R>(object: &Owned<'p>, call: impl Fn(&Owned<'p>) -> R) -> R {
    let count = object.reference_count();
    let result = call(object);
    assert_eq!(object.reference_count(), count);
    result
}

fn empty_tuple(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    capi::tuple_new(py, 0)?.finish()
}

fn one_item_list(item: Owned<'_>) -> Result<Owned<'_>, Exception> {
    let mut list = capi::list_new(item.py(), 1)?;
    capi::list_set_item(&mut list, 0, item)?;
    list.finish()
}

fn one_item_tuple(item: Owned<'_>) -> Result<Owned<'_>, Exception> {
    let mut tuple = capi::tuple_new(item.py(), 1)?;
    capi::tuple_set_item(&mut tuple, 0, item)?;
    tuple.finish()
}

fn builtin<'p>(py: Python<'p>, name: &CStr) -> Result<Owned<'p>, Exception> {
    capi::object_get_attr_string(&capi::import_module(py, c"builtins")?, name)
}

fn call<'p>(callable: &Owned<'p>, argument: Owned<'p>) -> Result<Owned<'p>, Exception> {
    capi::object_call_object(callable, &one_item_tuple(argument)?)
}

/// `object()`, which nobody else refers to.
fn fresh(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    capi::object_call_object(&builtin(py, c"object")?, &empty_tuple(py)?)
}

fn int(py: Python<'_>, value: f64) -> Result<Owned<'_>, Exception> {
    call(&builtin(py, c"int")?, capi::float_from_double(py, value)?)
}

fn exec<'p>(py: Python<'p>, name: &CStr, source: &CStr) -> Result<Owned<'p>, Exception> {
    capi::import_exec_code_module(name, &capi::compile_string(py, source, c"tests/rules.rs")?)
}
