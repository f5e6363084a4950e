//! Records of CSV from any text, each with the line that it begins on; as strict as Python's `csv`
//! with `strict=True`.
//!
//! The crate `csv` has no such mode: it reads `"1"2` as 12, and the end of a file closes a quote. A check
//! on top of it has to follow each quote and separator anyway. The rest of a reader is [`fields`], so
//! that crate is not used. It does not hand out a record as it is in the text either, which is printed.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::iter;

use anyhow::{Context, Result, anyhow, bail};
use memchr::{memchr, memchr_iter, memchr2};

use super::separators::delimiter;

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

/// CSV that is being read, one record after the other.
pub struct Records<'a> {
    pub name: &'a str,
    /// What separates its columns.
    pub delimiter: u8,
    /// Whether the first record has no other separator.
    pub is_alone: bool,
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
        let found = delimiter(&head);
        let (delimiter, is_alone) = found.unwrap_or((b',', false));
        // For the buffers.
        has_room(1 << 18).with_context(|| name.to_owned())?;
        // A terminal would have to be told twice that its text has ended.
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

    /// One of them.
    pub fn field(&self, index: usize) -> Option<Cow<'_, str>> {
        raw_fields(self.bytes(), self.delimiter)
            .nth(index)
            .map(text)
    }

    /// The text's name and the line that the record begins on, for errors.
    pub fn place(&self) -> String {
        format!("{}:{}", self.name, self.line)
    }

    /// Adds lines until no quote is open, and counts the columns.
    fn follow_quotes(&mut self) -> Result<()> {
        // Where a field starts, or a quoted one goes on; and the line on which its quote opens.
        let (mut at, mut opened) = (0, None);
        self.columns = 1;
        loop {
            let (name, text) = (self.name, self.bytes().get(at..).unwrap_or_default());
            if opened.is_some() || text.starts_with(b"\"") {
                let start = usize::from(opened.is_none());
                let line = *opened.get_or_insert(self.lines);
                let Some(end) = closing_quote(text, start) else {
                    at = self.record.len();
                    if self.add_line(line)? {
                        continue;
                    }
                    bail!(
                        "{name}:{line}: the quote that opens here is never closed (column {}); \
                         close it, or remove it",
                        self.columns
                    )
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
                Some(_) => bail!(
                    "{name}:{}: text after a closing quote (column {}); put quotes around the whole \
                     field, and write each quote in it twice",
                    self.lines,
                    self.columns
                ),
            }
        }
    }

    /// Reads on where all was taken; what a signal has interrupted is tried again.
    fn fill(&mut self) -> Result<()> {
        while self.text.buffer().is_empty() {
            match self.text.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                result => return result.map(drop).with_context(|| self.name.to_owned()),
            }
        }
        Ok(())
    }

    /// Adds the next line to the record, which begins or opens a quote on the line `from`; false at the
    /// end of the text.
    fn add_line(&mut self, from: u64) -> Result<bool> {
        let (start, name) = (self.record.len(), self.name);
        let mut ended = false;
        while !ended {
            self.fill()?;
            let text = self.text.buffer();
            let end = memchr2(b'\n', b'\r', text);
            let line = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
            // With its end, which can be two bytes.
            let room = self.record.try_reserve(line.len() + 2);
            room.map_err(|_| anyhow!("{name}: out of memory"))?;
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

/// The fields of a record that was read, as they are in it.
fn raw_fields(record: &[u8], delimiter: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(record);
    iter::from_fn(move || {
        let text = rest?;
        let end = match text.starts_with(b"\"") {
            true => closing_quote(text, 1).map(|quote| quote + 1),
            false => memchr(delimiter, text),
        };
        let (field, after) = text.split_at(end.unwrap_or(text.len()));
        rest = after.get(1..);
        Some(field)
    })
}

/// The quote that closes a field, of which so much is known: the first that is not one of two.
fn closing_quote(text: &[u8], mut start: usize) -> Option<usize> {
    loop {
        let quote = start + memchr(b'"', text.get(start..)?)?;
        if text.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        start = quote + 2;
    }
}

/// The fields of a record that was read, as text; what is not UTF-8 in them is replaced.
pub fn fields(record: &[u8], delimiter: u8) -> impl Iterator<Item = Cow<'_, str>> {
    raw_fields(record, delimiter).map(text)
}

fn text(field: &[u8]) -> Cow<'_, str> {
    let quoted = field.strip_prefix(b"\"");
    let quoted = quoted.and_then(|field| field.strip_suffix(b"\""));
    let text = String::from_utf8_lossy(quoted.unwrap_or(field));
    match quoted.is_some() && text.contains('"') {
        true => text.replace("\"\"", "\"").into(),
        false => text,
    }
}

/// Whether there is so much memory, for who ends the process if not.
fn has_room(bytes: usize) -> io::Result<()> {
    let room = Vec::<u8>::new().try_reserve_exact(bytes);
    room.map_err(|_| ErrorKind::OutOfMemory.into())
}
