//! Plain C (peer.c), through its two functions.
#![expect(unsafe_code, reason = "the boundary to C")]

use std::ffi::{c_int, c_longlong};
use std::ptr;
use std::time::Duration;

use anyhow::{Result, ensure};
use pyo3::ffi::PyObject;
use pyo3::prelude::*;

use super::{Callee, Run, Task, find, timed};

/// `struct indices`.
#[repr(C)]
struct Indices {
    items: *mut c_longlong,
    length: usize,
}

unsafe extern "C" {
    fn peer_detect(
        function: *mut PyObject,
        data: *const f64,
        n: isize,
        indices: *mut Indices,
    ) -> c_int;
    fn peer_free(indices: *mut Indices);
}

impl AsRef<[i64]> for Indices {
    fn as_ref(&self) -> &[i64] {
        if self.items.is_null() {
            return &[];
        }
        // SAFETY: C stored `length` ints there, and frees them only in `drop`.
        unsafe { std::slice::from_raw_parts(self.items, self.length) }
    }
}

impl Drop for Indices {
    fn drop(&mut self) {
        // SAFETY: `items` is NULL or from C's malloc, and is not used again.
        unsafe { peer_free(self) };
    }
}

pub struct C(Py<PyAny>);

impl C {
    pub fn new(callee: Callee) -> Result<Self> {
        Ok(Self(find(callee)?))
    }
}

impl C {
    pub fn detect(&self, data: &[f64]) -> Result<impl AsRef<[i64]> + use<>> {
        let mut indices = Indices {
            items: ptr::null_mut(),
            length: 0,
        };
        let n = data.len().try_into()?;
        // SAFETY: `self` keeps the function; `data` has n values; `indices` is empty, as required;
        // Python was started, and C takes its lock.
        let status = unsafe { peer_detect(self.0.as_ptr(), data.as_ptr(), n, &mut indices) };
        ensure!(status == 0, "the exception is printed above");
        Ok(indices)
    }
}

impl Run for C {
    fn time(&mut self, task: &Task<'_>) -> Result<Duration> {
        timed(task, |data| self.detect(data))
    }
}
