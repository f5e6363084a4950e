use std::thread;

use super::shared::{keep, yes};
use crate::lesson::{Lesson, Mistake, Run};
use crate::raw::{self, Doomed};
use crate::table::{Table, step};
use pyoutliers::capi::{Held, Owned};
use pyoutliers::{Result, capi, with_python};

pub(super) const LESSON: Lesson = Lesson {
    name: "lock",
    rule: "A release needs the lock (the GIL). A thread must take it first.",
    undrawn: None,
    run: Run::Free(run),
    mistakes: &[Mistake::Asked {
        name: "no-lock",
        run: no_lock,
    }],
    python: "",
    why: r#"
Why: Py_DECREF changes the count without asking whether another thread does the
same. If two threads change it at once, one change can be lost. And Python's
allocator, which frees the object, belongs to the thread that holds the lock.

```c
PyGILState_STATE state = PyGILState_Ensure();
Py_DECREF(item);
PyGILState_Release(state);
```

In Rust, a reference that needs the lock cannot go to another thread:

```compile_fail
# use pyoutliers::{capi, with_python};
# fn main() -> Result<(), pyoutliers::Error> {
# with_python(|py| {
let item = capi::float_from_double(py, 1.5)?;
std::thread::scope(|threads| {
    threads.spawn(|| item.reference_count());
});
# Ok(())
# })
# }
```

```text
error[E0277]: `NonNull<PyObject>` cannot be shared between threads safely
  |
6 |     threads.spawn(|| item.reference_count());
  |             ----- ^^^^^^^^^^^^^^^^^^^^^^^^^ `NonNull<PyObject>` canno...
  |             |
  |             required by a bound introduced by this call
```
"#,
};

fn run(t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = keep(|py| capi::float_from_double(py, 1.5))?;
        "item = PyFloat_FromDouble(1.5)", "we own item", item: 1);
    step!(t, let other = keep(|py| Ok(Owned::clone(&item.as_borrowed(py))))?;
        "Py_INCREF(item); other = item", "we own two references", item: 2);
    step!(t, let dropped = thread::spawn(move || release(other)).join().is_ok(); releases other;
        "PyGILState_Ensure(); Py_DECREF(other)", "a thread released other", item: 1);
    step!(t, "", "the thread wants the lock", "Does it get the lock?", yes(dropped) => "yes");
    step!(t, "PyMem_Malloc(100) /* no lock */", "only the lock's holder may",
        undefined t.child("no-lock"));
    Ok(())
}

/// Takes the lock for this thread, and releases a reference.
fn release(reference: Held) -> Result<()> {
    with_python(|_| {
        drop(reference);
        Ok(())
    })
}

fn no_lock(doomed: Doomed) -> refsoak::Result<String> {
    with_python(|_| Ok(()))?;
    raw::call_without_the_lock(doomed);
    Ok("alive".into())
}
