//! What conversions, questions, imports and text do to counts; what is not counted; whole calls.

use super::table::step;
use super::{Table, call, helper, yes};
use crate::raw;
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Owned};
use pyoutliers::convert;
use pyoutliers::interpreter;

pub(super) fn manual(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let list = convert::list_from_slice(py, &[1.5], None)?;
        "list = PyList_New(1), filled", "it says: New reference", list: 1);
    step!(t, let item = raw::list_get_item(&list, 0)?;
        "item = PyList_GetItem(list, 0)", "it says: Borrowed reference", item: 1);
    step!(t, let iter = capi::object_get_iter(&list)?;
        "iter = PyObject_GetIter(list)", "it says: New reference", iter: 1);
    step!(t, "", "it added one of the list", list: 2);
    Ok(())
}

pub(super) fn numbers(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let n = capi::long_from_long_long(py, 1 << 40)?;
        "n = PyLong_FromLongLong(1 << 40)", "n is ours", n: 1);
    step!(t, let index = capi::number_index(&n)?;
        "index = PyNumber_Index(n)", "new: n again, ours twice", n: 2);
    step!(t, drop(index);
        "Py_DECREF(index)", "ours once", n: 1);
    step!(t, let value = capi::long_as_long_long(&n)?;
        "value = PyLong_AsLongLong(n)", "n borrowed", n: 1);
    step!(t, "", "a number is not counted", "Is value 2 ** 40?", yes(value == 1 << 40) => "yes");
    step!(t, let float = capi::float_from_double(py, -1.0)?;
        "float = PyFloat_FromDouble(-1.0)", "float is ours", float: 1);
    step!(t, let value = capi::float_as_double(&float).is_ok();
        "PyFloat_AsDouble(float)", "float borrowed", float: 1);
    step!(t, "PyErr_Occurred()", "-1 is a value here", "Is -1.0 a value?", yes(value) => "yes");
    Ok(())
}

pub(super) fn questions(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let object = call(py, c"object", [])?;
        "object = object()", "ours", object: 1);
    step!(t, capi::float_check(&object);
        "PyFloat_Check(object)", "no; object borrowed", object: 1);
    step!(t, capi::long_check(&object); "PyLong_Check(object)", "no; object borrowed", object: 1);
    step!(t, capi::bool_check(&object); "PyBool_Check(object)", "no; object borrowed", object: 1);
    step!(t, capi::unicode_check(&object);
        "PyUnicode_Check(object)", "no; object borrowed", object: 1);
    step!(t, capi::bytes_check(&object); "PyBytes_Check(object)", "no; object borrowed", object: 1);
    step!(t, capi::byte_array_check(&object);
        "PyByteArray_Check(object)", "no; object borrowed", object: 1);
    step!(t, capi::callable_check(&object);
        "PyCallable_Check(object)", "no; object borrowed", object: 1);
    step!(t, let size = capi::object_size(&object).is_err();
        "PyObject_Size(object)", "-1: it has no length", object: 1);
    step!(t, "PyErr_Occurred()", "so an exception is set", "Is an exception set?", yes(size) => "yes");
    Ok(())
}

pub(super) fn modules(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let (name, file) = (c"outliers_lesson", c"<outliers>/lesson.py");
    let source = c"class C: pass\ndef f(x): return x";
    step!(t, let code = capi::compile_string(py, source, file)?;
        "code = Py_CompileString(source)", "code is ours", code: 1);
    step!(t, let module = capi::import_exec_code_module(name, &code)?;
        "PyImport_ExecCodeModule(.., code)", "ours and sys.modules'", module: 2);
    step!(t, "", "code was borrowed", code: 1);
    step!(t, let again = capi::import_module(py, name)?;
        "PyImport_ImportModule(name)", "new: ours once more", module: 3);
    step!(t, drop(again);
        "Py_DECREF(again)", "as before", module: 2);
    step!(t, let f = capi::object_get_attr_string(&module, c"f")?;
        "f = PyObject_GetAttrString(..)", "the module's, and ours", f: 2);
    step!(t, let dict = capi::module_get_dict(&module)?;
        "dict = PyModule_GetDict(module)", "borrowed: module's and f's", dict: 2);
    let class = capi::object_get_attr_string(&module, c"C")?;
    let object = capi::object_call_function_obj_args(&class, [])?;
    let before = class.reference_count();
    capi::object_type_name(&object)?;
    step!(t, "PyObject_Type(object), Py_DECREF", "what it added is given back",
        "How many references to the class are added?",
        format!("{:+}", class.reference_count() - before) => "+0");
    Ok(())
}

pub(super) fn text(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let text = capi::unicode_from_str(py, "größer")?;
        "PyUnicode_FromStringAndSize(..)", "text is ours", text: 1);
    step!(t, let copy = capi::unicode_to_string(&text).unwrap_or_default();
        "PyUnicode_AsEncodedString(text)", "text borrowed", text: 1);
    step!(t, "", "copied; ö and ß take two",
        "How many bytes has größer in UTF-8?", copy.len() => 8);
    step!(t, drop(text);
        "Py_DECREF(text)", "freed; the copy is not", text: 0);
    step!(t, "PyUnicode_AsUTF8(text), Py_DECREF", "no copy: freed with text",
        "What does the first byte read as?", t.child("text-after-release") => "0xdd");
    t.note("0xdd is what Python's debug allocator leaves of freed memory");
    Ok(())
}

pub(super) fn immortal(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let added = |object: &Owned<'_>| {
        let before = object.reference_count();
        object.clone().reference_count() - before
    };
    let version = interpreter::loaded().version;
    let immortal = version.is_at_least(3, 12);
    let (count, end) = if immortal {
        ("0", "alive")
    } else {
        ("1", "SIGABRT")
    };
    let none = call(py, c"collect", [])?;
    let seven = call(py, c"int", [&capi::float_from_double(py, 7.0)?])?;
    let empty = capi::tuple_new(py, 0)?.finish()?;
    let float = capi::float_from_double(py, 1.5)?;
    step!(t, "Py_INCREF(Py_None)", "one None for all",
        "How many references does it add?", added(&none) => count);
    step!(t, "Py_INCREF(7)", "one 7 for all",
        "How many references does it add?", added(&seven) => count);
    step!(t, "Py_INCREF(())", "one () for all",
        "How many references does it add?", added(&empty) => count);
    step!(t, "Py_INCREF(a new float)", "counted in all versions",
        "How many references does it add?", added(&float) => "1");
    step!(t, "Py_DECREF(Py_None), too often", "harmless from 3.12 on",
        "Is the process alive, or which signal ended it?", t.child("release-none") => end);
    let they = if immortal {
        "immortal"
    } else {
        "counted: None must not reach 0"
    };
    t.note(format_args!(
        "Python {version}: None, small ints and () are {they}"
    ));
    Ok(())
}

/// The copying call, as `Outliers::detect` makes it.
pub(super) fn whole_call(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let same = helper(py, c"same")?;
    step!(t, let mut list = capi::list_new(py, 1)?;
        "list = PyList_New(1)", "list is ours", list: 1);
    step!(t, let item = capi::float_from_double(py, 1.5)?;
        "item = PyFloat_FromDouble(1.5)", "item is ours", item: 1);
    step!(t, capi::list_set_item(&mut list, 0, item)?; steals item;
        "PyList_SetItem(list, 0, item)", "item stolen: the list's", item: 1);
    let list = list.finish()?;
    step!(t, let result = capi::object_call_function_obj_args(&same, [&list])?;
        "PyObject_CallFunctionObjArgs(..)", "list borrowed, result new", list: 2);
    step!(t, drop(list);
        "Py_DECREF(list)", "the result, the same list", result: 1);
    step!(t, let iter = capi::object_get_iter(&result)?;
        "iter = PyObject_GetIter(result)", "iter is ours", iter: 1);
    step!(t, "", "it holds the result", result: 2);
    step!(t, let item = capi::iter_next(&iter)?;
        "item = PyIter_Next(iter)", "new: the list's, and ours", item: 2);
    step!(t, drop(item);
        "Py_DECREF(item)", "the list's alone", item: 1);
    step!(t, drop(iter);
        "Py_DECREF(iter)", "the result is ours alone", result: 1);
    step!(t, drop(result);
        "Py_DECREF(result)", "nothing is left", result: 0);
    step!(t, "", "freed with its list", item: 0);
    Ok(())
}

/// The call with parameters, as `Outliers::with` has it made.
pub(super) fn parameters(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let (same, none) = (helper(py, c"same")?, capi::tuple_new(py, 0)?.finish()?);
    step!(t, let value = capi::float_from_double(py, 2.5)?;
        "value = PyFloat_FromDouble(2.5)", "value is ours", value: 1);
    step!(t, let dict = capi::dict_new(py)?;
        "dict = PyDict_New()", "dict is ours", dict: 1);
    step!(t, capi::dict_set_item_string(&dict, c"data", &value)?;
        "PyDict_SetItemString(.., value)", "ours, and the dict's own", value: 2);
    step!(t, drop(value);
        "Py_DECREF(value)", "the dict's alone", value: 1);
    step!(t, let result = capi::object_call(&same, &none, &dict)?;
        "result = PyObject_Call(.., dict)", "new: value, once more", result: 2);
    step!(t, "", "dict was borrowed", dict: 1);
    step!(t, drop(result);
        "Py_DECREF(result)", "the dict's, for all calls", value: 1);
    step!(t, drop(dict);
        "Py_DECREF(dict)", "it gave back its own", value: 0);
    let truth = capi::bool_from_long(py, true)?;
    step!(t, "truth = PyBool_FromLong(1)", "new, yet one for all",
        "Is it True itself?", yes(truth.address() == capi::bool_from_long(py, true)?.address()) => "yes");
    Ok(())
}

/// Neither side sees what the other does to its own.
pub(super) fn copy(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let mut data = [1.0, 2.0];
    let list = convert::list_from_slice(py, &data, None)?;
    step!(t, call(py, c"change", [&list])?;
        "Python: data[0] = 7", "Rust has what it had",
        "What is data in Rust?", numbers_of(&data) => "1, 2");
    step!(t, data = [9.0, 9.0];
        "Rust: data = [9, 9]", "Rust has what it took",
        "What is data in Rust?", numbers_of(&data) => "9, 9");
    step!(t, let theirs = convert::vec_from_iterable(&list, 2, convert::float)?;
        "", "Python has what it made",
        "What is data in Python?", numbers_of(&theirs) => "7, 2");
    Ok(())
}

fn numbers_of(values: &[f64]) -> String {
    let texts: Vec<_> = values.iter().map(f64::to_string).collect();
    texts.join(", ")
}

/// -1 is taken for a failure without asking whether there is one: values are lost.
pub(super) fn dropped_minus_one(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let list = convert::list_from_slice(py, &[-1.0, 5.0, -1.0], None)?;
    step!(t, let values = convert::vec_from_iterable(&list, 3, convert::float)?;
        "PyFloat_AsDouble(item), each", "all 3 are read, -1 as well",
        "How many values are read?", values.len() => 3);
    step!(t, let kept = values.iter().filter(|&&value| value != -1.0).count();
        "if (value != -1)", "careless, of [-1, 5, -1]", "How many are kept?", kept => 1);
    step!(t, "unless -1 and PyErr_Occurred()", "careful", "How many are kept?",
        values.len() => 3);
    Ok(())
}
