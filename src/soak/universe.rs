//! The references to all objects that can be found, each counted by itself.
//!
//! A leaked reference to an object that lives anyway takes no memory: only the object's count tells.

use super::Counter;
use super::blame::Moved;
use super::run::float;
use super::verdict::{Finding, Series};
use crate::capi::{self, Held, Python, SpareReferences};
use crate::convert;
use crate::error::Result;

/// Spare references to each object from the start, so that none dies before its count is read.
const SPARE: i64 = 32;

/// Objects, held and counted. Reading their counts allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Universe(Vec<Member>);

#[derive(Debug)]
struct Member {
    object: SpareReferences,
    count: i64,
    series: Series,
    /// By how many references per call it fell in the last window; whether it ever fell.
    fall: Option<f64>,
}

/// A window that has ended: how many calls it had, and whether it was a long one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window(pub u64, pub bool);

impl Universe {
    /// Adds what a function of Python returns, but for the immortal and what is there already.
    pub fn extend(&mut self, py: Python<'_>, objects: &Held) -> Result<()> {
        let mut known: Vec<_> = self
            .0
            .iter()
            .map(|member| member.object.object(py).address())
            .collect();
        known.sort_unstable();
        let objects = capi::object_call_function_obj_args(&objects.as_borrowed(py), [])?;
        let new = convert::vec_from_iterable(&objects, usize::MAX, |_, object| {
            let is_new = !object.is_immortal() && known.binary_search(&object.address()).is_err();
            Ok(is_new.then(|| Member {
                object: SpareReferences::new(object.clone(), SPARE),
                count: 0,
                series: Series::default(),
                fall: None,
            }))
        })?;
        drop(objects);
        let begin = |mut member: Member| {
            member.object.begin(py);
            member
        };
        self.0.extend(new.into_iter().flatten().map(begin));
        self.begin(py);
        Ok(())
    }

    /// Begins a new series of windows.
    pub fn begin(&mut self, py: Python<'_>) {
        for member in &mut self.0 {
            member.count = member.object.count(py);
            member.series = Series::default();
        }
    }

    /// Lends as many spare references as may be given back too often in so many calls.
    pub fn lend(&mut self, py: Python<'_>, calls: u64) {
        for member in &mut self.0 {
            if let Some(fall) = member.fall {
                // Twice what is expected, and something for what falls rarely.
                let missing = (2.0 * fall).max(0.02) * float(calls);
                member.object.lend(py, SPARE + whole(missing));
            }
        }
    }

    /// All spare references.
    pub fn spare(&self) -> i64 {
        self.0.iter().map(|member| member.object.spare()).sum()
    }

    /// All references, but for the spare ones. After a window the growth of each object is noted.
    pub fn read(&mut self, py: Python<'_>, window: Option<Window>) -> i64 {
        let mut total = 0;
        for member in &mut self.0 {
            let count = member.object.count(py);
            total += count;
            let Some(Window(calls, is_long)) = window else {
                continue;
            };
            let growth = count - member.count;
            member.count = count;
            member.series.note(is_long, growth);
            if growth < 0 || member.fall.is_some() {
                let fall = float(growth.min(0).unsigned_abs()) / float(calls.max(1));
                member.fall = Some(fall);
            }
        }
        total
    }

    /// Whether any object's count grew, or fell, in each of the last five windows.
    pub fn is_steady(&self) -> bool {
        self.0.iter().any(|member| member.series.is_steady())
    }

    /// The objects whose counts fell in each of the last two windows.
    pub fn falling(&self) -> Vec<Moved<'_>> {
        let falling = self.0.iter().filter(|member| member.series.falls());
        falling
            .map(|member| (Finding::OverRelease, member.series.total(), &member.object))
            .collect()
    }

    /// The objects whose counts moved with the calls, or may have; what moved most comes first.
    pub fn judge(&self) -> Vec<Moved<'_>> {
        let judged = self.0.iter().map(|Member { object, series, .. }| {
            let finding = series.judge(Counter::References);
            (finding, series.total(), object)
        });
        let mut moved: Vec<_> = judged
            .filter(|(finding, ..)| !matches!(finding, Finding::Steady | Finding::Cache))
            .collect();
        moved.sort_by_key(|&(finding, total, _)| (finding, -total.abs()));
        moved
    }
}

/// A number of references, without its fraction; within reason.
fn whole(number: f64) -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let whole = number.min(1e9) as i64;
    whole
}
