//! Soaks two closures that call Python with PyO3: one is clean, the other leaks.
//!
//! refsoak and PyO3 must be built for the same Python. PyO3 takes the one that `PYO3_PYTHON` names; refsoak
//! takes the one that `PYTHON_SYS_EXECUTABLE` names. So name the same interpreter twice:
//!
//! ```sh
//! export PYO3_PYTHON=/usr/bin/python3 PYTHON_SYS_EXECUTABLE=/usr/bin/python3
//! cargo run
//! ```
//!
//! PyO3 0.30 needs Python 3.9 or newer. The running program has one libpython, the one that PyO3 links. refsoak
//! finds it in the process.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use refsoak::{Report, Result, Soak};

/// With this many calls, the soak sees a leak of one object in 80 calls.
const CALLS: u64 = 1600;

/// Makes a list, fills it, and reads it: all references are released by `Drop`.
fn sum(py: Python<'_>) -> PyResult<f64> {
    let numbers = PyList::new(py, [1.5, 2.5, 3.5])?;
    let sum = py.import("builtins")?.getattr("sum")?;
    sum.call1((numbers,))?.extract()
}

/// Soaks a closure that releases all its references.
pub fn clean() -> Result<Report> {
    Python::initialize();
    Soak::new(CALLS).run(|| Python::attach(|py| sum(py).map(drop)))
}

/// Soaks a closure that loses a reference to the dictionary `settings.SETTINGS` at each call.
pub fn leaking() -> Result<Report> {
    Python::initialize();
    let settings = Python::attach(settings).map_err(|error| refsoak::Error::Call(error.into()))?;
    Soak::new(CALLS).run(|| {
        Python::attach(|py| {
            // `into_ptr` hands the reference out, and nobody releases it.
            let _lost = settings.clone_ref(py).into_ptr();
            sum(py).map(drop)
        })
    })
}

/// A dictionary that a module holds, such as the settings of a program.
fn settings(py: Python<'_>) -> PyResult<Py<PyDict>> {
    let module = PyModule::new(py, "settings")?;
    let settings = PyDict::new(py);
    settings.set_item("limit", 3.5)?;
    module.setattr("SETTINGS", &settings)?;
    let modules = py.import("sys")?.getattr("modules")?;
    modules.set_item("settings", module)?;
    Ok(settings.unbind())
}
