//! Why a module gets no judgement.

use std::fmt::{self, Display};
use std::io;

/// Why a module gets no judgement.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Python cannot be started, or raised an exception.
    Python(pyoutliers::Error),
    /// A tool that compiles modules failed.
    Tool {
        /// The operation that failed, and the tool.
        reason: String,
        /// The messages of the tool.
        output: String,
    },
    /// The module cannot be judged, for this reason.
    Refused(String),
    /// The caller stopped the judge.
    Interrupted,
}

impl Error {
    /// A failed operation, such as `cannot write FILE`.
    pub(super) fn io(what: impl Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Refused(format!("{what}: {error}"))
    }
}

impl From<pyoutliers::Error> for Error {
    fn from(error: pyoutliers::Error) -> Self {
        Self::Python(error)
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Python(error) => error.fmt(f),
            Self::Tool { reason, .. } | Self::Refused(reason) => f.write_str(reason),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// The text includes the error inside, so there is no `source` to repeat it.
impl std::error::Error for Error {}
