//! The lessons, as they are printed and as a page.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod refcounts;
mod words;
