//! The measurement: all ways in turn, round after round.
//!
//! It uses no harness: criterion, divan and others take all samples of one function, then all samples
//! of the next. On a noisy machine, a minute of noise then looks like a difference between two ways.
//! Here each round takes one sample of each way, in a random order, so a ratio within a round
//! compares like with like.

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
    /// How many calls make a sample: more for a short call.
    pub calls: u32,
    /// gRPC takes part in one of this many rounds, with one call.
    pub grpc_every: u32,
    /// Whether the way that keeps any list takes part.
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

/// The ways, in the order of the tables. Ours is first: the ratios compare the others to it.
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

/// Ours, with the default settings.
pub const OURS: Way = Way(Caller::Ours, Callee::Detect);
/// Ours, with the option for large repeated inputs: it keeps the list, however long it is.
pub const OURS_KEPT: Way = Way(Caller::OursKept, Callee::Detect);
/// Ours, with a new list for each call, as in the first call.
pub const OURS_NEW: Way = Way(Caller::OursNew, Callee::Detect);

/// The times of each way at each size, in seconds per call.
#[derive(Debug, Default)]
pub struct Results(BTreeMap<(usize, Way), Times>);

impl Results {
    /// The times of a way at a size, if it took part.
    pub fn get(&self, size: usize, way: Way) -> Option<&Times> {
        self.0.get(&(size, way))
    }

    /// The ways that took part at a size, in the order of the tables.
    pub fn at(&self, size: usize) -> impl Iterator<Item = (Way, &Times)> {
        WAYS.iter()
            .filter_map(move |&way| Some((way, self.get(size, way)?)))
    }

    /// The ratio of the times of two ways.
    pub fn ratio(&self, size: usize, way: Way, other: Way) -> Option<Ratio> {
        let (mine, other) = (self.get(size, way)?, self.get(size, other)?);
        Some(Ratio {
            median: mine.ratio_to(other),
            minimum: mine.minimum() / other.minimum(),
        })
    }
}

/// The ratio of two times.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    /// The median of the rounds' ratios.
    pub median: f64,
    /// The ratio of the shortest times.
    pub minimum: f64,
}

/// Measures all ways at the sizes of the plans.
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

/// The time of a call; `None` for gRPC in a round without it.
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
    // The first call of each way only restores the caches and allocators that the way before it has changed.
    run.time(&Task { calls: 1, ..task })?;
    let time = run.time(&task)?;
    Ok(Some(time.as_secs_f64() / f64::from(task.calls)))
}
