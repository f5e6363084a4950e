use super::shared::yes;
use crate::lesson::{Lesson, Run};
use crate::picture::Ownership;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};
use refsoak::starve;

pub(super) const LESSON: Lesson = Lesson {
    name: "half-way",
    rule: "When a step fails, release what the earlier steps made.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why: an exception leaves your function through your own `return NULL`, and
nobody else knows what you own. The failure here is real: we made the
allocation fail. Such paths rarely run, so their leaks are found late.
In C, one label at the end can release everything, on every way out.

```c
    PyObject *list = PyList_New(1), *text = NULL;
    if (list == NULL)
        goto failed;
    text = PyUnicode_FromString("a text");
    if (text == NULL)
        goto failed;                       /* list is released there */
    /* ... */
failed:
    Py_XDECREF(text);                      /* X: ignores NULL */
    Py_XDECREF(list);
    return NULL;
```

In Rust, `?` leaves the function and drops each `Owned` on the way, which
releases it.
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "we own list", list: 1);
    step!(t, let text = starve(.., || capi::unicode_from_str(py, "a text"))?.0.ok();
        "text = PyUnicode_FromString(\"a text\")", "the allocation failed",
        "No memory: is it NULL?", yes(text.is_none()) => "yes");
    t.scene.set("list", Ownership::Lost);
    step!(t, "return NULL", "careless: list leaks", list: 1);
    step!(t, drop(list);
        "/* instead: */ Py_DECREF(list); return NULL", "careful: released first", list: 0);
    Ok(())
}
