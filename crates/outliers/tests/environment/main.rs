//! Which Python the program uses, and the environments in which it runs.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod doctor;
mod environments;
