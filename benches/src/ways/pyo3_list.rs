//! PyO3's list path.

use std::time::Duration;

use anyhow::Result;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::{Callee, Run, Task, find, timed};

pub struct List(Py<PyAny>);

impl List {
    pub fn new(callee: Callee) -> Result<Self> {
        Ok(Self(find(callee)?))
    }
}

impl List {
    pub fn detect(&self, data: &[f64]) -> Result<Vec<i64>> {
        Python::attach(|py| {
            let list = PyList::new(py, data)?;
            let result = self.0.bind(py).call1((list,))?;
            let mut indices = Vec::new();
            for item in result.try_iter()? {
                indices.push(item?.extract::<i64>()?);
            }
            Ok(indices)
        })
    }
}

impl Run for List {
    fn time(&mut self, task: &Task<'_>) -> Result<Duration> {
        timed(task, |data| self.detect(data))
    }
}
