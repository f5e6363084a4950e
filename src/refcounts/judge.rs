//! The judge of exercises: what a child process does with an extension module.

use std::ffi::CStr;
use std::path::Path;

use super::Doomed;
use crate::capi::probes::memory::c_heap_function;
use crate::capi::probes::mistakes::starved_call;
use crate::capi::{self, Owned, Python};
use crate::convert;
use crate::error::Result;
use crate::interpreter::{self, with_python};
use crate::soak::starve;

/// At most so many allocations are failed, one after the other.
const MOST: u32 = 3000;
/// Calls to see that nothing grows; and to be sure that something does.
const QUICK: u32 = 3;
const SURE: u32 = 45;

/// Judges the function `detect` of an extension module, and prints what it tries and finds: a word and
/// texts in each line, after tabs. If `task` is that of an exercise, what `detect` returns is compared.
/// Returns whether nothing was found.
///
/// In a child process, which a module that breaks the rules may end.
///
/// # Errors
///
/// If Python cannot be started, or the module not be imported.
pub fn judge(name: &str, task: &str, library: &Path, _: Doomed) -> Result<bool> {
    with_python(|py| {
        let load = |name, file, source| interpreter::module(py, name, file, source);
        load(
            c"_outliers_inputs",
            c"<outliers>/judge/inputs.py",
            include_str!("judge/inputs.py"),
        )?;
        load(
            c"_outliers_telling",
            c"<outliers>/judge/telling.py",
            include_str!("judge/telling.py"),
        )?;
        let source = include_str!("judge/judge.py");
        let judge = load(c"_outliers_judge", c"<outliers>/judge/judge.py", source)?;
        let source = include_str!("judge/starved.py");
        let starved = load(c"_outliers_starved", c"<outliers>/judge/starved.py", source)?;
        let name = capi::unicode_from_str(py, name)?;
        let task = capi::unicode_from_str(py, task)?;
        let path = capi::unicode_from_str(py, &library.to_string_lossy())?;
        let detect = call(&find(&judge, c"load")?, [&name, &path])?;
        let heap = capi::long_from_long_long(py, c_heap_function())?;
        Ok(asks(&find(&judge, c"run")?, [&detect, &heap])? == 0
            && starving(py, &starved, &detect)?
            && asks(&find(&starved, c"leaks")?, [])? == 0
            && asks(&find(&judge, c"end")?, [&detect, &task])? == 0)
    })
}

/// Fails each allocation of a call in turn.
fn starving<'p>(py: Python<'p>, starved: &Owned<'p>, detect: &Owned<'p>) -> Result<bool> {
    // Found once: a look-up may leave a block in Python's cache.
    let (blocks, wrong) = (find(starved, c"blocks")?, find(starved, c"wrong_failure")?);
    let gc = capi::import_module(py, c"gc")?;
    let collect = find(&gc, c"collect")?;
    let (begin, end) = (find(starved, c"starve")?, find(starved, c"starved_by")?);
    let data = call(&find(starved, c"lend")?, [detect])?;
    starve(.., || ())?;
    let (pardon, recovered) = (find(starved, c"pardon")?, find(starved, c"recovered")?);
    let list = find(&capi::import_module(py, c"builtins")?, c"list")?;
    for number in 1_u32..4 {
        call(&begin, [&capi::float_from_double(py, f64::from(number))?])?;
        drop(starved_call(&list, &data, u64::from(number)));
        call(&pardon, [])?;
    }
    for number in 1..MOST {
        let number_told = capi::float_from_double(py, f64::from(number))?;
        call(&begin, [&number_told])?;
        // Python keeps some of what a failure makes, for reuse: a leak grows in each call, on and on.
        let (mut before, mut grown, mut made) = (0, i64::MAX, 0);
        for round in 0..SURE {
            if round == QUICK && grown <= 0 {
                break;
            }
            // Empties what Python keeps for reuse, so that new objects take new memory.
            call(&collect, [])?;
            let (result, allocations) = starved_call(detect, &data, u64::from(number));
            let is_wrong = match result {
                Ok(result) if round == 0 => asks(&recovered, [&result])?,
                Ok(_) => 0,
                Err(exception) => {
                    let text = capi::unicode_from_str(py, &exception.to_string())?;
                    asks(&wrong, [&text])?
                }
            };
            if is_wrong != 0 {
                return Ok(false);
            }
            made = allocations;
            let after = asks(&blocks, [])?;
            if round > 1 {
                grown = grown.min(after - before);
            }
            before = after;
        }
        let grown = f64::from(i32::try_from(grown).unwrap_or(i32::MAX));
        let grown = capi::float_from_double(py, grown)?;
        if asks(&end, [&number_told, &grown])? != 0 {
            return Ok(false);
        }
        if made < u64::from(number) {
            break;
        }
    }
    Ok(true)
}

fn find<'p>(judge: &Owned<'p>, name: &CStr) -> Result<Owned<'p>> {
    Ok(capi::object_get_attr_string(judge, name)?)
}

fn call<'p, const N: usize>(function: &Owned<'p>, arguments: [&Owned<'p>; N]) -> Result<Owned<'p>> {
    Ok(capi::object_call_function_obj_args(function, arguments)?)
}

/// The one int that it returns.
fn asks<'p, const N: usize>(function: &Owned<'p>, arguments: [&Owned<'p>; N]) -> Result<i64> {
    let answer = convert::ints(&call(function, arguments)?, 1)?;
    Ok(answer.first().copied().unwrap_or_default())
}
