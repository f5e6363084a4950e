//! The only test in its process: a soak would also count the threads of other tests.
#![allow(clippy::unwrap_used)]

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use refsoak::{Finding, Soak, Verdict};

#[test]
fn pyo3_is_clean_and_a_lost_reference_is_a_leak_that_is_named() {
    let clean = refsoak_with_pyo3::clean().unwrap();
    clean.assert_clean();

    let leaking = refsoak_with_pyo3::leaking().unwrap();
    assert_eq!(leaking.verdict, Verdict::Leak, "{leaking}");
    let lost = leaking.references.first().unwrap();
    assert_eq!(lost.object, "dict {'limit': 3.5}");
    assert_eq!(lost.variable, "settings.SETTINGS");
    assert_eq!((lost.finding, lost.per_call), (Finding::Leak, 1.0));

    // An error from PyO3 ends the soak, which returns its type and text.
    let fails = || Err::<(), PyErr>(PyValueError::new_err("no number"));
    let error = Soak::new(1600).run(fails).unwrap_err();
    assert!(
        error.to_string().contains("ValueError: no number"),
        "{error}"
    );
}
