//! The three rules, one call at a time, and what follows from them.

use super::table::step;
use super::{Hold, Table, answer, call, yes};
use crate::raw;
use pyoutliers::Result;
use pyoutliers::{Python, capi};
use refsoak::starve;

pub(super) fn new_reference(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "item is ours", item: 1);
    step!(t, let again = item.clone();
        "Py_INCREF(item); again = item", "ours twice", item: 2);
    step!(t, drop(again);
        "Py_DECREF(again)", "ours once: to give back", item: 1);
    step!(t, drop(item);
        "Py_DECREF(item)", "the last one: it is freed", item: 0);
    let forgotten = capi::float_from_double(py, 1.5)?;
    t.binds("forgotten", &forgotten)?;
    t.scene.set("forgotten", Hold::Lost);
    step!(t, "without Py_DECREF, call by call", "the float is never freed",
        "If Py_DECREF is forgotten, how many memory blocks does each call lose?",
        t.child("forget") => "+1");
    Ok(())
}

pub(super) fn stolen_reference(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "item is ours", item: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "list is ours", list: 1);
    step!(t, let given = item.clone();
        "Py_INCREF(item); given = item", "item ours twice", item: 2);
    step!(t, capi::list_set_item(&mut list, 0, given)?; steals given;
        "PyList_SetItem(list, 0, given)", "one ours, one the list's", item: 2);
    step!(t, drop(list);
        "Py_DECREF(list)", "the list gave its back", item: 1);
    step!(t, let mut tuple = capi::tuple_new(py, 1)?;
        "tuple = PyTuple_New(1)", "tuple is ours",
        "How many references are there to tuple now?", tuple.reference_count() => 1);
    step!(t, capi::tuple_set_item(&mut tuple, 0, item)?; steals item; shows tuple;
        "PyTuple_SetItem(tuple, 0, item)", "none ours: the tuple's", item: 1);
    step!(t, drop(tuple);
        "Py_DECREF(tuple)", "freed with its tuple", item: 0);
    step!(t, "item is used all the same", "it points to freed memory",
        "Which signal (or: crash) ends the process?", t.child("use-after-steal") => "SIGSEGV");
    Ok(())
}

pub(super) fn stolen_on_failure(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "item is ours", item: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "list is ours", list: 1);
    step!(t, let given = item.clone();
        "Py_INCREF(item); given = item", "item ours twice", item: 2);
    step!(t, let failed = capi::list_set_item(&mut list, 9, given).is_err(); steals given;
        "PyList_SetItem(list, 9, given)", "no slot 9", "Does it fail?", yes(failed) => "yes");
    step!(t, "", "stolen all the same", item: 1);
    step!(t, let mut tuple = capi::tuple_new(py, 1)?;
        "tuple = PyTuple_New(1)", "tuple is ours",
        "How many references are there to tuple now?", tuple.reference_count() => 1);
    step!(t, let failed = capi::tuple_set_item(&mut tuple, 9, item).is_err(); steals item;
        "PyTuple_SetItem(tuple, 9, item)", "no slot 9", "Does it fail?", yes(failed) => "yes");
    step!(t, "", "stolen all the same: freed", item: 0);
    let end = capi::unicode_to_string(&call(py, c"given_back_twice", [])?).unwrap_or_default();
    step!(t, "after it failed: Py_DECREF(item)", "given back twice",
        "Which signal (or: crash) ends the process, if one gives it back again?",
        t.child("release-after-failure") => end);
    Ok(())
}

pub(super) fn borrowed_reference(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let new = capi::float_from_double(py, 1.5)?;
        "new = PyFloat_FromDouble(1.5)", "it is ours", new: 1);
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "list is ours", list: 1);
    step!(t, capi::list_set_item(&mut list, 0, new)?; steals new;
        "PyList_SetItem(list, 0, new)", "the list's", new: 1);
    step!(t, let item = capi::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "borrowed: none added", item: 1);
    step!(t, let other = capi::float_from_double(py, 2.5)?;
        "other = PyFloat_FromDouble(2.5)", "other is ours", other: 1);
    step!(t, capi::list_set_item(&mut list, 0, other)?; steals other;
        "PyList_SetItem(list, 0, other)", "item was the list's alone", item: 0);
    step!(t, "item is used all the same", "it points to freed memory",
        "Which signal (or: crash) ends the process?", t.child("borrow-after-change") => "SIGSEGV");
    step!(t, "or at first: Py_DECREF(item)", "it gives back the list's",
        "Which signal (or: crash) ends the process that uses the list then?",
        t.child("release-borrowed") => "SIGSEGV");
    Ok(())
}

pub(super) fn thin_ice(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let list = call(py, c"on_thin_ice", [&capi::float_from_double(py, 1.5)?])?;
    t.binds("trap", &raw::list_get_item(&list, 1)?)?;
    step!(t, shows list; "list = [new, trap]", "ours; and trap.list = list", list: 2);
    step!(t, "trap.__del__ will empty list[0]", "the list alone holds trap", trap: 1);
    step!(t, let item = raw::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "borrowed: the list's", item: 1);
    step!(t, let other = capi::float_from_double(py, 2.5)?;
        "other = PyFloat_FromDouble(2.5)", "other is ours", other: 1);
    step!(t, raw::list_set_item(&list, 1, other)?; steals other;
        "PyList_SetItem(list, 1, other)", "slot 1 let go of trap", trap: 0);
    step!(t, "", "its __del__ emptied slot 0", item: 0);
    step!(t, "item is used all the same", "it points to freed memory",
        "Which signal (or: crash) ends the process?", t.child("thin-ice") => "SIGSEGV");
    let safe = call(py, c"on_thin_ice", [&capi::float_from_double(py, 1.5)?])?;
    t.binds("trap2", &raw::list_get_item(&safe, 1)?)?;
    step!(t, shows safe; "safe = [new, trap2]", "once more, with care", safe: 2);
    step!(t, let kept = raw::list_get_item(&safe, 0)?;
        "kept = PyList_GetItem(safe, 0)", "borrowed: the list's", kept: 1);
    step!(t, let kept = raw::list_get_item_ref(&safe, 0)?;
        "Py_INCREF(kept)", "the list's, and ours", kept: 2);
    step!(t, let fresh = capi::float_from_double(py, 3.5)?;
        "fresh = PyFloat_FromDouble(3.5)", "fresh is ours", fresh: 1);
    step!(t, raw::list_set_item(&safe, 1, fresh)?; steals fresh;
        "PyList_SetItem(safe, 1, fresh)", "the list let go; ours stays", kept: 1);
    step!(t, drop(kept);
        "Py_DECREF(kept)", "used, and given back", kept: 0);
    Ok(())
}

pub(super) fn storing(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "item is ours", item: 1);
    step!(t, let list = capi::list_new(py, 0)?.finish()?;
        "list = PyList_New(0)", "list is ours", list: 1);
    step!(t, capi::list_append(&list, &item)?;
        "PyList_Append(list, item)", "ours, and the list's own", item: 2);
    step!(t, let dict = capi::dict_new(py)?;
        "dict = PyDict_New()", "dict is ours", dict: 1);
    step!(t, let key = capi::float_from_double(py, 2.5)?;
        "key = PyFloat_FromDouble(2.5)", "key is ours", key: 1);
    step!(t, capi::dict_set_item(&dict, &key, &item)?;
        "PyDict_SetItem(dict, key, item)", "and the dict's own", item: 3);
    step!(t, "", "so of the key", key: 2);
    step!(t, let found = raw::dict_get_item(&dict, &key)?;
        "found = PyDict_GetItemWithError()", "borrowed: none added", found: 3);
    step!(t, drop(key);
        "Py_DECREF(key)", "the dict's alone", key: 1);
    step!(t, drop(item);
        "Py_DECREF(item)", "still ours to give back", item: 2);
    step!(t, drop(dict);
        "Py_DECREF(dict)", "it gave back its own", item: 1);
    step!(t, drop(list);
        "Py_DECREF(list)", "so did the list: freed", item: 0);
    Ok(())
}

pub(super) fn half_way(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "list is ours", list: 1);
    step!(t, let text = starve(.., || capi::unicode_from_str(py, "a text"))?.0.ok();
        "text = PyUnicode_FromString(..)", "memory is refused, on purpose",
        "Memory refused: is it NULL?", yes(text.is_none()) => "yes");
    t.scene.set("list", Hold::Lost);
    step!(t, "return NULL;", "careless: it is leaked", list: 1);
    step!(t, drop(list);
        "Py_DECREF(list); return NULL;", "careful: given back first", list: 0);
    Ok(())
}

pub(super) fn called_by_python(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let argument = capi::float_from_double(py, 1.5)?;
        "Python has an argument", "the caller's", argument: 1);
    let careful = raw::identity(py)?;
    step!(t, let result = capi::object_call_function_obj_args(&careful, [&argument])?;
        "Py_INCREF(argument); return it;", "the caller's, and a new one", argument: 2);
    step!(t, drop(result);
        "the caller: Py_DECREF(result)", "as before", argument: 1);
    step!(t, let spare = argument.clone();
        "the caller: Py_INCREF(argument)", "a spare, so as not to crash", argument: 2);
    step!(t, let result = raw::careless_identity(spare)?; steals spare;
        "return argument;", "as new, but none added", argument: 2);
    step!(t, drop(result);
        "the caller: Py_DECREF(result)", "one for two holders", argument: 1);
    Ok(())
}

pub(super) fn clear_first(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let list = call(py, c"under_watch", [])?;
        "list = [witness]", "ours, and its witness's", list: 2);
    let other = capi::float_from_double(py, 2.5)?;
    step!(t, raw::list_set_item(&list, 0, other)?;
        "PyList_SetItem(list, 0, other)", "the slot had other already",
        "Does witness find itself?", yes(answer(py, c"saw_itself")? == [1]) => "no");
    step!(t, "or Py_DECREF(list[0]) first", "found, though it ends",
        "Does witness find itself?", t.child("clear-last") => "yes");
    Ok(())
}
