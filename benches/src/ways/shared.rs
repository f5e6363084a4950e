//! PyO3 with rust-numpy: NumPy reads the slice where it is. It copies nothing in, so it is the limit.
#![expect(unsafe_code, reason = "the array must not outlive the slice")]

use std::time::Duration;

use anyhow::Result;
use numpy::ndarray::ArrayView1;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use super::{Callee, Run, Task, find, timed};

pub struct Shared(Py<PyAny>);

impl Shared {
    pub fn new() -> Result<Self> {
        Ok(Self(find(Callee::OneLiner)?))
    }
}

impl Run for Shared {
    fn time(&mut self, task: &Task<'_>) -> Result<Duration> {
        timed(task, |data| {
            Python::attach(|py| {
                let nobody = py.None().into_bound(py);
                // SAFETY: the callee is `one_liner`, which neither keeps nor changes the array, and
                // the array dies in this closure, before `data`.
                let array = unsafe { PyArray1::borrow_from_array(&ArrayView1::from(data), nobody) };
                let result = self.0.bind(py).call1((array,))?;
                let indices: PyReadonlyArray1<'_, i64> = result.extract()?;
                Ok(indices.as_slice()?.to_vec())
            })
        })
    }
}
