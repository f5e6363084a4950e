use crate::lesson::{Lesson, Mistake, Run};
use crate::python::call;
use crate::raw::{self, Doomed};
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "stolen-reference",
    rule: "A stolen reference is no longer yours: never release it.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[Mistake::Drawn {
        name: "use-after-steal",
        title: "Used after it was stolen",
        rule: "A stolen reference is no longer yours: the object may be freed.",
        run: use_after_steal,
    }],
    python: "",
    why: r#"
Why calls steal: most objects that go into a list were made for it.
Stealing saves the caller the Py_DECREF. If you need the item afterwards, add a
reference before the call. Otherwise your pointer is only borrowed after the
call: it is valid while the list keeps the item. PyList_SetItem and
PyTuple_SetItem steal. Almost no other function does.

```c
PyObject *item = PyFloat_FromDouble(1.5);
if (item == NULL)
    return NULL; /* list is the caller's */
if (PyList_SetItem(list, 0, item) < 0)     /* item is the list's now */
    return NULL;
/* no Py_DECREF(item) */
```

In Rust, using the item afterwards does not compile:

```compile_fail
# use pyoutliers::{capi, with_python};
# fn main() -> Result<(), pyoutliers::Error> {
# with_python(|py| {
# let mut list = capi::list_new(py, 1)?;
let item = capi::float_from_double(py, 1.5)?;
capi::list_set_item(&mut list, 0, item)?;
item.reference_count();
# Ok(())
# })
# }
```

```text
error[E0382]: borrow of moved value: `item`
  |
5 | let item = capi::float_from_double(py, 1.5)?;
  |     ---- move occurs because `item` has type `pyoutliers::capi::Owned...
6 | capi::list_set_item(&mut list, 0, item)?;
  |                                   ---- value moved here
7 | item.reference_count();
  | ^^^^ value borrowed here after move
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "we own item", item: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "we own list", list: 1);
    step!(t, let given = item.clone();
        "Py_INCREF(item); given = item", "we own two references", item: 2);
    step!(t, capi::list_set_item(&mut list, 0, given)?; steals given;
        "PyList_SetItem(list, 0, given)", "owned by us and the list", item: 2);
    step!(t, drop(list);
        "Py_DECREF(list)", "the list released item", item: 1);
    step!(t, let mut tuple = capi::tuple_new(py, 1)?;
        "tuple = PyTuple_New(1)", "we own tuple",
        "How many references are there to tuple now?", tuple.reference_count() => 1);
    step!(t, capi::tuple_set_item(&mut tuple, 0, item)?; steals item; shows tuple;
        "PyTuple_SetItem(tuple, 0, item)", "only the tuple owns it", item: 1);
    step!(t, drop(tuple);
        "Py_DECREF(tuple)", "item is freed with tuple", item: 0);
    step!(t, "PyObject_Repr(item)", "it points to freed memory",
        undefined t.child("use-after-steal"));
    Ok(())
}

fn use_after_steal(py: Python<'_>, t: &mut Table<'_>, doomed: Doomed) -> Result<()> {
    step!(t, let item = call(py, c"Node", [])?;
        "/* item = Node() */", "we own item", item: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "we own list", list: 1);
    let pointer = raw::Pointer::to(&item);
    step!(t, capi::list_set_item(&mut list, 0, item)?; steals item;
        "PyList_SetItem(list, 0, item)", "only the list owns item", item: 1);
    step!(t, drop(list);
        "Py_DECREF(list)", "item is freed with list", item: 0);
    step!(t, "PyObject_Repr(item)", "the fatal step", item: 0);
    pointer.look_at(doomed);
    Ok(())
}
