//! The binding works in a process in which other code, the host, has started Python. It is the only test in its
//! process.
#![allow(clippy::unwrap_used)]

mod common;

use common::load;
use cpython::Python;
use pyoutliers::{Outliers, with_python};

#[test]
fn everything_works_in_a_python_that_runs_already() {
    cpython::prepare_freethreaded_python();
    let run = |code| {
        let gil = Python::acquire_gil();
        gil.python().run(code, None, None).unwrap();
    };
    run("import sys; del sys.stdout");
    with_python(|_| Ok(())).unwrap();
    run("sys.stdout = sys.__stdout__");

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
