//! Records of CSV from any text, each with the line that it begins on.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};

use anyhow::{Context, Result, bail};
use csv::{ByteRecord, Position, Reader, ReaderBuilder};

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

/// Where a record is in its file: its bytes, and the line that it begins on.
#[derive(Clone, Copy)]
pub struct Place {
    pub start: u64,
    pub end: u64,
    pub line: u64,
}

/// CSV that is being read, one record after the other.
pub struct Records<'a> {
    pub name: &'a str,
    /// What separates its columns.
    pub delimiter: u8,
    /// How many bytes of marks come before what is read.
    marks: u64,
    reader: Reader<Lines<'a>>,
    /// The one that was read last.
    record: ByteRecord,
    /// Where the one before it ended.
    start: Position,
}

impl<'a> Records<'a> {
    pub fn new(name: &'a str, mut text: impl Read + 'a) -> Result<Self> {
        let mut head = Vec::new();
        let read = text.by_ref().take(HEAD).read_to_end(&mut head);
        read.with_context(|| name.to_owned())?;
        if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
            bail!("{name}: this is UTF-16; save it as UTF-8")
        }
        if let Some((_, how)) = COMPRESSED.iter().find(|(magic, _)| head.starts_with(magic)) {
            bail!("{name}: this is compressed ({how}); decompress it first")
        }
        let mut marks = 0;
        while head.starts_with(MARK) {
            marks += head.drain(..MARK.len()).map(|_| 1).sum::<u64>();
        }
        let delimiter = delimiter(&head);
        // For the buffers.
        has_room(1 << 18).with_context(|| name.to_owned())?;
        let lines = Lines {
            text: BufReader::with_capacity(1 << 16, Box::new(Cursor::new(head).chain(text))),
            left: LONGEST,
            ended: false,
        };
        Ok(Self {
            name,
            delimiter,
            marks,
            reader: builder(delimiter).from_reader(lines),
            record: ByteRecord::new(),
            start: Position::new(),
        })
    }

    /// Reads the next record that is not a blank line; false if there is none.
    pub fn next(&mut self) -> Result<bool> {
        loop {
            self.start.clone_from(self.reader.position());
            self.reader.get_mut().left = LONGEST;
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) if self.is_blank() => (),
                Ok(read) => return Ok(read),
                Err(_) if self.reader.get_ref().left == 0 => {
                    let (name, line) = (self.name, self.start.line());
                    bail!("{name}:{line}: no end of the record in 64 MiB; is a quote not closed?")
                }
                Err(error) => return Err(error).context(self.name.to_owned()),
            }
        }
    }

    /// The record's fields as text; what is not UTF-8 in them is replaced.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Cow<'_, str>> {
        self.record.iter().map(String::from_utf8_lossy)
    }

    /// Where it is; at its start there may be empty lines yet.
    pub fn here(&self) -> Place {
        Place {
            start: self.marks + self.start.byte(),
            end: self.marks + self.reader.position().byte(),
            line: self.line(),
        }
    }

    /// The text's name and the line that the record begins on, for errors.
    pub fn place(&self) -> String {
        format!("{}:{}", self.name, self.line())
    }

    /// The line that the record begins on, from 1. The CSV reader counts the line feeds that it has
    /// passed, and skips empty lines without a word.
    fn line(&self) -> u64 {
        let ended_by_line = u64::from(!self.reader.get_ref().ended);
        self.reader.position().line() - ended_by_line - self.lines_within()
    }

    /// Quoted line feeds.
    fn lines_within(&self) -> u64 {
        let text = self.record.as_slice().iter();
        text.filter(|&&byte| byte == b'\n').map(|_| 1).sum()
    }

    /// Whether it is whitespace alone, and not quoted, which would be a field.
    fn is_blank(&self) -> bool {
        let text = self.record.as_slice();
        if self.record.len() > 1 || !text.trim_ascii().is_empty() {
            return false;
        }
        let end = self.reader.position();
        let read = end.byte() - self.start.byte();
        let line_feeds = end.line() - self.start.line();
        read - line_feeds == text.len() as u64 - self.lines_within()
    }
}

/// Of CSV as it is read here.
pub fn builder(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true);
    builder.delimiter(delimiter);
    builder
}

/// Text in which every line ends in a line feed, as the CSV reader counts no other; each byte stays
/// where it was.
struct Lines<'a> {
    text: BufReader<Box<dyn Read + 'a>>,
    /// How much may be read until the record has to be complete.
    left: usize,
    /// Whether the end was told.
    ended: bool,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(buffer.len());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        if buffer.is_empty() {
            return Err(ErrorKind::FileTooLarge.into());
        }
        // What the CSV reader makes of a record, if it is commas alone: with too little memory for that
        // it would end the process.
        has_room(32 * (LONGEST - self.left + buffer.len()))?;
        let length = uninterrupted(|| self.text.read(buffer))?;
        self.left -= length;
        self.ended = length == 0;
        let read = buffer.get_mut(..length).unwrap_or_default();
        if read.last() == Some(&b'\r') {
            uninterrupted(|| self.text.fill_buf().map(<[u8]>::len))?;
        }
        if read.contains(&b'\r') {
            let mut next = self.text.buffer().first().copied();
            for byte in read.iter_mut().rev() {
                // Before a line feed it is half of a line's end: a space, as fields are trimmed.
                let lone = if next == Some(b'\n') { b' ' } else { b'\n' };
                next = Some(*byte);
                if *byte == b'\r' {
                    *byte = lone;
                }
            }
        }
        Ok(length)
    }
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

/// Comma, semicolon or tab: whichever the first record has most of, outside quotes.
fn delimiter(text: &[u8]) -> u8 {
    let mut counts = [(b'\t', 0), (b';', 0), (b',', 0)];
    let (mut is_quoted, mut is_start, mut is_blank) = (false, true, true);
    for byte in text {
        match byte {
            // A quote opens where a field starts; where two mean one, the second opens again.
            b'"' if is_quoted || is_start => (is_quoted, is_start) = (!is_quoted, is_quoted),
            _ if is_quoted => (),
            b'\r' | b'\n' if is_blank => (counts, is_start) = (counts.map(|(d, _)| (d, 0)), true),
            b'\r' | b'\n' => break,
            _ => {
                let found = counts.iter_mut().find(|(delimiter, _)| delimiter == byte);
                is_start = found.is_some();
                found.into_iter().for_each(|(_, count)| *count += 1);
            }
        }
        is_blank &= byte.is_ascii_whitespace();
    }
    let most = counts.iter().max_by_key(|(_, count)| count);
    most.filter(|_| !is_blank)
        .map_or(b',', |(delimiter, _)| *delimiter)
}
