//! Whole calls: the way of the data, count by count.

use super::{Table, builtin, helpers};
use crate::capi::{self, Owned};
use crate::convert;
use crate::error::Result;
use crate::interpreter::with_python;

/// The copying call, as `Outliers::detect` makes it.
pub(super) fn whole_call(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let helpers = helpers(py)?;
        let function = capi::object_get_attr_string(&helpers, c"same")?;
        let mut list = capi::list_new(py, 2)?;
        table.step(
            "list = PyList_New(2)",
            "list is ours",
            1,
            list.reference_count(),
        );
        let item = capi::float_from_double(py, 1.5)?;
        table.step(
            "item = PyFloat_FromDouble(1.5)",
            "item is ours",
            1,
            item.reference_count(),
        );
        capi::list_set_next(&mut list, item)?;
        let count = capi::list_get_item(&list, 0)?.reference_count();
        table.step(
            "PyList_SET_ITEM(list, 0, item)",
            "item stolen: the list's",
            1,
            count,
        );
        capi::list_set_next(&mut list, capi::float_from_double(py, 2.5)?)?;
        let list = list.finish()?;
        let watched = list.clone();
        let count = |watched: &Owned<'_>| watched.reference_count() - 1;
        let result = capi::object_call_function_obj_args(&function, [&list])?;
        table.step(
            "PyObject_CallFunctionObjArgs(..)",
            "list borrowed, result new",
            1 + 1,
            count(&watched),
        );
        drop(list);
        table.step(
            "Py_DecRef(list)",
            "the result, the same list",
            1,
            count(&watched),
        );
        let iterator = capi::object_get_iter(&result)?;
        table.step(
            "iter = PyObject_GetIter(result)",
            "iter is ours",
            1,
            iterator.reference_count(),
        );
        table.step("", "it holds the result", 2, count(&watched));
        let item = capi::iter_next(&iterator)?;
        let held = item.as_ref().map_or(0, Owned::reference_count);
        table.step(
            "item = PyIter_Next(iter)",
            "new: the list's, and ours",
            2,
            held,
        );
        drop(item);
        drop(iterator);
        table.step(
            "Py_DecRef(item), Py_DecRef(iter)",
            "the result is ours alone",
            1,
            count(&watched),
        );
        drop(result);
        table.step("Py_DecRef(result)", "nothing is left", 0, count(&watched));
        Ok(())
    })
}

/// Neither side sees what the other does to its own.
pub(super) fn copy(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let mut data = [1.0, 2.0];
        let list = convert::list_from_slice(py, &data, None)?;
        let helpers = helpers(py)?;
        capi::object_call_function_obj_args(
            &capi::object_get_attr_string(&helpers, c"change")?,
            [&list],
        )?;
        table.step(
            "Python: data[0] = 7",
            "Rust has what it had",
            "1, 2",
            numbers(&data),
        );
        data = [9.0, 9.0];
        table.step(
            "Rust: data = [9, 9]",
            "Rust has what it took",
            "9, 9",
            numbers(&data),
        );
        let theirs = convert::vec_from_iterable(&list, 2, convert::float)?;
        table.step("", "Python has what it made", "7, 2", numbers(&theirs));
        Ok(())
    })
}

fn numbers(values: &[f64]) -> String {
    values
        .iter()
        .map(f64::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// -1 is taken for a failure without asking whether there is one: values are lost.
pub(super) fn dropped_minus_one(table: &mut Table) -> Result<()> {
    let results = [-1.0, 5.0, -1.0];
    let (careless, careful) = with_python(|py| {
        let int = builtin(py, c"int")?;
        let mut ints = Vec::new();
        for result in results {
            let item =
                capi::object_call_function_obj_args(&int, [&capi::float_from_double(py, result)?])?;
            ints.push(capi::long_as_long_long(&item)?);
        }
        let careless = ints.iter().filter(|&&value| value != -1).count();
        Ok((careless, ints.len()))
    })?;
    table.step(
        "PyLong_AsLongLong(item) != -1",
        "kept of [-1, 5, -1]",
        1,
        careless,
    );
    table.step("or no PyErr_Occurred()", "kept of [-1, 5, -1]", 3, careful);
    Ok(())
}
