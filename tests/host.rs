//! The binding works in a process in which other code, the host, has started Python. It is the only test in its
//! process.
#![allow(clippy::unwrap_used, unsafe_code)]

mod common;

use std::ffi::CStr;
use std::ptr;

use common::load;
use cpython::Python;
use pyoutliers::{Outliers, capi, with_python};

#[test]
fn everything_works_in_a_python_that_runs_already() {
    cpython::prepare_freethreaded_python();
    let run = |code: &CStr| {
        let _lock = Python::acquire_gil();
        // SAFETY: the lock is held; the code ends in NUL, and no flags are needed.
        let status = unsafe { capi::c!(PyRun_SimpleStringFlags(code.as_ptr(), ptr::null_mut())) };
        assert_eq!(status, 0);
    };
    run(c"import sys; del sys.stdout");
    with_python(|_| Ok(())).unwrap();
    run(c"sys.stdout = sys.__stdout__");

    load(c"host", "def ends(data): return [0, len(data) - 1]");
    let ends = Outliers::new("host", "ends").unwrap();
    assert_eq!(ends.detect(&[1.5; 3]).unwrap(), [0, 2]);
    let error = Outliers::new("no_such_module", "f").unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot import no_such_module: ModuleNotFoundError: No module named 'no_such_module'; \
         other code in this process had started Python"
    );
}
