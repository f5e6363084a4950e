use super::shared::yes;
use crate::lesson::{Lesson, Mistake, Run};
use crate::python::call;
use crate::raw::{self, Doomed};
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "stolen-on-failure",
    rule: "PyList_SetItem steals even when it fails. So does PyTuple_SetItem.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[Mistake::Drawn {
        name: "release-after-failure",
        title: "Released after a failure",
        rule: "PyList_SetItem stole the reference although it failed.",
        run: release_after_failure,
    }],
    python: "",
    why: r#"
Why: the caller's reference is gone in both cases, so a failure needs no extra
code. Other functions differ: PyModule_AddObject steals only if it succeeds.
Many callers got this wrong, so Python 3.10 added PyModule_AddObjectRef, which
never steals. Read the manual of each function. A Go program that inspired this
lesson released the item again.

```c
/* there is no slot 9: the call fails, and has already released item */
if (PyList_SetItem(list, 9, item) < 0) {
    Py_DECREF(list);                       /* list is still ours */
    return NULL;                           /* but item is not */
}

/* in another function */
if (PyModule_AddObject(module, "item", other) < 0) {
    Py_DECREF(other);                      /* not stolen: it failed */
    return NULL;
}
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "we own item", item: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "we own list", list: 1);
    step!(t, let given = item.clone();
        "Py_INCREF(item); given = item", "we own two references", item: 2);
    step!(t, let failed = capi::list_set_item(&mut list, 9, given).is_err(); steals given;
        "PyList_SetItem(list, 9, given)", "there is no slot 9", "Does it fail?", yes(failed) => "yes");
    step!(t, "", "stolen anyway", item: 1);
    step!(t, let mut tuple = capi::tuple_new(py, 1)?;
        "tuple = PyTuple_New(1)", "we own tuple",
        "How many references are there to tuple now?", tuple.reference_count() => 1);
    step!(t, let failed = capi::tuple_set_item(&mut tuple, 9, item).is_err(); steals item;
        "PyTuple_SetItem(tuple, 9, item)", "there is no slot 9", "Does it fail?", yes(failed) => "yes");
    step!(t, "", "stolen anyway: item freed", item: 0);
    step!(t, "Py_DECREF(item)", "item is released twice",
        undefined t.child("release-after-failure"));
    Ok(())
}

fn release_after_failure(py: Python<'_>, t: &mut Table<'_>, doomed: Doomed) -> Result<()> {
    step!(t, let item = call(py, c"Node", [])?;
        "/* item = Node() */", "we own item", item: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "we own list", list: 1);
    let pointer = raw::Pointer::to(&item);
    step!(t, let failed = capi::list_set_item(&mut list, 9, item).is_err(); steals item;
        "PyList_SetItem(list, 9, item)", "it fails, and frees item", item: 0);
    step!(t, "Py_DECREF(item) /* as it failed */", "the fatal step", "Did it fail?", yes(failed) => "yes");
    pointer.release(doomed);
    pointer.look_at(doomed);
    Ok(())
}
