//! Every row of the rule table, counted on fresh objects. The only test in its process.
#![allow(clippy::unwrap_used)]

use std::ffi::CStr;

use outliers::capi::{self, Borrowed, Held, Owned};
use outliers::{Exception, Python, with_python};

type Check = fn(Python<'_>) -> Result<(), Exception>;

/// A check for each row, by its Rust name.
const CHECKS: &[(&str, Check)] = &[
    ("list_new", |py| {
        let list = capi::list_new(py, 0)?.finish()?;
        assert_eq!(list.reference_count(), 1);
        assert_eq!(capi::object_type_name(&list)?, "list");
        hides_while_unfilled(py, capi::list_new, capi::list_set_item)
    }),
    ("list_set_item", |py| {
        steals(py, capi::list_new, capi::list_set_item)
    }),
    ("list_set_next", |py| {
        let object = fresh(py)?;
        let mut list = capi::list_new(py, 2)?;
        capi::list_set_next(&mut list, object.clone())?;
        capi::list_set_next(&mut list, object.clone())?;
        assert_eq!(object.reference_count(), 3, "ours and the list's two");
        let error = capi::list_set_next(&mut list, object.clone()).unwrap_err();
        assert_eq!(error.type_name(), "IndexError");
        let mut tuple = capi::tuple_new(py, 1)?;
        let error = capi::list_set_next(&mut tuple, object.clone()).unwrap_err();
        assert_eq!(error.type_name(), "SystemError");
        assert_eq!(object.reference_count(), 3, "stolen by failures too");
        drop(list.finish()?);
        assert_eq!(object.reference_count(), 1);
        Ok(())
    }),
    ("list_get_item", |py| {
        let object = fresh(py)?;
        let mut list = capi::list_new(py, 2)?;
        capi::list_set_item(&mut list, 0, object.clone())?;
        let item = capi::list_get_item(&list, 0)?;
        assert_eq!(
            item.reference_count(),
            2,
            "ours and the list's: borrowing does not count"
        );
        for index in [1, 2, usize::MAX] {
            assert_eq!(
                capi::list_get_item(&list, index).err().unwrap().type_name(),
                "IndexError"
            );
        }
        assert_eq!(object.reference_count(), 2);
        // An empty list is nobody's secret: what others append to it is not lent.
        let empty = capi::list_new(py, 0)?;
        let append = exec(
            py,
            c"rules_append",
            c"import gc\ndef append(item):\n  for o in gc.get_objects():\n    if type(o) is list and not o: o.append(item)",
        )?;
        let append = capi::object_get_attr_string(&append, c"append")?;
        capi::object_call_function_obj_args(&append, [&object])?;
        assert!(object.reference_count() > 2, "it was appended to some");
        assert!(capi::list_get_item(&empty, 0).is_err());
        drop(empty);
        let remove = exec(
            py,
            c"rules_remove",
            c"import gc\ndef remove(item):\n  for o in gc.get_objects():\n    if type(o) is list and len(o) == 1 and o[0] is item: o.clear()",
        )?;
        let remove = capi::object_get_attr_string(&remove, c"remove")?;
        capi::object_call_function_obj_args(&remove, [&object])?;
        Ok(())
    }),
    ("tuple_new", |py| {
        let tuple = capi::tuple_new(py, 1)?;
        assert!(
            tuple
                .finish()
                .unwrap_err()
                .to_string()
                .contains("0 of 1 slots are filled")
        );
        let mut tuple = capi::tuple_new(py, 1)?;
        capi::tuple_set_item(&mut tuple, 0, fresh(py)?)?;
        assert_eq!(tuple.finish()?.reference_count(), 1);
        hides_while_unfilled(py, capi::tuple_new, capi::tuple_set_item)
    }),
    ("tuple_set_item", |py| {
        steals(py, capi::tuple_new, capi::tuple_set_item)
    }),
    ("float_from_double", |py| {
        assert_eq!(capi::float_from_double(py, 1.5)?.reference_count(), 1);
        Ok(())
    }),
    ("float_as_double", |py| {
        let float = capi::float_from_double(py, -1.0)?;
        assert_eq!(borrows(&float, capi::float_as_double)?, -1.0);
        let object = fresh(py)?;
        assert!(borrows(&object, capi::float_as_double).is_err());
        Ok(())
    }),
    ("long_check", |py| {
        let int = large_int(py)?;
        assert!(borrows(&int, capi::long_check));
        assert!(!borrows(&fresh(py)?, capi::long_check));
        Ok(())
    }),
    ("bool_check", |py| {
        let truth = call(&builtin(py, c"bool")?, fresh(py)?)?;
        assert!(capi::bool_check(&truth), "True is immortal, so not counted");
        assert!(!borrows(&fresh(py)?, capi::bool_check));
        Ok(())
    }),
    ("number_index", |py| {
        let int = large_int(py)?;
        let index = capi::number_index(&int)?;
        assert_eq!(
            int.reference_count(),
            2,
            "an int is its own index, so ours and the new one"
        );
        drop(index);
        assert_eq!(int.reference_count(), 1);
        let float = capi::float_from_double(py, 1.0)?;
        assert_eq!(
            borrows(&float, capi::number_index).unwrap_err().type_name(),
            "TypeError"
        );
        Ok(())
    }),
    ("long_as_long_long", |py| {
        let int = large_int(py)?;
        assert_eq!(borrows(&int, capi::long_as_long_long)?, 1 << 40);
        let object = fresh(py)?;
        assert!(borrows(&object, capi::long_as_long_long).is_err());
        Ok(())
    }),
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
        assert_eq!(
            capi::compile_string(py, c"1 +", c"f")
                .unwrap_err()
                .type_name(),
            "SyntaxError"
        );
        Ok(())
    }),
    ("import_exec_code_module", |py| {
        let module = exec(py, c"rules_exec", c"x = 1")?;
        assert_eq!(module.reference_count(), 2, "ours and that of sys.modules");
        assert_eq!(
            exec(py, c"rules_fails", c"1 / 0").unwrap_err().type_name(),
            "ZeroDivisionError"
        );
        Ok(())
    }),
    ("import_add_module", |py| {
        let module = capi::import_add_module(py, c"rules_add_module")?;
        assert_eq!(module.reference_count(), 2, "ours and that of sys.modules");
        let again = capi::import_add_module(py, c"rules_add_module")?;
        assert_eq!(again.reference_count(), 3);
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
    ("dict_get_item_string", |py| {
        let module = exec(py, c"rules_item", c"x = object()")?;
        let dict = capi::module_get_dict(&module)?;
        let value = capi::dict_get_item_string(&dict, c"x").unwrap();
        assert_eq!(value.reference_count(), 2, "ours and the dictionary's");
        assert!(capi::dict_get_item_string(&dict, c"y").is_none());
        assert!(capi::dict_get_item_string(&fresh(py)?, c"x").is_none());
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
    ("callable_check", |py| {
        let function = exec_function(py)?;
        assert!(borrows(&function, capi::callable_check));
        assert!(!borrows(&fresh(py)?, capi::callable_check));
        Ok(())
    }),
    ("object_call_object", |py| {
        let function = exec_function(py)?;
        let object = fresh(py)?;
        let mut arguments = capi::tuple_new(py, 1)?;
        capi::tuple_set_item(&mut arguments, 0, object.clone())?;
        let arguments = arguments.finish()?;
        let count = function.reference_count();
        let result = capi::object_call_object(&function, &arguments)?;
        assert_eq!(
            object.reference_count(),
            3,
            "ours, the tuple's, and that of the result, which is it"
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
    ("object_call_function_obj_args", |py| {
        let function = exec_function(py)?;
        let object = fresh(py)?;
        let count = function.reference_count();
        let result = capi::object_call_function_obj_args(&function, [&object])?;
        assert_eq!(
            (function.reference_count(), object.reference_count()),
            (count, 2),
            "ours, and that of the result, which is it"
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
    ("unicode_check", |py| {
        let text = capi::unicode_from_str(py, "rules: a text")?;
        assert!(borrows(&text, capi::unicode_check));
        assert!(!borrows(&fresh(py)?, capi::unicode_check));
        Ok(())
    }),
    ("bytes_check", |py| {
        let bytes = call(&builtin(py, c"bytes")?, one_item_list(seven(py)?)?)?;
        assert!(
            capi::bytes_check(&bytes),
            "one byte is shared, so not counted"
        );
        assert!(!borrows(&fresh(py)?, capi::bytes_check));
        Ok(())
    }),
    ("byte_array_check", |py| {
        let bytes = call(&builtin(py, c"bytearray")?, one_item_list(seven(py)?)?)?;
        assert!(borrows(&bytes, capi::byte_array_check));
        assert!(!borrows(&fresh(py)?, capi::byte_array_check));
        Ok(())
    }),
    ("unicode_from_str", |py| {
        let text = capi::unicode_from_str(py, "rules: größer\0")?;
        assert_eq!(text.reference_count(), 1);
        Ok(())
    }),
    ("unicode_to_string", |py| {
        let text = capi::unicode_from_str(py, "rules: größer\0")?;
        assert_eq!(
            borrows(&text, capi::unicode_to_string).as_deref(),
            Some("rules: größer\0")
        );
        assert_eq!(borrows(&fresh(py)?, capi::unicode_to_string), None);
        Ok(())
    }),
    ("Owned::clone", |py| {
        let object = fresh(py)?;
        let other = object.clone();
        assert_eq!((object.reference_count(), other.reference_count()), (2, 2));
        Ok(())
    }),
    ("Owned::drop", |py| {
        let object = fresh(py)?;
        drop(object.clone());
        assert_eq!(object.reference_count(), 1);
        let borrowed: Borrowed = object.as_borrowed();
        assert_eq!(borrowed.reference_count(), 1, "borrowing does not count");
        let held = Held::from(object.clone());
        assert_eq!(
            (
                object.reference_count(),
                held.as_borrowed(py).reference_count()
            ),
            (2, 2)
        );
        drop(held);
        assert_eq!(object.reference_count(), 1);
        Ok(())
    }),
];

#[test]
fn every_row_of_the_table_keeps_its_rule() {
    let rows: Vec<_> = include_str!("../src/capi/rules.md")
        .lines()
        .skip(2)
        .collect();
    let names: Vec<_> = rows
        .iter()
        .map(|row| row.split('`').nth(3).unwrap())
        .collect();
    let checked: Vec<_> = CHECKS.iter().map(|&(name, _)| name).collect();
    assert_eq!(names, checked, "a check for each row, in order");
    println!("cases: {}", checked.len());
    // The second round finds what the first one left behind.
    for _ in 0..2 {
        for (name, check) in CHECKS {
            println!("{name}");
            with_python(check).unwrap().unwrap();
        }
    }
}

/// A store steals when it succeeds, when it fails, and when it replaces.
fn steals<'p>(
    py: Python<'p>,
    new: fn(Python<'p>, usize) -> Result<capi::Unfilled<'p>, Exception>,
    set_item: fn(&mut capi::Unfilled<'p>, usize, Owned<'p>) -> Result<(), Exception>,
) -> Result<(), Exception> {
    let (first, second) = (fresh(py)?, fresh(py)?);
    let mut container = new(py, 2)?;
    set_item(&mut container, 0, first.clone())?;
    assert_eq!(first.reference_count(), 2, "ours and the container's");
    for index in [2, usize::MAX] {
        let error = set_item(&mut container, index, second.clone()).unwrap_err();
        assert_eq!(error.type_name(), "IndexError");
        assert_eq!(
            second.reference_count(),
            1,
            "stolen, and given back, though it failed"
        );
    }
    set_item(&mut container, 0, second.clone())?;
    assert_eq!(
        (first.reference_count(), second.reference_count()),
        (1, 2),
        "replaced"
    );
    drop(container);
    assert_eq!(second.reference_count(), 1, "the container gave it back");
    let error = set_item(&mut new(py, 2)?, 1, second.clone()).unwrap_err();
    assert_eq!(error.type_name(), "IndexError", "no slot may be left empty");
    assert_eq!(second.reference_count(), 1);
    Ok(())
}

/// Nobody can find a container with empty slots through the collector, which would crash.
fn hides_while_unfilled<'p>(
    py: Python<'p>,
    new: fn(Python<'p>, usize) -> Result<capi::Unfilled<'p>, Exception>,
    set_item: fn(&mut capi::Unfilled<'p>, usize, Owned<'p>) -> Result<(), Exception>,
) -> Result<(), Exception> {
    const LENGTH: usize = 4321;
    let known = || {
        let source = c"import gc\nx = sum(type(o) in (list, tuple) and len(o) == 4321 for o in gc.get_objects())";
        let module = exec(py, c"rules_hides", source)?;
        capi::long_as_long_long(&capi::object_get_attr_string(&module, c"x")?)
    };
    let mut container = new(py, LENGTH)?;
    assert_eq!(known()?, 0);
    for index in 0..LENGTH {
        set_item(&mut container, index, fresh(py)?)?;
    }
    let container = container.finish()?;
    assert_eq!(known()?, 1);
    drop(container);
    assert_eq!(known()?, 0);
    Ok(())
}

/// A call leaves the count of what it borrows as it was, also if it fails.
fn borrows<'p, R>(object: &Owned<'p>, call: impl Fn(&Owned<'p>) -> R) -> R {
    let count = object.reference_count();
    let result = call(object);
    assert_eq!(object.reference_count(), count);
    result
}

fn empty_tuple(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    capi::tuple_new(py, 0)?.finish()
}

fn one_item_list(item: Owned<'_>) -> Result<Owned<'_>, Exception> {
    let mut list = capi::list_new(item.py(), 1)?;
    capi::list_set_item(&mut list, 0, item)?;
    list.finish()
}

fn builtin<'p>(py: Python<'p>, name: &CStr) -> Result<Owned<'p>, Exception> {
    capi::object_get_attr_string(&capi::import_module(py, c"builtins")?, name)
}

fn call<'p>(callable: &Owned<'p>, argument: Owned<'p>) -> Result<Owned<'p>, Exception> {
    let mut arguments = capi::tuple_new(argument.py(), 1)?;
    capi::tuple_set_item(&mut arguments, 0, argument)?;
    capi::object_call_object(callable, &arguments.finish()?)
}

/// `object()`, which nobody else refers to.
fn fresh(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    capi::object_call_object(&builtin(py, c"object")?, &empty_tuple(py)?)
}

/// 2 to the power of 40, which is neither shared nor immortal.
fn large_int(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    call(
        &builtin(py, c"int")?,
        capi::float_from_double(py, 2_f64.powi(40))?,
    )
}

fn seven(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    call(&builtin(py, c"int")?, capi::float_from_double(py, 7.0)?)
}

fn exec<'p>(py: Python<'p>, name: &CStr, source: &CStr) -> Result<Owned<'p>, Exception> {
    capi::import_exec_code_module(name, &capi::compile_string(py, source, c"tests/rules.rs")?)
}

/// A function that returns its argument.
fn exec_function(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    let module = exec(py, c"rules_function", c"def same(x): return x")?;
    capi::object_get_attr_string(&module, c"same")
}
