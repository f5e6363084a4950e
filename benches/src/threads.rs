//! Calls per second of several threads together, beside those of one.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use outliers::Outliers;

use crate::data;
use crate::statistics::quantile;
use crate::ways::{Callee, Ours, expected};

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
}

/// Measures one and many in turn.
pub fn measure(phases: u32, phase: Duration) -> Result<Threads> {
    eprintln!("one thread and {THREADS}, {phases} phases each");
    let data = data::numbers(SIZE);
    let expected = expected(Callee::Detect, &data)?;
    let ours = Ours::new(Callee::Detect)?;
    let (mut one, mut many, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..phases {
        let alone = calls_per_second(&ours.0, 1, phase, &data, &expected)?;
        let together = calls_per_second(&ours.0, THREADS, phase, &data, &expected)?;
        one.push(alone);
        many.push(together);
        ratios.push(together / alone);
    }
    for values in [&mut one, &mut many, &mut ratios] {
        values.sort_by(f64::total_cmp);
    }
    Ok(Threads {
        one: quantile(&one, 0.5),
        many: quantile(&many, 0.5),
        ratio: quantile(&ratios, 0.5),
        best: quantile(&many, 1.0) / quantile(&one, 1.0),
    })
}

fn calls_per_second(
    ours: &Outliers,
    threads: usize,
    phase: Duration,
    data: &[f64],
    expected: &[i64],
) -> Result<f64> {
    let start = Instant::now();
    let work = || {
        let mut calls = 0_u32;
        while start.elapsed() < phase {
            ensure!(ours.detect(data)? == expected, "other indices");
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
