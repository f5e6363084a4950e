//! Calls a function of one's own, in `own_function.py` beside this file.
//!
//! It is compiled in here, so that the program runs from anywhere. A module that is not is searched
//! where Python searches, so that `PYTHONPATH=examples` would do too, without `compile_in`.

use std::ffi::CString;

use anyhow::Result;
use pyoutliers::{Outliers, capi, with_python};

fn main() -> Result<()> {
    compile_in()?;
    let spikes = Outliers::new("own_function", "spikes")?;
    let data = [1.0, 1.5, 1.0, 9.0, 1.2, 0.8, 7.0, 1.0];
    println!("{:?}", spikes.detect(&data)?);

    // What the function raises comes back as an error; its traceback is text by then.
    if let Err(error) = spikes.detect(&[1.0, 9.0]) {
        println!("{error}");
    }
    Ok(())
}

/// Makes the source a module, which counts as imported from then on.
fn compile_in() -> Result<()> {
    let source = CString::new(include_str!("own_function.py"))?;
    with_python(|py| {
        let code = capi::compile_string(py, &source, c"own_function.py")?; // new
        capi::import_exec_code_module(c"own_function", &code)?; // borrows the code; new
        Ok(())
    })?;
    Ok(())
}
