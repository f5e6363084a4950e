use super::shared::yes;
use crate::lesson::{Lesson, Run};
use crate::python::helper;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "parameters",
    rule: "A dictionary stores references of its own. A list steals yours.",
    drawn: true,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why the value is given back right after it was stored: the dictionary added a
reference of its own. A list took ours in the lesson before. The lesson
`storing` shows which calls add one. A call only borrows the dictionary, so one
dictionary can be passed with every call.

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
Py_DECREF(dict);                           /* or kept for the next call */
return result;
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let (same, none) = (helper(py, c"same")?, capi::tuple_new(py, 0)?.finish()?);
    step!(t, let value = capi::float_from_double(py, 2.5)?;
        "value = PyFloat_FromDouble(2.5)", "value is ours", value: 1);
    step!(t, let dict = capi::dict_new(py)?;
        "dict = PyDict_New()", "dict is ours", dict: 1);
    step!(t, capi::dict_set_item_string(&dict, c"data", &value)?;
        "PyDict_SetItemString(.., value)", "ours, and the dict's own", value: 2);
    step!(t, drop(value);
        "Py_DECREF(value)", "the dict's alone", value: 1);
    step!(t, let result = capi::object_call(&same, &none, &dict)?;
        "result = PyObject_Call(.., dict)", "new: value, once more", result: 2);
    step!(t, "", "dict was borrowed", dict: 1);
    step!(t, drop(result);
        "Py_DECREF(result)", "the dict's, for all calls", value: 1);
    step!(t, drop(dict);
        "Py_DECREF(dict)", "it gave back its own", value: 0);
    let truth = capi::bool_from_long(py, true)?;
    step!(t, "truth = PyBool_FromLong(1)", "new, yet one for all",
        "Is it True itself?", yes(truth.address() == capi::bool_from_long(py, true)?.address()) => "yes");
    Ok(())
}
