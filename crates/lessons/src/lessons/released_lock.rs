use std::thread;

use super::shared::keep;
use crate::lesson::{Lesson, Run};
use crate::python::call;
use crate::raw;
use crate::table::{Table, step};
use pyoutliers::{Result, convert, interpreter, with_python};

pub(super) const LESSON: Lesson = Lesson {
    name: "released-lock",
    rule: "Own what you borrowed before you release the lock.",
    undrawn: None,
    run: Run::Free(run),
    mistakes: &[],
    python: r#"
import ctypes
import sys


def empty(data):
    data[0] = None


def added_by_get_item_ref(data):
    """How many references PyList_GetItemRef adds; -1 if this Python has no such call."""
    if not hasattr(ctypes.pythonapi, "PyList_GetItemRef"):
        return [-1]
    get = ctypes.pythonapi.PyList_GetItemRef
    get.argtypes, get.restype = [ctypes.py_object, ctypes.c_ssize_t], ctypes.c_void_p
    before = sys.getrefcount(data[0])
    get(data, 0)
    added = sys.getrefcount(data[0]) - before
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(data[0]))
    return [added]
"#,
    why: r#"
Why: between Py_BEGIN_ALLOW_THREADS and Py_END_ALLOW_THREADS other threads run
Python code. They may change the owner, and free what you borrowed from it.
References that you own are safe. Since 3.13, calls such as PyList_GetItemRef
and PyDict_GetItemRef return a new reference instead of a borrowed one, so no
other thread can free the object before you own it.

```c
PyObject *item = PyList_GetItem(list, 0); /* from 3.13: PyList_GetItemRef */
if (item == NULL)
    return NULL;
Py_INCREF(item);              /* not after PyList_GetItemRef */
Py_BEGIN_ALLOW_THREADS
wait_for_the_network();
Py_END_ALLOW_THREADS
/* ... use item ... */
Py_DECREF(item);
```
"#,
};

fn run(t: &mut Table<'_>) -> Result<()> {
    let list = keep(|py| convert::list_from_slice(py, &[1.5], None))?;
    let empty = || with_python(|py| call(py, c"empty", [&list.as_borrowed(py)]).map(drop));
    step!(t, shows list; "/* list = [1.5] */", "we own list", list: 1);
    with_python(|py| t.binds("item", &raw::list_get_item(&list.as_borrowed(py), 0)?))?;
    step!(t, "item = PyList_GetItem(list, 0)", "borrowed from the list", item: 1);
    step!(t, thread::scope(|threads| threads.spawn(empty).join().is_ok());
        "Py_BEGIN_ALLOW_THREADS Py_END_ALLOW_THREADS", "a thread emptied the slot", item: 0);
    t.again();
    let list = keep(|py| convert::list_from_slice(py, &[1.5], None))?;
    let empty = || with_python(|py| call(py, c"empty", [&list.as_borrowed(py)]).map(drop));
    step!(t, shows list; "/* again: list = [1.5] */", "we own list", list: 1);
    step!(t, let kept = keep(|py| raw::list_get_item_ref(&list.as_borrowed(py), 0))?;
        "kept = PyList_GetItem(list, 0); Py_INCREF(kept)", "owned by the list and us", kept: 2);
    step!(t, thread::scope(|threads| threads.spawn(empty).join().is_ok());
        "Py_BEGIN_ALLOW_THREADS Py_END_ALLOW_THREADS", "ours is still valid", kept: 1);
    let added = with_python(|py| {
        let list = convert::list_from_slice(py, &[1.5], None)?;
        convert::ints(&call(py, c"added_by_get_item_ref", [&list])?, 1)
    })?;
    let version = interpreter::loaded().version;
    t.note(match added.first() {
        Some(-1) => format!("Python {version} has no PyList_GetItemRef; it is new in 3.13"),
        added => format!(
            "Python {version}: PyList_GetItemRef adds {}",
            added.unwrap_or(&0)
        ),
    });
    Ok(())
}
