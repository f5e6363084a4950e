use super::shared::yes;
use crate::lesson::{Lesson, Run};
use crate::python::helper;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "parameters",
    rule: "A dictionary adds its own references. PyList_SetItem steals yours.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why we release value right after storing it: the dictionary added its own
reference. In the lesson `stolen-reference`, the list stole ours. The lesson
`storing` shows which calls add a reference. A call only borrows the dictionary,
so one dictionary can serve every call.

```c
PyObject *dict = PyDict_New(), *value = PyFloat_FromDouble(2.5);
if (dict == NULL || value == NULL ||
    PyDict_SetItemString(dict, "threshold", value) < 0) {
    Py_XDECREF(dict);
    Py_XDECREF(value);
    return NULL;
}
Py_DECREF(value);                          /* the dict has its own */
PyObject *result = PyObject_Call(function, arguments, dict);
Py_DECREF(dict);                           /* or keep it for later */
return result;
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let (same, none) = (helper(py, c"same")?, capi::tuple_new(py, 0)?.finish()?);
    step!(t, let value = capi::float_from_double(py, 2.5)?;
        "value = PyFloat_FromDouble(2.5)", "we own value", value: 1);
    step!(t, let dict = capi::dict_new(py)?;
        "dict = PyDict_New()", "we own dict", dict: 1);
    step!(t, capi::dict_set_item_string(&dict, c"data", &value)?;
        "PyDict_SetItemString(dict, \"data\", value)", "owned by us and the dict", value: 2);
    step!(t, drop(value);
        "Py_DECREF(value)", "only the dict owns value", value: 1);
    step!(t, let result = capi::object_call(&same, &none, &dict)?;
        "result = PyObject_Call(f, args, dict) /* returns value */", "new: result is value", result: 2);
    step!(t, "", "dict was borrowed", dict: 1);
    step!(t, drop(result);
        "Py_DECREF(result)", "only the dict owns value", value: 1);
    step!(t, drop(dict);
        "Py_DECREF(dict)", "the dict released value", value: 0);
    let truth = capi::bool_from_long(py, true)?;
    step!(t, "truth = PyBool_FromLong(1)", "new, yet shared by all",
        "Is it True itself?", yes(truth.address() == capi::bool_from_long(py, true)?.address()) => "yes");
    Ok(())
}
