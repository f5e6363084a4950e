use std::mem;

use super::shared::yes;
use crate::lesson::{Lesson, Mistake, Run};
use crate::python::call;
use crate::raw::{self, Doomed};
use crate::table::{Table, step};
use pyoutliers::capi::Owned;
use pyoutliers::{Python, Result, capi, interpreter, with_python};

pub(super) const LESSON: Lesson = Lesson {
    name: "immortal",
    rule: "Since 3.12, None, small ints and () are immortal. Their counts never change.",
    undrawn: Some("All code shares these objects, so their owners do not fit in a picture."),
    run: Run::Locked(run),
    mistakes: &[Mistake::Asked {
        name: "release-none",
        run: release_none,
    }],
    python: "",
    why: r#"
Why: all code shares these objects, and a count that every processor writes to
is slow. The trap: before 3.12 they are counted like all others, and releasing
None too often ends the process sooner or later. Code that was tested
only on 3.12 may be wrong. Counts of immortal objects teach nothing, so measure
with a new object.

```c
Py_INCREF(Py_None);                        /* correct in every version */
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
    let (count, survives) = if immortal { ("0", "yes") } else { ("1", "no") };
    let none = call(py, c"collect", [])?;
    let seven = call(py, c"int", [&capi::float_from_double(py, 7.0)?])?;
    let empty = capi::tuple_new(py, 0)?.finish()?;
    let float = capi::float_from_double(py, 1.5)?;
    step!(t, "Py_INCREF(Py_None)", "all code shares one None",
        "How many references does it add?", added(&none) => count);
    step!(t, "Py_INCREF(seven)", "all code shares one 7",
        "How many references does it add?", added(&seven) => count);
    step!(t, "Py_INCREF(empty)", "all code shares one ()",
        "How many references does it add?", added(&empty) => count);
    step!(t, "Py_INCREF(item)", "a new float: counted always",
        "How many references does it add?", added(&float) => "1");
    let end = t.child("release-none");
    step!(t, "Py_DECREF(Py_None) /* too often */", "fatal before 3.12",
        "Does the process survive?", yes(end == "alive") => survives);
    if end != "alive" {
        t.note(format_args!("{end} ends the process"));
    }
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

/// Releases every reference to None, although other code owns them.
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
