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
    rule: "A new reference is yours: give it back, once. The last one frees the object.",
    drawn: true,
    run: Run::Locked(run),
    mistakes: &[Mistake::Asked {
        name: "forget",
        run: forget,
    }],
    python: "",
    why: r#"
Why: Python frees an object at once when nobody refers to it any more. It
cannot see the variables of C, so C has to say when one begins to refer and
when one ends. Py_INCREF and Py_DECREF do no more than add and take 1 (and free
at 0); Py_IncRef and Py_DecRef are the same as functions, which Rust calls
here.

```c
PyObject *item = PyFloat_FromDouble(1.5);  /* new: ours */
if (item == NULL) /* no memory: an exception is set */
    return NULL;
/* ... use it ... */
Py_DECREF(item);                           /* given back, once */
```

In Rust an `Owned` is given back when it goes out of scope. Only code that asks
for it, such as `mem::forget`, leaks it; `outliers soak` sees that.
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "item is ours", item: 1);
    step!(t, let again = item.clone();
        "Py_INCREF(item); again = item", "ours twice", item: 2);
    step!(t, drop(again);
        "Py_DECREF(again)", "ours once: to give back", item: 1);
    step!(t, drop(item);
        "Py_DECREF(item)", "the last one: it is freed", item: 0);
    let forgotten = capi::float_from_double(py, 1.5)?;
    t.binds("forgotten", &forgotten)?;
    t.scene.set("forgotten", Ownership::Lost);
    step!(t, "without Py_DECREF, call by call", "the float is never freed",
        "If Py_DECREF is forgotten, how many memory blocks does each call lose?",
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
