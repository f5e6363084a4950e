//! A first step: runs a snippet of Python and prints where that Python searches for modules.

use anyhow::Result;
use pyoutliers::{capi, with_python};

/// Python prints the first line, and leaves `path` for Rust to read.
const SNIPPET: &std::ffi::CStr = c"
import sys
print('Python %d.%d searches for modules in' % sys.version_info[:2])
path = sys.path
";

fn main() -> Result<()> {
    for directory in with_python(search_path)? {
        println!("{directory}");
    }
    Ok(())
}

fn search_path(py: pyoutliers::Python<'_>) -> pyoutliers::Result<Vec<String>> {
    let code = capi::compile_string(py, SNIPPET, c"snippet.py")?; // new
    let module = capi::import_exec_code_module(c"snippet", &code)?; // borrows the code; new
    let path = capi::object_get_attr_string(&module, c"path")?; // new
    let iterator = capi::object_get_iter(&path)?; // new
    let mut directories = Vec::new();
    while let Some(directory) = capi::iter_next(&iterator)? {
        directories.push(capi::unicode_to_string(&directory).unwrap_or_default());
    } // each directory is released here
    Ok(directories) // the other references are released here
}
