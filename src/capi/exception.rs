//! A Python exception, as text.

use std::borrow::Cow;
use std::fmt::{self, Write};

use crate::line::{AfterColon, Below, OneLine};

/// A Python exception, copied out of Python as text.
///
/// It holds no Python object: the exception object keeps its traceback alive, which keeps the frames
/// alive, and with them the list that was passed in.
///
/// A `MemoryError`, or a subclass of it, has no traceback here: there may be no memory to make one.
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// with_python(|py| {
///     let exception = capi::import_module(py, c"no_such_module").unwrap_err();
///     assert_eq!(exception.type_name(), "ModuleNotFoundError");
///     assert_eq!(exception.message(), "No module named 'no_such_module'");
///     Ok(())
/// })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Exception {
    pub(super) type_name: Cow<'static, str>,
    pub(super) message: String,
    /// None if C code raised it.
    pub(super) traceback: Option<String>,
    pub(super) is_out_of_memory: bool,
}

impl Exception {
    /// An exception of a built-in type that this crate raises, not Python.
    pub(crate) fn of_type(type_name: &'static str, message: impl Into<String>) -> Self {
        Self {
            type_name: type_name.into(),
            message: message.into(),
            traceback: None,
            is_out_of_memory: false,
        }
    }

    /// A `MemoryError` without a message. Making one takes no memory: there may be none left.
    pub(crate) const fn out_of_memory() -> Self {
        Self {
            type_name: Cow::Borrowed("MemoryError"),
            message: String::new(),
            traceback: None,
            is_out_of_memory: true,
        }
    }

    /// The name of its type, with the module unless that is `builtins` or `__main__`.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// What `str(exception)` returned, cut if it is very long.
    ///
    /// `str` is called once. It may run the exception's own code. Like the function that you call, this code has no
    /// limit of time and memory.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The traceback as Python prints it, ending in a line feed. Empty if there is none.
    ///
    /// It includes the exceptions that led to this one, the members of an exception group, the notes, and
    /// the place of a `SyntaxError`. It is also empty if Python fails to make it, or if memory is short.
    ///
    /// The time and memory to make it are limited, whatever the exception is:
    ///
    /// - It shows at most 32 exceptions, and for each at most the 1,000 innermost frames and 100 notes. The
    ///   middle of a very long text is left out.
    /// - Source lines come from files, up to 4 MiB in all, and from source that is compiled in. Other loaders,
    ///   such as the one for zip files, are not asked.
    /// - A name is suggested (`Did you mean`, from Python 3.12 on) if finding it runs no code of an object:
    ///   for variables, and for attributes of built-in types and plain modules.
    /// - After two seconds, the text ends.
    /// - `str` is called for each exception that led to this one, until these calls have together taken a
    ///   second. A single call has no limit: see [`message`](Self::message).
    pub fn traceback(&self) -> &str {
        self.traceback.as_deref().unwrap_or_default()
    }

    /// Whether it has that type, and C code raised it, not a method written in Python.
    pub(crate) fn is_of_c_code(&self, type_name: &str) -> bool {
        self.traceback.is_none() && self.type_name == type_name
    }

    /// Whether it is a `MemoryError`, or a subclass of it.
    pub fn is_out_of_memory(&self) -> bool {
        self.is_out_of_memory
    }
}

/// `ValueError: the message`, on one line, cut if it is long.
impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(OneLine(f), "{}", self.type_name)?;
        write!(f, "{}", AfterColon(&self.message))
    }
}

/// The text, and the traceback below it.
impl fmt::Debug for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}{}", Below(self.traceback()))
    }
}

impl std::error::Error for Exception {}
