//! Helpers that several tests share: those of the binding's tests, and the program.
// Each test program uses only some of them.
#![allow(dead_code, unused_imports)]

#[path = "../../../../tests/common/mod.rs"]
mod shared;

use std::process::Command;

pub use shared::*;

/// The root of the checkout.
pub const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The program `outliers`, in the environment that `command` sets.
pub fn outliers() -> Command {
    command(env!("CARGO_BIN_EXE_outliers"))
}
