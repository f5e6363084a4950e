//! The measurement: all ways in turn, round after round.
//!
//! No harness is used: criterion, divan and their like take all samples of one function, then all
//! of the next, and on a noisy machine the noise of a minute then becomes a difference between two
//! ways. Here a round takes one sample of each way, in an order of its own, so that a ratio within
//! a round compares like with like.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::data;
use crate::statistics::Times;
use crate::ways::{self, Callee, Caller, Run, Task, Way};

/// How much is measured at a size.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many values.
    pub size: usize,
    /// How many rounds, with one sample of each way.
    pub rounds: u32,
    /// How many calls make a sample: more where a call is short.
    pub calls: u32,
    /// gRPC takes part in every so-manieth round, with one call.
    pub grpc_every: u32,
    /// Whether the processes that keep memory take part.
    pub kept: bool,
}

const fn plan(size: usize, rounds: u32, calls: u32, grpc_every: u32, kept: bool) -> Plan {
    Plan {
        size,
        rounds,
        calls,
        grpc_every,
        kept,
    }
}

/// A few minutes.
pub const FULL: &[Plan] = &[
    plan(1, 400, 50, 1, false),
    plan(10, 400, 50, 1, false),
    plan(1_000, 400, 10, 1, false),
    plan(10_000, 300, 2, 1, true),
    plan(100_000, 100, 1, 2, true),
    plan(1_000_000, 40, 1, 8, true),
];

/// A few seconds.
pub const QUICK: &[Plan] = &[
    plan(1, 20, 10, 1, false),
    plan(10, 20, 10, 1, false),
    plan(1_000, 20, 5, 1, false),
    plan(10_000, 10, 1, 1, true),
];

/// The ways, in the order of the tables; ours first, as the ratios are to it.
pub const WAYS: &[Way] = &[
    OURS,
    OURS_KEPT,
    OURS_NEW,
    Way(Caller::Ours, Callee::Article),
    Way(Caller::Naive, Callee::Detect),
    Way(Caller::Naive, Callee::Article),
    Way(Caller::PyO3, Callee::Detect),
    Way(Caller::PyO3, Callee::Article),
    Way(Caller::C, Callee::Detect),
    Way(Caller::C, Callee::Article),
    Way(Caller::Shared, Callee::OneLiner),
    Way(Caller::Grpc, Callee::OneLiner),
    Way(Caller::Ours, Callee::Nothing),
    Way(Caller::PyO3, Callee::Nothing),
    Way(Caller::C, Callee::Nothing),
];

/// Ours, as it is meant to be used.
pub const OURS: Way = Way(Caller::Ours, Callee::Detect);
/// The same with the opt-in for large repeated inputs: the list is kept, however long it is.
pub const OURS_KEPT: Way = Way(Caller::OursKept, Callee::Detect);
/// The same with a new list for each call, as the first one has.
pub const OURS_NEW: Way = Way(Caller::OursNew, Callee::Detect);

/// The times of each way at each size, in seconds per call.
#[derive(Debug, Default)]
pub struct Results(BTreeMap<(usize, Way), Times>);

impl Results {
    /// The times of a way at a size, if it took part there.
    pub fn get(&self, size: usize, way: Way) -> Option<&Times> {
        self.0.get(&(size, way))
    }

    /// The ways that took part at a size, in the order of the tables.
    pub fn at(&self, size: usize) -> impl Iterator<Item = (Way, &Times)> {
        WAYS.iter()
            .filter_map(move |&way| Some((way, self.get(size, way)?)))
    }

    /// How many times as long one way takes as another.
    pub fn ratio(&self, size: usize, way: Way, other: Way) -> Option<Ratio> {
        let (mine, other) = (self.get(size, way)?, self.get(size, other)?);
        Some(Ratio {
            median: mine.ratio_to(other),
            minimum: mine.minimum() / other.minimum(),
        })
    }
}

/// One time to another.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    /// The median of the rounds' ratios.
    pub median: f64,
    /// Of the shortest times.
    pub minimum: f64,
}

/// Measures all ways by a plan.
pub fn measure(plans: &[Plan]) -> Result<Results> {
    let mut results = Results::default();
    let mut runs: BTreeMap<Way, Box<dyn Run>> = BTreeMap::new();
    for plan in plans {
        eprintln!("{} values, {} rounds", plan.size, plan.rounds);
        let data = data::numbers(plan.size);
        let mut ways: Vec<(Way, Vec<i64>)> = Vec::new();
        for &way in WAYS {
            if plan.kept || way != OURS_KEPT {
                ways.push((way, ways::expected(way.1, &data)?));
            }
        }
        for round in 0..plan.rounds {
            data::shuffle(&mut ways, round.into());
            for (way, expected) in &ways {
                let run = match runs.entry(*way) {
                    std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                    std::collections::btree_map::Entry::Vacant(entry) => {
                        entry.insert(ways::open(*way).with_context(|| way.to_string())?)
                    }
                };
                let task = Task {
                    data: &data,
                    expected,
                    calls: plan.calls,
                };
                let time = sample(run.as_mut(), *way, plan, round, task)
                    .with_context(|| format!("{way}, {} values", plan.size))?;
                let times = results.0.entry((plan.size, *way)).or_default();
                times.0.push(time);
            }
        }
    }
    Ok(results)
}

/// The time of a call; none where gRPC is left out.
fn sample(
    run: &mut dyn Run,
    way: Way,
    plan: &Plan,
    round: u32,
    mut task: Task<'_>,
) -> Result<Option<f64>> {
    if way.0 == Caller::Grpc {
        if !round.is_multiple_of(plan.grpc_every) {
            return Ok(None);
        }
        task.calls = 1;
    }
    // Each way first clears away what the one before it left in caches and allocators.
    run.time(&Task { calls: 1, ..task })?;
    let time = run.time(&task)?;
    Ok(Some(time.as_secs_f64() / f64::from(task.calls)))
}
