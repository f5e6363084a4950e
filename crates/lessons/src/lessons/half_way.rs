use super::shared::yes;
use crate::lesson::{Lesson, Run};
use crate::picture::Ownership;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};
use refsoak::starve;

pub(super) const LESSON: Lesson = Lesson {
    name: "half-way",
    rule: "If a step fails, give back what was made before it.",
    drawn: true,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why: an exception leaves your function by your own `return NULL`, and nobody
else knows what you hold. The failure here is a real one: the allocation was
refused, on purpose. Such paths run seldom, so their leaks are found late. In C
one label at the end gives back all that was made, in any case.

```c
    PyObject *list = PyList_New(1), *text = NULL;
    if (list == NULL)
        goto failed;
    text = PyUnicode_FromString("a text");
    if (text == NULL)
        goto failed;                       /* list is given back there */
    /* ... */
failed:
    Py_XDECREF(text);                      /* X: nothing to do for NULL */
    Py_XDECREF(list);
    return NULL;
```

In Rust, `?` leaves the function, and each `Owned` is given back on the way.
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "list is ours", list: 1);
    step!(t, let text = starve(.., || capi::unicode_from_str(py, "a text"))?.0.ok();
        "text = PyUnicode_FromString(..)", "memory is refused, on purpose",
        "Memory refused: is it NULL?", yes(text.is_none()) => "yes");
    t.scene.set("list", Ownership::Lost);
    step!(t, "return NULL;", "careless: it is leaked", list: 1);
    step!(t, drop(list);
        "Py_DECREF(list); return NULL;", "careful: given back first", list: 0);
    Ok(())
}
