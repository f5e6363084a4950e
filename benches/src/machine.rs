//! The machine and the versions of the software that were measured.

use std::fs;
use std::thread;

use anyhow::{Context, Result};
use pyo3::prelude::*;

/// The text for the page and the chart.
#[derive(Debug)]
pub struct Machine {
    /// Date and processor.
    pub short: String,
    /// The versions of the software.
    pub versions: String,
}

/// Asks the system and Python.
pub fn describe() -> Result<Machine> {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == "model name")
        .map_or("unknown processor", |(_, model)| model.trim());
    let cores = thread::available_parallelism()?;
    let (date, python, [numpy, grpcio]) = Python::attach(|py| {
        let date = py.import("datetime")?.getattr("date")?;
        let date: String = date.call_method0("today")?.str()?.extract()?;
        let platform = py.import("platform")?;
        let python: String = platform.call_method0("python_version")?.extract()?;
        let metadata = py.import("importlib.metadata")?;
        let version =
            |name| -> PyResult<String> { metadata.call_method1("version", (name,))?.extract() };
        PyResult::Ok((date, python, [version("numpy")?, version("grpcio")?]))
    })?;
    let crates =
        ["cpython", "pyo3", "numpy", "tonic"].map(|name| Ok(format!("{name} {}", locked(name)?)));
    let crates = crates.into_iter().collect::<Result<Vec<_>>>()?.join(", ");
    let rustc = env!("BENCHES_RUSTC").split(" (").next().unwrap_or_default();
    Ok(Machine {
        short: format!("{date}, {model}, {cores} cores, {}", std::env::consts::OS),
        versions: format!(
            "CPython {python}, NumPy {numpy}, grpcio {grpcio}; {rustc}, release; crates {crates}"
        ),
    })
}

/// The version of a crate.
fn locked(name: &str) -> Result<&'static str> {
    let lock = include_str!("../Cargo.lock");
    let (_, entry) = lock
        .split_once(&format!("name = \"{name}\"\nversion = \""))
        .with_context(|| format!("no crate {name}"))?;
    Ok(entry.split('"').next().unwrap_or_default())
}
