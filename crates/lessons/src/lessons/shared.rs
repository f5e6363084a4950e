//! What several lessons share.

use pyoutliers::capi::{Held, Owned};
use pyoutliers::{Exception, Python, Result, with_python};
use refsoak::{Counter, Report};

pub(super) fn yes(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
}

/// A reference that is made with the lock, and kept after the lock is released.
pub(super) fn keep(
    make: impl for<'p> FnOnce(Python<'p>) -> Result<Owned<'p>, Exception>,
) -> Result<Held> {
    with_python(|py| Ok(Held::from(make(py)?)))
}

/// How much a counter grew with each call, or the verdict if the soak has no such number.
pub(super) fn per_call(report: &Report, counter: Counter) -> String {
    let mut counters = report.counters.iter();
    let growth = counters.find(|growth| growth.counter == counter);
    growth.map_or_else(
        || report.summary(),
        |growth| format!("{:+}", growth.per_call),
    )
}
