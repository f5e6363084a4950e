//! Named arguments that a function gets with every call, in addition to the numbers.

use crate::capi::{self, Exception, Owned, Python};

/// The value of a named argument: see [`Outliers::with`](crate::Outliers::with).
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

macro_rules! parameter_from {
    ($($from:ty => $kind:ident;)*) => {$(
        impl<'a> From<$from> for Parameter<'a> {
            fn from(value: $from) -> Self {
                Self::$kind(value.into())
            }
        }
    )*};
}

parameter_from! {
    f64 => Float;
    i32 => Int;
    u32 => Int;
    i64 => Int;
    bool => Bool;
    &'a str => Text;
}
