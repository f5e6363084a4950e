//! After a leak or an over-release of references: names the C functions that take and release the object.

use std::time::Duration;

use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::interpreter::{loaded, module};
use pyoutliers::{Python, Result, convert, with_python};

use crate::clock::Clock;
use crate::reference::Reference;

/// How often the reference must move while it is watched, and the most calls for that.
const OFTEN: f64 = 20.0;
const MOST_CALLS: f64 = 2000.0;
/// The time limit for these calls.
const LONGEST: Duration = Duration::from_secs(10);

/// Makes some calls while gdb watches the count of an object that moved. Returns a line for each
/// function, or a sentence that says why there is none.
///
/// # Errors
///
/// The first error of a call.
pub(super) fn functions(
    moved: &Reference,
    mut call: impl FnMut() -> crate::error::Result<()>,
) -> crate::error::Result<Vec<String>> {
    if loaded().version.is_free_threaded() {
        let line = "none, because a free-threaded Python keeps a count in two places: use the build with the GIL";
        return Ok(vec![line.into()]);
    }
    // Older frames of the stack are the same in each call.
    let base = 0_u8;
    let base = (&raw const base).addr();
    let native = match with_python(|py| attach(py, moved, base)) {
        Ok(native) => native,
        Err(refused) => return Ok(vec![reason(&refused)]),
    };
    let (mut clock, mut calls, mut result) = (Clock::new(Some(LONGEST)), 0.0, Ok(()));
    let wanted = (OFTEN / moved.per_call.abs().max(1e-9)).clamp(OFTEN, MOST_CALLS);
    while result.is_ok() && calls < wanted && !(clock.ticks() && clock.is_past(1)) {
        result = call();
        calls += 1.0;
    }
    let lines = with_python(|py| {
        let detach = capi::object_get_attr_string(&native.as_borrowed(py), c"detach")?;
        let calls = convert::list_from_slice(py, &[calls], None)?;
        texts(&capi::object_call_function_obj_args(&detach, [&calls])?)
    });
    result?;
    Ok(lines.unwrap_or_else(|error| vec![reason(&error)]))
}

fn attach(py: Python<'_>, moved: &Reference, base: usize) -> Result<Held> {
    let (name, file) = (
        c"_refsoak_native_pairs",
        c"<outliers>/refsoak/native_pairs.py",
    );
    // `native.py` imports it.
    module(py, name, file, include_str!("native_pairs.py"))?;
    let (name, file) = (c"_refsoak_native", c"<outliers>/refsoak/native.py");
    let native = module(py, name, file, include_str!("native.py"))?;
    let mut what = capi::list_new(py, 3)?;
    // Not the object: a list would change its count.
    let address = moved.held().as_borrowed(py).address();
    for (index, address) in [address, base].into_iter().enumerate() {
        let address = capi::long_from_long_long(py, address.cast_signed() as i64)?;
        capi::list_set_item(&mut what, index, address)?;
    }
    let script = capi::unicode_from_str(py, include_str!("native_gdb.py"))?;
    capi::list_set_item(&mut what, 2, script)?;
    let attach = capi::object_get_attr_string(&native, c"attach")?;
    capi::object_call_function_obj_args(&attach, [&what.finish()?])?;
    Ok(native.into())
}

/// The sentence of an exception, without its type.
fn reason(error: &pyoutliers::Error) -> String {
    let text = error.to_string();
    match text.split_once("Refused: ") {
        Some((_, sentence)) => sentence.into(),
        None => format!("none, because of an error: {text}"),
    }
}

fn texts(list: &Owned<'_>) -> Result<Vec<String>> {
    convert::vec_from_iterable(list, usize::MAX, |_, text| {
        Ok(capi::unicode_to_string(text).unwrap_or_default())
    })
}
