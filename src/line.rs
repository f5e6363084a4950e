//! Puts text from elsewhere on one line: paths, names and messages can hold line feeds.

use std::fmt::{self, Write};
use std::iter;

/// Writes text with a space in place of each line break.
pub(crate) struct OneLine<'f, 'b>(pub &'f mut fmt::Formatter<'b>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (index, line) in text.split(['\n', '\r']).enumerate() {
            if index > 0 {
                self.0.write_char(' ')?;
            }
            self.0.write_str(line)?;
        }
        Ok(())
    }
}

/// `: the message`, on one line, cut if it is long; nothing if the message is empty.
pub(crate) struct AfterColon<'a>(pub &'a str);

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
