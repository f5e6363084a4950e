//! The program `outliers`.

use std::process::ExitCode;

use refsoak::CountingAllocator;

/// Lets `outliers soak` count Rust's memory.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    pyoutliers_cli::run()
}
