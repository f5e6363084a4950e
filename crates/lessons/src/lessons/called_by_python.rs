use crate::lesson::{Lesson, Run};
use crate::raw;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "called-by-python",
    rule: "Your arguments are borrowed, your result must be new.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why: the caller keeps the arguments alive until the call returns, and releases
the result, as after any call. If you return an argument, a field or None
without Py_INCREF, the caller's Py_DECREF releases a reference that belongs to
somebody else.

```c
static PyObject *identity(PyObject *self, PyObject *argument)
{
    Py_INCREF(argument);                   /* the result must be new */
    return argument;
}

static PyObject *nothing(PyObject *self, PyObject *unused)
{
    Py_RETURN_NONE; /* Py_INCREF(Py_None), then return */
}
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let argument = capi::float_from_double(py, 1.5)?;
        "/* the caller has an argument */", "the caller owns it", argument: 1);
    let careful = raw::identity(py)?;
    step!(t, let result = capi::object_call_function_obj_args(&careful, [&argument])?;
        "Py_INCREF(argument); return argument", "owned by caller and result", argument: 2);
    step!(t, drop(result);
        "/* the caller: Py_DECREF(result) */", "as before", argument: 1);
    step!(t, let spare = argument.clone();
        "/* the caller: Py_INCREF(argument) */", "a spare, to avoid a crash", argument: 2);
    step!(t, let result = raw::careless_identity(spare)?; steals spare;
        "/* instead: */ return argument", "no reference was added", argument: 2);
    step!(t, drop(result);
        "/* the caller: Py_DECREF(result) */", "one reference, two owners", argument: 1);
    Ok(())
}
