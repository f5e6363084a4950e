use super::shared::yes;
use crate::lesson::{Lesson, Run};
use crate::python::call;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "questions",
    rule: "A call that only asks about an object borrows it.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why: the answer is a number, and the call keeps nothing.

```c
if (!PyLong_Check(object))                 /* only looks at the type */
    return PyErr_Format(PyExc_TypeError, "an int is needed");
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let object = call(py, c"object", [])?;
        "/* object = object() */", "we own object", object: 1);
    step!(t, capi::float_check(&object);
        "PyFloat_Check(object)", "no; object is borrowed", object: 1);
    step!(t, capi::long_check(&object); "PyLong_Check(object)", "no; object is borrowed", object: 1);
    step!(t, capi::bool_check(&object); "PyBool_Check(object)", "no; object is borrowed", object: 1);
    step!(t, capi::unicode_check(&object);
        "PyUnicode_Check(object)", "no; object is borrowed", object: 1);
    step!(t, capi::bytes_check(&object); "PyBytes_Check(object)", "no; object is borrowed", object: 1);
    step!(t, capi::byte_array_check(&object);
        "PyByteArray_Check(object)", "no; object is borrowed", object: 1);
    step!(t, capi::callable_check(&object);
        "PyCallable_Check(object)", "no; object is borrowed", object: 1);
    step!(t, let size = capi::object_size(&object).is_err();
        "PyObject_Size(object)", "-1: it has no length", object: 1);
    step!(t, "PyErr_Occurred()", "so an exception is set", "Is an exception set?", yes(size) => "yes");
    Ok(())
}
