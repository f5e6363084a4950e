//! After a leak: what grew, where, and what holds it.

use std::ffi::CStr;
use std::time::{Duration, Instant};

use super::Counter;
use super::report::{Reference, Report};
use super::run::float;
use super::verdict::Finding;
use crate::capi::{self, Held, Owned, Python, SpareReferences};
use crate::convert;
use crate::error::Result;
use crate::interpreter::{module, with_python};

/// The longest that is spent on finding lines, each of two times.
const LONGEST: Duration = Duration::from_secs(3);
/// So often what leaks shall have leaked while its lines are looked for; and calls at most.
const OFTEN: f64 = 16.0;
const MOST_CALLS: u64 = 30_000;
/// Most objects that are named.
const MOST_NAMED: usize = 8;

/// An object whose references moved, what they did, and by how many.
pub(super) type Moved<'a> = (Finding, i64, &'a SpareReferences);

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
    fn ask(&self, py: Python<'_>, name: &CStr, argument: Option<Owned<'_>>) -> Result<Vec<String>> {
        let function = capi::object_get_attr_string(&self.0.as_borrowed(py), name)?;
        let lines = match argument {
            Some(argument) => capi::object_call_function_obj_args(&function, [&argument])?,
            None => capi::object_call_function_obj_args(&function, [])?,
        };
        convert::vec_from_iterable(&lines, usize::MAX, |_, line| {
            Ok(capi::unicode_to_string(line).unwrap_or_default())
        })
    }

    /// Notes how long all containers are.
    pub fn begin(&self) -> Result<()> {
        with_python(|py| self.ask(py, c"begin", None).map(drop))
    }

    /// The containers that have grown since: they hold what leaks, or are caches that fill.
    pub fn holders(&self) -> Result<Vec<String>> {
        with_python(|py| self.ask(py, c"held", None))
    }

    /// What each object is, and the variable that holds it, as far as that can be told.
    pub fn name(&self, moved: &[Moved<'_>], calls: u64) -> Vec<Reference> {
        let moved = moved.get(..MOST_NAMED).unwrap_or(moved);
        let texts = with_python(|py| self.ask(py, c"identify", Some(list(py, moved)?)));
        let mut texts = texts.unwrap_or_default().into_iter();
        let named = moved.iter().map(|&(finding, total, _)| {
            let mut text = || texts.next().unwrap_or_default();
            Reference::new(finding, total, calls, text(), text())
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
            let leaks = report.counters.iter().filter(|growth| {
                growth.finding == Finding::Leak && wanted.contains(&growth.counter)
            });
            leaks
                .map(|growth| growth.per_call.min(1.0))
                .reduce(f64::min)
        };
        // As often as the rate needs, and as the time allows: what is traced is slow.
        let mut traced = |begin, end, argument: Option<&[Moved<'_>]>, rate: Option<f64>| {
            let Some(rate) = rate else {
                return Ok(Vec::new());
            };
            let wanted = (1..=MOST_CALLS).find(|&calls| rate * float(calls) >= OFTEN);
            let (start, mut calls) = (Instant::now(), 0);
            with_python(|py| {
                self.ask(
                    py,
                    begin,
                    argument.map(|moved| list(py, moved)).transpose()?,
                )
            })?;
            let mut result = Ok(());
            while result.is_ok()
                && calls < wanted.unwrap_or(MOST_CALLS)
                && start.elapsed() < LONGEST
            {
                result = call();
                calls += 1;
            }
            // Also after an error: tracing is ended.
            let lines = with_python(|py| {
                self.ask(
                    py,
                    end,
                    Some(convert::list_from_slice(py, &[float(calls), rate], None)?),
                )
            });
            result.and(lines)
        };
        let mut lines = traced(
            c"trace",
            c"traced",
            None,
            rate(&[Counter::Blocks, Counter::Tracked]),
        )?;
        let few = moved.get(..3).unwrap_or(moved);
        let held = [Counter::Blocks, Counter::Tracked];
        let followed = [Counter::CHeap, Counter::References];
        let heap = rate(&[Counter::CHeap]);
        let rate = rate(&followed).or_else(|| rate(&held).filter(|_| !report.holders.is_empty()));
        let begin = if heap.is_some() {
            c"follow_heap"
        } else {
            c"follow"
        };
        lines.extend(traced(begin, c"followed", Some(few), rate)?);
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
