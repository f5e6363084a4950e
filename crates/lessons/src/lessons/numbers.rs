use super::shared::yes;
use crate::lesson::{Lesson, Run};
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "numbers",
    rule: "Conversions borrow what they read. PyNumber_Index returns a new reference.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why ask PyErr_Occurred: PyLong_AsLongLong and PyFloat_AsDouble return -1 on
failure, and -1 is also a number.

```c
PyObject *index = PyNumber_Index(n);       /* new, even if it is n */
if (index == NULL)
    return NULL;
long long value = PyLong_AsLongLong(index);
Py_DECREF(index);
if (value == -1 && PyErr_Occurred())
    return NULL;
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let n = capi::long_from_long_long(py, 1 << 20)?;
        "n = PyLong_FromLongLong(1 << 20)", "we own n", n: 1);
    step!(t, let index = capi::number_index(&n)?;
        "index = PyNumber_Index(n)", "new: n itself, owned twice", n: 2);
    step!(t, drop(index);
        "Py_DECREF(index)", "we own n once", n: 1);
    step!(t, let value = capi::long_as_long_long(&n)?;
        "long long value = PyLong_AsLongLong(n)", "n is borrowed", n: 1);
    step!(t, "", "a number in C has no count", "Is value 2 ** 20?", yes(value == 1 << 20) => "yes");
    step!(t, let minus = capi::float_from_double(py, -1.0)?;
        "minus = PyFloat_FromDouble(-1.0)", "we own minus", minus: 1);
    step!(t, let value = capi::float_as_double(&minus).is_ok();
        "PyFloat_AsDouble(minus)", "minus is borrowed", minus: 1);
    step!(t, "PyErr_Occurred()", "-1 is a value here", "Is -1.0 a value?", yes(value) => "yes");
    Ok(())
}
