//! A library that takes libpython's place.

use std::path::PathBuf;
use std::process::Command;

use pyoutliers::interpreter;

use crate::common::{directory, told};

/// A library of the same name, with a symbol for each that the program wants: the loader takes it
/// for libpython, and all that it can do is tell a version.
pub fn other_libpython() -> PathBuf {
    let directory = directory("other-libpython");
    let symbols = Command::new("nm")
        .args(["-D", "--undefined-only", env!("CARGO_BIN_EXE_outliers")])
        .output()
        .unwrap();
    let names = told(&symbols).1;
    let names = names
        .split_whitespace()
        .filter(|name| name.starts_with("Py") || name.starts_with("_Py"));
    let mut source: String = names
        .filter(|&name| name != "Py_GetVersion")
        .map(|name| format!("char {name}[64];\n"))
        .collect();
    source += "const char *Py_GetVersion(void) { return \"3.99.1 (not a Python)\"; }\n";
    let file = directory.join("other.c");
    std::fs::write(&file, source).unwrap();
    let loaded = interpreter::loaded().path;
    let library = directory.join(loaded.file_name().unwrap());
    let built = Command::new("cc")
        .arg("-shared")
        .arg("-o")
        .arg(&library)
        .arg(&file)
        .status()
        .unwrap();
    assert!(built.success());
    directory
}
