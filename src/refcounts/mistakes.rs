//! What goes wrong in C, made on purpose in child processes.

use std::mem;

use super::{Children, Doomed, Table, helpers};
use crate::capi::probes::mistakes as raw;
use crate::capi::{self, Python};
use crate::convert;
use crate::error::Result;
use crate::interpreter::with_python;
use crate::outliers::Outliers;
use crate::soak::{Counter, Soak};

/// References that are not ours are given back, used too late, or used without the lock.
pub(super) fn mistakes(table: &mut Table, children: &Children<'_>) -> Result<()> {
    for (name, call, meaning, expected) in [
        (
            "forget",
            "no Py_DecRef of a new list",
            "memory blocks per call",
            "+1",
        ),
        (
            "release-borrowed",
            "Py_DecRef(PyList_GetItem(..))",
            "gives back the list's",
            "SIGSEGV",
        ),
        (
            "use-after-steal",
            "item used after PyList_SetItem",
            "the list is gone too",
            "SIGSEGV",
        ),
        (
            "borrow-after-change",
            "PyList_GetItem, then SetItem",
            "item used after both",
            "SIGSEGV",
        ),
        (
            "no-lock",
            "PyMem_Malloc without the lock",
            "Python ends the process",
            "SIGABRT",
        ),
    ] {
        table.step(call, meaning, expected, children.output(name));
    }
    table.note(STRICT);
    table.note("it also ends the process if memory is asked for without the lock");
    Ok(())
}

/// Without it, such damage often goes unnoticed until much later.
const STRICT: &str = "by PYTHONMALLOC=debug, which overwrites freed memory; else many survive";

/// The argument tuple is never given back: what the shared-memory program did at each call.
pub(super) fn leaked_tuple(table: &mut Table, children: &Children<'_>) -> Result<()> {
    table.step(
        "PyObject_CallObject(f, tuple)",
        "tracked objects per call",
        "+2",
        children.output("leaked-tuple"),
    );
    table.step(
        "and Py_DecRef(tuple)",
        "tracked objects per call",
        "+0",
        children.output("released-tuple"),
    );
    table.note("tracked by the collector of cycles: the tuple, and the list in it");
    Ok(())
}

/// What the copying program did with an item that could not be stored.
pub(super) fn released_item(table: &mut Table, children: &Children<'_>) -> Result<()> {
    let outcome = children.output("release-after-failure");
    table.step(
        "PyList_SetItem fails, Py_DecRef",
        "item given back twice",
        "SIGSEGV",
        outcome,
    );
    table.note(STRICT);
    Ok(())
}

/// What the shared-memory program did with the text of an error.
pub(super) fn text_after_release(table: &mut Table, children: &Children<'_>) -> Result<()> {
    let read = children.output("text-after-release");
    table.step(
        "PyUnicode_AsUTF8(text), Py_DecRef",
        "first byte, read after",
        "0xdd",
        read,
    );
    table.note("0xdd is what Python's debug allocator leaves of freed memory");
    Ok(())
}

/// What a child prints that has imported NumPy.
const IMPORTED: &str = "imported";

/// What a second start does to NumPy.
pub(super) fn once(table: &mut Table, children: &Children<'_>) -> Result<()> {
    let first = children.output("import");
    table.step(
        "PyImport_ImportModule(\"numpy\")",
        "NumPy imports",
        true,
        first == IMPORTED,
    );
    if first != IMPORTED {
        table.note(first);
        return Ok(());
    }
    let said = children.output("restart");
    table.step(
        "Py_FinalizeEx, Py_InitializeEx",
        "NumPy imports again",
        false,
        said == IMPORTED,
    );
    table.note(if said.starts_with("SIG") {
        format!("the process ends by {said}")
    } else {
        said
    });
    Ok(())
}

/// Makes the mistake of that name, which a child of a lesson is there for. Returns what the child
/// shall print, if it lives.
///
/// Nobody makes one by accident:
///
/// ```compile_fail
/// use pyoutliers::refcounts::{Doomed, misbehave};
/// misbehave("use-after-steal", Doomed::new())?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// In a program whose main function is this alone:
///
/// ```no_run
/// use pyoutliers::refcounts::{Doomed, misbehave};
/// // SAFETY: this process does nothing else.
/// misbehave("use-after-steal", unsafe { Doomed::new() })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// # Errors
///
/// If Python cannot be started, or has no memory left.
pub fn misbehave(name: &str, doomed: Doomed) -> Result<String> {
    let with_the_lock = |mistake: fn(Python<'_>, Doomed)| {
        with_python(|py| {
            mistake(py, doomed);
            Ok(())
        })
    };
    match name {
        "leaked-tuple" => return soak_a_call(false),
        "released-tuple" => return soak_a_call(true),
        "forget" => {
            let report = Soak::new(1600).run(|| {
                with_python(|py| {
                    mem::forget(capi::list_new(py, 0)?.finish()?);
                    Ok(())
                })
            })?;
            let blocks = report
                .counters
                .first()
                .map_or(0.0, |growth| growth.per_call);
            return Ok(format!("{blocks:+}"));
        }
        "release-borrowed" => with_the_lock(raw::release_a_borrowed_reference)?,
        "release-after-failure" => with_the_lock(raw::release_after_a_failed_store)?,
        "use-after-steal" => with_the_lock(raw::use_after_steal)?,
        "borrow-after-change" => with_the_lock(raw::use_a_borrow_after_a_change)?,
        "no-lock" => {
            with_python(|_| Ok(()))?;
            raw::call_without_the_lock(doomed);
        }
        "text-after-release" => {
            let byte = with_python(|py| {
                let text = capi::unicode_from_str(py, "a text of some length, to be freed")?;
                Ok(raw::read_text_after_release(text, doomed))
            })?;
            return Ok(format!("{byte:#x}"));
        }
        "import" => return Outliers::new("numpy", "array").map(|_| IMPORTED.into()),
        "restart" => {
            mem::forget(Outliers::new("numpy", "array")?);
            let imported = raw::restart_and_import(c"numpy", doomed);
            return Ok(if imported { IMPORTED } else { "refused" }.into());
        }
        _ => return Ok(format!("no mistake is called {name}")),
    }
    Ok("survived".into())
}

/// In the child: soaks the call, with or without giving the tuple back.
pub(super) fn soak_a_call(give_back: bool) -> Result<String> {
    let same = with_python(|py| {
        let helpers = helpers(py)?;
        Ok(capi::Held::from(capi::object_get_attr_string(
            &helpers, c"same",
        )?))
    })?;
    let report: Result<_> = Soak::new(1600).run(|| {
        with_python(|py| {
            let mut arguments = capi::tuple_new(py, 1)?;
            capi::tuple_set_item(
                &mut arguments,
                0,
                convert::list_from_slice(py, &[1.5], None)?,
            )?;
            let arguments = arguments.finish()?;
            capi::object_call_object(&same.as_borrowed(py), &arguments)?;
            if !give_back {
                mem::forget(arguments);
            }
            Ok(())
        })
    });
    let counters = report?.counters;
    let tracked = counters
        .iter()
        .find(|growth| growth.counter == Counter::Tracked);
    Ok(tracked.map_or_else(
        || "unseen".into(),
        |growth| format!("{:+}", growth.per_call),
    ))
}
