//! One function for each way in which a C call reports that it failed.
//!
//! Calls that describe an exception (`raised.rs`) or start Python (`start.rs`) do not use them.

use std::ffi::c_int;
use std::ptr::NonNull;

use python3_sys as ffi;

use crate::capi::exception::Exception;
use crate::capi::lock::Python;
use crate::capi::owned::{Borrowed, Owned};
use crate::capi::raised;

impl<'p> Owned<'p> {
    /// Takes the result of a C call that returns a new reference, or NULL with an exception set.
    ///
    /// # Errors
    ///
    /// The exception, for NULL.
    ///
    /// # Safety
    ///
    /// `object` is the result of such a call, made just now.
    #[inline]
    pub unsafe fn from_owned_ptr_or_err(
        py: Python<'p>,
        object: *mut ffi::PyObject,
    ) -> Result<Self, Exception> {
        match NonNull::new(object) {
            // SAFETY: not NULL, so the caller guarantees that it is a new reference, owned by nobody else.
            Some(object) => Ok(unsafe { Self::from_owned_ptr(py, object) }),
            None => Err(Exception::take(py)),
        }
    }
}

impl<'p> Borrowed<'_, 'p> {
    /// Takes the result of a C call that returns a borrowed reference, or NULL with an exception set.
    ///
    /// # Errors
    ///
    /// The exception, for NULL.
    ///
    /// # Safety
    ///
    /// - `object` is the result of such a call, made just now.
    /// - Its owner keeps it for the first lifetime.
    pub unsafe fn from_ptr_or_err(
        py: Python<'p>,
        object: *mut ffi::PyObject,
    ) -> Result<Self, Exception> {
        match NonNull::new(object) {
            // SAFETY: not NULL, so the caller guarantees a live object, which its owner keeps.
            Some(object) => Ok(unsafe { Self::from_ptr(py, object) }),
            None => Err(Exception::take(py)),
        }
    }
}

/// For a call that returns a new reference, or NULL with or without an exception set.
///
/// # Safety
///
/// `object` is the result of such a call, made just now.
#[inline]
pub(super) unsafe fn new_reference_or_end(
    py: Python<'_>,
    object: *mut ffi::PyObject,
) -> Result<Option<Owned<'_>>, Exception> {
    match NonNull::new(object) {
        // SAFETY: not NULL, so the caller guarantees a new reference that nobody else owns.
        Some(object) => Ok(Some(unsafe { Owned::from_owned_ptr(py, object) })),
        None if raised::occurred(py) => Err(Exception::take(py)),
        None => Ok(None),
    }
}

/// For a call that returns 0, or -1 with an exception set.
#[inline]
pub(super) fn status(py: Python<'_>, status: c_int) -> Result<(), Exception> {
    if status == 0 {
        Ok(())
    } else {
        Err(Exception::take(py))
    }
}

/// For a call that returns a number, which may be -1, or -1 with an exception set.
#[inline]
pub(super) fn number<T: PartialEq + From<i8>>(py: Python<'_>, number: T) -> Result<T, Exception> {
    if number == T::from(-1) && raised::occurred(py) {
        Err(Exception::take(py))
    } else {
        Ok(number)
    }
}
