//! Each column of a CSV is a series: takes its moving average off, and prints which records stand out
//! of the rest. `cargo run --example series FILE.csv`

use std::{env, process::ExitCode, thread};

use anyhow::{Context, Result, anyhow};
use pyoutliers::Outliers;

const THREADS: usize = 8;

struct Detector {
    average: Outliers,
    far: Outliers,
}

impl Detector {
    fn new() -> pyoutliers::Result<Self> {
        let find = |name| Outliers::from_source(include_str!("series.py"), "series.py", name);
        let average = find("moving_average")?.with("window", 5)?;
        let far = find("far_from_median")?.with("factor", 9.5)?;
        Ok(Self { average, far })
    }

    fn detect(&self, numbers: &[f64]) -> pyoutliers::Result<Vec<i64>> {
        let average = self.average.transform(numbers)?; // floats back
        let rest = numbers
            .iter()
            .zip(average)
            .map(|(value, mean)| value - mean);
        self.far.detect(&rest.collect::<Vec<_>>()) // ints back
    }
}

struct Series {
    name: String,
    numbers: Vec<f64>,
    found: Result<Vec<i64>>,
}

fn read(file: &str) -> Result<Vec<Series>> {
    let mut reader = csv::Reader::from_path(file).with_context(|| file.to_owned())?;
    let new = |name: &str| Series {
        name: name.into(),
        numbers: Vec::new(),
        found: Ok(Vec::new()),
    };
    let mut all: Vec<_> = reader.headers()?.iter().map(new).collect();
    for record in reader.records() {
        for (field, series) in record?.iter().zip(&mut all) {
            match field.parse() {
                Ok(number) => series.numbers.push(number),
                Err(_) => series.found = Err(anyhow!("not a number: {field:?}")),
            }
        }
    }
    Ok(all)
}

fn main() -> Result<ExitCode> {
    let file = env::args().nth(1).context("which file?")?;
    let (detector, mut all) = (Detector::new()?, read(&file)?);
    let each = all.len().div_ceil(THREADS).max(1);
    thread::scope(|threads| {
        for part in all.chunks_mut(each) {
            threads.spawn(|| {
                for series in part.iter_mut().filter(|series| series.found.is_ok()) {
                    series.found = detector.detect(&series.numbers).map_err(Into::into);
                }
            });
        }
    });
    let mut status = ExitCode::SUCCESS;
    for Series { name, found, .. } in all {
        match found {
            Ok(indices) if indices.is_empty() => (),
            Ok(indices) => println!("{name}: {indices:?}"),
            // One that fails ends none of the others.
            Err(error) => {
                eprintln!("{name}: {error:#}");
                status = ExitCode::FAILURE;
            }
        }
    }
    Ok(status)
}

/// Both functions, called again and again, leave nothing behind.
#[test]
fn the_calls_leak_nothing() -> pyoutliers::Result<()> {
    let detector = Detector::new()?;
    let numbers: Vec<_> = (0..100)
        .map(|index| f64::from(index * index % 97))
        .collect();
    let soak = pyoutliers::soak::Soak::new(1600);
    soak.run(|| detector.detect(&numbers).map(drop))?
        .assert_clean();
    Ok(())
}
