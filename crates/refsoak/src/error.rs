//! What can go wrong: in Python, or in the closure.

use std::fmt;

use pyoutliers::ErrorKind;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no report.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Python cannot be started, or a call of pyoutliers failed.
    Python(pyoutliers::Error),
    /// The closure returned another error, such as PyO3's.
    Call(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The error that a closure returned.
    pub(crate) fn of_call(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        match error.downcast() {
            Ok(error) => Self::Python(*error),
            Err(error) => Self::Call(error),
        }
    }

    /// Whether memory ran out.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Python(error) if matches!(error.kind(), ErrorKind::OutOfMemory(_)))
    }
}

impl From<pyoutliers::Error> for Error {
    fn from(error: pyoutliers::Error) -> Self {
        Self::Python(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Python(error) => error.fmt(f),
            Self::Call(error) => error.fmt(f),
        }
    }
}

/// There is no `source`: the text is already that of the inner error.
impl std::error::Error for Error {}
