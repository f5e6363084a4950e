//! Records of CSV from any text, each with the line that it begins on; as strict as Python's `csv` is
//! if it is told to be.
//!
//! The crate `csv` cannot be: it reads `"1"2` as 12, and takes the end of a file for a closing quote.
//! Strictness on top of it would follow each quote and separator once more. Then all that is left to
//! do is to take a record apart, which is [`fields`]; and so records stay as they are in the text.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::iter;

use anyhow::{Context, Result, bail};

/// How files begin that are text once they are decompressed.
const COMPRESSED: [(&[u8], &str); 5] = [
    (b"\x1F\x8B", "gzip"),
    (b"PK\x03\x04", "zip, or a spreadsheet"),
    (b"\xFD7zXZ\0", "xz"),
    (b"BZh91AY&SY", "bzip2"),
    (b"\x28\xB5\x2F\xFD", "zstd"),
];

/// UTF-8's byte order mark; text that was put together can have several.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// How much is looked at, before it is read, for what it is and what separates its columns.
const HEAD: u64 = 1 << 20;

/// Where a quote is not closed, all that follows is one record.
const LONGEST: usize = 64 << 20;

/// What can separate columns.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// CSV that is being read, one record after the other.
pub struct Records<'a> {
    pub name: &'a str,
    /// What separates its columns.
    pub delimiter: u8,
    text: BufReader<Box<dyn Read + 'a>>,
    /// The record that was read last, as it is in the text, and the end of its line.
    record: Vec<u8>,
    /// Its length without that.
    length: usize,
    /// How many columns it has.
    pub columns: usize,
    /// The line that it begins on, from 1.
    pub line: u64,
    /// How many lines were read.
    lines: u64,
}

/// What a byte of a record comes after.
#[derive(Clone, Copy, PartialEq)]
enum After {
    Separator,
    Text,
    OpeningQuote,
    ClosingQuote,
}

impl<'a> Records<'a> {
    pub fn new(name: &'a str, mut text: impl Read + 'a) -> Result<Self> {
        let mut head = Vec::new();
        let read = text.by_ref().take(HEAD).read_to_end(&mut head);
        let read = read.with_context(|| name.to_owned())?;
        if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
            bail!("{name}: this is UTF-16; save it as UTF-8")
        }
        if let Some((_, how)) = COMPRESSED.iter().find(|(magic, _)| head.starts_with(magic)) {
            bail!("{name}: this is compressed ({how}); decompress it first")
        }
        let marks = head.chunks(MARK.len()).take_while(|part| *part == MARK);
        head.drain(..MARK.len() * marks.count());
        let delimiter = delimiter(&head);
        // For the buffers.
        has_room(1 << 18).with_context(|| name.to_owned())?;
        // A terminal would have to be told twice that its text has ended.
        let rest = text.take(if (read as u64) < HEAD { 0 } else { u64::MAX });
        let text = Box::new(Cursor::new(head).chain(rest));
        let mut records = Self {
            name,
            delimiter: delimiter.unwrap_or(b','),
            text: BufReader::with_capacity(1 << 16, text),
            record: Vec::new(),
            length: 0,
            columns: 0,
            line: 0,
            lines: 0,
        };
        if let Err([one, other]) = delimiter {
            records.next()?;
            let [one, other] = [one, other].map(|byte| char::from(byte).to_string());
            let place = records.place();
            bail!(
                "{place}: {one:?} or {other:?} may separate the columns; write 1.5 for 1,5, and put \
                 quotes around text that has one of them"
            )
        }
        Ok(records)
    }

    /// Reads the next record that is not a blank line; false if there is none.
    pub fn next(&mut self) -> Result<bool> {
        loop {
            self.record.clear();
            self.line = self.lines + 1;
            if !self.add_line(self.line)? {
                return Ok(false);
            }
            let separators = self.bytes().iter().filter(|&&byte| byte == self.delimiter);
            self.columns = 1 + separators.count();
            if self.columns > 1 || !self.bytes().trim_ascii().is_empty() {
                break;
            }
        }
        if self.record.contains(&b'"') {
            self.follow_quotes()?;
        }
        // What is made of it, if it is commas alone: with too little memory for that the process would
        // end.
        if self.length > 1 << 16 {
            has_room(32 * self.length).with_context(|| self.name.to_owned())?;
        }
        Ok(true)
    }

    /// The record as it is in the text, without the end of its line.
    pub fn bytes(&self) -> &[u8] {
        self.record.get(..self.length).unwrap_or_default()
    }

    /// The record's fields as text; what is not UTF-8 in them is replaced.
    pub fn fields(&self) -> impl Iterator<Item = Cow<'_, str>> {
        fields(self.bytes(), self.delimiter)
    }

    /// The text's name and the line that the record begins on, for errors.
    pub fn place(&self) -> String {
        format!("{}:{}", self.name, self.line)
    }

    /// Adds lines until no quote is open, and counts the columns.
    fn follow_quotes(&mut self) -> Result<()> {
        let (mut after, mut start, mut columns) = (After::Separator, 0, 1);
        let mut opened = self.line;
        loop {
            for &byte in self.bytes().get(start..).unwrap_or_default() {
                after = match (after, byte) {
                    (After::Separator, b'"') => {
                        opened = self.lines;
                        After::OpeningQuote
                    }
                    (After::OpeningQuote, b'"') => After::ClosingQuote,
                    // It was one of two, which mean one.
                    (After::ClosingQuote, b'"') | (After::OpeningQuote, _) => After::OpeningQuote,
                    _ if byte == self.delimiter => {
                        columns += 1;
                        After::Separator
                    }
                    (After::ClosingQuote, _) => bail!(
                        "{}:{}: text after a closing quote (column {columns}); put quotes around the \
                         whole field, and write each quote in it twice",
                        self.name,
                        self.lines
                    ),
                    _ => After::Text,
                };
            }
            if after != After::OpeningQuote {
                self.columns = columns;
                return Ok(());
            }
            start = self.record.len();
            if !self.add_line(opened)? {
                let name = self.name;
                bail!(
                    "{name}:{opened}: the quote that opens here is never closed (column {columns}); \
                     close it, or remove it"
                )
            }
        }
    }

    /// Adds the next line to the record, which begins or opens a quote on the line `from`; false at the
    /// end of the text.
    fn add_line(&mut self, from: u64) -> Result<bool> {
        let (start, name) = (self.record.len(), self.name);
        let mut ended = false;
        while !ended {
            let filled = uninterrupted(|| self.text.fill_buf().map(<[u8]>::len));
            filled.with_context(|| name.to_owned())?;
            let text = self.text.buffer();
            let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let line = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
            // With its end, which can be two bytes.
            let room = self.record.try_reserve(line.len() + 2);
            room.with_context(|| format!("{name}: out of memory"))?;
            self.record.extend_from_slice(line);
            self.length = self.record.len();
            if self.length > LONGEST {
                bail!("{name}:{from}: no end of the record in 64 MiB; is a quote not closed?")
            }
            ended = end.is_some() || text.is_empty();
            self.record.extend(end.and_then(|end| text.get(end)));
            let read = line.len() + usize::from(end.is_some());
            self.text.consume(read);
        }
        if self.record.last() == Some(&b'\r') {
            let filled = uninterrupted(|| self.text.fill_buf().map(<[u8]>::len));
            filled.with_context(|| name.to_owned())?;
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

/// The fields of a record that was read, as text; what is not UTF-8 in them is replaced.
pub fn fields(record: &[u8], delimiter: u8) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(record);
    iter::from_fn(move || {
        let text = rest?;
        let (is_quoted, mut is_open) = (text.starts_with(b"\""), false);
        let mut parts = text.splitn(2, |&byte| {
            is_open ^= is_quoted && byte == b'"';
            byte == delimiter && !is_open
        });
        let field = parts.next().unwrap_or_default();
        rest = parts.next();
        let quoted = field.strip_prefix(b"\"");
        let quoted = quoted.and_then(|field| field.strip_suffix(b"\""));
        let text = String::from_utf8_lossy(quoted.unwrap_or(field));
        Some(match quoted.is_some_and(|field| field.contains(&b'"')) {
            true => text.replace("\"\"", "\"").into(),
            false => text,
        })
    })
}

/// Whether there is so much memory, for who ends the process if not.
fn has_room(bytes: usize) -> io::Result<()> {
    let room = Vec::<u8>::new().try_reserve_exact(bytes);
    room.map_err(|_| ErrorKind::OutOfMemory.into())
}

/// A read that a signal has interrupted is tried again.
fn uninterrupted(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            result => return result,
        }
    }
}

/// What separates the columns: what the first record has of that outside quotes, or a comma. If it has
/// several, as a header can, then the one that later records have. Else it is an error, with two.
fn delimiter(text: &[u8]) -> Result<u8, [u8; 2]> {
    // Sets, of a bit for each of them.
    let (mut first, mut later, mut line) = (None, 0, 0_u8);
    let mut start = 0;
    for (at, byte) in separators(text).chain([(text.len(), b'\n')]) {
        if let Some(index) = SEPARATORS.iter().position(|&separator| separator == byte) {
            line |= 1 << index;
            continue;
        }
        let is_blank = text
            .get(start..at)
            .is_some_and(|line| line.trim_ascii().is_empty());
        match first {
            _ if is_blank => (),
            Some(_) => later |= line,
            None if line.count_ones() > 1 => first = Some(line),
            None => break,
        }
        (line, start) = (0, at + 1);
    }
    let first = first.unwrap_or(line);
    let either = if first.count_ones() > 1 && (first & later).count_ones() == 1 {
        first & later
    } else {
        first
    };
    let found = (0..)
        .zip(SEPARATORS)
        .filter(|(index, _)| either >> index & 1 == 1);
    match found.map(|(_, separator)| separator).collect::<Vec<_>>()[..] {
        [] => Ok(b','),
        [one] => Ok(one),
        [one, other, ..] => Err([one, other]),
    }
}

/// What separates columns or lines, and where, outside quotes, which open where a field starts.
pub fn separators(text: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let (mut is_quoted, mut is_start) = (false, true);
    text.iter().copied().enumerate().filter(move |(_, byte)| {
        if *byte == b'"' && (is_quoted || is_start) {
            // Where two mean one, the second opens again.
            (is_quoted, is_start) = (!is_quoted, is_quoted);
            return false;
        }
        let separates = SEPARATORS.contains(byte) || matches!(byte, b'\r' | b'\n');
        if !is_quoted {
            is_start = separates;
        }
        separates && !is_quoted
    })
}
