//! After a leak: what grew, and where.

use crate::capi::{self, Held};
use crate::convert;
use crate::error::{Error, Result};
use crate::interpreter::{module, with_python};

/// Runs a closure twice as often as `calls` and names what grows: the Python lines that allocate
/// it, the types that it is of, and the variables that hold it.
///
/// Lines come from `tracemalloc`, which makes calls some times slower. What is allocated outside
/// Python code has no line.
///
/// # Errors
///
/// The first error of the closure, or of Python.
pub fn lines_that_grow<E: From<Error>>(
    calls: u64,
    mut call: impl FnMut() -> Result<(), E>,
) -> Result<Vec<String>, E> {
    let [trace, traced, count, counted] = functions()?;
    let mut lines = Vec::new();
    for (begin, end) in [(trace, traced), (count, counted)] {
        text(&begin)?;
        let result = (0..calls).try_for_each(|_| call());
        // Also after an error: tracing is ended.
        let grown = text(&end)?;
        result?;
        lines.extend(grown);
    }
    Ok(lines)
}

fn functions() -> Result<[Held; 4]> {
    with_python(|py| {
        let source = include_str!("blame.py");
        let blame = module(py, c"_outliers_blame", c"<outliers>/soak/blame.py", source)?;
        let find = |name| capi::object_get_attr_string(&blame, name).map(Held::from);
        Ok([
            find(c"trace")?,
            find(c"traced")?,
            find(c"count")?,
            find(c"counted")?,
        ])
    })
}

/// The lines of text that a function returns.
fn text(function: &Held) -> Result<Vec<String>> {
    with_python(|py| {
        let lines = capi::object_call_function_obj_args(&function.as_borrowed(py), [])?;
        convert::vec_from_iterable(&lines, usize::MAX, |_, line| {
            Ok(capi::unicode_to_string(line).unwrap_or_default())
        })
    })
}
