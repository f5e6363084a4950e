//! Strings, and the checks for other types that hold text.

use python3_sys as ffi;

use crate::capi::exception::Exception;
use crate::capi::library::c;
use crate::capi::lock::Python;
use crate::capi::object::{has_flag, is_a};
use crate::capi::owned::Owned;
use crate::capi::raised;

/// Whether the object is a string.
///
/// Reference: borrows `object`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert!(capi::unicode_check(&capi::unicode_from_str(py, "text")?));
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyUnicode_Check")]
#[inline]
pub fn unicode_check(object: &Owned<'_>) -> bool {
    // SAFETY: the lock is held and the object live.
    unsafe { has_flag(object.as_ptr(), ffi::Py_TPFLAGS_UNICODE_SUBCLASS) }
}

/// Whether the object is a `bytes`.
///
/// Reference: borrows `object`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert!(!capi::bytes_check(&capi::unicode_from_str(py, "text")?));
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyBytes_Check")]
#[inline]
pub fn bytes_check(object: &Owned<'_>) -> bool {
    // SAFETY: the lock is held and the object live.
    unsafe { has_flag(object.as_ptr(), ffi::Py_TPFLAGS_BYTES_SUBCLASS) }
}

/// Whether the object is a `bytearray`.
///
/// Reference: borrows `object`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert!(!capi::byte_array_check(&capi::unicode_from_str(py, "text")?));
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyByteArray_Check")]
#[inline]
pub fn byte_array_check(object: &Owned<'_>) -> bool {
    let byte_array = c!(static PyByteArray_Type);
    // SAFETY: the lock is held and the object live.
    unsafe { is_a(object.as_ptr(), byte_array) }
}

/// Makes a string.
///
/// Reference: returns new.
/// Errors: `MemoryError`.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// assert_eq!(capi::unicode_from_str(py, "text")?.reference_count(), 1); // ours
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyUnicode_FromStringAndSize")]
pub fn unicode_from_str<'p>(py: Python<'p>, text: &str) -> Result<Owned<'p>, Exception> {
    // No `str` is longer than `isize::MAX` bytes.
    let length = isize::try_from(text.len()).unwrap_or(isize::MAX);
    // SAFETY: the lock is held; that many bytes of UTF-8 can be read.
    let string = unsafe { c!(PyUnicode_FromStringAndSize(text.as_ptr().cast(), length)) };
    // SAFETY: the result of a call that returns new or NULL.
    unsafe { Owned::from_owned_ptr_or_err(py, string) }
}

/// The text of a string, or `None` for any other object, or if memory runs out. Characters that UTF-8
/// cannot encode are escaped.
///
/// Reference: borrows `object`. The encoded bytes are a new reference, released here.
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let text = capi::unicode_from_str(py, "text")?;
/// assert_eq!(capi::unicode_to_string(&text).as_deref(), Some("text"));
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[doc(alias = "PyUnicode_AsEncodedString")]
pub fn unicode_to_string(object: &Owned<'_>) -> Option<String> {
    raised::utf8(object, isize::MAX).ok().flatten()
}
