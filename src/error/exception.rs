//! An exception of Python's, as text.

use std::fmt::{self, Write};
use std::iter;

use super::memory::{OutOfMemory, TryBox, text};
use super::{Below, OneLine};
use crate::capi::{self, Python};

/// An exception of Python's, taken out of Python as text.
///
/// Kept as an object, it would keep alive its traceback, the frames of that, and in them the list
/// that was passed in.
///
/// A `MemoryError`, or one of its subclasses, has no traceback here: there may be no memory for it.
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
// Empty is a `MemoryError` that says nothing: there may not be a byte left for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Exception(TryBox<Text>);

#[derive(Clone, PartialEq, Eq)]
struct Text {
    type_name: String,
    message: String,
    /// None if C code raised it.
    traceback: Option<String>,
    is_out_of_memory: bool,
}

impl Exception {
    /// Takes the exception that is set in Python, and clears it: what a C call that failed has left.
    ///
    /// Without one it is a `SystemError`, as in Python.
    #[doc(alias = "PyErr_Fetch")]
    pub fn take(py: Python<'_>) -> Self {
        capi::take(py)
    }

    /// Says that memory is out if there is none to hold the text.
    pub(crate) fn new(type_name: String, message: String, traceback: Option<String>) -> Self {
        Self(TryBox::new(Text {
            type_name,
            message,
            traceback,
            is_out_of_memory: false,
        }))
    }

    /// A `MemoryError` that says something.
    pub(crate) fn of_memory(type_name: String, message: String) -> Self {
        Self(TryBox::new(Text {
            type_name,
            message,
            traceback: None,
            is_out_of_memory: true,
        }))
    }

    /// One that Python did not raise, of a type of Python's.
    pub(crate) fn of_type(type_name: &str, message: Result<String, OutOfMemory>) -> Self {
        match (text!("{type_name}"), message) {
            (Ok(type_name), Ok(message)) => Self::new(type_name, message, None),
            _ => Self::out_of_memory(),
        }
    }

    pub(crate) const fn out_of_memory() -> Self {
        Self(TryBox::EMPTY)
    }

    fn text(&self) -> Option<&Text> {
        self.0.get()
    }

    /// The name of its type, with its module where that is not `builtins`.
    pub fn type_name(&self) -> &str {
        self.text().map_or("MemoryError", |text| &text.type_name)
    }

    /// What `str(exception)` gave, cut if it is very long.
    ///
    /// It is called once. It may run code of the exception's, so it takes as long, and as much memory, as
    /// that code does: it has no bound, just as the function that you call has none.
    pub fn message(&self) -> &str {
        self.text().map_or("", |text| &text.message)
    }

    /// The traceback, as Python prints it, ending in a line feed; empty where there is none.
    ///
    /// It has the exceptions that led to this one, the members of a group, the notes, and the place
    /// of a `SyntaxError`. It is empty too if Python cannot make it, or if memory is short.
    ///
    /// It is bounded in time and memory, whatever the exception is:
    ///
    /// - It has 32 exceptions, and of each the 1,000 innermost frames and 100 notes at most. The middle of
    ///   a very long text is left out.
    /// - Its source lines come from files, of 4 MiB in all, and from source that is compiled in. A loader,
    ///   such as that of a zip file, is not asked.
    /// - A name is suggested (`Did you mean`, from Python 3.12 on) where no code of an object runs for it:
    ///   for variables, and attributes of built-in types and plain modules.
    /// - Python gets two seconds to make it, which ends it early.
    /// - `str` is called for each exception that led to this one, until that took a second together. One
    ///   call of it has no bound: see [`message`](Self::message).
    pub fn traceback(&self) -> &str {
        self.frames().unwrap_or_default()
    }

    /// None if C code raised it.
    fn frames(&self) -> Option<&str> {
        self.text()?.traceback.as_deref()
    }

    /// Whether C code raised an exception of that type, and not a method in Python.
    pub(crate) fn is_of_c_code(&self, type_name: &str) -> bool {
        self.frames().is_none() && self.type_name() == type_name
    }

    /// Whether it is a `MemoryError`.
    pub fn is_out_of_memory(&self) -> bool {
        self.text().is_none_or(|text| text.is_out_of_memory)
    }
}

/// `ValueError: the message`, on one line, cut if it is long.
impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(OneLine(f), "{}", self.type_name())?;
        write!(f, "{}", AfterColon(self.message()))
    }
}

/// The text, and below it the traceback.
impl fmt::Debug for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}{}", Below(self.traceback()))
    }
}

/// `: the message`, on one line, cut if it is long; nothing if it is empty.
pub(super) struct AfterColon<'a>(pub &'a str);

impl fmt::Display for AfterColon<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 300;
        let words = self.0.split_whitespace();
        let mut message = words
            .flat_map(|word| iter::once(' ').chain(word.chars()))
            .peekable();
        if message.peek().is_some() {
            f.write_char(':')?;
        }
        for character in message.by_ref().take(1 + LONGEST) {
            f.write_char(character)?;
        }
        if message.peek().is_some() {
            f.write_char('…')?;
        }
        Ok(())
    }
}

impl From<OutOfMemory> for Exception {
    fn from(OutOfMemory: OutOfMemory) -> Self {
        Self::out_of_memory()
    }
}

impl std::error::Error for Exception {}
