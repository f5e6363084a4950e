//! Takes each column of a CSV file as a series, subtracts its moving average, and prints the indices of
//! the records that stand out. `cargo run --example series FILE.csv`

use std::{env, process::ExitCode, thread};

use anyhow::Context;
use pyoutliers::{Outliers, Result};

fn detector() -> Result<impl Fn(&[f64]) -> Result<Vec<i64>> + Sync> {
    let find = |name| Outliers::from_source(include_str!("series.py"), "series.py", name);
    let average = find("moving_average")?.with("window", 5)?;
    let far = find("far_from_median")?.with("factor", 9.5)?;
    Ok(move |numbers: &[f64]| {
        let means = average.transform(numbers)?; // returns floats
        let rest = numbers.iter().zip(means).map(|(value, mean)| value - mean);
        far.detect(&rest.collect::<Vec<_>>()) // returns ints
    })
}

fn main() -> anyhow::Result<ExitCode> {
    let file = env::args().nth(1).context("which file?")?;
    let mut reader = csv::Reader::from_path(&file).context(file)?;
    let names = reader.headers()?.clone();
    let mut series = vec![Vec::new(); names.len()];
    for record in reader.deserialize::<Vec<f64>>() {
        for (numbers, number) in series.iter_mut().zip(record?) {
            numbers.push(number);
        }
    }
    let detect = detector()?;
    let mut found: Vec<_> = series.iter().map(|_| Ok(Vec::new())).collect();
    thread::scope(|threads| {
        for (series, found) in series.chunks(25).zip(found.chunks_mut(25)) {
            threads.spawn(|| {
                for (numbers, found) in series.iter().zip(found) {
                    *found = detect(numbers);
                }
            });
        }
    });
    let mut status = ExitCode::SUCCESS;
    for (name, found) in names.iter().zip(found) {
        match found {
            Ok(indices) if indices.is_empty() => (),
            Ok(indices) => println!("{name}: {indices:?}"),
            // If one series fails, the others go on.
            Err(error) => {
                eprintln!("{name}: {error}");
                status = ExitCode::FAILURE;
            }
        }
    }
    Ok(status)
}
