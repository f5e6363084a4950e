use crate::lesson::{Lesson, Run};
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi};

pub(super) const LESSON: Lesson = Lesson {
    name: "modules",
    rule: "Importing, running and looking up return new references.",
    undrawn: Some("The owners are sys.modules and functions, to which no variable points."),
    run: Run::Locked(run),
    mistakes: &[],
    python: "",
    why: r#"
Why: at any time a module may be removed from sys.modules, or an attribute
replaced. A new reference keeps what you found. PyModule_GetDict returns a
borrowed one, because a module keeps the same dictionary for life.

```c
PyObject *module = PyImport_ImportModule("numpy");
if (module == NULL)
    return NULL;
PyObject *array = PyObject_GetAttrString(module, "array");
Py_DECREF(module);                         /* array does not need it */
if (array == NULL)
    return NULL;
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let (name, file) = (c"outliers_lesson", c"<outliers>/lesson.py");
    let source = c"class C: pass\ndef f(x): return x";
    step!(t, let code = capi::compile_string(py, source, file)?;
        "code = Py_CompileString(\"def f(x): return x\", \"f.py\", Py_file_input)", "we own code", code: 1);
    step!(t, let module = capi::import_exec_code_module(name, &code)?;
        "module = PyImport_ExecCodeModule(\"lesson\", code)", "owned by us and sys.modules", module: 2);
    step!(t, "", "code was borrowed", code: 1);
    step!(t, let again = capi::import_module(py, name)?;
        "again = PyImport_ImportModule(\"lesson\")", "new: we own it twice", module: 3);
    step!(t, drop(again);
        "Py_DECREF(again)", "as before", module: 2);
    step!(t, let f = capi::object_get_attr_string(&module, c"f")?;
        "f = PyObject_GetAttrString(module, \"f\")", "owned by the module and us", f: 2);
    step!(t, let dict = capi::module_get_dict(&module)?;
        "dict = PyModule_GetDict(module)", "borrowed; module, f own it", dict: 2);
    let class = capi::object_get_attr_string(&module, c"C")?;
    let object = capi::object_call_function_obj_args(&class, [])?;
    let before = class.reference_count();
    capi::object_type_name(&object)?;
    step!(t, "class = PyObject_Type(object); Py_DECREF(class)", "its reference is released",
        "How many references to the class are added?",
        format!("{:+}", class.reference_count() - before) => "+0");
    Ok(())
}
