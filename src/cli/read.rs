//! Reading numbers as people have them: plain, several per line, or a column of CSV.

use std::borrow::Cow;
use std::io::Read;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::records::{Place, Records};

/// What stands for a missing value: in pandas' list, in Excel's errors, and what SQL, SAS and people write.
#[rustfmt::skip]
const MISSING: [&str; 30] = [
    "", "-", "--", "?", ".", "na", "n/a", "#na", "#n/a", "#n/a n/a", "<na>", "nan", "-nan", "nat",
    "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "null", "(null)", "\\n", "nil", "none", "missing",
    "#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!",
];

/// Characters that an error shows of what is no number.
const LONGEST_WORD: usize = 40;

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
    /// The records are wanted again: where they are is kept.
    pub places: bool,
}

/// The numbers of a text, in order, and what is to be known of each.
#[derive(Default)]
pub struct Series {
    pub numbers: Vec<f64>,
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
}

/// Reads a text. An error names it, the line and the column.
pub fn series(text: impl Read, name: &str, wanted: &Wanted<'_>) -> Result<Series> {
    let mut records = Records::new(name, text)?;
    let mut series = Series {
        delimiter: records.delimiter,
        ..Series::default()
    };
    let mut chosen = None;
    while records.next()? {
        let Some(column) = wanted.column else {
            series.every_field(&records, wanted)?;
            continue;
        };
        if chosen.is_none() {
            let (index, mut is_header) = choose(&records, column)?;
            let time = wanted.time.map(|time| find(&records, time)).transpose()?;
            is_header |= time.is_some_and(|(_, by_name)| by_name);
            chosen = Some((index, time.map(|(index, _)| index)));
            if is_header {
                series.header = Some(records.here());
                series.column = records.fields().nth(index).map(Cow::into_owned);
                continue;
            }
        }
        if let Some((index, time)) = chosen {
            series.field(&records, wanted, (index, column), time)?;
        }
    }
    Ok(series)
}

impl Series {
    fn every_field(&mut self, records: &Records<'_>, wanted: &Wanted<'_>) -> Result<()> {
        let fields = records.fields();
        let is_several = fields.len() > 1;
        let place = wanted.places.then(|| records.here());
        for (field, number) in fields.zip(1..) {
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
        let field = records.fields().nth(index);
        if field.is_none() && !wanted.skip_missing {
            let place = records.place();
            bail!("{place}: no column {column}: the line ends before it");
        }
        let place = wanted.places.then(|| records.here());
        let (field, note) = (field.unwrap_or_default(), || format!("column {column}"));
        let is_value = self.push(records, wanted, place, field.trim_ascii(), note)?;
        if let Some(index) = time.filter(|_| is_value) {
            let text = records.fields().nth(index).unwrap_or_default();
            let note = format!("column {}", wanted.time.unwrap_or_default());
            let time =
                seconds(text.trim()).ok_or_else(|| error(records, "not a time", &text, &note))?;
            push(&mut self.times, time, records)?;
        }
        Ok(())
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
        if wanted.skip_missing && is_missing(word) {
            self.missing += 1;
            return Ok(false);
        }
        match word.trim().parse::<f64>() {
            Err(_) => Err(error(records, NOT_A_NUMBER, word, &note())),
            Ok(value) if wanted.only_finite && !value.is_finite() => {
                Err(error(records, "not a finite number", word, &note()))
            }
            Ok(value) => {
                push(&mut self.numbers, value, records)?;
                place.map_or(Ok(()), |place| push(&mut self.places, place, records))?;
                Ok(true)
            }
        }
    }
}

fn push<T>(items: &mut Vec<T>, item: T, records: &Records<'_>) -> Result<()> {
    let room = items.try_reserve(1);
    room.map_err(|_| anyhow!("{}: out of memory", records.name))?;
    items.push(item);
    Ok(())
}

/// A time in seconds since 1970: such a number, or as in ISO 8601; without a zone it is UTC.
fn seconds(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        let whole = Duration::try_from_secs_f64(seconds.abs()).ok()?.as_secs();
        let whole = i64::try_from(whole).ok()?;
        let time = DateTime::from_timestamp(if seconds < 0.0 { -whole } else { whole }, 0);
        return time.map(|time| time.timestamp());
    }
    let text = text.replacen(' ', "T", 1);
    let zoned =
        |form| DateTime::parse_from_str(&text, &format!("{form}%#z")).map(|time| time.to_utc());
    let local = |form| NaiveDateTime::parse_from_str(&text, form).map(|time| time.and_utc());
    let day = || {
        NaiveDate::parse_from_str(&text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
    };
    let mut times = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .into_iter()
        .filter_map(|form| zoned(form).or_else(|_| local(form)).ok());
    let time = times.next().or_else(|| Some(day()?.and_utc()));
    time.map(|time| time.timestamp())
}

fn error(records: &Records<'_>, problem: &str, word: &str, note: &str) -> anyhow::Error {
    let (place, start) = (records.place(), start(word, LONGEST_WORD));
    // What looks like a number and is none: the eye does not tell why.
    let shown = if start.contains(char::is_numeric) && !start.is_ascii() {
        format!("\"{}\"", start.escape_default())
    } else {
        format!("{start:?}")
    };
    let rest = if start.len() < word.len() { "…" } else { "" };
    let note = if note.is_empty() {
        String::new()
    } else {
        format!(" ({note})")
    };
    anyhow!("{place}: {problem}: {shown}{rest}{note}")
}

/// Finds the wanted column by the first record, and tells whether that is a header.
///
/// A number is a column's place if there are that many columns; the record is then a header if what
/// it has there is a name and cannot be a value. What is neither can be asked for by name.
fn choose(records: &Records<'_>, wanted: &str) -> Result<(usize, bool)> {
    let (index, by_name) = find(records, wanted)?;
    let first = records.fields().nth(index).unwrap_or_default();
    let first = first.trim();
    let is_header = by_name || is_name(first);
    if !is_header && !is_missing(first) && first.parse::<f64>().is_err() {
        let whole = start(first, LONGEST_WORD) == first;
        let hint = whole.then(|| format!("; if that is a header: --column {first:?}"));
        let note = format!("column {wanted}{}", hint.unwrap_or_default());
        return Err(error(records, NOT_A_NUMBER, first, &note));
    }
    Ok((index, is_header))
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

fn is_missing(word: &str) -> bool {
    MISSING.iter().any(|mark| word.eq_ignore_ascii_case(mark))
}

/// Whether it names a column, and cannot be a number gone wrong or a mark for a missing one: it has
/// letters, no digits but those of m², and does not begin like `#REF!` or `<null>`.
fn is_name(text: &str) -> bool {
    let is_digit = |c: char| c.is_numeric() && !matches!(c, '²' | '³');
    let is_mark = |c: char| c.is_ascii_punctuation() && c != '_';
    text.contains(char::is_alphabetic)
        && !text.contains(is_digit)
        && !text.starts_with(is_mark)
        && !is_missing(text)
        && text.parse::<f64>().is_err()
}

/// The start of a text, of that many characters at most.
pub fn start(text: &str, length: usize) -> &str {
    let end = text.char_indices().nth(length);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
