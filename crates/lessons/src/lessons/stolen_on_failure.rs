use super::shared::yes;
use crate::lesson::{Lesson, Mistake, Run};
use crate::python::call;
use crate::raw;
use crate::raw::Doomed;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "stolen-on-failure",
    rule: "PyList_SetItem steals even when it fails. So does PyTuple_SetItem.",
    drawn: true,
    run: Run::Locked(run),
    mistakes: &[Mistake::Drawn {
        name: "release-after-failure",
        title: "Given back after a failure",
        rule: "It was stolen although the call failed.",
        run: release_after_failure,
    }],
    python: r#"
import sys


def given_back_twice():
    """What ends a process that did: a debug build of Python notices at once."""
    return "SIGABRT" if hasattr(sys, "gettotalrefcount") else "SIGSEGV"
"#,
    why: r#"
Why: the reference is gone in both cases, so the caller needs no other code for
the failure. Other functions differ: PyModule_AddObject steals only if it
succeeds. Many callers got that wrong, so Python 3.10 added
PyModule_AddObjectRef, which never steals. Read the manual of each function.
One of the programs that this one follows gave the item back again.

```c
/* there is no slot 9: it fails, and has already given item back */
if (PyList_SetItem(list, 9, item) < 0) {
    Py_DECREF(list);                       /* list is still ours */
    return NULL;                           /* but item is not */
}
if (PyModule_AddObject(module, "item", other) < 0) {
    Py_DECREF(other);                      /* not stolen: it failed */
    return NULL;
}
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "item is ours", item: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "list is ours", list: 1);
    step!(t, let given = item.clone();
        "Py_INCREF(item); given = item", "item ours twice", item: 2);
    step!(t, let failed = capi::list_set_item(&mut list, 9, given).is_err(); steals given;
        "PyList_SetItem(list, 9, given)", "no slot 9", "Does it fail?", yes(failed) => "yes");
    step!(t, "", "stolen all the same", item: 1);
    step!(t, let mut tuple = capi::tuple_new(py, 1)?;
        "tuple = PyTuple_New(1)", "tuple is ours",
        "How many references are there to tuple now?", tuple.reference_count() => 1);
    step!(t, let failed = capi::tuple_set_item(&mut tuple, 9, item).is_err(); steals item;
        "PyTuple_SetItem(tuple, 9, item)", "no slot 9", "Does it fail?", yes(failed) => "yes");
    step!(t, "", "stolen all the same: freed", item: 0);
    let end = capi::unicode_to_string(&call(py, c"given_back_twice", [])?).unwrap_or_default();
    step!(t, "after it failed: Py_DECREF(item)", "given back twice",
        "Which signal (or: crash) ends the process, if one gives it back again?",
        t.child("release-after-failure") => end);
    Ok(())
}

fn release_after_failure(py: Python<'_>, t: &mut Table<'_>, doomed: Doomed) -> Result<()> {
    step!(t, let item = call(py, c"Node", [])?;
        "item = Node()", "item is ours", item: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "list is ours", list: 1);
    let pointer = raw::Pointer::to(&item);
    step!(t, let failed = capi::list_set_item(&mut list, 9, item).is_err(); steals item;
        "PyList_SetItem(list, 9, item)", "it fails, and frees item", item: 0);
    step!(t, "if (failed) Py_DECREF(item);", "the fatal step", "Did it fail?", yes(failed) => "yes");
    pointer.release(doomed);
    pointer.look_at(doomed);
    Ok(())
}
