//! Numbers, into Python and out of it.

use python3_sys as ffi;

use crate::capi::check;
use crate::capi::exception::Exception;
use crate::capi::library::c;
use crate::capi::lock::Python;
use crate::capi::object::{has_flag, is_a, kind};
use crate::capi::owned::Owned;

/// Makes a float with the same bits.
///
/// Reference: returns new.
/// Errors: `MemoryError`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert_eq!(capi::float_from_double(py, 1.5)?.reference_count(), 1); // ours
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyFloat_FromDouble")]
#[inline]
pub fn float_from_double(py: Python<'_>, value: f64) -> Result<Owned<'_>, Exception> {
    // SAFETY: the lock is held.
    let float = unsafe { c!(PyFloat_FromDouble(value)) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(py, float) }
}

/// The value of a float. For another object it is the value that `__float__` or `__index__` returns.
///
/// Reference: borrows `object`.
/// Errors: `TypeError` for an object that is not a number, and whatever those methods raise.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let float = capi::float_from_double(py, 1.5)?;
/// assert_eq!(capi::float_as_double(&float)?, 1.5);
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyFloat_AsDouble")]
pub fn float_as_double(object: &Owned<'_>) -> Result<f64, Exception> {
    // SAFETY: the lock is held and the object live.
    let value = unsafe { c!(PyFloat_AsDouble(object.as_ptr())) };
    check::number(object.py(), value)
}

/// Whether the object is a float. NumPy's float64 is one.
///
/// Reference: borrows `object`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert!(capi::float_check(&capi::float_from_double(py, 1.0)?));
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyFloat_Check")]
#[inline]
pub fn float_check(object: &Owned<'_>) -> bool {
    let float = c!(static PyFloat_Type);
    // SAFETY: the lock is held and the object live.
    unsafe { is_a(object.as_ptr(), float) }
}

/// `True` or `False`: each is a single object.
///
/// Reference: returns new.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert!(capi::bool_check(&capi::bool_from_long(py, true)?));
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyBool_FromLong")]
pub fn bool_from_long(py: Python<'_>, value: bool) -> Result<Owned<'_>, Exception> {
    // SAFETY: the lock is held.
    let truth = unsafe { c!(PyBool_FromLong(value.into())) };
    // SAFETY: the result of a call that returns new.
    unsafe { Owned::from_owned_ptr_or_err(py, truth) }
}

/// Makes an int.
///
/// Reference: returns new.
/// Errors: `MemoryError`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let int = capi::long_from_long_long(py, 7)?;
/// assert_eq!(capi::long_as_long_long(&int)?, 7);
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyLong_FromLongLong")]
pub fn long_from_long_long(py: Python<'_>, value: i64) -> Result<Owned<'_>, Exception> {
    // SAFETY: the lock is held.
    let int = unsafe { c!(PyLong_FromLongLong(value)) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(py, int) }
}

/// Whether the object is an int; `bool` is a kind of int.
///
/// Reference: borrows `object`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert!(!capi::long_check(&capi::float_from_double(py, 1.0)?));
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyLong_Check")]
#[inline]
pub fn long_check(object: &Owned<'_>) -> bool {
    // SAFETY: the lock is held and the object live.
    unsafe { has_flag(object.as_ptr(), ffi::Py_TPFLAGS_LONG_SUBCLASS) }
}

/// Whether the object is `True` or `False`.
///
/// Reference: borrows `object`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert!(!capi::bool_check(&capi::float_from_double(py, 1.0)?));
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyBool_Check")]
#[inline]
pub fn bool_check(object: &Owned<'_>) -> bool {
    // SAFETY: the lock is held and the object live.
    let kind = unsafe { kind(object.as_ptr()) };
    kind == c!(static PyBool_Type)
}

/// The int that `__index__` returns: an int itself, or the value of a NumPy integer. A float has none.
///
/// Reference: borrows `object`; returns new.
/// Errors: `TypeError` for an object without `__index__`, and whatever that raises.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let error = capi::number_index(&capi::float_from_double(py, 1.0)?).unwrap_err();
/// assert_eq!(error.type_name(), "TypeError"); // a float is not an int
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyNumber_Index")]
pub fn number_index<'p>(object: &Owned<'p>) -> Result<Owned<'p>, Exception> {
    // SAFETY: the lock is held and the object live.
    let int = unsafe { c!(PyNumber_Index(object.as_ptr())) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(object.py(), int) }
}

/// The value of an int. The C call also returns -1 on failure. Here -1 is a value, and a failure is an
/// error.
///
/// For other objects it is the value that `__index__` returns, or before Python 3.10 `__int__`.
///
/// Reference: borrows `int`.
/// Errors: `OverflowError` for a value that does not fit in 64 bits; `TypeError` for an object without these methods.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let int = capi::long_from_long_long(py, 7)?;
/// assert_eq!(capi::long_as_long_long(&int)?, 7);
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyLong_AsLongLong")]
#[inline]
pub fn long_as_long_long(int: &Owned<'_>) -> Result<i64, Exception> {
    // SAFETY: the lock is held and the object live.
    let value = unsafe { c!(PyLong_AsLongLong(int.as_ptr())) };
    check::number(int.py(), value)
}
