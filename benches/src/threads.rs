//! Compares calls of several threads with calls of one thread, and with calls of plain C's threads.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use crate::data;
use crate::numbers::count;
use crate::statistics::quantile;
use crate::ways::{C, Callee, Caller, List, Ours, Way, expected};

/// What is compared, and the ratio in each round.
#[derive(Debug)]
pub struct Comparison {
    pub text: String,
    ratios: Vec<f64>,
}

impl Comparison {
    /// The median of the rounds.
    pub fn ratio(&self) -> f64 {
        let mut sorted = self.ratios.clone();
        sorted.sort_by(f64::total_cmp);
        quantile(&sorted, 0.5)
    }
}

/// How many threads are compared with one, and with how many values.
const MANY: [usize; 3] = [2, 4, 8];
const SIZES: [usize; 3] = [10, 1_000, 100_000];

type Call = Box<dyn Fn() -> Result<()> + Send + Sync>;

/// Measures the ratio once.
type Sample = Box<dyn Fn() -> Result<f64>>;

/// A call that returns an error if the indices are wrong.
fn call(caller: Caller, callee: Callee, size: usize) -> Result<Call> {
    fn right(is_right: bool) -> Result<()> {
        ensure!(is_right, "wrong indices");
        Ok(())
    }
    let data = data::numbers(size);
    let expected = expected(callee, &data)?;
    Ok(match caller {
        Caller::C => {
            let c = C::new(callee)?;
            Box::new(move || right(c.detect(&data)?.as_ref() == expected))
        }
        Caller::PyO3 => {
            let list = List::new(callee)?;
            Box::new(move || right(list.detect(&data)? == expected))
        }
        _ => {
            let ours = Ours::new(callee)?;
            Box::new(move || right(ours.0.detect(&data)? == expected))
        }
    })
}

/// Makes all comparisons whose text contains `part`, in turn, round after round. `phase` is the time for each.
pub fn measure(rounds: usize, phase: Duration, part: &str) -> Result<Vec<Comparison>> {
    let mut comparisons: Vec<(Comparison, Sample)> = Vec::new();
    let mut compare = |text, ratio| {
        let ratios = Vec::new();
        comparisons.push((Comparison { text, ratios }, ratio));
    };
    for size in SIZES {
        for caller in [Caller::Ours, Caller::C, Caller::PyO3] {
            for many in MANY {
                let call = call(caller, Callee::Detect, size)?;
                compare(
                    format!(
                        "{}: {}, {many} threads / one",
                        count(size),
                        Way(caller, Callee::Detect)
                    ),
                    Box::new(move || {
                        Ok(rate(&[(&call, many)], phase)? / rate(&[(&call, 1)], phase)?)
                    }),
                );
            }
        }
    }
    let sleeps = call(Caller::Ours, Callee::Sleeps, 1)?;
    compare(
        "ours, sleeping 10 ms, 8 threads / one".into(),
        Box::new(move || Ok(rate(&[(&sleeps, 8)], 5 * phase)? / rate(&[(&sleeps, 1)], 5 * phase)?)),
    );
    let calls = |callee| {
        Ok::<_, anyhow::Error>((
            call(Caller::Ours, callee, 1_000)?,
            call(Caller::C, callee, 1_000)?,
        ))
    };
    let (ours, c) = calls(Callee::Meets)?;
    compare(
        "8 threads that wait for one another, time of a round: ours / plain C".into(),
        Box::new(move || {
            Ok(together(&ours, 8, 250)?.as_secs_f64() / together(&c, 8, 250)?.as_secs_f64())
        }),
    );
    let ((sleeps, c_sleeps), (ours, c)) = (calls(Callee::Sleeps)?, calls(Callee::Detect)?);
    compare(
        "1,000: calls of 3 threads beside 2 that sleep, ours / plain C".into(),
        Box::new(move || {
            let ours = rate(&[(&ours, 3), (&sleeps, 2)], 2 * phase)?;
            Ok(ours / rate(&[(&c, 3), (&c_sleeps, 2)], 2 * phase)?)
        }),
    );
    let ours = call(Caller::Ours, Callee::Detect, 1_000)?;
    compare(
        "1,000: ours, fewest / most calls of one of 4 threads".into(),
        Box::new(move || {
            let each = calls_of_each(&[(&ours, 4)], Duration::from_secs(1))?;
            let (least, most) = (each.iter().min(), each.iter().max());
            let (least, most) = least.zip(most).ok_or_else(|| anyhow!("no threads"))?;
            Ok(f64::from(*least) / f64::from(*most))
        }),
    );
    comparisons.retain(|(comparison, _)| comparison.text.contains(part));
    eprintln!("threads, {rounds} rounds");
    for _ in 0..rounds {
        for (comparison, ratio) in &mut comparisons {
            comparison.ratios.push(ratio()?);
        }
    }
    Ok(comparisons
        .into_iter()
        .map(|(comparison, _)| comparison)
        .collect())
}

/// The calls per second of the first group of threads, while the other threads call too.
fn rate(groups: &[(&Call, usize)], phase: Duration) -> Result<f64> {
    let first = groups.first().map_or(0, |group| group.1);
    let start = Instant::now();
    let calls: u32 = calls_of_each(groups, phase)?.iter().take(first).sum();
    Ok(f64::from(calls) / start.elapsed().as_secs_f64()) // The last calls end later than the phase.
}

/// The number of calls that each thread makes.
fn calls_of_each(groups: &[(&Call, usize)], phase: Duration) -> Result<Vec<u32>> {
    let start = Instant::now();
    all(groups, &|call| {
        let mut calls = 0_u32;
        while start.elapsed() < phase {
            call()?;
            calls += 1;
        }
        Ok(calls)
    })
}

/// The time in which each thread makes `calls` calls.
fn together(call: &Call, threads: usize, calls: u32) -> Result<Duration> {
    let start = Instant::now();
    all(&[(call, threads)], &|call| {
        (0..calls).try_for_each(|_| call())
    })?;
    Ok(start.elapsed())
}

/// The result of each thread.
fn all<R: Send>(
    groups: &[(&Call, usize)],
    work: &(impl Fn(&Call) -> Result<R> + Sync),
) -> Result<Vec<R>> {
    thread::scope(|scope| {
        let calls = groups
            .iter()
            .flat_map(|&(call, threads)| std::iter::repeat_n(call, threads));
        let spawn = |call| {
            scope.spawn(move || {
                // Makes the thread keep its Python thread state, so that the other ways have that advantage too.
                pyoutliers::with_python(|_| Ok(()))?;
                work(call)
            })
        };
        let threads: Vec<_> = calls.map(spawn).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended
            .map(|result| result.map_err(|_| anyhow!("a thread panicked"))?)
            .collect()
    })
}
