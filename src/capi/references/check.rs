//! One function for each way in which a C call says that it failed, beside those of [`Owned`] and
//! [`Borrowed`](crate::capi::Borrowed) that take its pointer. Only where an exception is described, and
//! where Python is started, that is asked otherwise.

use std::ffi::c_int;
use std::ptr::NonNull;

use crate::capi::ffi;

use crate::capi::Owned;
use crate::capi::Python;
use crate::capi::runtime::exception;
use crate::error::Exception;

/// For a call that returns a new reference, or NULL with or without an exception set.
///
/// # Safety
///
/// `object` is the result of such a call, made just now.
#[inline]
pub(in crate::capi) unsafe fn new_reference_or_end(
    py: Python<'_>,
    object: *mut ffi::PyObject,
) -> Result<Option<Owned<'_>>, Exception> {
    match NonNull::new(object) {
        // SAFETY: not NULL, so by the caller's word a new reference, and nobody else's.
        Some(object) => Ok(Some(unsafe { Owned::from_owned_ptr(py, object) })),
        None if exception::occurred(py) => Err(Exception::take(py)),
        None => Ok(None),
    }
}

/// For a call that returns 0, or -1 with an exception set.
#[inline]
pub(in crate::capi) fn status(py: Python<'_>, status: c_int) -> Result<(), Exception> {
    if status == 0 {
        Ok(())
    } else {
        Err(Exception::take(py))
    }
}

/// For a call that returns a number, and -1 also with an exception set.
#[inline]
pub(in crate::capi) fn number<T: PartialEq + From<i8>>(
    py: Python<'_>,
    number: T,
) -> Result<T, Exception> {
    if number == T::from(-1) && exception::occurred(py) {
        Err(Exception::take(py))
    } else {
        Ok(number)
    }
}
