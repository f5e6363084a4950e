//! Soaks and starves the binding: it leaks on no path.
#![allow(clippy::unwrap_used)]

#[path = "../../../../tests/common/mod.rs"]
mod common;

mod out_of_memory;
mod paths;
