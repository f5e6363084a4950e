use crate::lesson::{Lesson, Run};
use crate::raw;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi, convert};

pub(super) const LESSON: Lesson = Lesson {
    name: "manual",
    rule: "The manual says the rule of each function.",
    drawn: true,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
How to find it: docs.python.org/3/c-api has each function. Below its name
stands "Return value: New reference." or "Return value: Borrowed reference." If
the text says steals, an argument is taken from you; if not, arguments are
borrowed. In doubt: what is made or looked up is new, what a container lends
(PyList_GetItem, PyTuple_GetItem, PyDict_GetItem...) is borrowed. Names that
end in Ref return new. Py_BuildValue: O adds a reference, N takes yours.

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
        "list = PyList_New(1), filled", "it says: New reference", list: 1);
    step!(t, let item = raw::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "it says: Borrowed reference", item: 1);
    step!(t, let iter = capi::object_get_iter(&list)?;
        "iter = PyObject_GetIter(list)", "it says: New reference", iter: 1);
    step!(t, "", "it added one of the list", list: 2);
    Ok(())
}
