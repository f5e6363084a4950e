//! Values that a function gets with every call, beside the numbers.

use crate::capi::{self, Owned, Python};
use crate::error::Exception;

/// The value of a parameter: see [`Outliers::with`](crate::Outliers::with).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Parameter<'a> {
    /// A `float`.
    Float(f64),
    /// An `int`.
    Int(i64),
    /// A `bool`.
    Bool(bool),
    /// A `str`.
    Text(&'a str),
}

impl Parameter<'_> {
    /// Reference: returns new.
    pub(crate) fn to_object(self, py: Python<'_>) -> Result<Owned<'_>, Exception> {
        match self {
            Self::Float(value) => capi::float_from_double(py, value),
            Self::Int(value) => capi::long_from_long_long(py, value),
            Self::Bool(value) => capi::bool_from_long(py, value),
            Self::Text(value) => capi::unicode_from_str(py, value),
        }
    }
}

impl From<f64> for Parameter<'_> {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<i32> for Parameter<'_> {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Parameter<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for Parameter<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Parameter<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<'a> From<&'a str> for Parameter<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}
