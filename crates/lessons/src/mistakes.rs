//! What goes wrong in C, made on purpose in child processes.

use std::mem;
use std::process;

use super::children::send_answer;
use super::table::step;
use super::{Doomed, Table, answer, call, helper, yes};
use crate::raw;
use pyoutliers::Outliers;
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Owned};
use pyoutliers::convert;
use pyoutliers::with_python;
use refsoak::child::{CUT_OFF, Parent};
use refsoak::{Counter, Soak};

/// The argument tuple is never given back: what the shared-memory program did at each call.
pub(super) fn leaked_tuple(t: &mut Table<'_>) -> Result<()> {
    step!(t, "PyObject_CallObject(f, tuple)", "the tuple, and its list",
        "How many objects does each call leave behind?", t.child("leaked-tuple") => "+2");
    step!(t, "and Py_DECREF(tuple)", "both given back",
        "How many objects does each call leave behind?", t.child("released-tuple") => "+0");
    t.note("counted are objects that the collector of cycles tracks");
    Ok(())
}

/// What a child prints that has imported NumPy.
const IMPORTED: &str = "imported";

/// What a second start does to NumPy.
pub(super) fn once(t: &mut Table<'_>) -> Result<()> {
    let first = t.child("import");
    step!(t, "PyImport_ImportModule(\"numpy\")", "in a fresh process",
        "Does NumPy import?", yes(first == IMPORTED) => "yes");
    if first != IMPORTED {
        t.note(first);
        return Ok(());
    }
    let said = t.child("restart");
    step!(t, "Py_FinalizeEx, Py_InitializeEx", "in the same process",
        "Does NumPy import again?", yes(said == IMPORTED) => "no");
    t.note(if said.starts_with("SIG") {
        format!("the process ends by {said}")
    } else {
        said
    });
    Ok(())
}

/// Makes the mistake of that name in a child process of [`Children`](super::Children), and ends the
/// process.
///
/// Nobody makes one by accident: [`Doomed::new`] shows how to on purpose.
///
/// ```compile_fail
/// use lessons::{Doomed, misbehave};
/// misbehave("use-after-steal", Doomed::new());
/// ```
pub fn misbehave(name: &str, doomed: Doomed) -> ! {
    let Ok(parent) = Parent::connect() else {
        process::exit(CUT_OFF.into());
    };
    match make(name, &parent, doomed) {
        Ok(answer) => send_answer(&parent, &answer),
        Err(error) => send_answer(&parent, &error.to_string()),
    }
    // At once, because the destructors may meet what the mistake has damaged.
    process::exit(0);
}

/// Makes a mistake. Returns the child's answer, if the process survives.
fn make(name: &str, parent: &Parent, doomed: Doomed) -> refsoak::Result<String> {
    let mut table = Table {
        parent: Some(parent),
        ..Table::default()
    };
    let drawn = match name {
        "use-after-steal" => use_after_steal,
        "release-after-failure" => release_after_failure,
        "release-borrowed" => release_borrowed,
        "borrow-after-change" => borrow_after_change,
        "thin-ice" => thin_ice,
        "leaked-tuple" => return soak_a_call(false),
        "released-tuple" => return soak_a_call(true),
        "forget" => return forget(),
        "clear-last" => return Ok(clear_last(doomed)?),
        "release-none" => return Ok(release_none(doomed)?),
        "no-lock" => {
            with_python(|_| Ok(()))?;
            raw::call_without_the_lock(doomed);
            return Ok("alive".into());
        }
        "text-after-release" => {
            let byte = with_python(|py| {
                let text = capi::unicode_from_str(py, "a text of some length, to be freed")?;
                Ok(raw::read_text_after_release(text, doomed))
            })?;
            return Ok(format!("{byte:#x}"));
        }
        "import" => return Ok(Outliers::new("numpy", "array").map(|_| IMPORTED.into())?),
        "restart" => {
            mem::forget(Outliers::new("numpy", "array")?);
            let imported = raw::restart_and_import(c"numpy", doomed);
            // Python printed why it does not import.
            return Ok(if imported { IMPORTED } else { "" }.into());
        }
        _ => return Ok(format!("no mistake is called {name}")),
    };
    with_python(|py| drawn(py, &mut table, doomed))?;
    Ok("alive".into())
}

fn use_after_steal(py: Python<'_>, t: &mut Table<'_>, doomed: Doomed) -> Result<()> {
    step!(t, let item = call(py, c"Node", [])?;
        "item = Node()", "item is ours", item: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "list is ours", list: 1);
    let pointer = raw::Pointer::to(&item);
    step!(t, capi::list_set_item(&mut list, 0, item)?; steals item;
        "PyList_SetItem(list, 0, item)", "item is the list's", item: 1);
    step!(t, drop(list);
        "Py_DECREF(list)", "item is freed with it", item: 0);
    step!(t, "PyObject_Repr(item)", "the fatal step", item: 0);
    pointer.look_at(doomed);
    Ok(())
}

fn release_after_failure(py: Python<'_>, t: &mut Table<'_>, doomed: Doomed) -> Result<()> {
    step!(t, let item = call(py, c"Node", [])?;
        "item = Node()", "item is ours", item: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "list is ours", list: 1);
    let pointer = raw::Pointer::to(&item);
    step!(t, let failed = capi::list_set_item(&mut list, 9, item).is_err(); steals item;
        "PyList_SetItem(list, 9, item)", "it fails, and frees item", item: 0);
    step!(t, "if (failed) Py_DECREF(item);", "the fatal step", "Did it fail?", yes(failed) => "yes");
    pointer.give_back(doomed);
    pointer.look_at(doomed);
    Ok(())
}

/// A list that alone holds a `Node`.
fn list_of_a_node<'p>(py: Python<'p>, t: &mut Table<'_>) -> Result<Owned<'p>> {
    let mut unfilled = capi::list_new(py, 1)?;
    capi::list_set_item(&mut unfilled, 0, call(py, c"Node", [])?)?;
    step!(t, let list = unfilled.finish()?;
        "list = [Node()]", "list is ours", list: 1);
    Ok(list)
}

fn release_borrowed(py: Python<'_>, t: &mut Table<'_>, doomed: Doomed) -> Result<()> {
    let list = list_of_a_node(py, t)?;
    step!(t, let item = raw::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "borrowed: the list's", item: 1);
    t.scene.lingers = true;
    step!(t, item.give_back(doomed);
        "Py_DECREF(item)", "the list's is given back", item: 0);
    step!(t, "PyObject_Repr(list)", "the fatal step", list: 1);
    t.unwatch("item");
    raw::Pointer::to(&list).look_at(doomed);
    Ok(())
}

fn borrow_after_change(py: Python<'_>, t: &mut Table<'_>, doomed: Doomed) -> Result<()> {
    let list = list_of_a_node(py, t)?;
    step!(t, let item = raw::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "borrowed: the list's", item: 1);
    step!(t, let other = capi::float_from_double(py, 2.5)?;
        "other = PyFloat_FromDouble(2.5)", "other is ours", other: 1);
    step!(t, raw::list_set_item(&list, 0, other)?; steals other;
        "PyList_SetItem(list, 0, other)", "the list let go of it", item: 0);
    step!(t, "PyObject_Repr(item)", "the fatal step", item: 0);
    item.look_at(doomed);
    Ok(())
}

fn thin_ice(py: Python<'_>, t: &mut Table<'_>, doomed: Doomed) -> Result<()> {
    let list = call(py, c"on_thin_ice", [&call(py, c"Node", [])?])?;
    t.binds("trap", &raw::list_get_item(&list, 1)?)?;
    step!(t, shows list; "list = [Node(), trap]", "ours; and trap.list = list", list: 2);
    step!(t, let item = raw::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "borrowed: the list's", item: 1);
    step!(t, let other = capi::float_from_double(py, 2.5)?;
        "other = PyFloat_FromDouble(2.5)", "other is ours", other: 1);
    step!(t, raw::list_set_item(&list, 1, other)?; steals other;
        "PyList_SetItem(list, 1, other)", "its __del__ emptied slot 0", item: 0);
    step!(t, "PyObject_Repr(item)", "the fatal step", item: 0);
    item.look_at(doomed);
    Ok(())
}

/// An item is given back while it is in its slot: as it ends, it finds itself there.
fn clear_last(doomed: Doomed) -> Result<String> {
    with_python(|py| {
        let list = call(py, c"under_watch", [])?;
        raw::list_get_item(&list, 0)?.give_back(doomed);
        mem::forget(list); // slot and finder have one reference between them
        Ok(yes(answer(py, c"saw_itself")? == [1]).into())
    })
}

/// None is given back more often than there are references to it.
fn release_none(doomed: Doomed) -> Result<String> {
    with_python(|py| {
        let none = call(py, c"collect", [])?;
        let count = none.reference_count().min(1 << 20);
        (0..count).for_each(|_| raw::Pointer::to(&none).give_back(doomed));
        mem::forget(none);
        Ok(())
    })?;
    Ok("alive".into())
}

fn forget() -> refsoak::Result<String> {
    let report = Soak::new(1600).run(|| {
        with_python(|py| {
            mem::forget(capi::float_from_double(py, 1.5)?);
            Ok(())
        })
    })?;
    Ok(per_call(&report, Counter::Blocks))
}

/// Soaks the call, with or without giving the tuple back.
fn soak_a_call(give_back: bool) -> refsoak::Result<String> {
    let same = with_python(|py| Ok(capi::Held::from(helper(py, c"same")?)))?;
    let report: refsoak::Result<_> = Soak::new(1600).run(|| {
        with_python(|py| {
            let mut arguments = capi::tuple_new(py, 1)?;
            capi::tuple_set_item(
                &mut arguments,
                0,
                convert::list_from_slice(py, &[1.5], None)?,
            )?;
            let arguments = arguments.finish()?;
            capi::object_call_object(&same.as_borrowed(py), &arguments)?;
            if !give_back {
                mem::forget(arguments);
            }
            Ok(())
        })
    });
    Ok(per_call(&report?, Counter::Tracked))
}

fn per_call(report: &refsoak::Report, counter: Counter) -> String {
    let mut counters = report.counters.iter();
    let growth = counters.find(|growth| growth.counter == counter);
    growth.map_or_else(
        || report.summary(),
        |growth| format!("{:+}", growth.per_call),
    )
}
