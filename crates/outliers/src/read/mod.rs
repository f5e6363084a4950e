//! Text in, numbers out: one or more per line, or a column of CSV.
//!
//! 1. [`records`] cuts the text into records and fields; [`separators`] finds what separates them.
//! 2. [`columns`] finds the wanted column, and decides whether the first record is a header.
//! 3. [`commas`] refuses `21,5` if it can be one number or two.
//! 4. [`missing`] lists the marks for missing values, and [`times`] parses times.
//!
//! Text that can be read in two ways is an error. An [`Error`] names the file, the line and the column.

mod columns;
mod commas;
mod error;
mod missing;
mod records;
mod separators;
#[cfg(test)]
mod tests;
mod times;

use std::borrow::Cow;
use std::io::Read;

use columns::{Column, check_count, find, is_header};
use commas::Commas;
pub use error::{Error, start};
use missing::is_missing;
use records::Records;
pub use records::fields;

/// What to read, and how.
#[derive(Default)]
pub struct Wanted<'a> {
    /// One column of CSV, or all fields.
    pub column: Option<&'a str>,
    /// Another column, which has the times.
    pub time: Option<&'a str>,
    pub only_finite: bool,
    pub skip_missing: bool,
    /// Whether to keep the records as well.
    pub records: bool,
}

/// The numbers of a text, in order, with their records and times.
#[derive(Default)]
pub struct Series {
    pub numbers: Vec<f64>,
    /// The records of the numbers, as they are in the text.
    pub kept: Vec<u8>,
    /// The record of each number.
    pub places: Vec<Place>,
    /// The time of each number, in seconds since 1970.
    pub times: Vec<i64>,
    pub header: Option<Place>,
    /// The name of the column in the header.
    pub column: Option<String>,
    pub delimiter: u8,
    /// How many missing values were skipped.
    pub missing: u64,
    /// Whether the times are written as seconds.
    in_seconds: Option<bool>,
}

/// The place of a record among the kept ones, and the line of the text on which it begins.
#[derive(Clone, Copy)]
pub struct Place {
    pub start: usize,
    pub end: usize,
    pub line: u64,
}

/// Reads a text; errors call it `name`.
pub fn series(text: impl Read, name: &str, wanted: &Wanted<'_>) -> Result<Series, Error> {
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
        check_count(&records, count)?;
        if chosen.is_none() {
            let Column { index, by_name } = find(&records, column)?;
            let time = wanted.time.map(|time| find(&records, time)).transpose()?;
            commas.by_name = by_name || time.as_ref().is_some_and(|time| time.by_name);
            // A column other than the first implies that there are several.
            commas.are_between = index > 0 && records.is_alone;
            chosen = Some((index, time.map(|time| time.index)));
            if commas.by_name || is_header(&records, index, column, wanted.skip_missing)? {
                commas.are_between |= count > 1 && records.is_alone;
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
    match commas.doubt.filter(|_| !commas.are_between) {
        Some(error) => Err(error),
        None => Ok(series),
    }
}

impl Series {
    /// Adds each word of a record.
    fn every_field(&mut self, records: &Records<'_>, wanted: &Wanted<'_>) -> Result<(), Error> {
        let has_columns = records.columns > 1;
        let place = wanted.records.then(|| self.keep(records)).transpose()?;
        for (field, number) in records.fields().zip(1..) {
            // A field without a word is a missing value, as between two commas or two quotes.
            let missing = field.trim_ascii().is_empty().then_some("");
            for word in field.split_ascii_whitespace().chain(missing) {
                let is_first = self.numbers.is_empty();
                let added = self.add(records, wanted, place, word);
                added.map_err(|error| {
                    let is_name = word.contains(char::is_alphabetic) && !is_missing(word);
                    let error = if is_first && is_name && word.parse::<f64>().is_err() {
                        error.hint("a header? use --column NAME")
                    } else {
                        error
                    };
                    if has_columns {
                        error.column(number)
                    } else {
                        error
                    }
                })?;
            }
        }
        Ok(())
    }

    /// Adds one field of a record, and its time.
    fn field(
        &mut self,
        records: &Records<'_>,
        wanted: &Wanted<'_>,
        (index, column): (usize, &str),
        time: Option<usize>,
    ) -> Result<(), Error> {
        let place = wanted.records.then(|| self.keep(records)).transpose()?;
        let field = records.field(index).unwrap_or_default();
        let added = self.add(records, wanted, place, field.trim_ascii());
        let is_value = added.map_err(|error| error.column(column))?;
        if let Some(index) = time.filter(|_| is_value) {
            let text = records.field(index).unwrap_or_default();
            let time = times::seconds(text.trim(), &mut self.in_seconds).map_err(|problem| {
                let error = Error::new(records.position(), problem).word(&text);
                error.column(wanted.time.unwrap_or_default())
            })?;
            push(&mut self.times, time, records)?;
        }
        Ok(())
    }

    /// Keeps a record.
    fn keep(&mut self, records: &Records<'_>) -> Result<Place, Error> {
        let (start, record) = (self.kept.len(), records.bytes());
        let room = self.kept.try_reserve(record.len());
        room.map_err(|_| Error::out_of_memory(records.name))?;
        self.kept.extend_from_slice(record);
        Ok(Place {
            start,
            end: self.kept.len(),
            line: records.line,
        })
    }

    /// Adds a word as the next value, or skips it and returns false.
    fn add(
        &mut self,
        records: &Records<'_>,
        wanted: &Wanted<'_>,
        place: Option<Place>,
        word: &str,
    ) -> Result<bool, Error> {
        let is_skipped = wanted.skip_missing && is_missing(word);
        let problem = match word.trim().parse::<f64>() {
            Ok(value) if value.is_finite() || !wanted.only_finite && !is_skipped => {
                push(&mut self.numbers, value, records)?;
                place.map_or(Ok(()), |place| push(&mut self.places, place, records))?;
                return Ok(true);
            }
            _ if is_skipped => {
                self.missing += 1;
                return Ok(false);
            }
            Ok(_) => "not a finite number",
            Err(_) => "not a number",
        };
        let error = Error::new(records.position(), problem).word(word);
        Err(error.hint_if_missing())
    }
}

fn push<T>(items: &mut Vec<T>, item: T, records: &Records<'_>) -> Result<(), Error> {
    let room = items.try_reserve(1);
    room.map_err(|_| Error::out_of_memory(records.name))?;
    items.push(item);
    Ok(())
}
