//! Sweeps: calls in which each allocation fails in turn, as if memory ran out.

use std::ffi::CStr;
use std::ops::{ControlFlow, Range};

use pyoutliers::capi::{self, Held};
use pyoutliers::{Python, Result, with_python};

/// Makes sweeps: calls in which each allocation fails in turn. It holds the functions of Python's module `gc` that
/// they need.
///
/// ```standalone_crate
/// use std::ops::ControlFlow;
///
/// use pyoutliers::{capi, with_python};
/// use refsoak::{Soak, Sweep, starve};
///
/// let sweep = Sweep::new()?;
/// let call = || with_python(|py| Ok(drop(capi::unicode_from_str(py, "a string")?)));
/// let report = Soak::new(160).briefly(16).run(|| {
///     sweep.each(1..3000, |number| {
///         let (_, allocations) = starve(number..=number, call)?;
///         Ok(if allocations < number { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
///     })
/// })?;
/// report.assert_clean();
/// # Ok::<_, refsoak::Error>(())
/// ```
#[derive(Debug)]
pub struct Sweep {
    collect: Held,
    freeze: Held,
    unfreeze: Held,
}

impl Sweep {
    /// Looks the functions up.
    ///
    /// # Errors
    ///
    /// If Python cannot be started.
    pub fn new() -> Result<Self> {
        with_python(|py| {
            let gc = capi::import_module(py, c"gc")?;
            let find = |name: &CStr| capi::object_get_attr_string(&gc, name).map(Held::from);
            Ok(Self {
                collect: find(c"collect")?,
                freeze: find(c"freeze")?,
                unfreeze: find(c"unfreeze")?,
            })
        })
    }

    /// Collects garbage. This empties Python's free lists too, so that each new object is an allocation.
    ///
    /// # Errors
    ///
    /// If memory runs out.
    pub fn collect(&self, py: Python<'_>) -> Result<()> {
        call(py, &self.collect)
    }

    /// Collects garbage and calls a closure, for each number in turn, until the closure returns `Break`. The closure
    /// makes the allocation of that number fail.
    ///
    /// # Errors
    ///
    /// The first error of the closure.
    pub fn each(
        &self,
        mut numbers: Range<u64>,
        mut fail: impl FnMut(u64) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        // Makes collections cheap.
        with_python(|py| call(py, &self.freeze))?;
        let result = numbers.try_for_each(|number| {
            let collected = with_python(|py| self.collect(py));
            match collected.and_then(|()| fail(number)) {
                Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
                Ok(ControlFlow::Break(())) => ControlFlow::Break(Ok(())),
                Err(error) => ControlFlow::Break(Err(error)),
            }
        });
        with_python(|py| call(py, &self.unfreeze))?;
        result.break_value().unwrap_or(Ok(()))
    }
}

fn call(py: Python<'_>, function: &Held) -> Result<()> {
    capi::object_call_function_obj_args(&function.as_borrowed(py), [])?;
    Ok(())
}
