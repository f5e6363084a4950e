//! Many threads share one function. Each thread has its own data. Python's lock lets one in at a time.

use std::thread;

use anyhow::{Result, anyhow};
use pyoutliers::Outliers;

const THREADS: usize = 8;

fn main() -> Result<()> {
    let detector = Outliers::new("pyoutliers", "detect")?;
    let found = thread::scope(|threads| {
        let running: Vec<_> = (0..THREADS)
            .map(|number| {
                let detector = &detector;
                threads.spawn(move || detector.detect(&series(number)))
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a thread has panicked")))
            .collect::<Result<Vec<_>>>()
    })?;
    for (number, indices) in found.into_iter().enumerate() {
        println!("thread {number}: {:?}", indices?);
    }
    Ok(())
}

/// A thousand numbers: two ones, at different indices for each thread, and zeros.
fn series(number: usize) -> Vec<f64> {
    let stands_out = [number, 100 + 10 * number];
    (0..1000)
        .map(|index| f64::from(u8::from(stands_out.contains(&index))))
        .collect()
}
