use crate::lesson::{Lesson, Run};
use crate::python::helper;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "whole-call",
    rule: "The copying call gives all back: nothing is left.",
    drawn: true,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why it ends at 0: each new reference was given back or stolen, once. What the
function returns may be the very list that it was given, as here; the rules
hold without knowing that.

```c
PyObject *result = PyObject_CallFunctionObjArgs(f, list, NULL);
Py_DECREF(list);                           /* borrowed by the call: ours */
if (result == NULL)
    return -1;
PyObject *iter = PyObject_GetIter(result), *item;
Py_DECREF(result);                         /* iter holds its own */
if (iter == NULL)
    return -1;
while ((item = PyIter_Next(iter))) {       /* new, each */
    /* ... */
    Py_DECREF(item);
}
Py_DECREF(iter);
if (PyErr_Occurred()) /* NULL was the end, or a failure */
    return -1;
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let same = helper(py, c"same")?;
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "list is ours", list: 1);
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "item is ours", item: 1);
    step!(t, capi::list_set_item(&mut list, 0, item)?; steals item;
        "PyList_SetItem(list, 0, item)", "item stolen: the list's", item: 1);
    let list = list.finish()?;
    step!(t, let result = capi::object_call_function_obj_args(&same, [&list])?;
        "PyObject_CallFunctionObjArgs(..)", "list borrowed, result new", list: 2);
    step!(t, drop(list);
        "Py_DECREF(list)", "the result, the same list", result: 1);
    step!(t, let iter = capi::object_get_iter(&result)?;
        "iter = PyObject_GetIter(result)", "iter is ours", iter: 1);
    step!(t, "", "it holds the result", result: 2);
    step!(t, let item = capi::iter_next(&iter)?;
        "item = PyIter_Next(iter)", "new: the list's, and ours", item: 2);
    step!(t, drop(item);
        "Py_DECREF(item)", "the list's alone", item: 1);
    step!(t, drop(iter);
        "Py_DECREF(iter)", "the result is ours alone", result: 1);
    step!(t, drop(result);
        "Py_DECREF(result)", "nothing is left", result: 0);
    step!(t, "", "freed with its list", item: 0);
    Ok(())
}
