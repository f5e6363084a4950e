//! The program `outliers`.

mod cli;

use std::process::ExitCode;

use pyoutliers::soak::CountingAllocator;

/// Lets `outliers soak` see Rust's heap.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    cli::run()
}
