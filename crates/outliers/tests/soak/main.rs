//! The soak: what leaks is found, what is clean is clean.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod command;
mod planted;
mod truth;
