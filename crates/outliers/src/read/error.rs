//! Why a text cannot be read, and where.

use std::{error, fmt};

use super::missing::is_missing;

/// The most characters of the input that an error shows.
pub const LONGEST_WORD: usize = 40;

/// A place in a text.
#[derive(Debug)]
pub struct Position {
    /// The name of the file.
    pub name: String,
    /// The line, from 1, unless the error is about the whole file.
    pub line: Option<u64>,
    /// The column, by its name or by its number from 1.
    pub column: Option<String>,
}

/// Prints as `FILE:LINE: PROBLEM: "WORD" (column COLUMN; HINT; ...)`; only FILE and PROBLEM are always there.
#[derive(Debug)]
pub struct Error {
    pub position: Position,
    details: Box<Details>,
}

#[derive(Debug)]
struct Details {
    problem: String,
    /// The word of the input that is wrong.
    word: Option<String>,
    hints: Vec<String>,
}

impl Position {
    /// A file as a whole.
    pub fn file(name: &str) -> Self {
        Self {
            name: name.into(),
            line: None,
            column: None,
        }
    }

    /// A line of a file, from 1.
    pub fn line(name: &str, line: u64) -> Self {
        Self {
            line: Some(line),
            ..Self::file(name)
        }
    }
}

impl Error {
    pub fn new(position: Position, problem: impl ToString) -> Self {
        let details = Box::new(Details {
            problem: problem.to_string(),
            word: None,
            hints: Vec::new(),
        });
        Self { position, details }
    }

    pub fn out_of_memory(name: &str) -> Self {
        Self::new(Position::file(name), "out of memory")
    }

    pub fn word(mut self, word: &str) -> Self {
        self.details.word = Some(word.into());
        self
    }

    pub fn column(mut self, column: impl ToString) -> Self {
        self.position.column = Some(column.to_string());
        self
    }

    /// Hints at `--skip-missing` if the word is a mark for a missing value.
    pub fn hint_if_missing(self) -> Self {
        if self.details.word.as_deref().is_some_and(is_missing) {
            self.hint("missing? use --skip-missing")
        } else {
            self
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.details.hints.push(hint.into());
        self
    }
}

impl error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { name, line, column } = &self.position;
        let Details {
            problem,
            word,
            hints,
        } = &*self.details;
        f.write_str(name)?;
        if let Some(line) = line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {problem}")?;
        if let Some(word) = word {
            write!(f, ": {}", shown(word))?;
        }
        let column = column.iter().map(|column| format!("column {column}"));
        let notes: Vec<_> = column.chain(hints.iter().cloned()).collect();
        if notes.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", notes.join("; "))
        }
    }
}

/// A word in quotes, cut short if it is long.
fn shown(word: &str) -> String {
    let start = start(word, LONGEST_WORD);
    // Readers cannot see why １２ is not a number, so such characters are escaped.
    let shown = if start.contains(char::is_numeric) && !start.is_ascii() {
        format!("\"{}\"", start.escape_default())
    } else {
        format!("{start:?}")
    };
    let rest = if start.len() < word.len() { "…" } else { "" };
    shown + rest
}

/// The start of a text, at most `length` characters.
pub fn start(text: &str, length: usize) -> &str {
    let end = text.char_indices().nth(length);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
