use crate::lesson::{Lesson, Mistake, Run};
use crate::python::call;
use crate::raw::{self, Doomed};
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "thin-ice",
    rule: "Any call that runs code may free what you borrowed.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[Mistake::Drawn {
        name: "thin-ice",
        title: "Thin ice",
        rule: "Any call that runs code may free what you borrowed.",
        run: thin_ice,
    }],
    python: r#"
class Trap:
    """Empties a slot of a list when it is freed, as any `__del__` may do."""

    def __init__(self, list):
        self.list = list

    def __del__(self):
        self.list[0] = None


def on_thin_ice(item):
    """A list of an item and a trap. The trap refers to the list."""
    data = [item, None]
    data[1] = Trap(data)
    return data
"#,
    why: r#"
Why: releasing the last reference to an object runs its `__del__`, which may do
anything, such as emptying another slot. Comparing, converting or printing an
object may run any code too, and so may raising an exception. The manual calls
this Thin Ice. Our code never touches slot 0, yet its item is gone. The cure
is one line: own the item.

```c
PyObject *kept = PyList_GetItem(safe, 0);
if (kept == NULL) {
    Py_DECREF(fresh);                      /* ours; safe is the caller's */
    return NULL;
}
Py_INCREF(kept);                           /* off the ice */
if (PyList_SetItem(safe, 1, fresh) < 0) {  /* may run any code */
    Py_DECREF(kept);
    return NULL;
}
int status = PyObject_Print(kept, stdout, 0);  /* still there */
Py_DECREF(kept);
if (status < 0)
    return NULL;
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let list = call(py, c"on_thin_ice", [&capi::float_from_double(py, 1.5)?])?;
    t.binds("trap", &raw::list_get_item(&list, 1)?)?;
    step!(t, shows list; "/* list = [new, trap], trap.list = list */", "owned by us and trap.list", list: 2);
    step!(t, "/* trap.__del__ empties list[0] */", "only the list owns trap", trap: 1);
    step!(t, let item = raw::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "borrowed from the list", item: 1);
    step!(t, let other = capi::float_from_double(py, 2.5)?;
        "other = PyFloat_FromDouble(2.5)", "we own other", other: 1);
    step!(t, raw::list_set_item(&list, 1, other)?; steals other;
        "PyList_SetItem(list, 1, other)", "slot 1 released trap", trap: 0);
    step!(t, "", "its __del__ emptied slot 0", item: 0);
    step!(t, "PyObject_Repr(item)", "it points to freed memory", undefined t.child("thin-ice"));
    t.again();
    let safe = call(py, c"on_thin_ice", [&capi::float_from_double(py, 1.5)?])?;
    t.binds("trap2", &raw::list_get_item(&safe, 1)?)?;
    step!(t, shows safe; "/* safe = [new, trap2], trap2.list = safe */", "again, but carefully", safe: 2);
    step!(t, let kept = raw::list_get_item(&safe, 0)?;
        "kept = PyList_GetItem(safe, 0)", "borrowed from the list", kept: 1);
    step!(t, let kept = raw::list_get_item_ref(&safe, 0)?;
        "Py_INCREF(kept)", "owned by the list and us", kept: 2);
    step!(t, let fresh = capi::float_from_double(py, 3.5)?;
        "fresh = PyFloat_FromDouble(3.5)", "we own fresh", fresh: 1);
    step!(t, raw::list_set_item(&safe, 1, fresh)?; steals fresh;
        "PyList_SetItem(safe, 1, fresh)", "only we own kept", kept: 1);
    step!(t, drop(kept);
        "Py_DECREF(kept)", "used, then released", kept: 0);
    Ok(())
}

fn thin_ice(py: Python<'_>, t: &mut Table<'_>, doomed: Doomed) -> Result<()> {
    let list = call(py, c"on_thin_ice", [&call(py, c"Node", [])?])?;
    t.binds("trap", &raw::list_get_item(&list, 1)?)?;
    step!(t, shows list; "/* list = [Node(), trap], trap.list = list */", "owned by us and trap.list", list: 2);
    step!(t, let item = raw::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "borrowed from the list", item: 1);
    step!(t, let other = capi::float_from_double(py, 2.5)?;
        "other = PyFloat_FromDouble(2.5)", "we own other", other: 1);
    step!(t, raw::list_set_item(&list, 1, other)?; steals other;
        "PyList_SetItem(list, 1, other)", "its __del__ emptied slot 0", item: 0);
    step!(t, "PyObject_Repr(item)", "the fatal step", item: 0);
    item.look_at(doomed);
    Ok(())
}
