use crate::lesson::{Lesson, Run};
use crate::table::{Table, step};
use pyoutliers::{Python, Result, convert};

pub(super) const LESSON: Lesson = Lesson {
    name: "dropped-minus-one",
    rule: "-1 is a failure only if PyErr_Occurred says so.",
    undrawn: Some("The numbers are values in C, which nobody owns."),
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why: a C function returns a single value, so one value has to mean failure. A
Go program that inspired this lesson skipped each -1 among its results.

```c
double value = PyFloat_AsDouble(item);
if (value == -1.0 && PyErr_Occurred())
    return NULL;                           /* only this is a failure */
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let list = convert::list_from_slice(py, &[-1.0, 5.0, -1.0], None)?;
    step!(t, let values = convert::vec_from_iterable(&list, 3, convert::float)?;
        "PyFloat_AsDouble(item) /* each */", "all of [-1, 5, -1] are read",
        "How many values are read?", values.len() => 3);
    step!(t, let kept = values.iter().filter(|&&value| value != -1.0).count();
        "/* if (value != -1) keep it */", "careless: loses each -1", "How many are kept?", kept => 1);
    step!(t, "PyErr_Occurred() /* if it is -1 */", "careful: keeps each -1", "How many are kept?",
        values.len() => 3);
    Ok(())
}
