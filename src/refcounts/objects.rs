//! What conversions, questions, imports and text do to counts; and what is not counted.

use super::{Table, builtin};
use crate::capi::{self, Owned};
use crate::error::Result;
use crate::interpreter::{self, with_python};

pub(super) fn numbers(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let float = capi::float_from_double(py, 2_f64.powi(40))?;
        capi::float_as_double(&float)?;
        table.step(
            "PyFloat_AsDouble(float)",
            "float borrowed",
            1,
            float.reference_count(),
        );
        let int = capi::object_call_function_obj_args(&builtin(py, c"int")?, [&float])?;
        table.step("n = int(float)", "n is ours", 1, int.reference_count());
        let index = capi::number_index(&int)?;
        table.step(
            "index = PyNumber_Index(n)",
            "new: n again, ours twice",
            2,
            int.reference_count(),
        );
        drop(index);
        table.step("Py_DecRef(index)", "ours once", 1, int.reference_count());
        let copied = capi::long_as_long_long(&int)?;
        table.step(
            "PyLong_AsLongLong(n)",
            "n borrowed",
            1,
            int.reference_count(),
        );
        table.step("", "and its value came over", true, copied == 1 << 40);
        Ok(())
    })
}

pub(super) fn questions(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let object = capi::object_call_function_obj_args(&builtin(py, c"object")?, [])?;
        type Question = (&'static str, fn(&Owned<'_>) -> bool);
        let questions: [Question; 6] = [
            ("PyLong_Check(object)", capi::long_check),
            ("PyBool_Check(object)", capi::bool_check),
            ("PyUnicode_Check(object)", capi::unicode_check),
            ("PyBytes_Check(object)", capi::bytes_check),
            ("PyByteArray_Check(object)", capi::byte_array_check),
            ("PyCallable_Check(object)", capi::callable_check),
        ];
        for (call, ask) in questions {
            let answer = if ask(&object) { "yes" } else { "no" };
            table.step(
                call,
                &format!("{answer}; object borrowed"),
                1,
                object.reference_count(),
            );
        }
        Ok(())
    })
}

pub(super) fn modules(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let (name, file) = (c"outliers_lesson", c"<outliers>/lesson.py");
        let code = capi::compile_string(py, c"class C: pass\ndef f(x): return x", file)?;
        table.step(
            "code = Py_CompileString(source)",
            "code is ours",
            1,
            code.reference_count(),
        );
        let module = capi::import_exec_code_module(name, &code)?;
        table.step(
            "PyImport_ExecCodeModule(.., code)",
            "ours and sys.modules'",
            2,
            module.reference_count(),
        );
        table.step("", "code was borrowed", 1, code.reference_count());
        let imported = capi::import_module(py, name)?;
        table.step(
            "PyImport_ImportModule(name)",
            "new: ours once more",
            3,
            module.reference_count(),
        );
        drop(imported);
        let function = capi::object_get_attr_string(&module, c"f")?;
        table.step(
            "f = PyObject_GetAttrString(module)",
            "the module's, and ours",
            2,
            function.reference_count(),
        );
        let class = capi::object_get_attr_string(&module, c"C")?;
        let (object, before) = (
            capi::object_call_function_obj_args(&class, [])?,
            class.reference_count() - 1,
        );
        capi::object_type_name(&object)?;
        let after = class.reference_count() - before;
        table.step(
            "PyObject_Type(object), given back",
            "the class as before",
            1,
            after,
        );
        Ok(())
    })
}

pub(super) fn text(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let text = capi::unicode_from_str(py, "größer als zwei")?;
        table.step(
            "PyUnicode_FromStringAndSize(..)",
            "text is ours",
            1,
            text.reference_count(),
        );
        let copy = capi::unicode_to_string(&text).unwrap_or_default();
        table.step(
            "PyUnicode_AsEncodedString(text)",
            "text borrowed",
            1,
            text.reference_count(),
        );
        table.step("", "its bytes, copied", 17, copy.len());
        Ok(())
    })
}

pub(super) fn immortal(table: &mut Table) -> Result<()> {
    with_python(|py| {
        let seven = capi::object_call_function_obj_args(
            &builtin(py, c"int")?,
            [&capi::float_from_double(py, 7.0)?],
        )?;
        let (empty, float) = (
            capi::tuple_new(py, 0)?.finish()?,
            capi::float_from_double(py, 1.5)?,
        );
        let version = interpreter::loaded().version;
        let (immortal, note) = if version.is_at_least(3, 12) {
            (0, "small ints such as 7, and (), are made once, for all")
        } else {
            (1, "counted, but shared by all: their counts teach nothing")
        };
        let cases = [
            ("7", &seven, immortal),
            ("()", &empty, immortal),
            ("a new float", &float, 1),
        ];
        for (what, object, expected) in cases {
            let before = object.reference_count();
            let again = object.clone();
            let change = object.reference_count() - before;
            drop(again);
            let meaning = if expected == 0 {
                "immortal: not counted"
            } else {
                "counted"
            };
            table.step(&format!("Py_IncRef({what})"), meaning, expected, change);
        }
        table.note(format_args!("Python {version}: {note}"));
        Ok(())
    })
}
