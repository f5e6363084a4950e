//! Where the program runs: Pythons, and their environments.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod doctor;
mod environments;
