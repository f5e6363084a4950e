use std::mem;

use super::shared::per_call;
use crate::lesson::{Lesson, Mistake, Run};
use crate::picture::Ownership;
use crate::raw::Doomed;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi, with_python};
use refsoak::{Counter, Soak};

pub(super) const LESSON: Lesson = Lesson {
    name: "new-reference",
    rule: "A new reference is yours: release it once. The last release frees the object.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[Mistake::Asked {
        name: "forget",
        run: forget,
    }],
    python: "",
    why: r#"
Why: Python frees an object when its last reference is released. Python cannot
see the variables of C, so C must say when a variable begins to refer to an
object, and when it stops. Py_INCREF adds 1 to the count. Py_DECREF takes 1
away, and frees the object at 0. Rust calls Py_IncRef and Py_DecRef, which are
functions that do the same.

```c
PyObject *item = PyFloat_FromDouble(1.5);  /* new: ours */
if (item == NULL) /* no memory: an exception is set */
    return NULL;
/* ... use it ... */
Py_DECREF(item);                           /* released, once */
```

In Rust an `Owned` is released when it goes out of scope. Only explicit code,
such as `mem::forget`, leaks it, and `soak` finds that leak.
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "we own item", item: 1);
    step!(t, let again = item.clone();
        "Py_INCREF(item); again = item", "we own two references", item: 2);
    step!(t, drop(again);
        "Py_DECREF(again)", "one left for us to release", item: 1);
    step!(t, drop(item);
        "Py_DECREF(item)", "the last release frees it", item: 0);
    let forgotten = capi::float_from_double(py, 1.5)?;
    t.binds("forgotten", &forgotten)?;
    t.scene.set("forgotten", Ownership::Lost);
    step!(t, "forgotten = PyFloat_FromDouble(1.5)", "never released: it leaks",
        "How many memory blocks does each call leak without Py_DECREF?",
        t.child("forget") => "+1");
    Ok(())
}

fn forget(_: Doomed) -> refsoak::Result<String> {
    let report = Soak::new(1600).run(|| {
        with_python(|py| {
            mem::forget(capi::float_from_double(py, 1.5)?);
            Ok(())
        })
    })?;
    Ok(per_call(&report, Counter::Blocks))
}
