//! Cuts text into records of CSV, each with the line on which it begins. It is as strict as Python's `csv`
//! with `strict=True`.
//!
//! The crate `csv` has no such mode: it reads `"1"2` as 12, and lets the end of the file close a quote. Nor
//! does it return records unchanged, as `--format rows` prints them.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read};
use std::iter;

use memchr::{memchr, memchr_iter, memchr2};

use super::error::{Error, Position};
use super::separators::delimiter;

/// How compressed files begin.
const COMPRESSED: [(&[u8], &str); 5] = [
    (b"\x1F\x8B", "gzip"),
    (b"PK\x03\x04", "zip, or a spreadsheet"),
    (b"\xFD7zXZ\0", "xz"),
    (b"BZh91AY&SY", "bzip2"),
    (b"\x28\xB5\x2F\xFD", "zstd"),
];

/// UTF-8's byte order mark. Text joined from several files can begin with several.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// How much of the text is searched for the separator of the columns.
const HEAD: u64 = 1 << 20;

/// The longest record in bytes. A quote that is never closed turns the rest of the text into one record.
const LONGEST: usize = 64 << 20;

/// Reads one record after the other.
pub struct Records<'a> {
    pub name: &'a str,
    /// The separator of the columns.
    pub delimiter: u8,
    /// Whether the first record has no other separator.
    pub is_alone: bool,
    text: BufReader<Box<dyn Read + 'a>>,
    /// The record that was read last, as it is in the text, with the end of its line.
    record: Vec<u8>,
    /// The length of the record without the end of its line.
    length: usize,
    /// How many columns the record has.
    pub columns: usize,
    /// The line on which the record begins, from 1.
    pub line: u64,
    /// How many lines were read.
    lines: u64,
}

impl<'a> Records<'a> {
    pub fn new(name: &'a str, mut text: impl Read + 'a) -> Result<Self, Error> {
        let error = |problem: String| Error::new(Position::file(name), problem);
        let mut head = Vec::new();
        let read = text.by_ref().take(HEAD).read_to_end(&mut head);
        let read = read.map_err(|problem| error(problem.to_string()))?;
        if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
            return Err(error("this is UTF-16; save it as UTF-8".into()));
        }
        if let Some((_, how)) = COMPRESSED.iter().find(|(magic, _)| head.starts_with(magic)) {
            let problem = format!("this is compressed ({how}); decompress it first");
            return Err(error(problem));
        }
        let marks = head.chunks(MARK.len()).take_while(|part| *part == MARK);
        head.drain(..MARK.len() * marks.count());
        let found = delimiter(&head);
        let (delimiter, is_alone) = found.unwrap_or((b',', false));
        // Checks that there is room for the buffers below: std ends the process if it cannot allocate them.
        reserve(1 << 18, name)?;
        // At a terminal, reading after the end would need a second Ctrl-D.
        let rest = text.take(if (read as u64) < HEAD { 0 } else { u64::MAX });
        let text = Box::new(Cursor::new(head).chain(rest));
        let mut records = Self {
            name,
            delimiter,
            is_alone,
            text: BufReader::with_capacity(1 << 16, text),
            record: Vec::new(),
            length: 0,
            columns: 0,
            line: 0,
            lines: 0,
        };
        if let Err([one, other]) = found {
            records.next()?;
            let [one, other] = [one, other].map(|byte| char::from(byte).to_string());
            let problem = format!(
                "{one:?} or {other:?} may separate the columns; write 1.5 instead of 1,5, and quote \
                 text that contains either"
            );
            return Err(Error::new(records.position(), problem));
        }
        Ok(records)
    }

    /// Reads the next record that is not a blank line; false at the end.
    pub fn next(&mut self) -> Result<bool, Error> {
        loop {
            self.record.clear();
            self.line = self.lines + 1;
            if !self.add_line(self.line)? {
                return Ok(false);
            }
            if memchr2(self.delimiter, b'"', self.bytes()).is_some() {
                self.columns = 1 + memchr_iter(self.delimiter, self.bytes()).count();
                if memchr(b'"', self.bytes()).is_some() {
                    self.follow_quotes()?;
                }
                break;
            }
            self.columns = 1;
            if !self.bytes().trim_ascii().is_empty() {
                break;
            }
        }
        // Room for a list of the fields, as above. A record of only commas has the most fields.
        if self.length > 1 << 16 {
            reserve(32 * self.length, self.name)?;
        }
        Ok(true)
    }

    /// The record as it is in the text, without the end of its line.
    pub fn bytes(&self) -> &[u8] {
        self.record.get(..self.length).unwrap_or_default()
    }

    /// The fields of the record as text, with invalid UTF-8 replaced.
    pub fn fields(&self) -> impl Iterator<Item = Cow<'_, str>> {
        fields(self.bytes(), self.delimiter)
    }

    /// One field of the record.
    pub fn field(&self, index: usize) -> Option<Cow<'_, str>> {
        raw_fields(self.bytes(), self.delimiter)
            .nth(index)
            .map(text)
    }

    /// Where the record begins, for errors.
    pub fn position(&self) -> Position {
        Position::line(self.name, self.line)
    }

    /// Adds lines until no quote is open, and counts the columns.
    fn follow_quotes(&mut self) -> Result<(), Error> {
        // Where a field starts or a quoted one continues, and the line on which its quote opens.
        let (mut at, mut opened) = (0, None);
        self.columns = 1;
        loop {
            let text = self.bytes().get(at..).unwrap_or_default();
            if opened.is_some() || text.starts_with(b"\"") {
                let start = usize::from(opened.is_none());
                let line = *opened.get_or_insert(self.lines);
                let Some(end) = closing_quote(text, start) else {
                    at = self.record.len();
                    if self.add_line(line)? {
                        continue;
                    }
                    let problem = "the quote that opens here is never closed; close or remove it";
                    let error = Error::new(Position::line(self.name, line), problem);
                    return Err(error.column(self.columns));
                };
                (at, opened) = (at + end + 1, None);
            } else {
                at += memchr(self.delimiter, text).unwrap_or(text.len());
            }
            match self.bytes().get(at) {
                Some(&byte) if byte == self.delimiter => {
                    (at, self.columns) = (at + 1, self.columns + 1)
                }
                None => return Ok(()),
                Some(_) => {
                    let problem = "text after a closing quote; quote the whole field, and write each \
                                   quote in it twice";
                    let error = Error::new(Position::line(self.name, self.lines), problem);
                    return Err(error.column(self.columns));
                }
            }
        }
    }

    /// Fills the buffer if it is empty. Repeats a read that a signal interrupted.
    fn fill(&mut self) -> Result<(), Error> {
        while self.text.buffer().is_empty() {
            match self.text.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return Err(Error::new(Position::file(self.name), error)),
                Ok(_) => break,
            }
        }
        Ok(())
    }

    /// Adds the next line to the record; false at the end of the text. An error names the line `from`,
    /// on which the record begins or a quote opens.
    fn add_line(&mut self, from: u64) -> Result<bool, Error> {
        let start = self.record.len();
        let mut ended = false;
        while !ended {
            self.fill()?;
            let text = self.text.buffer();
            let end = memchr2(b'\n', b'\r', text);
            let line = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
            // The end of the line can be two bytes.
            let room = self.record.try_reserve(line.len() + 2);
            room.map_err(|_| Error::out_of_memory(self.name))?;
            self.record.extend_from_slice(line);
            self.length = self.record.len();
            if self.length > LONGEST {
                let problem = "this record is longer than 64 MiB; is a quote not closed?";
                return Err(Error::new(Position::line(self.name, from), problem));
            }
            ended = end.is_some() || text.is_empty();
            self.record.extend(end.and_then(|end| text.get(end)));
            let read = line.len() + usize::from(end.is_some());
            self.text.consume(read);
        }
        if self.record.last() == Some(&b'\r') {
            self.fill()?;
            if self.text.buffer().first() == Some(&b'\n') {
                self.record.push(b'\n');
                self.text.consume(1);
            }
        }
        let read = self.record.len() > start;
        self.lines += u64::from(read);
        Ok(read)
    }
}

/// The fields of a record, as they are in it.
fn raw_fields(record: &[u8], delimiter: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(record);
    iter::from_fn(move || {
        let text = rest?;
        let end = if text.starts_with(b"\"") {
            closing_quote(text, 1).map(|quote| quote + 1)
        } else {
            memchr(delimiter, text)
        };
        let (field, after) = text.split_at(end.unwrap_or(text.len()));
        rest = after.get(1..);
        Some(field)
    })
}

/// The quote that closes a field: the first from `start` that is not doubled.
fn closing_quote(text: &[u8], mut start: usize) -> Option<usize> {
    loop {
        let quote = start + memchr(b'"', text.get(start..)?)?;
        if text.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        start = quote + 2;
    }
}

/// The fields of a record as text, with invalid UTF-8 replaced.
pub fn fields(record: &[u8], delimiter: u8) -> impl Iterator<Item = Cow<'_, str>> {
    raw_fields(record, delimiter).map(text)
}

fn text(field: &[u8]) -> Cow<'_, str> {
    let quoted = field.strip_prefix(b"\"");
    let quoted = quoted.and_then(|field| field.strip_suffix(b"\""));
    let text = String::from_utf8_lossy(quoted.unwrap_or(field));
    if quoted.is_some() && text.contains('"') {
        text.replace("\"\"", "\"").into()
    } else {
        text
    }
}

/// Returns an error unless this many bytes can be allocated.
fn reserve(bytes: usize, name: &str) -> Result<(), Error> {
    let room = Vec::<u8>::new().try_reserve_exact(bytes);
    room.map_err(|_| Error::out_of_memory(name))
}
