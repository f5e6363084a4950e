//! What several tests share: what those of the binding share too, and the program.
// Each room uses a part of it.
#![allow(dead_code, unused_imports)]

#[path = "../../../../tests/common/mod.rs"]
mod shared;

use std::process::Command;

pub use shared::*;

/// The directory of the whole checkout.
pub const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The program `outliers`, in that environment.
pub fn outliers() -> Command {
    command(env!("CARGO_BIN_EXE_outliers"))
}
