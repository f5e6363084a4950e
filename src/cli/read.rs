//! Reading numbers as people have them: plain, several per line, or a column of CSV.

use std::io::Read;

use anyhow::{Result, anyhow, bail};

use super::records::Records;

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

/// The numbers of a text, in order: all of them, or those of one column of CSV.
///
/// An error names the text, line and column.
pub fn numbers(
    text: impl Read,
    name: &str,
    column: Option<&str>,
    only_finite: bool,
) -> Result<Vec<f64>> {
    let mut records = Records::new(name, text)?;
    let mut values = Values {
        numbers: Vec::new(),
        only_finite,
    };
    let mut chosen = None;
    while records.next()? {
        let Some(wanted) = column else {
            values.every_field(&records)?;
            continue;
        };
        let (index, is_header) = match chosen {
            Some(index) => (index, false),
            None => choose(&records, wanted)?,
        };
        chosen = Some(index);
        if !is_header {
            values.field(&records, index, wanted)?;
        }
    }
    Ok(values.numbers)
}

struct Values {
    numbers: Vec<f64>,
    only_finite: bool,
}

impl Values {
    fn every_field(&mut self, records: &Records<'_>) -> Result<()> {
        let fields = records.fields();
        let is_several = fields.len() > 1;
        for (field, number) in fields.zip(1..) {
            // No word at all is a missing value, between two commas or two quotes.
            let missing = field.trim_ascii().is_empty().then_some("");
            for word in field.split_ascii_whitespace().chain(missing) {
                let is_first = self.numbers.is_empty();
                self.push(records, word, || {
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

    fn field(&mut self, records: &Records<'_>, index: usize, wanted: &str) -> Result<()> {
        let Some(field) = records.fields().nth(index) else {
            let place = records.place();
            bail!("{place}: no column {wanted}: the line ends before it");
        };
        self.push(records, field.trim_ascii(), || format!("column {wanted}"))
    }

    /// Takes a word as the next value.
    fn push(
        &mut self,
        records: &Records<'_>,
        word: &str,
        note: impl FnOnce() -> String,
    ) -> Result<()> {
        match word.trim().parse::<f64>() {
            Err(_) => Err(error(records, NOT_A_NUMBER, word, &note())),
            Ok(value) if self.only_finite && !value.is_finite() => {
                Err(error(records, "not a finite number", word, &note()))
            }
            Ok(value) => {
                let room = self.numbers.try_reserve(1);
                room.map_err(|_| anyhow!("{}: out of memory", records.name))?;
                self.numbers.push(value);
                Ok(())
            }
        }
    }
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
    let names: Vec<_> = records.fields().collect();
    let name = |index: usize| Some(names.get(index)?.trim());
    let place: Option<usize> = wanted.parse().ok();
    let place = place.and_then(|number| number.checked_sub(1));
    if let Some((index, first)) = place.and_then(|index| Some((index, name(index)?))) {
        let is_header = is_name(first);
        if !is_header && !is_missing(first) && first.parse::<f64>().is_err() {
            let whole = start(first, LONGEST_WORD) == first;
            let hint = whole.then(|| format!("; if that is a header: --column {first:?}"));
            let note = format!("column {wanted}{}", hint.unwrap_or_default());
            return Err(error(records, NOT_A_NUMBER, first, &note));
        }
        return Ok((index, is_header));
    }
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
fn start(text: &str, length: usize) -> &str {
    let end = text.char_indices().nth(length);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
