//! Modules, attributes, calls and iteration.

use std::ffi::CStr;
use std::ops::Deref;
use std::ptr;

use python3_sys as ffi;

use crate::capi::check;
use crate::capi::exception::Exception;
use crate::capi::library::c;
use crate::capi::library::loaded_version;
use crate::capi::lock::Python;
use crate::capi::object::has_flag;
use crate::capi::owned::{Borrowed, Owned};
use crate::capi::raised;

/// Imports a module, as the `import` statement does.
///
/// Reference: returns new.
/// Errors: `ModuleNotFoundError`, and whatever the module raises.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let math = capi::import_module(py, c"math")?;
/// assert!(capi::import_module(py, c"no_such_module").is_err());
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyImport_ImportModule")]
pub fn import_module<'p>(py: Python<'p>, name: &CStr) -> Result<Owned<'p>, Exception> {
    // SAFETY: the lock is held; the name ends in NUL.
    let module = unsafe { c!(PyImport_ImportModule(name.as_ptr())) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(py, module) }
}

/// Compiled code, for [`import_exec_code_module`]: that C call crashes on any other object.
#[derive(Debug)]
pub struct Code<'p>(Owned<'p>);

impl<'p> Deref for Code<'p> {
    type Target = Owned<'p>;

    fn deref(&self) -> &Owned<'p> {
        &self.0
    }
}

/// Compiles the source of a module, which tracebacks call `file`.
///
/// Reference: returns new.
/// Errors: `SyntaxError`, `MemoryError`, and `RecursionError` for source that is nested too deeply. Python 3.8
/// and 3.9 do not check the depth; there, source of more than 64 KiB is a `ValueError`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let code = capi::compile_string(py, c"x = 1.5", c"x.py")?;
/// let error = capi::compile_string(py, c"x = = 1.5", c"x.py").unwrap_err();
/// assert_eq!(error.type_name(), "SyntaxError");
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "Py_CompileString")]
pub fn compile_string<'p>(
    py: Python<'p>,
    source: &CStr,
    file: &CStr,
) -> Result<Code<'p>, Exception> {
    // In source such as "x.a.a.a", every two bytes add a level, and a level takes 48 bytes of stack.
    let is_unchecked = ["3.8.", "3.9."].map(|old| loaded_version().starts_with(old));
    if source.count_bytes() > 64 << 10 && is_unchecked.contains(&true) {
        let message = "source of more than 64 KiB could overflow the stack of this old Python";
        return Err(Exception::of_type("ValueError", message));
    }
    // SAFETY: the lock is held; both strings end in NUL.
    let code = unsafe {
        c!(Py_CompileStringExFlags(
            source.as_ptr(),
            file.as_ptr(),
            ffi::Py_file_input,
            ptr::null_mut(),
            -1
        ))
    };
    // SAFETY: the result of a call that returns new or NULL.
    Ok(Code(unsafe { Owned::from_owned_ptr_or_err(py, code) }?))
}

/// Runs the code of a module. The module is then imported as `name`.
///
/// Reference: borrows `code`; returns new.
/// Errors: Whatever the code raises.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let code = capi::compile_string(py, c"x = 1.5", c"x.py")?;
/// let module = capi::import_exec_code_module(c"example_x", &code)?;
/// let x = capi::object_get_attr_string(&module, c"x")?;
/// assert_eq!(capi::float_as_double(&x)?, 1.5);
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyImport_ExecCodeModule")]
pub fn import_exec_code_module<'p>(name: &CStr, code: &Code<'p>) -> Result<Owned<'p>, Exception> {
    // SAFETY: the lock is held; the name ends in NUL; `code` is live and compiled code.
    let module = unsafe { c!(PyImport_ExecCodeModule(name.as_ptr(), code.as_ptr())) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(code.py(), module) }
}

/// The dictionary of a module.
///
/// Reference: borrowed from the module, which keeps the same dictionary as long as it lives.
/// Errors: `SystemError` for an object that is not a module.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let math = capi::import_module(py, c"math")?;
/// let dict = capi::module_get_dict(&math)?; // borrowed: cannot outlive `math`
/// assert_eq!(capi::object_type_name(&dict)?, "dict");
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyModule_GetDict")]
pub fn module_get_dict<'a, 'p>(module: &'a Owned<'p>) -> Result<Borrowed<'a, 'p>, Exception> {
    // SAFETY: the lock is held and the object live; its type is checked there.
    let dict = unsafe { c!(PyModule_GetDict(module.as_ptr())) };
    // SAFETY: the result of a call that returns borrowed or NULL; the module keeps it as long as it lives.
    unsafe { Borrowed::from_ptr_or_err(module.py(), dict) }
}

/// An attribute: `object.name`.
///
/// Reference: borrows `object`; returns new.
/// Errors: `AttributeError`, and whatever looking it up raises.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let math = capi::import_module(py, c"math")?;
/// let pi = capi::object_get_attr_string(&math, c"pi")?;
/// assert_eq!(capi::float_as_double(&pi)?, std::f64::consts::PI);
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyObject_GetAttrString")]
pub fn object_get_attr_string<'p>(object: &Owned<'p>, name: &CStr) -> Result<Owned<'p>, Exception> {
    // SAFETY: the lock is held, the object live; the name ends in NUL.
    let attribute = unsafe { c!(PyObject_GetAttrString(object.as_ptr(), name.as_ptr())) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(object.py(), attribute) }
}

/// The name of an object's type, such as `numpy.int64` or `list`.
///
/// Reference: borrows `object`. The type is a new reference, released here.
/// Errors: `MemoryError`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert_eq!(capi::object_type_name(&capi::float_from_double(py, 1.5)?)?, "float");
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyObject_Type")]
pub fn object_type_name(object: &Owned<'_>) -> Result<String, Exception> {
    // SAFETY: the lock is held and the object live.
    let kind = unsafe { c!(PyObject_Type(object.as_ptr())) };
    // SAFETY: the result of a call that returns new or NULL.
    let kind = unsafe { Owned::from_owned_ptr_or_err(object.py(), kind) }?;
    raised::name_of_type(&kind)
}

/// The number of items: `len(object)`.
///
/// Reference: borrows `object`.
/// Errors: `TypeError` for an object that has no length, and whatever `__len__` raises.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert_eq!(capi::object_size(&capi::list_new(py, 0)?.finish()?)?, 0);
/// assert!(capi::object_size(&capi::float_from_double(py, 1.5)?).is_err());
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyObject_Size")]
pub fn object_size(object: &Owned<'_>) -> Result<usize, Exception> {
    // SAFETY: the lock is held and the object live.
    let size = unsafe { c!(PyObject_Size(object.as_ptr())) };
    // Anything but -1 is a length.
    Ok(check::number(object.py(), size)?.unsigned_abs())
}

/// Whether the object can be called.
///
/// Reference: borrows `object`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert!(!capi::callable_check(&capi::float_from_double(py, 1.5)?));
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyCallable_Check")]
pub fn callable_check(object: &Owned<'_>) -> bool {
    // SAFETY: the lock is held and the object live.
    let callable = unsafe { c!(PyCallable_Check(object.as_ptr())) };
    callable != 0
}

/// Calls a callable with a tuple of arguments.
///
/// Reference: borrows `callable` and `arguments`; returns new.
/// Errors: Whatever the callable raises; `TypeError` if it is not callable, or if `arguments` is not a tuple.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let fabs = capi::object_get_attr_string(&capi::import_module(py, c"math")?, c"fabs")?;
/// let mut arguments = capi::tuple_new(py, 1)?;
/// capi::tuple_set_item(&mut arguments, 0, capi::float_from_double(py, -1.5)?)?; // stolen
/// let result = capi::object_call_object(&fabs, &arguments.finish()?)?;
/// assert_eq!(capi::float_as_double(&result)?, 1.5);
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyObject_CallObject")]
pub fn object_call_object<'p>(
    callable: &Owned<'p>,
    arguments: &Owned<'p>,
) -> Result<Owned<'p>, Exception> {
    // SAFETY: the lock is held, both objects are live; their types are checked there.
    let result = unsafe { c!(PyObject_CallObject(callable.as_ptr(), arguments.as_ptr())) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(callable.py(), result) }
}

/// Calls a callable with a tuple of arguments and a dictionary of named arguments.
///
/// Reference: borrows `callable`, `arguments` and `keywords`; returns new.
/// Errors: Whatever the callable raises; `TypeError` if it is not callable, or if the others are not a tuple and a
/// dictionary, which the C call does not check.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let dict_type = capi::object_get_attr_string(&capi::import_module(py, c"builtins")?, c"dict")?;
/// let keywords = capi::dict_new(py)?;
/// capi::dict_set_item_string(&keywords, c"key", &capi::float_from_double(py, 1.5)?)?;
/// let result = capi::object_call(&dict_type, &capi::tuple_new(py, 0)?.finish()?, &keywords)?;
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyObject_Call")]
pub fn object_call<'p>(
    callable: &Owned<'p>,
    arguments: &Owned<'p>,
    keywords: &Owned<'p>,
) -> Result<Owned<'p>, Exception> {
    // SAFETY: the lock is held and the object live.
    let is_tuple = unsafe { has_flag(arguments.as_ptr(), ffi::Py_TPFLAGS_TUPLE_SUBCLASS) };
    // SAFETY: as above.
    let is_dict = unsafe { has_flag(keywords.as_ptr(), ffi::Py_TPFLAGS_DICT_SUBCLASS) };
    if !is_tuple || !is_dict {
        return Err(Exception::of_type(
            "TypeError",
            "arguments must be a tuple and a dict",
        ));
    }
    let (arguments, keywords) = (arguments.as_ptr(), keywords.as_ptr());
    // SAFETY: the lock is held, the objects are live; a tuple and a dictionary.
    let result = unsafe { c!(PyObject_Call(callable.as_ptr(), arguments, keywords)) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(callable.py(), result) }
}

/// Calls a callable with at most two arguments, without a tuple.
///
/// Reference: borrows `callable` and `arguments`; returns new.
/// Errors: Whatever the callable raises; `TypeError` if it is not callable.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let fabs = capi::object_get_attr_string(&capi::import_module(py, c"math")?, c"fabs")?;
/// let argument = capi::float_from_double(py, -1.5)?;
/// let result = capi::object_call_function_obj_args(&fabs, [&argument])?;
/// assert_eq!(capi::float_as_double(&result)?, 1.5);
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyObject_CallFunctionObjArgs")]
#[inline]
pub fn object_call_function_obj_args<'p, const N: usize>(
    callable: &Owned<'p>,
    arguments: [&Owned<'p>; N],
) -> Result<Owned<'p>, Exception> {
    const { assert!(N <= 2, "the third place is for the NULL that ends them") };
    let mut places = [ptr::null_mut::<ffi::PyObject>(); 3];
    for (place, argument) in places.iter_mut().zip(arguments) {
        *place = argument.as_ptr();
    }
    let [first, second, end] = places;
    // SAFETY: the lock is held, all objects are live; NULL ends them. The type is checked there.
    let result = unsafe { c!(PyObject_CallFunctionObjArgs(callable.as_ptr(); first, second, end)) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(callable.py(), result) }
}

/// An iterator, for [`iter_next`]: that C call crashes on any other object.
#[derive(Debug)]
pub struct Iter<'p>(Owned<'p>);

impl<'p> Deref for Iter<'p> {
    type Target = Owned<'p>;

    fn deref(&self) -> &Owned<'p> {
        &self.0
    }
}

/// An iterator over an object: `iter(object)`.
///
/// Reference: borrows `object`; returns new.
/// Errors: `TypeError` for an object that is not iterable, and whatever `__iter__` raises.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let error = capi::object_get_iter(&capi::float_from_double(py, 1.5)?).unwrap_err();
/// assert_eq!(error.type_name(), "TypeError");
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyObject_GetIter")]
#[inline]
pub fn object_get_iter<'p>(object: &Owned<'p>) -> Result<Iter<'p>, Exception> {
    // SAFETY: the lock is held and the object live. The C call checks that the result is an iterator.
    let iterator = unsafe { c!(PyObject_GetIter(object.as_ptr())) };
    // SAFETY: the result of a call that returns new or NULL.
    Ok(Iter(unsafe {
        Owned::from_owned_ptr_or_err(object.py(), iterator)
    }?))
}

/// The next item of an iterator, or `None` at its end.
///
/// Reference: borrows `iterator`; returns new.
/// Errors: Whatever `__next__` raises, except the `StopIteration` that means the end.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let list = capi::list_new(py, 0)?.finish()?;
/// let iterator = capi::object_get_iter(&list)?;
/// assert!(capi::iter_next(&iterator)?.is_none());
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyIter_Next")]
#[inline]
pub fn iter_next<'p>(iterator: &Iter<'p>) -> Result<Option<Owned<'p>>, Exception> {
    // SAFETY: the lock is held and the object live.
    let is_iterator = unsafe { c!(PyIter_Check(iterator.as_ptr())) };
    if is_iterator == 0 {
        // It was an iterator when it was made, but an object can change its class.
        return Err(Exception::of_type(
            "TypeError",
            "the object is no longer an iterator",
        ));
    }
    // SAFETY: the lock is held; the object is live and an iterator.
    let item = unsafe { c!(PyIter_Next(iterator.as_ptr())) };
    // SAFETY: the result of a call that returns new, or NULL with or without an exception.
    unsafe { check::new_reference_or_end(iterator.py(), item) }
}
