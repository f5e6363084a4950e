use crate::lesson::{Lesson, Run};
use crate::python::helper;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "whole-call",
    rule: "A correct call releases everything: nothing is left.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why it ends at 0: each new reference was released or stolen, exactly once. The
function may return the same list that it received, as here. The code does not
need to know that.

```c
PyObject *result = PyObject_CallFunctionObjArgs(f, list, NULL);
Py_DECREF(list);                           /* the call only borrowed it */
if (result == NULL)
    return -1;
PyObject *iter = PyObject_GetIter(result), *item;
Py_DECREF(result);                         /* iter has its own */
if (iter == NULL)
    return -1;
while ((item = PyIter_Next(iter))) {       /* each is new */
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
        "list = PyList_New(1)", "we own list", list: 1);
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "we own item", item: 1);
    step!(t, capi::list_set_item(&mut list, 0, item)?; steals item;
        "PyList_SetItem(list, 0, item)", "stolen: the list owns item", item: 1);
    let list = list.finish()?;
    step!(t, let result = capi::object_call_function_obj_args(&same, [&list])?;
        "result = PyObject_CallFunctionObjArgs(f, list, NULL) /* returns list */", "list borrowed; result new", list: 2);
    step!(t, drop(list);
        "Py_DECREF(list)", "result is the same list", result: 1);
    step!(t, let iter = capi::object_get_iter(&result)?;
        "iter = PyObject_GetIter(result)", "we own iter", iter: 1);
    step!(t, "", "iter owns result too", result: 2);
    step!(t, let item = capi::iter_next(&iter)?;
        "item = PyIter_Next(iter)", "new: owned by list and us", item: 2);
    step!(t, drop(item);
        "Py_DECREF(item)", "only the list owns item", item: 1);
    step!(t, drop(iter);
        "Py_DECREF(iter)", "only we own result", result: 1);
    step!(t, drop(result);
        "Py_DECREF(result)", "nothing is left", result: 0);
    step!(t, "", "item is freed with it", item: 0);
    Ok(())
}
