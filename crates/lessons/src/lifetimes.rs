//! What lives longer than one thinks, and who frees it.

use std::thread;

use super::table::step;
use super::{Table, answer, call, yes};
use crate::raw;
use pyoutliers::Python;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;
use pyoutliers::{Exception, Result};
use pyoutliers::{interpreter, with_python};

pub(super) fn cycles(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let alive = || Ok::<_, pyoutliers::Error>(yes(answer(py, c"alive")? == [1]));
    step!(t, let node = call(py, c"Node", [])?;
        "node = Node()", "node is ours", node: 1);
    call(py, c"watch", [&node])?;
    step!(t, call(py, c"tie", [&node])?;
        "node.me = node", "ours and its own", node: 2);
    step!(t, drop(node);
        "Py_DECREF(node)", "its own is left", node: 1);
    step!(t, "", "nobody can reach it", "Is it alive?", alive()? => "yes");
    t.unwatch("node");
    step!(t, call(py, c"collect", [])?;
        "gc.collect()", "it found the cycle", "Is it alive?", alive()? => "no");
    Ok(())
}

/// What is made with the lock, kept without it.
fn held(make: impl for<'p> FnOnce(Python<'p>) -> Result<Owned<'p>, Exception>) -> Result<Held> {
    with_python(|py| Ok(Held::from(make(py)?)))
}

/// Gives it back with the lock, which this thread has to take.
fn give_back(reference: Held) -> Result<()> {
    with_python(|_| {
        drop(reference);
        Ok(())
    })
}

pub(super) fn lock(t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = held(|py| capi::float_from_double(py, 1.5))?;
        "item = PyFloat_FromDouble(1.5)", "item is ours", item: 1);
    step!(t, let other = held(|py| Ok(Owned::clone(&item.as_borrowed(py))))?;
        "Py_INCREF(item); other = item", "held twice", item: 2);
    step!(t, let dropped = thread::spawn(move || give_back(other)).join().is_ok(); releases other;
        "thread: Ensure, Py_DECREF(other)", "held once", item: 1);
    step!(t, "", "it waited for the lock", "Does it get the lock?", yes(dropped) => "yes");
    step!(t, "PyMem_Malloc without the lock", "under PYTHONMALLOC=debug",
        "Which signal (or: crash) ends the process?", t.child("no-lock") => "SIGABRT");
    Ok(())
}

pub(super) fn released_lock(t: &mut Table<'_>) -> Result<()> {
    let list = held(|py| convert::list_from_slice(py, &[1.5], None))?;
    let empty = || with_python(|py| call(py, c"empty", [&list.as_borrowed(py)]).map(drop));
    with_python(|py| t.binds("item", &raw::list_get_item(&list.as_borrowed(py), 0)?))?;
    step!(t, "item = PyList_GetItem(list, 0)", "borrowed from the list", item: 1);
    step!(t, thread::scope(|threads| threads.spawn(empty).join().is_ok());
        "Py_BEGIN_ALLOW_THREADS ..", "a thread emptied the slot", item: 0);
    let list = held(|py| convert::list_from_slice(py, &[1.5], None))?;
    let empty = || with_python(|py| call(py, c"empty", [&list.as_borrowed(py)]).map(drop));
    step!(t, let kept = held(|py| raw::list_get_item_ref(&list.as_borrowed(py), 0))?;
        "PyList_GetItem, Py_INCREF(kept)", "the list's, and ours", kept: 2);
    step!(t, thread::scope(|threads| threads.spawn(empty).join().is_ok());
        "Py_BEGIN_ALLOW_THREADS ..", "ours is still ours", kept: 1);
    let added = with_python(|py| {
        let list = convert::list_from_slice(py, &[1.5], None)?;
        convert::ints(&call(py, c"added_by_get_item_ref", [&list])?, 1)
    })?;
    let version = interpreter::loaded().version;
    t.note(match added.first() {
        Some(-1) => format!("Python {version} has no PyList_GetItemRef: from 3.13 on"),
        added => format!(
            "Python {version}: PyList_GetItemRef adds {}",
            added.unwrap_or(&0)
        ),
    });
    Ok(())
}

pub(super) fn exceptions(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let data = convert::list_from_slice(py, &[1.5, 2.5], None)?;
        "data = PyList_New(2), filled", "data is ours", data: 1);
    step!(t, let error = call(py, c"keeps_exception", [&data])?;
        "error = f(data), an exception", "its frames hold data",
        "Is data held by others?", yes(data.reference_count() > 2) => "yes");
    step!(t, drop(error);
        "Py_DECREF(error)", "data is ours alone", data: 1);
    step!(t, let text = call(py, c"raises", [&data]).map_err(|e| e.to_string()).err();
        "text of the exception, at once", "the text holds nothing", data: 1);
    let says = text.is_some_and(|text| text.contains("today"));
    step!(t, "", "and says it all", "Is the message in it?", yes(says) => "yes");
    Ok(())
}
