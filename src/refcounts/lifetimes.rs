//! What lives longer than one thinks, and who frees it.

use std::ffi::CStr;
use std::thread;

use super::{Table, helpers};
use crate::capi::{self, Held, Owned};
use crate::convert;
use crate::error::{Error, Result};
use crate::interpreter::with_python;

pub(super) fn cycles(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let helpers = helpers(py)?;
        let find = |name: &CStr| capi::object_get_attr_string(&helpers, name);
        let alive = |ask: &Owned<'_>| {
            let answer = convert::ints(&capi::object_call_function_obj_args(ask, [])?, 1)?;
            Ok::<_, Error>(answer == [1])
        };
        let (ask, collect) = (find(c"alive")?, find(c"collect")?);
        let node = capi::object_call_function_obj_args(&find(c"Node")?, [])?;
        capi::object_call_function_obj_args(&find(c"watch")?, [&node])?;
        table.step(
            "PyObject_CallFunctionObjArgs(Node)",
            "node is ours",
            1,
            node.reference_count(),
        );
        capi::object_call_function_obj_args(&find(c"tie")?, [&node])?;
        table.step(
            "node.me = node",
            "ours and its own",
            2,
            node.reference_count(),
        );
        drop(node);
        table.step(
            "Py_DecRef(node)",
            "still alive, by its own",
            true,
            alive(&ask)?,
        );
        capi::object_call_function_obj_args(&collect, [])?;
        table.step("gc.collect()", "still alive", false, alive(&ask)?);
        Ok(())
    })
}

pub(super) fn lock(table: &mut Table) -> Result<()> {
    let ours = with_python(|py| Ok(Held::from(capi::float_from_double(py, 1.5)?)))?;
    let count = || with_python(|py| Ok(ours.as_borrowed(py).reference_count()));
    let other = with_python(|py| Ok(Held::from(Owned::clone(&ours.as_borrowed(py)))))?;
    table.step("Py_IncRef(item)", "item held twice", 2, count()?);
    let gives_back = || {
        with_python(|py| {
            drop(other.into_owned(py));
            Ok(())
        })
    };
    let dropped = thread::spawn(gives_back).join().is_ok();
    table.step(
        "another thread: PyGILState_Ensure",
        "it takes the lock",
        true,
        dropped,
    );
    table.step("and there: Py_DecRef(item)", "held once", 1, count()?);
    Ok(())
}

pub(super) fn exceptions(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let helpers = helpers(py)?;
        let find = |name: &CStr| capi::object_get_attr_string(&helpers, name);
        let data = convert::list_from_slice(py, &[1.5, 2.5], None)?;
        table.step(
            "data = PyList_New(2), filled",
            "data is ours",
            1,
            data.reference_count(),
        );
        let exception = capi::object_call_function_obj_args(&find(c"keeps_exception")?, [&data])?;
        let frames = data.reference_count() > 1;
        table.step(
            "error = f(data), an exception",
            "its frames hold data",
            true,
            frames,
        );
        drop(exception);
        table.step(
            "Py_DecRef(error)",
            "data is ours alone",
            1,
            data.reference_count(),
        );
        let text = capi::object_call_function_obj_args(&find(c"raises")?, [&data]).err();
        table.step(
            "PyErr_Fetch, made text at once",
            "the text holds nothing",
            1,
            data.reference_count(),
        );
        table.step(
            "",
            "and says it all",
            true,
            text.is_some_and(|text| text.to_string().contains("today")),
        );
        Ok(())
    })
}
