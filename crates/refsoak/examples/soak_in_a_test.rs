//! A leak soak as a test: of `pyoutliers.detect` here, of a function of yours just the same.
//!
//! `cargo test` runs it. In a crate of yours it is a file of `tests/`, and the only test in there:
//! all threads of a process are counted, so each soak wants a process of its own.

use pyoutliers::Outliers;
use refsoak::{CountingAllocator, Report, Result, Soak};

/// So that memory of Rust's is counted too.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A leak of one object in a hundred calls is seen: a sixteenth of all.
const CALLS: u64 = 1600;

fn soak() -> Result<Report> {
    let detector = Outliers::new("pyoutliers", "detect")?;
    let data = pyoutliers::gen_testdata()?;
    Soak::new(CALLS)
        .lend(&detector, &data)
        .run(|| detector.detect(&data).map(drop))
}

#[test]
fn detect_leaks_nothing() -> Result<()> {
    soak()?.assert_clean();
    Ok(())
}

/// The same as a program, which prints what was counted.
fn main() -> Result<()> {
    print!("{}", soak()?);
    Ok(())
}
