use std::mem;

use crate::lesson::{Lesson, Mistake, Run};
use crate::python::call;
use crate::raw;
use crate::raw::Doomed;
use crate::table::{Table, step};
use pyoutliers::capi::Owned;
use pyoutliers::{Python, Result, capi, interpreter, with_python};

pub(super) const LESSON: Lesson = Lesson {
    name: "immortal",
    rule: "From 3.12 on None, small ints and () are not counted. They are immortal.",
    drawn: false,
    run: Run::Locked(run),
    mistakes: &[Mistake::Asked {
        name: "release-none",
        run: release_none,
    }],
    python: "",
    why: r#"
Why: all code shares them, and a count that everybody writes to is slow on many
processors. The trap: up to 3.11 they are counted as all others, and giving
back None too often ends the process, sooner or later. Code that was tried only
on 3.12 may be wrong. Their counts teach nothing: measure with something new.

```c
Py_INCREF(Py_None);                        /* right in each version */
return Py_None;                            /* or: Py_RETURN_NONE; */
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let added = |object: &Owned<'_>| {
        let before = object.reference_count();
        object.clone().reference_count() - before
    };
    let version = interpreter::loaded().version;
    let immortal = version.is_at_least(3, 12);
    let (count, end) = if immortal {
        ("0", "alive")
    } else {
        ("1", "SIGABRT")
    };
    let none = call(py, c"collect", [])?;
    let seven = call(py, c"int", [&capi::float_from_double(py, 7.0)?])?;
    let empty = capi::tuple_new(py, 0)?.finish()?;
    let float = capi::float_from_double(py, 1.5)?;
    step!(t, "Py_INCREF(Py_None)", "one None for all",
        "How many references does it add?", added(&none) => count);
    step!(t, "Py_INCREF(7)", "one 7 for all",
        "How many references does it add?", added(&seven) => count);
    step!(t, "Py_INCREF(())", "one () for all",
        "How many references does it add?", added(&empty) => count);
    step!(t, "Py_INCREF(a new float)", "counted in all versions",
        "How many references does it add?", added(&float) => "1");
    step!(t, "Py_DECREF(Py_None), too often", "harmless from 3.12 on",
        "Is the process alive, or which signal ended it?", t.child("release-none") => end);
    let they = if immortal {
        "immortal"
    } else {
        "counted: None must not reach 0"
    };
    t.note(format_args!(
        "Python {version}: None, small ints and () are {they}"
    ));
    Ok(())
}

/// None is given back more often than there are references to it.
fn release_none(doomed: Doomed) -> refsoak::Result<String> {
    with_python(|py| {
        let none = call(py, c"collect", [])?;
        let count = none.reference_count().min(1 << 20);
        (0..count).for_each(|_| raw::Pointer::to(&none).release(doomed));
        mem::forget(none);
        Ok(())
    })?;
    Ok("alive".into())
}
