use super::shared::yes;
use crate::lesson::{Lesson, Run};
use crate::python::call;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, convert};

pub(super) const LESSON: Lesson = Lesson {
    name: "exceptions",
    rule: "A kept exception keeps the data alive. Turn it into text at once.",
    undrawn: Some("The owners are the traceback and its frames, to which no variable points."),
    run: Run::Locked(run),
    mistakes: &[],
    python: r#"
def raises(data):
    raise ValueError("no outliers today")


def keeps_exception(data):
    """Returns the exception. Its traceback owns this frame, and the frame owns `data`."""
    try:
        raises(data)
    except ValueError as error:
        return error
"#,
    why: r#"
Why: an exception refers to its traceback, the traceback to frames, and each
frame to the variables of its function. PyErr_Fetch returns three new
references, all yours. Since 3.12, PyErr_GetRaisedException returns one.

```c
PyObject *type, *value, *traceback;
PyErr_Fetch(&type, &value, &traceback);    /* ours; each may be NULL */
/* ... turn it into text ... */
Py_XDECREF(type);
Py_XDECREF(value);
Py_XDECREF(traceback);
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let data = convert::list_from_slice(py, &[1.5, 2.5], None)?;
        "/* data = [1.5, 2.5] */", "we own data", data: 1);
    step!(t, let error = call(py, c"keeps_exception", [&data])?;
        "/* error = f(data), an exception */", "its frames own data",
        "Do others own data too?", yes(data.reference_count() > 2) => "yes");
    step!(t, drop(error);
        "Py_DECREF(error)", "only we own data", data: 1);
    step!(t, let text = call(py, c"raises", [&data]).map_err(|e| e.to_string()).err();
        "/* the text, at once */", "the text owns nothing", data: 1);
    let says = text.is_some_and(|text| text.contains("today"));
    step!(t, "", "the text has the message", "Is the message in it?", yes(says) => "yes");
    Ok(())
}
