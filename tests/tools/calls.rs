//! Makes calls for the tools beside it: `calls CALLS MODULE:FUNCTION...` calls each function CALLS times.
//!
//! `leak:float` and `leak:list` are not functions: they leak CALLS floats or lists.

use std::mem::forget;

use anyhow::{Context, Result};
use pyoutliers::{Outliers, capi, with_python};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let calls: u64 = arguments.next().context("how many calls?")?.parse()?;
    for name in arguments {
        let (module, function) = name.split_once(':').context("MODULE:FUNCTION?")?;
        let failed = match module {
            "leak" => leak(calls, function)?,
            _ => call(calls, module, function)?,
        };
        println!("{name}: {calls} calls, {failed} failed");
    }
    with_python(|py| {
        let settle = capi::object_get_attr_string(&capi::import_module(py, c"plain")?, c"settle")?;
        capi::object_call_object(&settle, &capi::tuple_new(py, 0)?.finish()?)?;
        Ok(())
    })?;
    Ok(())
}

/// How many of the calls failed.
fn call(calls: u64, module: &str, function: &str) -> Result<u64> {
    let detector = Outliers::new(module, function)?;
    let data: Vec<f64> = (0..1000).map(|index| f64::from(index % 97)).collect();
    let failed = (0..calls).map(|_| u64::from(detector.detect(&data).is_err()));
    Ok(failed.sum())
}

fn leak(calls: u64, kind: &str) -> Result<u64> {
    for _ in 0..calls {
        with_python(|py| {
            forget(match kind {
                "float" => capi::float_from_double(py, 1.5)?,
                _ => capi::list_new(py, 0)?.finish()?,
            });
            Ok(())
        })?;
    }
    Ok(0)
}
