//! The lessons and exercises, as they are printed and as pages.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod handout;
mod refcounts;
mod words;
