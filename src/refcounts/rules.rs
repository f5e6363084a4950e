//! The three rules, one call at a time.

use super::Table;
use crate::capi;
use crate::error::Result;
use crate::interpreter::{self, with_python};

pub(super) fn new_reference(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let item = capi::float_from_double(py, 1.5)?;
        table.step(
            "item = PyFloat_FromDouble(1.5)",
            "item is ours",
            1,
            item.reference_count(),
        );
        let again = item.clone();
        table.step("Py_IncRef(item)", "ours twice", 2, item.reference_count());
        drop(again);
        table.step(
            "Py_DecRef(item)",
            "ours once: to give back",
            1,
            item.reference_count(),
        );
        Ok(())
    })
}

pub(super) fn stolen_reference(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let item = capi::float_from_double(py, 1.5)?;
        let mut list = capi::list_new(py, 1)?;
        table.step(
            "list = PyList_New(1)",
            "list is ours",
            1,
            list.reference_count(),
        );
        let given = item.clone();
        table.step(
            "Py_IncRef(item)",
            "item ours twice",
            2,
            item.reference_count(),
        );
        capi::list_set_item(&mut list, 0, given)?;
        table.step(
            "PyList_SetItem(list, 0, item)",
            "one ours, one the list's",
            2,
            item.reference_count(),
        );
        drop(list);
        table.step(
            "Py_DecRef(list)",
            "the list gave its back",
            1,
            item.reference_count(),
        );
        let mut tuple = capi::tuple_new(py, 1)?;
        table.step(
            "tuple = PyTuple_New(1)",
            "tuple is ours",
            1,
            tuple.reference_count(),
        );
        capi::tuple_set_item(&mut tuple, 0, item.clone())?;
        table.step(
            "PyTuple_SetItem(tuple, 0, +item)",
            "one ours, one the tuple's",
            2,
            item.reference_count(),
        );
        Ok(())
    })
}

pub(super) fn stolen_on_failure(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let item = capi::float_from_double(py, 1.5)?;
        let mut list = capi::list_new(py, 1)?;
        let given = item.clone();
        table.step(
            "Py_IncRef(item)",
            "item ours twice",
            2,
            item.reference_count(),
        );
        let failed = capi::list_set_item(&mut list, 9, given).is_err();
        table.step(
            "PyList_SetItem(list, 9, item)",
            "fails: no slot 9",
            true,
            failed,
        );
        table.step("", "stolen all the same", 1, item.reference_count());
        let mut tuple = capi::tuple_new(py, 1)?;
        let failed = capi::tuple_set_item(&mut tuple, 9, item.clone()).is_err();
        table.step(
            "PyTuple_SetItem(tuple, 9, +item)",
            "fails: no slot 9",
            true,
            failed,
        );
        table.step("", "stolen all the same", 1, item.reference_count());
        Ok(())
    })
}

pub(super) fn borrowed_reference(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let ours = capi::float_from_double(py, 1.5)?;
        let mut list = capi::list_new(py, 1)?;
        capi::list_set_item(&mut list, 0, ours.clone())?;
        table.step(
            "PyList_SetItem(list, 0, +item)",
            "one ours, one the list's",
            2,
            ours.reference_count(),
        );
        let item = capi::list_get_item(&list, 0)?;
        table.step(
            "item = PyList_GetItem(list, 0)",
            "borrowed: none added",
            2,
            item.reference_count(),
        );
        let other = capi::float_from_double(py, 2.5)?;
        capi::list_set_item(&mut list, 0, other)?;
        table.step(
            "PyList_SetItem(list, 0, other)",
            "the list let go of it",
            1,
            ours.reference_count(),
        );
        table.note("had we had none of our own, item would now point to freed memory");
        Ok(())
    })
}

pub(super) fn dictionaries(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let name = c"outliers_lesson";
        let module = interpreter::module(py, name, c"<outliers>/lesson.py", "x = object()")?;
        table.step(
            "PyImport_ExecCodeModule(.., code)",
            "ours and sys.modules'",
            2,
            module.reference_count(),
        );
        let added = capi::import_add_module(py, name)?;
        table.step(
            "PyImport_AddModule(name)",
            "borrowed: none added",
            2,
            added.reference_count() - 1,
        );
        drop(module);
        table.step(
            "Py_DecRef(module)",
            "sys.modules' alone",
            1,
            added.reference_count() - 1,
        );
        let dict = capi::module_get_dict(&added)?;
        let before = dict.reference_count();
        let again = capi::module_get_dict(&added)?.reference_count() - before;
        table.step(
            "dict = PyModule_GetDict(module)",
            "borrowed: adds none",
            0,
            again,
        );
        let value = capi::dict_get_item_string(&dict, c"x");
        let count = value.map_or(0, |value| value.reference_count() - 1);
        table.step(
            "PyDict_GetItemString(dict, \"x\")",
            "borrowed: the dict's",
            1,
            count,
        );
        Ok(())
    })
}
