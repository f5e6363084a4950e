//! Modules, attributes, calls and iterators: new references, and those borrowed from an owner.

use pyoutliers::capi::{self, Owned};
use pyoutliers::{Exception, Python};

use super::{Checks, borrows, empty_tuple, exec, fresh, one_item_list, one_item_tuple};

pub const CHECKS: Checks = &[
    ("import_module", |py| {
        let module = exec(py, c"rules_import_module", c"")?;
        let count = module.reference_count();
        let imported = capi::import_module(py, c"rules_import_module")?;
        assert_eq!(module.reference_count(), count + 1);
        drop(imported);
        assert_eq!(module.reference_count(), count);
        assert!(capi::import_module(py, c"no_such_module").is_err());
        Ok(())
    }),
    ("compile_string", |py| {
        let code = capi::compile_string(py, c"x = 1", c"f")?;
        assert_eq!(code.reference_count(), 1, "new");
        assert_eq!(
            capi::compile_string(py, c"1 +", c"f")
                .unwrap_err()
                .type_name(),
            "SyntaxError"
        );
        Ok(())
    }),
    ("import_exec_code_module", |py| {
        let code = capi::compile_string(py, c"x = 1", c"f")?;
        let module = capi::import_exec_code_module(c"rules_exec", &code)?;
        assert_eq!(module.reference_count(), 2, "ours and that of sys.modules");
        assert_eq!(code.reference_count(), 1, "it was borrowed");
        let code = capi::compile_string(py, c"1 / 0", c"f")?;
        let error = capi::import_exec_code_module(c"rules_fails", &code).unwrap_err();
        assert_eq!(error.type_name(), "ZeroDivisionError");
        // In a free-threaded 3.15, the first traceback of a process leaves its frames to the collector.
        let collect = capi::object_get_attr_string(&capi::import_module(py, c"gc")?, c"collect")?;
        capi::object_call_object(&collect, &empty_tuple(py)?)?;
        assert_eq!(
            code.reference_count(),
            1,
            "it was borrowed, also if it fails"
        );
        Ok(())
    }),
    ("module_get_dict", |py| {
        let module = exec(py, c"rules_dict", c"")?;
        let dict = capi::module_get_dict(&module)?;
        let count = dict.reference_count();
        assert_eq!(capi::module_get_dict(&module)?.reference_count(), count);
        assert_eq!(
            capi::module_get_dict(&fresh(py)?)
                .err()
                .unwrap()
                .type_name(),
            "SystemError"
        );
        Ok(())
    }),
    ("object_get_attr_string", |py| {
        let module = exec(py, c"rules_attribute", c"x = object()")?;
        let count = module.reference_count();
        let object = capi::object_get_attr_string(&module, c"x")?;
        assert_eq!(object.reference_count(), 2, "ours and the module's");
        assert!(capi::object_get_attr_string(&module, c"y").is_err());
        assert_eq!(module.reference_count(), count);
        Ok(())
    }),
    ("object_type_name", |py| {
        let module = exec(py, c"rules_type", c"class C: pass")?;
        let class = capi::object_get_attr_string(&module, c"C")?;
        let object = capi::object_call_object(&class, &empty_tuple(py)?)?;
        let count = class.reference_count();
        assert_eq!(borrows(&object, capi::object_type_name)?, "rules_type.C");
        assert_eq!(class.reference_count(), count);
        Ok(())
    }),
    ("object_size", |py| {
        let list = one_item_list(fresh(py)?)?;
        assert_eq!(borrows(&list, capi::object_size)?, 1);
        let error = borrows(&fresh(py)?, capi::object_size).unwrap_err();
        assert_eq!(error.type_name(), "TypeError");
        Ok(())
    }),
    ("callable_check", |py| {
        let function = exec_function(py)?;
        assert!(borrows(&function, capi::callable_check));
        assert!(!borrows(&fresh(py)?, capi::callable_check));
        Ok(())
    }),
    ("object_call_object", |py| {
        let function = exec_function(py)?;
        let object = fresh(py)?;
        let arguments = one_item_tuple(object.clone())?;
        let count = function.reference_count();
        let result = capi::object_call_object(&function, &arguments)?;
        assert_eq!(
            object.reference_count(),
            3,
            "ours, the tuple's, and that of the result, which is the same object"
        );
        assert_eq!(
            (function.reference_count(), arguments.reference_count()),
            (count, 1)
        );
        drop((result, arguments));
        assert_eq!(object.reference_count(), 1);
        assert!(capi::object_call_object(&function, &object).is_err());
        assert_eq!(
            (function.reference_count(), object.reference_count()),
            (count, 1)
        );
        Ok(())
    }),
    ("object_call", |py| {
        let function = exec_function(py)?;
        let (object, name) = (fresh(py)?, capi::unicode_from_str(py, "x")?);
        let (arguments, keywords) = (empty_tuple(py)?, capi::dict_new(py)?);
        capi::dict_set_item(&keywords, &name, &object)?;
        let counts = || [&function, &keywords, &object].map(|object| object.reference_count());
        let [count, one, two] = counts();
        assert_eq!((one, two), (1, 2), "ours, and the dict's");
        let result = capi::object_call(&function, &arguments, &keywords)?;
        assert_eq!(
            counts(),
            [count, 1, 3],
            "and that of the result, which is the same object"
        );
        drop(result);
        // A repeated argument, an object that is not callable, no dictionary, no tuple.
        let twice = one_item_tuple(object.clone())?;
        for (function, arguments, keywords) in [
            (&function, &twice, &keywords),
            (&object, &arguments, &keywords),
            (&function, &arguments, &object),
            (&function, &object, &keywords),
        ] {
            let error = capi::object_call(function, arguments, keywords).unwrap_err();
            assert_eq!(error.type_name(), "TypeError");
        }
        drop(twice);
        assert_eq!(counts(), [count, 1, 2]);
        Ok(())
    }),
    ("object_call_function_obj_args", |py| {
        let function = exec_function(py)?;
        let object = fresh(py)?;
        let count = function.reference_count();
        let result = capi::object_call_function_obj_args(&function, [&object])?;
        assert_eq!(
            (function.reference_count(), object.reference_count()),
            (count, 2),
            "ours, and that of the result, which is the same object"
        );
        drop(result);
        for arguments in [
            capi::object_call_function_obj_args(&function, []),
            capi::object_call_function_obj_args(&function, [&object, &object]),
            capi::object_call_function_obj_args(&object, [&object]),
        ] {
            assert_eq!(arguments.unwrap_err().type_name(), "TypeError");
        }
        assert_eq!(
            (function.reference_count(), object.reference_count()),
            (count, 1)
        );
        Ok(())
    }),
    ("object_get_iter", |py| {
        let list = one_item_list(fresh(py)?)?;
        let iterator = capi::object_get_iter(&list)?;
        assert_eq!(
            (iterator.reference_count(), list.reference_count()),
            (1, 2),
            "it keeps the list"
        );
        drop(iterator);
        assert_eq!(list.reference_count(), 1);
        let object = fresh(py)?;
        assert!(borrows(&object, capi::object_get_iter).is_err());
        Ok(())
    }),
    ("iter_next", |py| {
        let object = fresh(py)?;
        let list = one_item_list(object.clone())?;
        let iterator = capi::object_get_iter(&list)?;
        let item = capi::iter_next(&iterator)?.unwrap();
        assert_eq!(
            object.reference_count(),
            3,
            "ours, the list's and the item's"
        );
        drop(item);
        assert!(capi::iter_next(&iterator)?.is_none());
        assert_eq!(
            (object.reference_count(), iterator.reference_count()),
            (2, 1)
        );
        Ok(())
    }),
];

/// A function that returns its argument.
fn exec_function(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    let module = exec(py, c"rules_function", c"def same(x): return x")?;
    capi::object_get_attr_string(&module, c"same")
}
