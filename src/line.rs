//! Puts text from elsewhere on one line: paths, names and messages can hold line feeds.

use std::fmt::{self, Write};

/// Writes text with a space in place of each line break.
pub(crate) struct OneLine<'f, 'b>(pub &'f mut fmt::Formatter<'b>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_str(&text.replace(['\n', '\r'], " "))
    }
}

/// `: the message`, on one line, cut if it is long; nothing if the message is empty.
pub(crate) struct AfterColon<'a>(pub &'a str);

impl fmt::Display for AfterColon<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.0.split_whitespace().collect::<Vec<_>>().join(" ");
        let longest = message.char_indices().nth(300).map(|(end, _)| end);
        match longest.and_then(|end| message.get(..end)) {
            Some(start) => write!(f, ": {start}…"),
            None if message.is_empty() => Ok(()),
            None => write!(f, ": {message}"),
        }
    }
}

/// A traceback below a text; nothing if it is empty.
pub(crate) struct Below<'a>(pub &'a str);

impl fmt::Display for Below<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.trim_end() {
            "" => Ok(()),
            traceback => write!(f, "\n{traceback}"),
        }
    }
}
