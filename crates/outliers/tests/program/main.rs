//! Tests of the program `outliers`: its results, pictures and errors.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod broken;
mod detect_command;
mod exercises;
mod generate;
mod judge;
mod out_of_memory;
mod output;
mod plot;
mod readme;
mod records_kept;
mod records_out;
mod streams;
mod terminal;
mod transform;
