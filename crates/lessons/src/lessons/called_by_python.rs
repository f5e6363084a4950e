use crate::lesson::{Lesson, Run};
use crate::raw;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "called-by-python",
    rule: "Python calls you: arguments borrowed, the result new.",
    drawn: false,
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why: the caller holds the arguments until the call is over, and gives the result
back, as after any call. If you return an argument, a field or None without
Py_INCREF, the caller's Py_DECREF gives back a reference that belongs to
somebody else.

```c
static PyObject *identity(PyObject *self, PyObject *argument)
{
    Py_INCREF(argument);                   /* borrowed: the result is new */
    return argument;
}

static PyObject *nothing(PyObject *self, PyObject *unused)
{
    Py_RETURN_NONE; /* which is Py_INCREF, and return */
}
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let argument = capi::float_from_double(py, 1.5)?;
        "Python has an argument", "the caller's", argument: 1);
    let careful = raw::identity(py)?;
    step!(t, let result = capi::object_call_function_obj_args(&careful, [&argument])?;
        "Py_INCREF(argument); return it;", "the caller's, and a new one", argument: 2);
    step!(t, drop(result);
        "the caller: Py_DECREF(result)", "as before", argument: 1);
    step!(t, let spare = argument.clone();
        "the caller: Py_INCREF(argument)", "a spare, so as not to crash", argument: 2);
    step!(t, let result = raw::careless_identity(spare)?; steals spare;
        "return argument;", "as new, but none added", argument: 2);
    step!(t, drop(result);
        "the caller: Py_DECREF(result)", "one for two holders", argument: 1);
    Ok(())
}
