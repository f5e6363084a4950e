//! Errors, as text: an error holds no Python object, so it keeps no frame and no data alive.

use std::fmt::{self, Write};

use crate::capi::Exception;
use crate::line::{AfterColon, Below, OneLine};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate: what happened, and where.
///
/// Its text is one line. It owns its text and holds no Python object, so it can cross threads and
/// be kept for as long as you like. Text from Python can hold control characters: escape them
/// before you print an error to a terminal, as the program `outliers` does.
///
/// ```
/// use pyoutliers::{ErrorKind, Outliers};
///
/// let source = "def fails(data): return [1 / 0]";
/// let error = Outliers::from_source(source, "fails.py", "fails")?.detect(&[1.0]).unwrap_err();
/// assert_eq!(error.to_string(), "fails.py:fails: ZeroDivisionError: division by zero");
/// assert!(matches!(error.kind(), ErrorKind::Call(_)));
/// assert!(error.traceback().contains("line 1, in fails"));
/// # Ok::<_, pyoutliers::Error>(())
/// ```
// Boxed, so that a `Result` is small to return.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    /// `module:function`, once it is known.
    function: Option<String>,
}

/// What kind of thing went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Python cannot be started, or is not the one that this program was built for.
    ///
    /// A process tries to start Python only once: every later call returns the same error.
    Start {
        /// The problem, the evidence, and what to do.
        reason: String,
    },
    /// A name holds a NUL byte, which no Python name can.
    Name {
        /// The name.
        name: String,
        /// The position of its first NUL, in bytes.
        position: usize,
    },
    /// The module cannot be imported.
    Import {
        /// The module.
        module: String,
        /// What Python said.
        exception: Exception,
        /// The Python in which it was searched for, and what to do.
        advice: String,
    },
    /// The module has no such function.
    Lookup(Exception),
    /// The object of that name cannot be called.
    NotCallable {
        /// Its type.
        got: String,
    },
    /// The function raised an exception.
    Call(Exception),
    /// The function returned something other than an iterable of numbers.
    NotIterable {
        /// The type of the result.
        got: String,
    },
    /// An item of the result has the wrong type, or does not fit.
    Item {
        /// The item's index.
        index: usize,
        /// What it should be.
        expected: &'static str,
        /// What it is instead: a type, or a description.
        got: String,
    },
    /// The function's result raised an exception while it produced an item, or while the item was
    /// converted.
    Iteration {
        /// The item's index.
        index: usize,
        /// What Python said.
        exception: Exception,
    },
    /// The function returned more items than there were values.
    TooManyItems {
        /// The most items that it may return.
        limit: usize,
    },
    /// Memory ran out in Python or in Rust, or Python code raised a `MemoryError`.
    OutOfMemory(Exception),
}

impl Error {
    /// Adds the function in which the error happened, as `module:function`, or the module.
    pub fn in_function(mut self, function: &str) -> Self {
        self.0.function = Some(function.to_owned());
        self
    }

    /// What kind of thing went wrong, and where.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The Python exception behind it, if there is one.
    pub fn exception(&self) -> Option<&Exception> {
        match self.kind() {
            ErrorKind::Import { exception, .. }
            | ErrorKind::Lookup(exception)
            | ErrorKind::Call(exception)
            | ErrorKind::Iteration { exception, .. }
            | ErrorKind::OutOfMemory(exception) => Some(exception),
            _ => None,
        }
    }

    /// The traceback of the Python code that raised, to show below the text.
    ///
    /// Empty if C code raised, or if there is no such module or name: then the text says everything.
    pub fn traceback(&self) -> &str {
        let is_said = |exception: &Exception| match self.kind() {
            ErrorKind::Import { .. } => exception.type_name() == "ModuleNotFoundError",
            ErrorKind::Lookup(_) => exception.type_name() == "AttributeError",
            _ => false,
        };
        let exception = self.exception().filter(|exception| !is_said(exception));
        exception.map_or("", Exception::traceback)
    }
}

/// A `MemoryError` is always [`ErrorKind::OutOfMemory`], wherever it was raised.
impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        let kind = match kind {
            ErrorKind::Import { exception, .. }
            | ErrorKind::Lookup(exception)
            | ErrorKind::Call(exception)
            | ErrorKind::Iteration { exception, .. }
                if exception.is_out_of_memory() =>
            {
                ErrorKind::OutOfMemory(exception)
            }
            kind => kind,
        };
        let function = None;
        Self(Box::new(Inner { kind, function }))
    }
}

/// The function raised, or a C call around it failed.
impl From<Exception> for Error {
    fn from(exception: Exception) -> Self {
        ErrorKind::Call(exception).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = OneLine(f);
        if let Some(function) = &self.0.function {
            write!(line, "{function}: ")?;
        }
        write!(line, "{}", self.kind())
    }
}

/// The text, and below it the traceback. A `main` that returns the error prints this.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}{}", Below(self.traceback()))
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { reason } => f.write_str(reason),
            Self::Name { name, position } => {
                write!(f, "{name:?} is not a Python name: NUL at byte {position}")
            }
            Self::Import {
                module,
                exception,
                advice,
            } => {
                write!(f, "cannot import {module}: {exception}; {advice}")
            }
            Self::Lookup(exception) | Self::Call(exception) => exception.fmt(f),
            Self::NotCallable { got } => write!(f, "cannot be called: it is of type {got}"),
            Self::NotIterable { got } => write!(f, "returned {got}, not an iterable of numbers"),
            Self::Item {
                index,
                expected,
                got,
            } => {
                write!(
                    f,
                    "item {index} of the result should be {expected}, but is {got}"
                )
            }
            Self::Iteration { index, exception } => {
                write!(f, "item {index} of the result: {exception}")
            }
            Self::TooManyItems { limit } => {
                write!(f, "returned more items than the {limit} values")
            }
            Self::OutOfMemory(exception) => {
                write!(f, "out of memory{}", AfterColon(exception.message()))
            }
        }
    }
}

/// There is no `source`, because it would repeat the text.
impl std::error::Error for Error {}
