//! What is printed for reading: documentation and lessons.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod refcounts;
