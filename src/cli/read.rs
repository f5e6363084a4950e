//! Reading numbers as people have them: plain, several per line, or a column of CSV.

use anyhow::{Result, anyhow, bail};

use super::records::{self, Record, Records};

/// What people write where a value is missing; none of it names a column.
const MISSING: [&str; 8] = ["", "-", "?", "na", "n/a", "nil", "none", "null"];

const NOT_A_NUMBER: &str = "not a number";

/// Characters that an error shows of what is no number.
const LONGEST_WORD: usize = 40;

/// Names of columns that an error lists.
const LONGEST_LIST: usize = 40;

/// UTF-8's byte order mark; text that was put together can have several.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// What to read, and how errors call it.
pub struct Source {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The numbers of a source, in order: all of them, or those of one column of CSV.
///
/// An error names source, line and column.
pub fn numbers(source: &Source, column: Option<&str>, only_finite: bool) -> Result<Vec<f64>> {
    let mut text = source.bytes.as_slice();
    if text.starts_with(b"\xFF\xFE") || text.starts_with(b"\xFE\xFF") {
        bail!("{}: this is UTF-16; save it as UTF-8", source.name)
    }
    while let Some(rest) = text.strip_prefix(MARK) {
        text = rest;
    }
    let mut records = Records::new(text, delimiter(text));
    let mut reading = Reading {
        name: &source.name,
        text,
        only_finite,
        values: Vec::new(),
    };
    let mut record = Record::default();
    let mut chosen = None;
    while records.read(&mut record).map_err(|_| reading.full())? {
        if is_blank(&record) {
            continue;
        }
        let Some(wanted) = column else {
            reading.every_field(&record)?;
            continue;
        };
        match &chosen {
            Some(column) => reading.field(&record, column)?,
            None => {
                let (column, is_header) = reading.choose(&record, wanted)?;
                if !is_header {
                    reading.field(&record, &column)?;
                }
                chosen = Some(column);
            }
        }
    }
    Ok(reading.values)
}

/// A column of CSV, found.
struct Column {
    index: usize,
    /// For errors: `column value`, or `column 2`.
    label: String,
}

struct Reading<'a> {
    name: &'a str,
    text: &'a [u8],
    only_finite: bool,
    values: Vec<f64>,
}

impl Reading<'_> {
    fn every_field(&mut self, record: &Record) -> Result<()> {
        for (index, field) in record.fields().enumerate() {
            let field = records::text(field).map_err(|_| self.full())?;
            // No word at all is a missing value, between two commas.
            let missing = field.trim().is_empty().then_some("");
            for word in field.split_whitespace().chain(missing) {
                self.reserve()?;
                self.push(word).map_err(|problem| {
                    let place = (record.length > 1).then(|| format!("column {}", index + 1));
                    let may_be_header = self.values.is_empty() && problem == NOT_A_NUMBER;
                    let hint = may_be_header.then(|| "a header? --column NAME".to_owned());
                    let notes: Vec<_> = place.into_iter().chain(hint).collect();
                    self.error(record, problem, word, &notes.join("; "))
                })?;
            }
        }
        Ok(())
    }

    fn field(&mut self, record: &Record, column: &Column) -> Result<()> {
        let (name, label) = (self.name, &column.label);
        let Some(field) = record.field(column.index) else {
            bail!(
                "{name}:{}: no {label}: the line ends before it",
                self.line(record)
            );
        };
        let field = records::text(field).map_err(|_| self.full())?;
        let word = field.trim();
        self.reserve()?;
        self.push(word)
            .map_err(|problem| self.error(record, problem, word, label))
    }

    /// Takes a word as the next value, or tells what is wrong with it.
    fn push(&mut self, word: &str) -> Result<(), &'static str> {
        let value: f64 = word.parse().map_err(|_| NOT_A_NUMBER)?;
        if self.only_finite && !value.is_finite() {
            return Err("not a finite number");
        }
        self.values.push(value);
        Ok(())
    }

    fn reserve(&mut self) -> Result<()> {
        self.values.try_reserve(1).map_err(|_| self.full())
    }

    /// Memory ran out, which is no fault of any line.
    fn full(&self) -> anyhow::Error {
        anyhow!("{}: out of memory", self.name)
    }

    fn error(&self, record: &Record, problem: &str, word: &str, note: &str) -> anyhow::Error {
        let start = start(word, LONGEST_WORD);
        let rest = if start.len() < word.len() { "…" } else { "" };
        let note = if note.is_empty() {
            String::new()
        } else {
            format!(" ({note})")
        };
        anyhow!(
            "{}:{}: {problem}: {start:?}{rest}{note}",
            self.name,
            self.line(record)
        )
    }

    /// Finds the wanted column by the first record, and whether that is a header.
    ///
    /// A number is a column's place if there are that many columns. The record is then a header if
    /// what it has there looks like a name, and not like a number gone wrong: it has no digit, and
    /// is no mark for a missing value. A header that has digits can be asked for by name.
    fn choose(&self, record: &Record, wanted: &str) -> Result<(Column, bool)> {
        let names = record.texts().map_err(|_| self.full())?;
        let name = |index: usize| Some(names.get(index)?.trim());
        let column = |index| Column {
            index,
            label: format!("column {wanted}"),
        };
        let place = wanted
            .parse()
            .ok()
            .and_then(|number: usize| number.checked_sub(1));
        if let Some((index, first)) = place.and_then(|index| Some((index, name(index)?))) {
            let is_missing = MISSING.iter().any(|mark| first.eq_ignore_ascii_case(mark));
            let is_value = is_missing || first.parse::<f64>().is_ok();
            let is_header = !is_value && !first.contains(|c: char| c.is_ascii_digit());
            if !is_value && !is_header {
                let hint = match start(first, LONGEST_WORD) {
                    whole if whole == first => {
                        format!("; if that is a header: --column {first:?}")
                    }
                    _ => String::new(),
                };
                let note = format!("column {wanted}{hint}");
                return Err(self.error(record, NOT_A_NUMBER, first, &note));
            }
            return Ok((column(index), is_header));
        }
        let mut found = (0..names.len()).filter(|&index| name(index) == Some(wanted));
        match (found.next(), found.next()) {
            (Some(index), None) => Ok((column(index), true)),
            (Some(_), Some(_)) => bail!(
                "{}: several columns are called {wanted:?}; give its number",
                self.name
            ),
            (None, _) => {
                let listed = (0..names.len().min(LONGEST_LIST)).filter_map(name);
                let listed: Vec<_> = listed.map(|name| start(name, LONGEST_WORD)).collect();
                let rest = if listed.len() < names.len() {
                    ", …"
                } else {
                    ""
                };
                bail!(
                    "{}:{}: no column {wanted:?} among: {}{rest}",
                    self.name,
                    self.line(record),
                    listed.join(", "),
                )
            }
        }
    }

    /// The line that a record begins on, from 1. A record's start is before the blank lines that the
    /// CSV reader skips, so this counts from the text, which only errors need.
    fn line(&self, record: &Record) -> usize {
        let (before, rest) = self
            .text
            .split_at_checked(record.start)
            .unwrap_or((self.text, &[]));
        let blank = rest.iter().take_while(|byte| is_line_end(byte)).count();
        let before = self.text.get(..before.len() + blank).unwrap_or(self.text);
        let ends = before.iter().zip(before.iter().skip(1).chain([&b' ']));
        1 + ends
            .filter(|&(&byte, &next)| byte == b'\n' || byte == b'\r' && next != b'\n')
            .count()
    }
}

fn is_blank(record: &Record) -> bool {
    record.fields().all(|field| field.trim_ascii().is_empty()) && record.length == 1
}

/// The start of a text, of that many characters at most.
fn start(text: &str, length: usize) -> &str {
    let end = text.char_indices().nth(length);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// Comma, semicolon or tab: whichever the first record has most of, outside quotes.
fn delimiter(text: &[u8]) -> u8 {
    let mut counts = [(b'\t', 0), (b';', 0), (b',', 0)];
    let (mut is_quoted, mut is_start) = (false, true);
    for &byte in without_blank_lines(text) {
        if is_quoted {
            is_quoted = byte != b'"';
            // Where two of them mean one, the second opens again.
            is_start = !is_quoted;
            continue;
        }
        if is_line_end(&byte) {
            break;
        }
        is_quoted = is_start && byte == b'"';
        is_start = false;
        for (delimiter, count) in &mut counts {
            if byte == *delimiter {
                *count += 1;
                is_start = true;
            }
        }
    }
    counts
        .iter()
        .max_by_key(|(_, count)| count)
        .map_or(b',', |&(delimiter, _)| delimiter)
}

/// From the first line on that is not blank; a tab may well be its first character.
fn without_blank_lines(text: &[u8]) -> &[u8] {
    let Some(blank) = text.iter().position(|byte| !byte.is_ascii_whitespace()) else {
        return &[];
    };
    let (blank, _) = text.split_at_checked(blank).unwrap_or_default();
    let begin = blank.iter().rposition(is_line_end).map_or(0, |end| end + 1);
    text.get(begin..).unwrap_or_default()
}

fn is_line_end(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}
