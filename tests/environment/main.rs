//! Building and running: Pythons, environments, and your own crate.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod build_script;
mod embedding;
mod examples;
mod runner;
