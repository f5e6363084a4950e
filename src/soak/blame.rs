//! After a leak: what grew, where, and what holds it.

use std::ffi::CStr;
use std::fmt;
use std::time::{Duration, Instant};

use super::Counter;
use super::report::Report;
use super::run::float;
use super::verdict::{self, Finding, Rate, per_call};
use crate::capi::probes::memory::c_heap_function;
use crate::capi::{self, Held, Owned, Python, SpareReferences};
use crate::convert;
use crate::error::Result;
use crate::interpreter::{module, with_python};

/// The longest that is spent on finding lines, each of two times.
const LONGEST: Duration = Duration::from_secs(3);
/// So often what leaks shall have leaked while its lines are looked for; and calls at most.
const OFTEN: f64 = 16.0;
const MOST_CALLS: f64 = 30_000.0;
/// Most objects that are named.
const MOST_NAMED: usize = 8;

/// An object whose references moved, what they did, and by how many.
pub(super) type Moved<'a> = (Finding, i64, &'a SpareReferences);

/// What happened to the references to one object.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reference {
    /// Its type, and its `repr`, cut.
    pub object: String,
    /// The variable that it can be reached from; empty if there is none.
    pub variable: String,
    /// What its references did.
    pub finding: Finding,
    /// By how many they grew in all windows together.
    pub total: i64,
    /// By how many they grew per call.
    pub per_call: f64,
}

/// `1 reference per call to list [1, 2], which is module.name`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.finding {
            Finding::OverRelease => "given back too often: ",
            Finding::Rare => "now and then: ",
            _ => "",
        };
        let rate = Rate(self.per_call, "reference");
        write!(f, "{verb}{rate} to {}", self.object)?;
        match self.variable.as_str() {
            "" => Ok(()),
            variable => write!(f, ", which is {variable}"),
        }
    }
}

/// The Python half: see `blame.py`.
#[derive(Debug)]
pub(super) struct Blame(Held);

impl Blame {
    /// After the meter, whose containers it looks at.
    pub fn new() -> Result<Self> {
        with_python(|py| {
            let source = include_str!("blame.py");
            let blame = module(py, c"_outliers_blame", c"<outliers>/soak/blame.py", source)?;
            Ok(Self(blame.into()))
        })
    }

    /// Has one of its functions return lines of text.
    fn ask<const N: usize>(
        &self,
        py: Python<'_>,
        name: &CStr,
        arguments: [&Owned<'_>; N],
    ) -> Result<Vec<String>> {
        let function = capi::object_get_attr_string(&self.0.as_borrowed(py), name)?;
        let lines = capi::object_call_function_obj_args(&function, arguments)?;
        convert::vec_from_iterable(&lines, usize::MAX, |_, line| {
            Ok(capi::unicode_to_string(line).unwrap_or_default())
        })
    }

    /// Notes how long all containers are.
    pub fn begin(&self) -> Result<()> {
        with_python(|py| self.ask(py, c"begin", []).map(drop))
    }

    /// The containers that have grown since: they hold what leaks, or are caches that fill.
    pub fn holders(&self) -> Result<Vec<String>> {
        with_python(|py| self.ask(py, c"held", []))
    }

    /// A container that has shrunk since by about as much as references fell: it may have held them.
    pub fn emptied(&self, moved: &[Moved<'_>]) -> Result<Option<String>> {
        let fallen: i64 = moved.iter().map(|&(_, total, _)| total.min(0)).sum();
        with_python(|py| {
            let fallen = convert::list_from_slice(py, &[float(fallen.unsigned_abs())], None)?;
            Ok(self.ask(py, c"emptied", [&fallen])?.pop())
        })
    }

    /// What each object is, and the variable that holds it, as far as that can be told.
    pub fn name(&self, moved: &[Moved<'_>], calls: u64) -> Vec<Reference> {
        let moved = moved.get(..MOST_NAMED).unwrap_or(moved);
        let texts = with_python(|py| self.ask(py, c"identify", [&list(py, moved)?]));
        let mut texts = texts.unwrap_or_default().into_iter();
        let named = moved.iter().map(|&(finding, total, _)| {
            let mut text = || texts.next().unwrap_or_default();
            Reference {
                object: text(),
                variable: text(),
                finding,
                total,
                per_call: per_call(total, calls),
            }
        });
        named.collect()
    }

    /// The lines that allocate what leaks, or lose references, and the types that it is of.
    pub fn lines(
        &self,
        report: &Report,
        moved: &[Moved<'_>],
        mut call: impl FnMut() -> Result<()>,
    ) -> Result<Vec<String>> {
        let rate = |wanted: &[Counter]| {
            let leaks = verdict::of(&report.counters, Finding::Leak);
            let leaks = leaks.filter(|growth| wanted.contains(&growth.counter));
            leaks
                .map(|growth| growth.per_call.min(1.0))
                .reduce(f64::min)
        };
        let mut traced = |begin, end, things: &[Moved<'_>], heap, rate: Option<f64>| {
            let Some(rate) = rate else {
                return Ok(Vec::new());
            };
            with_python(|py| {
                let heap = capi::long_from_long_long(py, heap)?;
                self.ask(py, begin, [&list(py, things)?, &heap])
            })?;
            let (start, mut calls, mut result) = (Instant::now(), 0.0, Ok(()));
            // As often as the rate needs, and as the time allows: what is traced is slow.
            while result.is_ok()
                && (rate * calls < OFTEN && calls < MOST_CALLS && start.elapsed() < LONGEST)
            {
                result = call();
                calls += 1.0;
            }
            // Also after an error: tracing is ended.
            let made = [calls, rate];
            let lines =
                with_python(|py| self.ask(py, end, [&convert::list_from_slice(py, &made, None)?]));
            result.and(lines)
        };
        let held = rate(&[Counter::Blocks, Counter::Tracked]);
        let mut lines = traced(c"trace", c"traced", &[], 0, held)?;
        let heap = rate(&[Counter::CHeap]).map_or(0, |_| c_heap_function());
        let followed = rate(&[Counter::CHeap, Counter::References])
            .or(held.filter(|_| !report.holders.is_empty()));
        let few = moved.get(..3).unwrap_or(moved);
        lines.extend(traced(c"follow", c"followed", few, heap, followed)?);
        Ok(lines)
    }
}

fn list<'p>(py: Python<'p>, moved: &[Moved<'_>]) -> Result<Owned<'p>> {
    let mut list = capi::list_new(py, moved.len())?;
    for (_, _, object) in moved {
        capi::list_set_next(&mut list, object.object(py).clone())?;
    }
    Ok(list.finish()?)
}
