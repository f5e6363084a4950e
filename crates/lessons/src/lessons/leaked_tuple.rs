use std::mem;

use super::shared::per_call;
use crate::lesson::{Lesson, Mistake, Run};
use crate::python::helper;
use crate::raw::Doomed;
use crate::table::{Table, step};
use pyoutliers::{Result, capi, convert, with_python};
use refsoak::{Counter, Soak};

pub(super) const LESSON: Lesson = Lesson {
    name: "leaked-tuple",
    rule: "The argument tuple stays yours: release it.",
    drawn: false,
    run: Run::Free(run),
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

fn run(t: &mut Table<'_>) -> Result<()> {
    step!(t, "PyObject_CallObject(f, tuple)", "the tuple and its list leak",
        "How many objects does each call leave behind?", t.child("leaked-tuple") => "+2");
    step!(t, "then Py_DECREF(tuple)", "both are released",
        "How many objects does each call leave behind?", t.child("released-tuple") => "+0");
    t.note("this counts the objects that the garbage collector tracks");
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
