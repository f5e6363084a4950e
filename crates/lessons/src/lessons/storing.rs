use crate::lesson::{Lesson, Run};
use crate::raw;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "storing",
    rule: "Storing adds a reference. If a call steals yours, the manual says so.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why: the call cannot know whether you will use the item again. So it adds its
own reference, and yours stays yours. PyList_Append, PyDict_SetItem,
PyObject_SetAttr and PyModule_AddObjectRef all do this. It is a common
mistake to think that they steal, as PyList_SetItem does: then nobody releases
your reference.

```c
PyObject *item = PyFloat_FromDouble(1.5);
if (item == NULL)
    return NULL;
int status = PyList_Append(list, item);    /* adds its own */
Py_DECREF(item);                           /* ours, even if it failed */
if (status < 0)
    return NULL;                           /* list is the caller's */
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "we own item", item: 1);
    step!(t, let list = capi::list_new(py, 0)?.finish()?;
        "list = PyList_New(0)", "we own list", list: 1);
    step!(t, capi::list_append(&list, &item)?;
        "PyList_Append(list, item)", "owned by us and the list", item: 2);
    step!(t, let dict = capi::dict_new(py)?;
        "dict = PyDict_New()", "we own dict", dict: 1);
    step!(t, let key = capi::float_from_double(py, 2.5)?;
        "key = PyFloat_FromDouble(2.5)", "we own key", key: 1);
    step!(t, capi::dict_set_item(&dict, &key, &item)?;
        "PyDict_SetItem(dict, key, item)", "the dict owns it too", item: 3);
    step!(t, "", "the dict owns key too", key: 2);
    step!(t, let found = raw::dict_get_item(&dict, &key)?;
        "found = PyDict_GetItemWithError(dict, key)", "borrowed: count unchanged", found: 3);
    step!(t, drop(key);
        "Py_DECREF(key)", "only the dict owns key", key: 1);
    step!(t, drop(item);
        "Py_DECREF(item)", "list and dict own it", item: 2);
    step!(t, drop(dict);
        "Py_DECREF(dict)", "the dict released item", item: 1);
    step!(t, drop(list);
        "Py_DECREF(list)", "item is freed with the list", item: 0);
    Ok(())
}
