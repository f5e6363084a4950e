//! The binding: what goes in, what comes out, and what happens when something is wrong.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod address_space;
mod agreement;
mod copy;
mod error_bounds;
mod errors;
mod functions;
mod generated;
mod hostile;
mod kept_list;
mod parameters;
mod side_by_side;
mod threads;
mod turns;
