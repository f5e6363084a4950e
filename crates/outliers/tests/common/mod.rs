//! Helpers that several tests share: those of the binding's tests, and the program.
// Each test program uses only some of them.
#![allow(dead_code, unused_imports)]

#[path = "../../../../tests/common/mod.rs"]
mod shared;

use std::path::{Path, PathBuf};
use std::process::Command;

use pyoutliers::interpreter;
pub use shared::*;

/// The root of the checkout.
pub const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The program `outliers`, in the environment that `command` sets.
pub fn outliers() -> Command {
    command(env!("CARGO_BIN_EXE_outliers"))
}

/// A C module of this package, compiled with these flags into a directory of this name; `None` if there is no compiler.
pub fn compiled(source: &str, name: &str, flags: &[&str]) -> Option<PathBuf> {
    if Command::new("cc").arg("--version").output().is_err() {
        skipped("a C compiler is needed");
        return None;
    }
    let mut python = Command::new(interpreter::choice().unwrap().python);
    let include = "import sysconfig; print(sysconfig.get_path('include'))";
    let include = outcome(&python.args(["-c", include]).output().unwrap()).1;
    let directory = directory(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let library = directory.join(source.with_extension("so").file_name().unwrap());
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC"]).args(flags);
    compiler.arg(format!("-I{}", include.trim()));
    let status = compiler.arg(source).arg("-o").arg(library).status();
    assert!(status.unwrap().success());
    Some(directory)
}
