//! Compares what this crate assumes of Python's C headers with the headers of the Python that it was built for.
//! `python3-sys` was written for older versions, and only for builds with the lock.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::mem::offset_of;
use std::path::Path;
use std::process::{Command, Stdio};

use python3_sys as ffi;

use crate::capi::object::{Head, ListObject};
use crate::capi::start::{COERCE_C_LOCALE, Config, INSTALL_SIGNAL_HANDLERS};

/// What the compiler has against a source file that includes `Python.h`; `None` if there is no compiler, or no header.
fn complaints(source: &str) -> Option<String> {
    let question = "import sysconfig; print(sysconfig.get_path('include'), end='')";
    let mut python = Command::new(env!("OUTLIERS_BUILD_PYTHON"));
    let answer = python.args(["-I", "-c", question]).output().ok()?;
    let include = String::from_utf8(answer.stdout).ok()?;
    if !Path::new(&include).join("Python.h").exists() {
        return None;
    }
    let mut compiler = Command::new("cc");
    compiler.args(["-fsyntax-only", "-Werror", "-xc", "-", "-I", &include]);
    let mut compiler = compiler
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let source = format!("#include <stddef.h>\n#include <Python.h>\n{source}");
    compiler.stdin.take()?.write_all(source.as_bytes()).unwrap();
    let output = compiler.wait_with_output().unwrap();
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        output.status.success(),
        complaints.is_empty(),
        "{complaints}"
    );
    Some(complaints)
}

#[test]
fn the_layouts_are_those_of_the_headers() {
    let int = size_of::<std::ffi::c_int>();
    let mut facts = vec![
        format!("sizeof(PyVarObject) == {}", size_of::<Head>()),
        format!(
            "offsetof(PyListObject, ob_item) == {}",
            offset_of!(ListObject, ob_item)
        ),
        format!("sizeof(PyConfig) <= {}", size_of::<Config>()),
        format!("sizeof(PyPreConfig) <= {}", size_of::<Config>()),
        format!(
            "offsetof(PyConfig, install_signal_handlers) == {}",
            INSTALL_SIGNAL_HANDLERS * int
        ),
        format!(
            "offsetof(PyPreConfig, coerce_c_locale) == {}",
            COERCE_C_LOCALE * int
        ),
    ];
    let mut functions = vec![];
    if cfg!(free_threaded) {
        functions.push("Py_ssize_t (*count)(PyObject *) = &(Py_REFCNT);");
        functions.push("PyTypeObject *(*kind)(PyObject *) = &(Py_TYPE);");
        functions.push("int (*is_unique)(PyObject *) = &(PyUnstable_Object_IsUniquelyReferenced);");
    } else {
        facts.extend([
            format!(
                "offsetof(PyObject, ob_refcnt) == {}",
                offset_of!(ffi::PyObject, ob_refcnt)
            ),
            format!(
                "offsetof(PyObject, ob_type) == {}",
                offset_of!(ffi::PyObject, ob_type)
            ),
            format!(
                "offsetof(PyTypeObject, tp_flags) == {}",
                offset_of!(ffi::PyTypeObject, tp_flags)
            ),
        ]);
    }
    let asserted: String = facts
        .iter()
        .map(|fact| format!("_Static_assert({fact}, \"\");\n"))
        .collect();
    let Some(found) = complaints(&(asserted + &functions.join("\n"))) else {
        println!("SKIPPED: there is no C compiler here, or no Python.h");
        return;
    };
    assert_eq!(found, "");
    // The compiler checks each.
    let wrong: String = facts
        .iter()
        .map(|fact| format!("_Static_assert(!({fact}), \"\");\n"))
        .collect();
    let found = complaints(&wrong).unwrap();
    assert_eq!(
        found.matches("assertion failed").count(),
        facts.len(),
        "{found}"
    );
}
