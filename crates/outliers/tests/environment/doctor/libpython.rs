//! A library that takes the place of libpython.

use std::path::PathBuf;
use std::process::Command;

use pyoutliers::interpreter;

use crate::common::directory;

/// The directory of a library with the name of libpython, which can only report its version.
pub fn other_libpython() -> PathBuf {
    let directory = directory("other-libpython");
    let source = "const char *Py_GetVersion(void) { return \"3.99.1 (not a Python)\"; }\n";
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
