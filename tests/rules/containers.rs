//! Lists and tuples: storing an item steals it, and no other code sees an empty slot.

use std::ffi::CStr;

use pyoutliers::capi::{self, Owned};
use pyoutliers::{Exception, Python};

use super::{Checks, empty_tuple, exec, fresh, one_item_tuple};

pub const CHECKS: Checks = &[
    ("list_new", |py| {
        let list = capi::list_new(py, 0)?.finish()?;
        assert_eq!(list.reference_count(), 1);
        assert_eq!(capi::object_type_name(&list)?, "list");
        fails_in_used_memory(py)?;
        hides_while_unfilled(py, capi::list_new, capi::list_set_item)
    }),
    ("list_set_item", |py| {
        steals(py, capi::list_new, capi::list_set_item)
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
        // Other code can find an empty list and append an item. `list_get_item` must not return that item.
        let empty = capi::list_new(py, 0)?;
        let others = exec(py, c"rules_others", OTHERS)?;
        let all = |function| {
            let function = capi::object_get_attr_string(&others, function)?;
            capi::object_call_function_obj_args(&function, [&object]).map(drop)
        };
        all(c"append")?;
        assert!(
            object.reference_count() > 2,
            "other code appended it to some empty lists"
        );
        assert!(capi::list_get_item(&empty, 0).is_err());
        drop(empty);
        all(c"remove")?;
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
    ("list_append", |py| {
        let (list, item) = (capi::list_new(py, 0)?.finish()?, fresh(py)?);
        capi::list_append(&list, &item)?;
        assert_eq!(
            item.reference_count(),
            2,
            "ours, and one that the list added"
        );
        let error = capi::list_append(&empty_tuple(py)?, &item).unwrap_err();
        assert_eq!(error.type_name(), "SystemError");
        assert_eq!(item.reference_count(), 2, "borrowed, also if it fails");
        drop(list);
        assert_eq!(item.reference_count(), 1);
        Ok(())
    }),
    ("dict_new", |py| {
        let dict = capi::dict_new(py)?;
        assert_eq!(dict.reference_count(), 1);
        assert_eq!(capi::object_type_name(&dict)?, "dict");
        Ok(())
    }),
    ("dict_set_item", |py| {
        let dict = capi::dict_new(py)?;
        let (key, value, other) = (fresh(py)?, fresh(py)?, fresh(py)?);
        let counts = || [&key, &value, &other].map(|object| object.reference_count());
        capi::dict_set_item(&dict, &key, &value)?;
        assert_eq!(counts(), [2, 2, 1], "ours, and those that the dict added");
        capi::dict_set_item(&dict, &key, &other)?;
        assert_eq!(counts(), [2, 1, 2], "replaced: the first was released");
        let list = capi::list_new(py, 0)?.finish()?;
        let error = capi::dict_set_item(&dict, &list, &value).unwrap_err();
        assert_eq!(error.type_name(), "TypeError", "a list has no hash");
        let error = capi::dict_set_item(&list, &key, &value).unwrap_err();
        assert_eq!(error.type_name(), "SystemError");
        assert_eq!(counts(), [2, 1, 2], "borrowed, also if it fails");
        drop(dict);
        assert_eq!(counts(), [1, 1, 1]);
        Ok(())
    }),
    ("dict_set_item_string", |py| {
        let dict = capi::dict_new(py)?;
        let (value, other) = (fresh(py)?, fresh(py)?);
        let counts = || [&dict, &value, &other].map(|object| object.reference_count());
        capi::dict_set_item_string(&dict, c"rules", &value)?;
        assert_eq!(counts(), [1, 2, 1], "ours, and the one that the dict added");
        capi::dict_set_item_string(&dict, c"rules", &other)?;
        assert_eq!(counts(), [1, 1, 2], "replaced: the first was released");
        let error = capi::dict_set_item_string(&dict, c"\xFF", &value).unwrap_err();
        assert_eq!(error.type_name(), "UnicodeDecodeError");
        let error = capi::dict_set_item_string(&value, c"rules", &value).unwrap_err();
        assert_eq!(error.type_name(), "SystemError");
        assert_eq!(counts(), [1, 1, 2], "borrowed, also if it fails");
        drop(dict);
        assert_eq!(other.reference_count(), 1);
        Ok(())
    }),
];

/// Lists without memory for their slots, in memory that tuples have used.
fn fails_in_used_memory(py: Python<'_>) -> Result<(), Exception> {
    // More than Python keeps for the next tuples of one item.
    let tuples = (0..5000).map(|_| one_item_tuple(fresh(py)?));
    drop(tuples.collect::<Result<Vec<_>, _>>()?);
    let mut others = vec![];
    for _ in 0..500 {
        let error = capi::list_new(py, 1 << 58).unwrap_err();
        assert!(error.is_out_of_memory());
        others.push(capi::list_new(py, 0)?);
    }
    Ok(())
}

/// Code that changes every empty list of the process, and code that undoes this.
const OTHERS: &CStr = c"
import gc

def append(item):
    for o in gc.get_objects():
        if type(o) is list and not o: o.append(item)

def remove(item):
    for o in gc.get_objects():
        if type(o) is list and len(o) == 1 and o[0] is item: o.clear()
";

/// Storing an item steals it on success, on failure, and when it replaces another item.
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
            "stolen and released, although the call failed"
        );
    }
    set_item(&mut container, 0, second.clone())?;
    assert_eq!(
        (first.reference_count(), second.reference_count()),
        (1, 2),
        "replaced"
    );
    drop(container);
    assert_eq!(second.reference_count(), 1, "the container released it");
    let error = set_item(&mut new(py, 2)?, 1, second.clone()).unwrap_err();
    assert_eq!(error.type_name(), "IndexError", "no slot may be left empty");
    assert_eq!(second.reference_count(), 1);
    Ok(())
}

/// The collector must not find a container with empty slots: code that reads one would crash.
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
