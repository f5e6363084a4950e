//! Any other C call, with `c!`: its result and its arguments follow the same rules.
#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use pyoutliers::capi::{self, Borrowed, Owned, c, ffi};
use pyoutliers::{Exception, Python};

use super::{Checks, empty_tuple, fresh, one_item_tuple};

pub const CHECKS: Checks = &[
    ("from_owned_ptr_or_err", |py| {
        let object = fresh(py)?;
        // SAFETY: the lock is held; a live object.
        let list = unsafe { c!(PyObject_Dir(object.as_ptr())) };
        // SAFETY: `PyObject_Dir` returns new, or NULL with an exception set.
        let list = unsafe { Owned::from_owned_ptr_or_err(py, list) }?;
        assert_eq!((list.reference_count(), object.reference_count()), (1, 1));
        // SAFETY: the lock is held; a live object; the name ends in NUL.
        let none = unsafe { c!(PyObject_GetAttrString(object.as_ptr(), c"none".as_ptr())) };
        // SAFETY: `PyObject_GetAttrString` returns new, or NULL with an exception set.
        let error = unsafe { Owned::from_owned_ptr_or_err(py, none) }.unwrap_err();
        assert_eq!(error.type_name(), "AttributeError");
        assert_eq!(object.reference_count(), 1, "the exception is gone too");
        assert!(is_clear(py));
        Ok(())
    }),
    ("from_owned_ptr", |py| {
        let object = fresh(py)?;
        // SAFETY: the lock is held; a live object.
        unsafe { c!(Py_IncRef(object.as_ptr())) };
        let pointer = NonNull::new(object.as_ptr()).unwrap();
        // SAFETY: a live object, and the reference that was made above.
        let other = unsafe { Owned::from_owned_ptr(py, pointer) };
        assert_eq!(object.reference_count(), 2);
        drop(other);
        assert_eq!(object.reference_count(), 1, "released once");
        Ok(())
    }),
    ("from_ptr_or_err", |py| {
        let object = fresh(py)?;
        let tuple = one_item_tuple(object.clone())?;
        {
            let item = tuple_get_item(&tuple, 0)?;
            assert_eq!(item.address(), object.address());
            let two = "ours and the tuple's: borrowing does not count";
            assert_eq!(object.reference_count(), 2, "{two}");
        }
        assert_eq!(object.reference_count(), 2, "nothing is released");
        let error = tuple_get_item(&tuple, 1).err().unwrap();
        assert_eq!(error.type_name(), "IndexError");
        assert!(is_clear(py));
        Ok(())
    }),
    ("from_ptr", |py| {
        let object = fresh(py)?;
        let pointer = NonNull::new(object.as_ptr()).unwrap();
        {
            // SAFETY: live, as `object` is dropped later.
            let borrowed = unsafe { Borrowed::from_ptr(py, pointer) };
            assert_eq!(borrowed.reference_count(), 1);
        }
        assert_eq!(object.reference_count(), 1);
        Ok(())
    }),
    ("into_ptr", |py| {
        let object = fresh(py)?;
        // SAFETY: the lock is held.
        let tuple = unsafe { c!(PyTuple_New(1)) };
        // SAFETY: `PyTuple_New` returns new, or NULL with an exception set.
        let tuple = unsafe { Owned::from_owned_ptr_or_err(py, tuple) }?;
        let stolen = object.clone().into_ptr();
        assert_eq!(object.reference_count(), 2, "the pointer has the reference");
        // SAFETY: the lock is held; a tuple that nobody else knows; the reference is handed over.
        let status = unsafe { c!(PyTuple_SetItem(tuple.as_ptr(), 0, stolen)) };
        assert_eq!((status, object.reference_count()), (0, 2), "the tuple's");
        drop(tuple);
        assert_eq!(object.reference_count(), 1, "released by the tuple");
        Ok(())
    }),
    ("Exception::take", |py| {
        let list = capi::list_new(py, 0)?.finish()?;
        // SAFETY: the lock is held; a live object.
        let hash = unsafe { c!(PyObject_Hash(list.as_ptr())) };
        assert_eq!(hash, -1);
        assert!(!is_clear(py));
        let exception = Exception::take(py);
        assert_eq!(exception.to_string(), "TypeError: unhashable type: 'list'");
        assert!(!exception.is_out_of_memory() && is_clear(py));
        assert_eq!(list.reference_count(), 1);
        // SAFETY: the lock is held. Sets an exception, and returns NULL.
        unsafe { c!(PyErr_NoMemory()) };
        assert!(Exception::take(py).is_out_of_memory() && is_clear(py));
        let none = Exception::take(py);
        assert_eq!(none.type_name(), "SystemError", "none was set");
        Ok(())
    }),
    ("c!", |py| {
        let object = fresh(py)?;
        let float = c!(static PyFloat_Type).cast::<ffi::PyObject>();
        let text = capi::unicode_from_str(py, "1.5")?;
        let end = ptr::null_mut::<ffi::PyObject>();
        // SAFETY: the lock is held; both are live; NULL ends the arguments.
        let value = unsafe { c!(PyObject_CallFunctionObjArgs(float; text.as_ptr(), end)) };
        // SAFETY: the call returns new, or NULL with an exception set.
        let value = unsafe { Owned::from_owned_ptr_or_err(py, value) }?;
        assert_eq!(capi::float_as_double(&value)?, 1.5);
        assert_eq!(text.reference_count(), 1, "borrowed");
        let is_true = c!(fn PyObject_IsTrue(_));
        // SAFETY: the lock is held; a live object.
        assert_eq!(unsafe { is_true(object.as_ptr()) }, 1);
        // SAFETY: as above.
        assert_eq!(unsafe { is_true(empty_tuple(py)?.as_ptr()) }, 0);
        Ok(())
    }),
];

fn tuple_get_item<'a, 'p>(
    tuple: &'a Owned<'p>,
    index: isize,
) -> Result<Borrowed<'a, 'p>, Exception> {
    // SAFETY: the lock is held; a live object, whose type is checked there.
    let item = unsafe { c!(PyTuple_GetItem(tuple.as_ptr(), index)) };
    // SAFETY: `PyTuple_GetItem` returns borrowed, or NULL with an exception set; a tuple keeps its items.
    unsafe { Borrowed::from_ptr_or_err(tuple.py(), item) }
}

/// Whether no exception is set.
fn is_clear(_: Python<'_>) -> bool {
    // SAFETY: the lock is held; the result is only compared with NULL.
    unsafe { c!(PyErr_Occurred()) }.is_null()
}
