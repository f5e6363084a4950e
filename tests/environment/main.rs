//! Where it is built and run: Pythons, environments, a crate of one's own.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod build_script;
mod embedding;
mod examples;
mod runner;
