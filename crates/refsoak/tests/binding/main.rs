//! The binding, as a closure to soak and to starve: on no path does it leak.
#![allow(clippy::unwrap_used)]

#[path = "../../../../tests/common/mod.rs"]
mod common;

mod out_of_memory;
mod paths;
