use crate::lesson::{Lesson, Mistake, Run};
use crate::python::call;
use crate::raw::{self, Doomed};
use crate::table::{Table, step};
use pyoutliers::capi::Owned;
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "borrowed-reference",
    rule: "A borrowed reference lasts while its owner keeps it.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[
        Mistake::Drawn {
            name: "release-borrowed",
            title: "Borrowed, and released",
            rule: "A borrowed reference is not yours to release.",
            run: release_borrowed,
        },
        Mistake::Drawn {
            name: "borrow-after-change",
            title: "Borrowed, and kept too long",
            rule: "A borrowed reference lasts while its owner keeps it.",
            run: borrow_after_change,
        },
    ],
    python: "",
    why: r#"
Why calls lend: you save a Py_INCREF and a Py_DECREF if you only want to look.
There is nothing to release. But nothing keeps the object alive either: any
call that may change the owner may free the object. To keep it, add a
reference before the next call.

```c
PyObject *item = PyList_GetItem(list, 0);  /* borrowed from the list */
if (item == NULL) {
    Py_DECREF(other);                      /* ours; list is the caller's */
    return NULL;
}
Py_INCREF(item);                           /* now ours as well */
if (PyList_SetItem(list, 0, other) < 0) {
    Py_DECREF(item);
    return NULL;
}
/* ... use item ... */
Py_DECREF(item);
```

In Rust, changing the owner while something is borrowed does not compile:

```compile_fail
# use pyoutliers::{capi, with_python};
# fn main() -> Result<(), pyoutliers::Error> {
# with_python(|py| {
# let mut list = capi::list_new(py, 1)?;
# let other = capi::float_from_double(py, 1.5)?;
# capi::list_set_item(&mut list, 0, other.clone())?;
let item = capi::list_get_item(&list, 0)?;
capi::list_set_item(&mut list, 0, other)?;
item.reference_count();
# Ok(())
# })
# }
```

```text
error[E0502]: cannot borrow `list` as mutable because it is also borrowed...
  |
7 | let item = capi::list_get_item(&list, 0)?;
  |                                ----- immutable borrow occurs here
8 | capi::list_set_item(&mut list, 0, other)?;
  |                     ^^^^^^^^^ mutable borrow occurs here
9 | item.reference_count();
  | ---- immutable borrow later used here
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let new = capi::float_from_double(py, 1.5)?;
        "new = PyFloat_FromDouble(1.5)", "we own new", new: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "we own list", list: 1);
    step!(t, capi::list_set_item(&mut list, 0, new)?; steals new;
        "PyList_SetItem(list, 0, new)", "the list owns it now", new: 1);
    step!(t, let item = capi::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "borrowed: count unchanged", item: 1);
    step!(t, let other = capi::float_from_double(py, 2.5)?;
        "other = PyFloat_FromDouble(2.5)", "we own other", other: 1);
    step!(t, capi::list_set_item(&mut list, 0, other)?; steals other;
        "PyList_SetItem(list, 0, other)", "only the list owned item", item: 0);
    step!(t, "PyObject_Repr(item)", "it points to freed memory",
        undefined t.child("borrow-after-change"));
    step!(t, "/* or instead: */ Py_DECREF(item)", "it was the list's reference",
        undefined t.instead("release-borrowed"));
    Ok(())
}

/// A list that owns the only reference to a `Node`.
fn list_of_a_node<'p>(py: Python<'p>, t: &mut Table<'_>) -> Result<Owned<'p>> {
    let mut unfilled = capi::list_new(py, 1)?;
    capi::list_set_item(&mut unfilled, 0, call(py, c"Node", [])?)?;
    step!(t, let list = unfilled.finish()?;
        "/* list = [Node()] */", "we own list", list: 1);
    Ok(list)
}

fn release_borrowed(py: Python<'_>, t: &mut Table<'_>, doomed: Doomed) -> Result<()> {
    let list = list_of_a_node(py, t)?;
    step!(t, let item = raw::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "borrowed from the list", item: 1);
    t.scene.keeps_freed = true;
    step!(t, item.release(doomed);
        "Py_DECREF(item)", "over-release: item is freed", item: 0);
    step!(t, "PyObject_Repr(list)", "the fatal step", list: 1);
    t.scene.release_probe("item");
    raw::Pointer::to(&list).look_at(doomed);
    Ok(())
}

fn borrow_after_change(py: Python<'_>, t: &mut Table<'_>, doomed: Doomed) -> Result<()> {
    let list = list_of_a_node(py, t)?;
    step!(t, let item = raw::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "borrowed from the list", item: 1);
    step!(t, let other = capi::float_from_double(py, 2.5)?;
        "other = PyFloat_FromDouble(2.5)", "we own other", other: 1);
    step!(t, raw::list_set_item(&list, 0, other)?; steals other;
        "PyList_SetItem(list, 0, other)", "the list released item", item: 0);
    step!(t, "PyObject_Repr(item)", "the fatal step", item: 0);
    item.look_at(doomed);
    Ok(())
}
