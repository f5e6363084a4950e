use crate::lesson::{Lesson, Run};
use crate::raw;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "storing",
    rule: "Storing adds a reference of its own. If it steals yours, the manual says so.",
    drawn: true,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why: the function cannot know whether you go on using the item, so it takes one
of its own and leaves yours alone. PyList_Append, PyDict_SetItem,
PyObject_SetAttr and PyModule_AddObjectRef all do. A common leak comes from
believing that they steal, as PyList_SetItem does: then nobody gives yours back.

```c
PyObject *item = PyFloat_FromDouble(1.5);
if (item == NULL)
    return NULL;
int status = PyList_Append(list, item);    /* adds its own */
Py_DECREF(item);                           /* ours, in any case */
if (status < 0)
    return NULL;                           /* list is the caller's */
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "item is ours", item: 1);
    step!(t, let list = capi::list_new(py, 0)?.finish()?;
        "list = PyList_New(0)", "list is ours", list: 1);
    step!(t, capi::list_append(&list, &item)?;
        "PyList_Append(list, item)", "ours, and the list's own", item: 2);
    step!(t, let dict = capi::dict_new(py)?;
        "dict = PyDict_New()", "dict is ours", dict: 1);
    step!(t, let key = capi::float_from_double(py, 2.5)?;
        "key = PyFloat_FromDouble(2.5)", "key is ours", key: 1);
    step!(t, capi::dict_set_item(&dict, &key, &item)?;
        "PyDict_SetItem(dict, key, item)", "and the dict's own", item: 3);
    step!(t, "", "so of the key", key: 2);
    step!(t, let found = raw::dict_get_item(&dict, &key)?;
        "found = PyDict_GetItemWithError()", "borrowed: none added", found: 3);
    step!(t, drop(key);
        "Py_DECREF(key)", "the dict's alone", key: 1);
    step!(t, drop(item);
        "Py_DECREF(item)", "still ours to give back", item: 2);
    step!(t, drop(dict);
        "Py_DECREF(dict)", "it gave back its own", item: 1);
    step!(t, drop(list);
        "Py_DECREF(list)", "so did the list: freed", item: 0);
    Ok(())
}
