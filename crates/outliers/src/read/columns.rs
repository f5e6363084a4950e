//! Which column is read, and whether the first record is a header.

use std::cmp::Ordering;

use super::error::{Error, LONGEST_WORD, start};
use super::missing::{is_missing, is_name};
use super::records::Records;
use crate::similar::similar;

/// The most column names that an error lists.
const LONGEST_LIST: usize = 40;

/// A column, by the index of its field.
pub struct Column {
    pub index: usize,
    /// Whether it was found by its name: then the first record is a header.
    pub by_name: bool,
}

/// Finds a column by its number from 1, or else by its name in the first record.
pub fn find(records: &Records<'_>, wanted: &str) -> Result<Column, Error> {
    let names: Vec<_> = records.fields().collect();
    let number: Option<usize> = wanted.parse().ok();
    let by_number = number.and_then(|number| number.checked_sub(1));
    if let Some(index) = by_number.filter(|&index| index < names.len()) {
        return Ok(Column {
            index,
            by_name: false,
        });
    }
    let names: Vec<_> = names.iter().map(|name| name.trim()).collect();
    let mut found = (0..).zip(&names).filter(|(_, name)| **name == wanted);
    let error = |problem: String| Error::new(records.position(), problem);
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(Column {
            index,
            by_name: true,
        }),
        (Some(_), Some(_)) => Err(error(format!(
            "several columns are named {wanted:?}; use a column number"
        ))),
        (None, _) => {
            let listed = names.iter().take(LONGEST_LIST);
            let listed: Vec<_> = listed.map(|name| start(name, LONGEST_WORD)).collect();
            let rest = if listed.len() < names.len() {
                ", …"
            } else {
                ""
            };
            let problem = format!(
                "no column {wanted:?}; the columns are: {}{rest}",
                listed.join(", ")
            );
            let close = similar(wanted, names.iter().copied());
            let close = close.map(|name| format!("did you mean {name:?}?"));
            let numbers = || format!("by number: 1 to {}", names.len());
            let hint = close.or_else(|| number.map(|_| numbers()));
            Err(hint.into_iter().fold(error(problem), Error::hint))
        }
    }
}

/// Whether the first record is a header, when the column is given by its number.
///
/// It is a header if its field in that column is a name and cannot be a value, and no other field begins
/// like a number. If in doubt, the error suggests selecting the column by its name.
pub fn is_header(
    records: &Records<'_>,
    index: usize,
    column: &str,
    skip_missing: bool,
) -> Result<bool, Error> {
    let first = records.field(index).unwrap_or_default();
    let first = first.trim();
    let is_value = |text: &str| text.starts_with(char::is_numeric) || text.parse::<f64>().is_ok();
    let is_header = is_name(first)
        && !is_missing(first)
        && !records.fields().any(|field| is_value(field.trim()));
    let is_skipped = skip_missing && is_missing(first);
    if is_header || is_skipped || first.parse::<f64>().is_ok() {
        return Ok(is_header);
    }
    let error = Error::new(records.position(), "not a number");
    let error = error.word(first).column(column);
    let is_whole = start(first, LONGEST_WORD) == first && (!is_missing(first) || is_name(first));
    let error = if is_whole {
        error.hint(format!("a header? use --column {first:?}"))
    } else {
        error
    };
    Err(error.hint_if_missing())
}

/// Checks that a record has as many columns as the first one.
pub fn check_count(records: &Records<'_>, count: usize) -> Result<(), Error> {
    let (here, delimiter) = (records.columns, char::from(records.delimiter).to_string());
    let remedy = match here.cmp(&count) {
        Ordering::Equal => return Ok(()),
        Ordering::Less => format!("write {delimiter:?} for each missing value"),
        Ordering::Greater => {
            format!("write 1.5 instead of 1,5, and quote text that contains {delimiter:?}")
        }
    };
    let columns = if count == 1 { "column" } else { "columns" };
    Err(Error::new(
        records.position(),
        format!("expected {count} {columns}, as in the first record, but found {here}; {remedy}"),
    ))
}
