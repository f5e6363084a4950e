//! A soak as a test of `pyoutliers.detect`. Replace it with your own function.
//!
//! `cargo test` runs it. In your own crate, put it in a file of `tests/` with no other test: a soak counts all
//! threads of its process, so each soak needs its own process.

use pyoutliers::Outliers;
use refsoak::{CountingAllocator, Report, Result, Soak};

/// Counts Rust's memory too.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// With this many calls, the soak sees a leak of one object in 80 calls.
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

/// The same as a program, which prints the report.
fn main() -> Result<()> {
    print!("{}", soak()?);
    Ok(())
}
