use std::mem;

use super::shared::per_call;
use crate::lesson::{Lesson, Mistake, Run};
use crate::picture::Ownership;
use crate::python::helper;
use crate::raw::Doomed;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi, convert, with_python};
use refsoak::{Counter, Soak};

pub(super) const LESSON: Lesson = Lesson {
    name: "leaked-tuple",
    rule: "The argument tuple stays yours: release it.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[
        Mistake::Asked {
            name: "leaked-tuple",
            run: leaked,
        },
        Mistake::Asked {
            name: "released-tuple",
            run: released,
        },
    ],
    python: "",
    why: r#"
Why: PyObject_CallObject borrows the tuple, as the manual says. A Go program
that inspired this lesson forgot to release it, and lost 177 MB in a million
calls.

```c
PyObject *tuple = PyTuple_Pack(1, list);   /* new; it owns list too */
if (tuple == NULL)
    return NULL;
PyObject *result = PyObject_CallObject(f, tuple);
Py_DECREF(tuple);
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let same = helper(py, c"same")?;
    step!(t, let list = convert::list_from_slice(py, &[1.5], None)?;
        "/* list = [1.5] */", "we own list", list: 1);
    let mut arguments = capi::tuple_new(py, 1)?;
    capi::tuple_set_item(&mut arguments, 0, list.clone())?;
    step!(t, let tuple = arguments.finish()?;
        "tuple = PyTuple_Pack(1, list)", "new; it owns list too", list: 2);
    step!(t, let result = capi::object_call_object(&same, &tuple)?;
        "result = PyObject_CallObject(f, tuple) /* returns list */", "tuple was borrowed", tuple: 1);
    step!(t, "", "result is list itself", result: 3);
    step!(t, drop(result); "Py_DECREF(result)", "owned by us and the tuple", list: 2);
    step!(t, drop(list); "Py_DECREF(list)", "only the tuple owns list", list: 1);
    t.scene.set("tuple", Ownership::Lost);
    step!(t, "return NULL", "the tuple and its list leak",
        "How many objects does each call leave behind?", t.child("leaked-tuple") => "+2");
    step!(t, drop(tuple);
        "/* instead: */ Py_DECREF(tuple); return NULL", "the tuple is released", tuple: 0);
    step!(t, "", "and its list with it",
        "How many objects does each call leave behind?", t.child("released-tuple") => "+0");
    t.note("the last two count the objects that the garbage collector tracks");
    Ok(())
}

fn leaked(_: Doomed) -> refsoak::Result<String> {
    soak_a_call(false)
}

fn released(_: Doomed) -> refsoak::Result<String> {
    soak_a_call(true)
}

/// Soaks a call that releases the tuple or leaks it.
fn soak_a_call(releases: bool) -> refsoak::Result<String> {
    let same = with_python(|py| Ok(capi::Held::from(helper(py, c"same")?)))?;
    let report: refsoak::Result<_> = Soak::new(1600).run(|| {
        with_python(|py| {
            let mut arguments = capi::tuple_new(py, 1)?;
            capi::tuple_set_item(
                &mut arguments,
                0,
                convert::list_from_slice(py, &[1.5], None)?,
            )?;
            let arguments = arguments.finish()?;
            capi::object_call_object(&same.as_borrowed(py), &arguments)?;
            if !releases {
                mem::forget(arguments);
            }
            Ok(())
        })
    });
    Ok(per_call(&report?, Counter::Tracked))
}
