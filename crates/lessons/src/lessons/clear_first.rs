use std::mem;

use super::shared::yes;
use crate::lesson::{Lesson, Mistake, Run};
use crate::python::{answer, call};
use crate::raw::{self, Doomed};
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi, with_python};

pub(super) const LESSON: Lesson = Lesson {
    name: "clear-first",
    rule: "Clear the field first, then release its old reference.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[Mistake::Asked {
        name: "clear-last",
        run: clear_last,
    }],
    python: r#"
seen = None


class Witness:
    """Reads its own slot of a list while it is being freed."""

    def __init__(self, data):
        self.data = data

    def __del__(self):
        global seen
        seen = self.data[0]


def under_watch():
    """A list of a witness. The witness refers to the list."""
    data = [None]
    data[0] = Witness(data)
    return data


def saw_itself():
    return [int(isinstance(seen, Witness))]
"#,
    why: r#"
Why: Py_DECREF may run any code, and that code may read the same field. If the
field still points to the object, the code gets an object that is being freed.
PyList_SetItem stores the new item first, and then releases the old one.
Py_CLEAR and Py_SETREF do the same for your own field.

```c
Py_CLEAR(self->item);
/* does this, in this order:
   PyObject *old = self->item;
   self->item = NULL;
   Py_XDECREF(old); */
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let list = call(py, c"under_watch", [])?;
    t.binds("witness", &raw::list_get_item(&list, 0)?)?;
    step!(t, shows list; "/* list = [witness], witness.data = list */", "owned by us and witness", list: 2);
    let other = capi::float_from_double(py, 2.5)?;
    step!(t, raw::list_set_item(&list, 0, other)?;
        "PyList_SetItem(list, 0, other)", "other first, then a release", witness: 0);
    step!(t, "", "the slot already has other",
        "Does witness find itself?", yes(answer(py, c"saw_itself")? == [1]) => "no");
    step!(t, "/* instead: */ Py_DECREF(PyList_GET_ITEM(list, 0))", "found while being freed",
        "Does witness find itself?", t.instead("clear-last") => "yes");
    Ok(())
}

/// Releases an item that is still in its slot: while it is freed, it finds itself there.
fn clear_last(doomed: Doomed) -> refsoak::Result<String> {
    Ok(with_python(|py| {
        let list = call(py, c"under_watch", [])?;
        raw::list_get_item(&list, 0)?.release(doomed);
        // The slot and `seen` share one reference now, so freeing the list would be an over-release.
        mem::forget(list);
        Ok(yes(answer(py, c"saw_itself")? == [1]).into())
    })?)
}
