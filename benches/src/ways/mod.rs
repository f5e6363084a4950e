//! The ways from a slice of floats to the indices of its outliers, all timed in the same manner.

mod apart;
mod c;
mod grpc;
mod naive;
mod ours;
mod pyo3_list;
mod shared;

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use pyo3::prelude::*;

pub use apart::{APART, serve};
pub use c::C;
pub use ours::Ours;
pub use pyo3_list::List;

/// The code that makes the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// This project.
    Ours,
    /// This project, keeping lists of any length.
    OursKept,
    /// This project, keeping none.
    OursNew,
    /// The `cpython` crate, used naively.
    Naive,
    /// PyO3's list path.
    PyO3,
    /// PyO3 with rust-numpy: the array shares the slice's memory.
    Shared,
    /// Plain C.
    C,
    /// A Python server on loopback.
    Grpc,
}

/// The function that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Callee {
    /// `pyoutliers.detect`.
    Detect,
    /// The article's function: `np.fromiter`, then the one-liner.
    Article,
    /// The one-liner alone, on an array.
    OneLiner,
    /// Does nothing.
    Nothing,
    /// Sleeps 10 ms.
    Sleeps,
    /// Waits until eight threads are there.
    Meets,
}

impl Callee {
    /// Its module and name in Python.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Detect => ("pyoutliers", "detect"),
            Self::Article => ("callees", "article"),
            Self::OneLiner => ("callees", "one_liner"),
            Self::Nothing => ("nothing", "nothing"),
            Self::Sleeps => ("callees", "sleeps"),
            Self::Meets => ("callees", "meets"),
        }
    }
}

/// One way: a caller and a callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way(pub Caller, pub Callee);

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Caller::Ours => "ours",
            Caller::OursKept => "ours, any list kept",
            Caller::OursNew => "ours, a new list",
            Caller::Naive => "`cpython` crate, naive",
            Caller::PyO3 => "PyO3, list",
            Caller::Shared => "PyO3 + rust-numpy, shared memory",
            Caller::C => "plain C",
            Caller::Grpc => "gRPC",
        })?;
        f.write_str(match self.1 {
            Callee::Detect => ", `detect`",
            Callee::Article => ", article's function",
            Callee::OneLiner => ", one-liner",
            Callee::Nothing => ", nothing",
            Callee::Sleeps => ", sleeping",
            Callee::Meets => ", meeting",
        })
    }
}

/// A number of calls on the same data, to be timed.
#[derive(Debug)]
pub struct Task<'a> {
    pub data: &'a [f64],
    pub expected: &'a [i64],
    pub calls: u32,
}

/// Carries out a task.
pub trait Run {
    /// The time for all calls together. An error if one returns other indices than expected.
    fn time(&mut self, task: &Task<'_>) -> Result<Duration>;
}

/// Times calls of a closure.
///
/// The clock runs while the indices are compared, for all ways alike. It takes far less than a
/// thousandth of the call.
fn timed<T: AsRef<[i64]>>(
    task: &Task<'_>,
    mut call: impl FnMut(&[f64]) -> Result<T>,
) -> Result<Duration> {
    let mut same = true;
    let start = Instant::now();
    for _ in 0..task.calls {
        same &= call(task.data)?.as_ref() == task.expected;
    }
    let time = start.elapsed();
    ensure!(same, "other indices than the plain one-liner's");
    Ok(time)
}

/// Prepares a way, and starts its process if it has one.
pub fn open(Way(caller, callee): Way) -> Result<Box<dyn Run>> {
    Ok(match caller {
        Caller::Ours => Box::new(Ours::new(callee)?),
        Caller::OursKept => Box::new(Ours::keeping(callee, usize::MAX)?),
        Caller::OursNew => Box::new(Ours::keeping(callee, 0)?),
        Caller::Naive => Box::new(naive::Naive::new(callee)?),
        Caller::PyO3 => Box::new(pyo3_list::List::new(callee)?),
        Caller::Shared => Box::new(shared::Shared::new()?),
        Caller::C => Box::new(c::C::new(callee)?),
        Caller::Grpc => Box::new(apart::Apart::new(Way(caller, callee))?),
    })
}

/// The indices that the callee must return: those of the plain one-liner, or none.
pub fn expected(callee: Callee, data: &[f64]) -> Result<Vec<i64>> {
    if let Callee::Nothing | Callee::Sleeps | Callee::Meets = callee {
        return Ok(Vec::new());
    }
    pyo3::Python::attach(|py| {
        let plain = py.import("callees")?.getattr("plain")?;
        Ok(plain.call1((data,))?.extract()?)
    })
}

/// Starts Python with our crate, for all ways in this process, and adds the callees to its path.
pub fn start_python() -> Result<()> {
    pyoutliers::with_python(|_| Ok(()))?;
    pyo3::Python::attach(|py| {
        let sys = py.import("sys")?;
        sys.setattr("dont_write_bytecode", true)?;
        let here = env!("CARGO_MANIFEST_DIR");
        sys.getattr("path")?.call_method1("append", (here,))?;
        Ok(())
    })
}

/// A callee, for PyO3.
fn find(callee: Callee) -> Result<Py<PyAny>> {
    let (module, name) = callee.names();
    pyo3::Python::attach(|py| Ok(py.import(module)?.getattr(name)?.unbind()))
}
