//! The `cpython` crate as its documentation uses it: whole vectors, iterators, a guard for the lock.

use std::time::Duration;

use anyhow::{Result, anyhow};
use cpython::{ObjectProtocol, PyObject, Python, ToPyObject};

use super::{Callee, Run, Task, timed};

pub struct Naive(PyObject);

impl Naive {
    pub fn new(callee: Callee) -> Result<Self> {
        let (module, name) = callee.names();
        let gil = Python::acquire_gil();
        let py = gil.python();
        let module = py.import(module).map_err(error)?;
        Ok(Self(module.get(py, name).map_err(error)?))
    }
}

impl Run for Naive {
    fn time(&mut self, task: &Task<'_>) -> Result<Duration> {
        timed(task, |data| {
            let gil = Python::acquire_gil();
            let py = gil.python();
            let list = data.to_py_object(py);
            let result = self.0.call(py, (list,), None).map_err(error)?;
            let mut indices = Vec::new();
            for item in result.iter(py).map_err(error)? {
                let index: i64 = item.and_then(|item| item.extract(py)).map_err(error)?;
                indices.push(index);
            }
            Ok(indices)
        })
    }
}

/// The crate's error does not implement the standard library's trait.
fn error(error: cpython::PyErr) -> anyhow::Error {
    anyhow!("{error:?}")
}
