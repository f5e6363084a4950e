//! Calls per second of several threads together, beside those of one.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use crate::data;
use crate::statistics::quantile;
use crate::ways::{C, Callee, Ours, expected};

/// The threads that are compared with one.
pub const THREADS: usize = 4;
/// The values of each call.
pub const SIZE: usize = 1_000;

/// Medians over the phases.
#[derive(Debug)]
pub struct Threads {
    /// Calls per second of one thread.
    pub one: f64,
    /// Calls per second of all threads together.
    pub many: f64,
    /// Many to one, phase by phase.
    pub ratio: f64,
    /// The same of the best phases.
    pub best: f64,
    /// Ours to plain C's, of many threads, phase by phase.
    pub beside_c: f64,
    /// The same of the best phases.
    pub best_beside_c: f64,
}

/// Measures one and many in turn.
pub fn measure(phases: u32, phase: Duration) -> Result<Threads> {
    eprintln!("one thread and {THREADS}, {phases} phases each");
    let data = data::numbers(SIZE);
    let expected = expected(Callee::Detect, &data)?;
    let (ours, c) = (Ours::new(Callee::Detect)?, C::new(Callee::Detect)?);
    let ours = |data: &[f64]| Ok(ours.0.detect(data)? == expected);
    let c = |data: &[f64]| Ok(c.detect(data)?.as_ref() == expected);
    let (mut one, mut many, mut many_of_c) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..phases {
        one.push(calls_per_second(&ours, 1, phase, &data)?);
        many.push(calls_per_second(&ours, THREADS, phase, &data)?);
        many_of_c.push(calls_per_second(&c, THREADS, phase, &data)?);
    }
    Ok(Threads {
        ratio: median(many.iter().zip(&one).map(|(many, one)| many / one)),
        best: best(&many) / best(&one),
        beside_c: median(many.iter().zip(&many_of_c).map(|(ours, c)| ours / c)),
        best_beside_c: best(&many) / best(&many_of_c),
        one: median(one),
        many: median(many),
    })
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

fn best(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

fn calls_per_second(
    is_right: &(impl Fn(&[f64]) -> Result<bool> + Sync),
    threads: usize,
    phase: Duration,
    data: &[f64],
) -> Result<f64> {
    let start = Instant::now();
    let work = || {
        // For plain C too, the thread keeps its state in Python.
        pyoutliers::with_python(|_| Ok(()))?;
        let mut calls = 0_u32;
        while start.elapsed() < phase {
            ensure!(is_right(data)?, "other indices");
            calls += 1;
        }
        Ok(calls)
    };
    let calls = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended
            .map(|calls| calls.map_err(|_| anyhow!("a thread panicked"))?)
            .sum::<Result<u32>>()
    })?;
    Ok(f64::from(calls) / start.elapsed().as_secs_f64())
}
