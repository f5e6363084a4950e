//! Reading numbers as people have them: plain, several per line, or a column of CSV.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::io::Read;

use anyhow::{Result, anyhow, bail};

use super::commas::Commas;
use super::records::Records;
use super::times;
use super::words::{LONGEST_WORD, is_missing, is_name, start};

/// Names of columns that an error lists.
const LONGEST_LIST: usize = 40;

const NOT_A_NUMBER: &str = "not a number";

/// What to read, and how.
#[derive(Default)]
pub struct Wanted<'a> {
    /// One column of CSV, or all fields.
    pub column: Option<&'a str>,
    /// A column of times.
    pub time: Option<&'a str>,
    pub only_finite: bool,
    pub skip_missing: bool,
    /// The records are wanted too: they are kept.
    pub records: bool,
}

/// Where a record is among those that are kept, and the line of the text that it begins on.
#[derive(Clone, Copy)]
pub struct Place {
    pub start: usize,
    pub end: usize,
    pub line: u64,
}

/// The numbers of a text, in order, and what is to be known of each.
#[derive(Default)]
pub struct Series {
    pub numbers: Vec<f64>,
    /// The records that they are of, as they are in the text.
    pub kept: Vec<u8>,
    /// Of the record of each.
    pub places: Vec<Place>,
    /// Of each, in seconds since 1970.
    pub times: Vec<i64>,
    pub header: Option<Place>,
    /// What the header calls the column.
    pub column: Option<String>,
    pub delimiter: u8,
    /// Missing values that were skipped.
    pub missing: u64,
    /// Whether the times are written as seconds.
    in_seconds: Option<bool>,
}

/// Reads a text. An error names it, the line and the column.
pub fn series(text: impl Read, name: &str, wanted: &Wanted<'_>) -> Result<Series> {
    let mut records = Records::new(name, text)?;
    let mut series = Series {
        delimiter: records.delimiter,
        ..Series::default()
    };
    let (mut chosen, mut columns) = (None, None);
    let mut commas = Commas::default();
    while records.next()? {
        let Some(column) = wanted.column else {
            commas.look(&records)?;
            series.every_field(&records, wanted)?;
            continue;
        };
        let &mut count = columns.get_or_insert(records.columns);
        has_columns(&records, count)?;
        if chosen.is_none() {
            let (index, by_name) = find(&records, column)?;
            let time = wanted.time.map(|time| find(&records, time)).transpose()?;
            commas.by_name = by_name || time.is_some_and(|(_, by_name)| by_name);
            // Who wants another one than the first knows of several.
            commas.part_fields = index > 0 && records.is_alone;
            chosen = Some((index, time.map(|(index, _)| index)));
            let is_header = commas.by_name || is_header(&records, wanted, (index, column))?;
            if is_header {
                commas.part_fields |= count > 1 && records.is_alone;
                if wanted.records {
                    series.header = Some(series.keep(&records)?);
                }
                series.column = records.field(index).map(Cow::into_owned);
                continue;
            }
        }
        commas.look(&records)?;
        if let Some((index, time)) = chosen {
            series.field(&records, wanted, (index, column), time)?;
        }
    }
    match commas.doubt.filter(|_| !commas.part_fields) {
        Some(error) => Err(error),
        None => Ok(series),
    }
}

/// Refuses a record that has not as many columns as the first one.
fn has_columns(records: &Records<'_>, count: usize) -> Result<()> {
    let (here, delimiter) = (records.columns, char::from(records.delimiter).to_string());
    let remedy = match here.cmp(&count) {
        Ordering::Equal => return Ok(()),
        Ordering::Less => format!("write {delimiter:?} for each value that is missing"),
        Ordering::Greater => {
            format!("write 1.5 for 1,5, and put quotes around text that has {delimiter:?}")
        }
    };
    let place = records.place();
    bail!("{place}: the number of columns is {here}, but {count} in the first record; {remedy}")
}

impl Series {
    fn every_field(&mut self, records: &Records<'_>, wanted: &Wanted<'_>) -> Result<()> {
        let is_several = records.columns > 1;
        let place = wanted.records.then(|| self.keep(records)).transpose()?;
        for (field, number) in records.fields().zip(1..) {
            // No word at all is a missing value, between two commas or two quotes.
            let missing = field.trim_ascii().is_empty().then_some("");
            for word in field.split_ascii_whitespace().chain(missing) {
                let is_first = self.numbers.is_empty();
                self.push(records, wanted, place, word, || {
                    let column = is_several.then(|| format!("column {number}"));
                    let header = is_first && word.contains(char::is_alphabetic);
                    let header = header && !is_missing(word) && word.parse::<f64>().is_err();
                    let header = header.then(|| "a header? --column NAME".to_owned());
                    let notes: Vec<_> = column.into_iter().chain(header).collect();
                    notes.join("; ")
                })?;
            }
        }
        Ok(())
    }

    fn field(
        &mut self,
        records: &Records<'_>,
        wanted: &Wanted<'_>,
        (index, column): (usize, &str),
        time: Option<usize>,
    ) -> Result<()> {
        let place = wanted.records.then(|| self.keep(records)).transpose()?;
        let field = records.field(index).unwrap_or_default();
        let note = || format!("column {column}");
        let is_value = self.push(records, wanted, place, field.trim_ascii(), note)?;
        if let Some(index) = time.filter(|_| is_value) {
            let text = records.field(index).unwrap_or_default();
            let in_seconds = &mut self.in_seconds;
            let time = times::seconds(text.trim(), in_seconds).map_err(|problem| {
                let note = format!("column {}", wanted.time.unwrap_or_default());
                error(records, problem, &text, &note)
            })?;
            push(&mut self.times, time, records)?;
        }
        Ok(())
    }

    /// Keeps a record.
    fn keep(&mut self, records: &Records<'_>) -> Result<Place> {
        let (start, record) = (self.kept.len(), records.bytes());
        let room = self.kept.try_reserve(record.len());
        room.map_err(|_| anyhow!("{}: out of memory", records.name))?;
        self.kept.extend_from_slice(record);
        Ok(Place {
            start,
            end: self.kept.len(),
            line: records.line,
        })
    }

    /// Takes a word as the next value; or skips it, which is false.
    fn push(
        &mut self,
        records: &Records<'_>,
        wanted: &Wanted<'_>,
        place: Option<Place>,
        word: &str,
        note: impl FnOnce() -> String,
    ) -> Result<bool> {
        match word.trim().parse::<f64>() {
            Ok(value) if value.is_finite() || !wanted.only_finite && !is_skipped(word, wanted) => {
                push(&mut self.numbers, value, records)?;
                place.map_or(Ok(()), |place| push(&mut self.places, place, records))?;
                Ok(true)
            }
            _ if is_skipped(word, wanted) => {
                self.missing += 1;
                Ok(false)
            }
            Ok(_) => Err(error(records, "not a finite number", word, &note())),
            Err(_) => Err(error(records, NOT_A_NUMBER, word, &note())),
        }
    }
}

fn is_skipped(word: &str, wanted: &Wanted<'_>) -> bool {
    wanted.skip_missing && is_missing(word)
}

fn push<T>(items: &mut Vec<T>, item: T, records: &Records<'_>) -> Result<()> {
    let room = items.try_reserve(1);
    room.map_err(|_| anyhow!("{}: out of memory", records.name))?;
    items.push(item);
    Ok(())
}

pub fn error(records: &Records<'_>, problem: &str, word: &str, note: &str) -> anyhow::Error {
    let (place, start) = (records.place(), start(word, LONGEST_WORD));
    // What looks like a number and is none: the eye does not tell why.
    let shown = if start.contains(char::is_numeric) && !start.is_ascii() {
        format!("\"{}\"", start.escape_default())
    } else {
        format!("{start:?}")
    };
    let rest = if start.len() < word.len() { "…" } else { "" };
    let missing = is_missing(word).then_some("missing? --skip-missing");
    let notes = [Some(note).filter(|note| !note.is_empty()), missing];
    let notes: Vec<_> = notes.into_iter().flatten().collect();
    let note = match notes.is_empty() {
        true => String::new(),
        false => format!(" ({})", notes.join("; ")),
    };
    anyhow!("{place}: {problem}: {shown}{rest}{note}")
}

/// Whether the first record is a header although a column is wanted by its number.
///
/// It is if what it has there is a name and cannot be a value, and no other of its fields begins like a
/// number. What is neither can be asked for by name.
fn is_header(
    records: &Records<'_>,
    wanted: &Wanted<'_>,
    (index, column): (usize, &str),
) -> Result<bool> {
    let first = records.field(index).unwrap_or_default();
    let first = first.trim();
    let is_value = |text: &str| text.starts_with(char::is_numeric) || text.parse::<f64>().is_ok();
    let is_header = is_name(first)
        && !is_missing(first)
        && !records.fields().any(|field| is_value(field.trim()));
    if !is_header && !is_skipped(first, wanted) && first.parse::<f64>().is_err() {
        let whole = start(first, LONGEST_WORD) == first && (!is_missing(first) || is_name(first));
        let hint = whole.then(|| format!("; if that is a header: --column {first:?}"));
        let note = format!("column {column}{}", hint.unwrap_or_default());
        return Err(error(records, NOT_A_NUMBER, first, &note));
    }
    Ok(is_header)
}

/// Finds a column by its number, or else by the name that the first record gives it, which is told.
fn find(records: &Records<'_>, wanted: &str) -> Result<(usize, bool)> {
    let names: Vec<_> = records.fields().collect();
    let place: Option<usize> = wanted.parse().ok();
    let place = place.and_then(|number| number.checked_sub(1));
    if let Some(index) = place.filter(|&index| index < names.len()) {
        return Ok((index, false));
    }
    let name = |index: usize| Some(names.get(index)?.trim());
    let mut found = (0..names.len()).filter(|&index| name(index) == Some(wanted));
    match (found.next(), found.next()) {
        (Some(index), None) => Ok((index, true)),
        (Some(_), Some(_)) => bail!(
            "{}: several columns are called {wanted:?}; give its number",
            records.name
        ),
        (None, _) => {
            let listed = (0..names.len().min(LONGEST_LIST)).filter_map(name);
            let listed: Vec<_> = listed.map(|name| start(name, LONGEST_WORD)).collect();
            let rest = if listed.len() < names.len() {
                ", …"
            } else {
                ""
            };
            let (place, listed) = (records.place(), listed.join(", "));
            bail!("{place}: no column {wanted:?} among: {listed}{rest}")
        }
    }
}
