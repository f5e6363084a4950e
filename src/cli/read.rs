//! Reading numbers as people have them: plain, several per line, or a column of CSV.

use anyhow::{Result, anyhow, bail};
use csv::ByteRecord;

/// What people write where a value is missing; none of it names a column.
const MISSING: [&str; 8] = ["", "-", "?", "na", "n/a", "nil", "none", "null"];

const NOT_A_NUMBER: &str = "not a number";

/// Characters that an error shows of what is no number.
const LONGEST_WORD: usize = 40;

/// What to read, and how errors call it.
pub struct Source {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The numbers of a source, in order: all of them, or those of one column of CSV.
///
/// An error names source, line and column.
pub fn numbers(source: &Source, column: Option<&str>, only_finite: bool) -> Result<Vec<f64>> {
    let text = match source.bytes.as_slice() {
        [0xEF, 0xBB, 0xBF, text @ ..] => text, // UTF-8 with a byte order mark
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            bail!("{}: this is UTF-16; save it as UTF-8", source.name)
        }
        text => text,
    };
    let mut records = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .from_reader(text);
    let mut reading = Reading {
        name: &source.name,
        text,
        only_finite,
        values: Vec::new(),
    };
    let mut record = ByteRecord::new();
    let mut chosen = None;
    while records.read_byte_record(&mut record)? {
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
    fn every_field(&mut self, record: &ByteRecord) -> Result<()> {
        for (index, field) in record.iter().enumerate() {
            let field = String::from_utf8_lossy(field);
            // No word at all is a missing value, between two commas.
            let missing = field.trim().is_empty().then_some("");
            for word in field.split_whitespace().chain(missing) {
                self.push(word).map_err(|problem| {
                    let place = (record.len() > 1).then(|| format!("column {}", index + 1));
                    let may_be_header = self.values.is_empty() && problem == NOT_A_NUMBER;
                    let hint = may_be_header.then(|| "a header? --column NAME".to_owned());
                    let notes: Vec<_> = place.into_iter().chain(hint).collect();
                    self.error(record, problem, word, &notes.join("; "))
                })?;
            }
        }
        Ok(())
    }

    fn field(&mut self, record: &ByteRecord, column: &Column) -> Result<()> {
        let (name, label) = (self.name, &column.label);
        let Some(field) = record.get(column.index) else {
            bail!(
                "{name}:{}: no {label}: the line ends before it",
                self.line(record)
            );
        };
        let field = String::from_utf8_lossy(field);
        let word = field.trim();
        self.push(word)
            .map_err(|problem| self.error(record, problem, word, label))
    }

    /// Takes a word as the next value, or tells what is wrong with it.
    fn push(&mut self, word: &str) -> Result<(), &'static str> {
        let value: f64 = word.parse().map_err(|_| NOT_A_NUMBER)?;
        if self.only_finite && !value.is_finite() {
            return Err("not a finite number");
        }
        self.values.try_reserve(1).map_err(|_| "out of memory")?;
        self.values.push(value);
        Ok(())
    }

    fn error(&self, record: &ByteRecord, problem: &str, word: &str, note: &str) -> anyhow::Error {
        let start: String = word.chars().take(LONGEST_WORD).collect();
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
    fn choose(&self, record: &ByteRecord, wanted: &str) -> Result<(Column, bool)> {
        let fields = record
            .iter()
            .map(|field| String::from_utf8_lossy(field).trim().to_owned());
        let names: Vec<_> = fields.collect();
        let column = |index| Column {
            index,
            label: format!("column {wanted}"),
        };
        let place = wanted
            .parse()
            .ok()
            .and_then(|number: usize| number.checked_sub(1));
        if let Some((index, first)) = place.and_then(|index| Some((index, names.get(index)?))) {
            let is_value =
                first.parse::<f64>().is_ok() || MISSING.contains(&first.to_lowercase().as_str());
            let is_header = !is_value && !first.contains(|c: char| c.is_ascii_digit());
            if !is_value && !is_header {
                let note = format!("column {wanted}; if that is a header: --column {first:?}");
                return Err(self.error(record, NOT_A_NUMBER, first, &note));
            }
            return Ok((column(index), is_header));
        }
        let mut found = names.iter().enumerate().filter(|(_, name)| *name == wanted);
        match (found.next(), found.next()) {
            (Some((index, _)), None) => Ok((column(index), true)),
            (Some(_), Some(_)) => bail!(
                "{}: several columns are called {wanted:?}; give its number",
                self.name
            ),
            (None, _) => bail!(
                "{}:{}: no column {wanted:?} among: {}",
                self.name,
                self.line(record),
                names.join(", ")
            ),
        }
    }

    /// The line that a record begins on, from 1. A record's own position is before the blank lines
    /// that the CSV reader skips, so this counts from the text, which only errors need.
    fn line(&self, record: &ByteRecord) -> usize {
        let start = record.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let (before, rest) = self
            .text
            .split_at_checked(start)
            .unwrap_or((self.text, &[]));
        let blank = rest
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let before = self.text.get(..before.len() + blank).unwrap_or(self.text);
        let ends = before.iter().zip(before.iter().skip(1).chain([&b' ']));
        1 + ends
            .filter(|&(&byte, &next)| byte == b'\n' || byte == b'\r' && next != b'\n')
            .count()
    }
}

fn is_blank(record: &ByteRecord) -> bool {
    record.iter().all(|field| field.trim_ascii().is_empty()) && record.len() == 1
}

/// Comma, semicolon or tab: whichever the first line has most of, outside quotes.
fn delimiter(text: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b'\t', 0), (b';', 0), (b',', 0)];
    for byte in text
        .iter()
        .skip_while(|byte| byte.is_ascii_whitespace())
        .take_while(|&&byte| byte != b'\n')
    {
        quoted ^= *byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += usize::from(byte == delimiter && !quoted);
        }
    }
    counts
        .iter()
        .max_by_key(|(_, count)| count)
        .map_or(b',', |&(delimiter, _)| delimiter)
}
