//! Reference faults in PyO3.

use pyo3::prelude::*;
use pyo3::{ffi, types::PyDict};

/// Takes a reference for C code that never gets it.
#[pyfunction]
fn export(thing: &Bound<'_, PyAny>) -> PyResult<bool> {
    let value = thing.getattr("value")?; // fault: export
    let pointer = value.into_ptr();
    Ok(!pointer.is_null())
}

/// Owns a borrowed reference, so its drop releases it.
#[pyfunction]
fn lookup(dict: &Bound<'_, PyDict>, key: &Bound<'_, PyAny>) -> bool {
    let value = unsafe {
        Bound::from_owned_ptr_or_opt(dict.py(), ffi::PyDict_GetItem(dict.as_ptr(), key.as_ptr()))
    };
    value.is_some_and(|value| value.is_callable()) // fault: lookup
}

#[pymodule]
fn rust_faults(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(export, module)?)?;
    module.add_function(wrap_pyfunction!(lookup, module)?)
}
