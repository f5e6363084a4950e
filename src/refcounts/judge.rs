//! The judge of exercises: what a child process does with an extension module.

use std::ffi::CStr;
use std::path::Path;

use crate::capi::{self, Owned, Python};
use crate::convert;
use crate::error::Result;
use crate::interpreter::{self, with_python};
use crate::soak::starve;

/// At most so many allocations are failed, one after the other.
const MOST: u32 = 3000;

/// Judges the function `detect` of an extension module, and prints what it does and finds: lines of
/// `probe` or `found`, and text after tabs. Returns whether nothing was found.
///
/// For a child process, which a module that breaks the rules may end.
///
/// # Errors
///
/// If Python cannot be started, or the module not be imported.
pub fn judge(name: &str, library: &Path) -> Result<bool> {
    with_python(|py| {
        let source = include_str!("judge.py");
        let (module, file) = (c"_outliers_judge", c"<outliers>/refcounts/judge.py");
        let judge = Judge(interpreter::module(py, module, file, source)?);
        let name = capi::unicode_from_str(py, name)?;
        let path = capi::unicode_from_str(py, &library.to_string_lossy())?;
        let detect = judge.call(c"load", [&name, &path])?;
        if judge.asks(c"run", [&detect])? != 0 {
            return Ok(false);
        }
        starving(py, &judge, &detect)
    })
}

/// Fails each allocation of a call in turn.
fn starving(py: Python<'_>, judge: &Judge<'_>, detect: &Owned<'_>) -> Result<bool> {
    let data = judge.call(c"lend", [])?;
    for number in 1..MOST {
        // Python keeps some of what a failure makes, for reuse: what the second call leaves counts.
        let (mut before, mut grown, mut made) = (0, 0, 0);
        for _ in 0..3 {
            let call = || capi::object_call_function_obj_args(detect, [&data]).map(drop);
            let (result, allocations) = starve(u64::from(number)..=u64::from(number), call)?;
            if let Err(exception) = result {
                let text = capi::unicode_from_str(py, &exception.to_string())?;
                if judge.asks(c"wrong_failure", [&text])? != 0 {
                    return Ok(false);
                }
            }
            made = allocations;
            let after = judge.asks(c"blocks", [])?;
            (before, grown) = (after, after - before);
        }
        let grown = i32::try_from(grown).unwrap_or(i32::MAX);
        let [allocation, grown] = [f64::from(number), f64::from(grown)];
        let allocation = capi::float_from_double(py, allocation)?;
        let grown = capi::float_from_double(py, grown)?;
        if judge.asks(c"after_failure", [&allocation, &grown])? != 0 {
            return Ok(false);
        }
        if made < u64::from(number) {
            break;
        }
    }
    Ok(true)
}

/// Its Python side.
struct Judge<'p>(Owned<'p>);

impl<'p> Judge<'p> {
    fn call<const N: usize>(&self, name: &CStr, arguments: [&Owned<'p>; N]) -> Result<Owned<'p>> {
        let function = capi::object_get_attr_string(&self.0, name)?;
        Ok(capi::object_call_function_obj_args(&function, arguments)?)
    }

    /// The one int that it returns.
    fn asks<const N: usize>(&self, name: &CStr, arguments: [&Owned<'p>; N]) -> Result<i64> {
        let answer = convert::ints(&self.call(name, arguments)?, 1)?;
        Ok(answer.first().copied().unwrap_or_default())
    }
}
