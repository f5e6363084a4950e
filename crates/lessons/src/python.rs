//! The Python side of the lessons: one module, to which each lesson adds its own part.

use std::ffi::CStr;

use pyoutliers::capi::{self, Owned};
use pyoutliers::{Python, Result, convert, interpreter};

const NAME: &CStr = c"_outliers_lessons";
const FILE: &CStr = c"<outliers>/lessons.py";

/// The module. The first call creates it, with the code that several lessons share.
fn module(py: Python<'_>) -> Result<Owned<'_>> {
    match capi::import_module(py, NAME) {
        Ok(module) => Ok(module),
        Err(_) => Ok(interpreter::module(
            py,
            NAME,
            FILE,
            include_str!("lessons/shared.py"),
        )?),
    }
}

/// Adds the Python of a lesson to the module.
pub(crate) fn add(py: Python<'_>, source: &str) -> Result<()> {
    module(py)?;
    interpreter::module(py, NAME, FILE, source)?;
    Ok(())
}

/// A function or class of the module.
pub(crate) fn helper<'p>(py: Python<'p>, name: &CStr) -> Result<Owned<'p>> {
    Ok(capi::object_get_attr_string(&module(py)?, name)?)
}

/// Calls a function or class of the module.
pub(crate) fn call<'p, const N: usize>(
    py: Python<'p>,
    name: &CStr,
    arguments: [&Owned<'p>; N],
) -> Result<Owned<'p>> {
    Ok(capi::object_call_function_obj_args(
        &helper(py, name)?,
        arguments,
    )?)
}

/// Calls a function of the module that returns a list of one int.
pub(crate) fn answer(py: Python<'_>, name: &CStr) -> Result<Vec<i64>> {
    convert::ints(&call(py, name, [])?, 1)
}
