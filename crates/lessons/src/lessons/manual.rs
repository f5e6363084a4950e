use crate::lesson::{Lesson, Run};
use crate::raw;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi, convert};

pub(super) const LESSON: Lesson = Lesson {
    name: "manual",
    rule: "The manual states the rule of each function.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
How to find it: docs.python.org/3/c-api describes each function. Below its name
is "Return value: New reference." or "Return value: Borrowed reference." If the
text says "steals", the call takes over your reference to an argument.
Otherwise it borrows its arguments. As a rule of thumb, a call that makes or
looks up an object returns a new reference, and a call that reads a container
(PyList_GetItem, PyTuple_GetItem, PyDict_GetItem...) returns a borrowed one. If
the name of such a call ends in Ref (PyList_GetItemRef), it returns a new one.
In the format of Py_BuildValue, O adds a reference and N steals yours.

```c
/* PyObject *PyList_GetItem(PyObject *list, Py_ssize_t index)
       Return value: Borrowed reference.
   int PyList_SetItem(PyObject *list, Py_ssize_t index, PyObject *item)
       Note: This function "steals" a reference to item ...
   PyObject *PyObject_GetIter(PyObject *o)
       Return value: New reference. */
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let list = convert::list_from_slice(py, &[1.5], None)?;
        "/* list = [1.5] */", "manual: New reference", list: 1);
    step!(t, let item = raw::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "manual: Borrowed reference", item: 1);
    step!(t, let iter = capi::object_get_iter(&list)?;
        "iter = PyObject_GetIter(list)", "manual: New reference", iter: 1);
    step!(t, "", "iter owns a reference to it", list: 2);
    Ok(())
}
