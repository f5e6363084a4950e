//! All output of the program. Text from files, names and exceptions is escaped, so that it cannot control
//! the terminal.

use std::borrow::Cow;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Read, Write};
use std::thread;
use std::time::Duration;

use anyhow::{Error, Result};

use super::called;

/// Writes a result to stdout.
pub fn print(text: &str) -> Result<()> {
    print_by(|stdout| stdout.write_all(text.as_bytes()))
}

/// Writes a result to stdout piece by piece. A closed pipe is not an error.
pub fn print_by(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    print_as_it_is(|stdout| write(&mut Escaping(stdout)))
}

/// Writes records to stdout: escaped if it is a terminal, otherwise unchanged.
pub fn print_records(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    if io::stdout().is_terminal() {
        print_by(write)
    } else {
        print_as_it_is(|stdout| write(stdout))
    }
}

/// Writes the program's own text to stdout, colours included.
pub fn print_as_it_is(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut stdout = BufWriter::new(Patient(io::stdout().lock()));
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::new(error).context("cannot write the result"))
        }
        _ => Ok(()),
    }
}

/// Writes a line to stderr. If stderr is closed, nobody reads it.
pub fn say(text: &str) {
    let name = called::name().rsplit(' ').next().unwrap_or_default();
    let _ = writeln!(Escaping(Patient(io::stderr())), "{name}: {}", line(text));
}

/// Writes an error to stderr: one line, and the traceback if Python code raised.
pub fn complain(error: &Error) {
    say(&format!("{error:#}"));
    let of_soak = match error.downcast_ref() {
        Some(refsoak::Error::Python(error)) => Some(error),
        _ => None,
    };
    let traceback = error
        .downcast_ref()
        .or(of_soak)
        .map_or("", pyoutliers::Error::traceback);
    let _ = Escaping(Patient(io::stderr())).write_all(traceback.as_bytes());
}

/// Puts a text on one line: file names can contain line feeds.
pub fn line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// Replaces characters that control a terminal or are invalid in XML by `\uXXXX`: control characters except
/// line feeds and tabs, and characters that change the direction of text.
pub fn escape(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| {
        let of_lines = matches!(c, '\n' | '\t');
        let unseen = matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        c.is_control() && !of_lines || unseen || matches!(c, '\u{FFFE}' | '\u{FFFF}')
    };
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let escaped = text.chars().map(|c| {
        if is_obeyed(c) {
            format!("\\u{:04x}", u32::from(c))
        } else {
            c.into()
        }
    });
    escaped.collect()
}

/// Escapes all text that is written to it. No write may split a character.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let escaped = escape(&String::from_utf8_lossy(text)).into_owned();
        self.0.write_all(escaped.as_bytes())?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A stream that blocks even if another process has made it non-blocking.
pub struct Patient<T>(pub T);

impl<T> Patient<T> {
    fn wait<R>(&mut self, mut attempt: impl FnMut(&mut T) -> io::Result<R>) -> io::Result<R> {
        loop {
            match attempt(&mut self.0) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    thread::sleep(Duration::from_millis(1));
                }
                done => return done,
            }
        }
    }
}

impl<W: Write> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wait(W::flush)
    }
}

impl<R: Read> Read for Patient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(|stream| stream.read(buffer))
    }
}
