//! Tests of `outliers soak`: it finds leaks, and code without leaks is clean.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod audit;
mod baseline;
mod command;
mod native;
mod planted;
mod reproducer;
mod statement;
mod truth;
