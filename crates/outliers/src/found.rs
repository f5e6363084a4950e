//! The records that hold what was found, as they were read.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::mem;

use anyhow::{Result, bail};

use super::read::{Place, Series};
use super::records;
use super::{print_by, print_records};

/// What was read, and what was found in it.
pub struct Found<'a> {
    name: &'a str,
    /// The records.
    kept: Vec<u8>,
    delimiter: u8,
    header: Option<Place>,
    /// Indices, each with its record and value.
    values: Vec<(i64, Place, f64)>,
}

impl<'a> Found<'a> {
    pub fn new(name: &'a str, series: &mut Series, indices: &[i64]) -> Result<Self> {
        let values = indices.iter().map(|&index| {
            let at = usize::try_from(index).ok();
            let found = at.and_then(|at| Some((*series.places.get(at)?, *series.numbers.get(at)?)));
            let Some((place, value)) = found else {
                let count = series.numbers.len();
                bail!("{name}: no record of the index {index}: there are {count} values")
            };
            Ok((index, place, value))
        });
        Ok(Self {
            name,
            values: values.collect::<Result<_>>()?,
            kept: mem::take(&mut series.kept),
            delimiter: series.delimiter,
            header: series.header,
        })
    }

    /// Prints the header and the records as they are, each after `prefix`.
    pub fn rows(&self, prefix: &str) -> Result<()> {
        print_records(|stdout| {
            let mut last = None;
            let found = self.values.iter().map(|&(_, place, _)| place);
            // Where nothing is found, nothing is printed.
            let header = self.header.filter(|_| !self.values.is_empty());
            for place in header.into_iter().chain(found) {
                // One record can have several values.
                if last.replace(place.start) != Some(place.start) {
                    let line = [prefix.as_bytes(), self.record(place), b"\n"];
                    stdout.write_all(&line.concat())?;
                }
            }
            Ok(())
        })
    }

    /// Prints an object for each value.
    pub fn json(&self) -> Result<()> {
        print_by(|stdout| {
            let names = self.header.map(|place| self.fields(place));
            let names: Option<Vec<_>> = names.map(Iterator::collect);
            let file = serde_json::to_string(self.name)?;
            for &(index, place, value) in &self.values {
                let line = place.line;
                let value = serde_json::to_string(&value)?; // null, if it is not finite
                let record = match &names {
                    Some(names) => format!(r#", "record": {{{}}}"#, self.by_name(names, place)?),
                    None => String::new(),
                };
                writeln!(
                    stdout,
                    r#"{{"file": {file}, "line": {line}, "index": {index}, "value": {value}{record}}}"#
                )?;
            }
            Ok(())
        })
    }

    /// The fields of a record in JSON, each after its name; those of one name as a list, since a JSON
    /// object has each name once.
    fn by_name(&self, names: &[Cow<'_, str>], place: Place) -> io::Result<String> {
        let mut members: Vec<(&str, Vec<Cow<'_, str>>)> = Vec::new();
        let mut known = HashMap::new();
        for (name, field) in names.iter().zip(self.fields(place)) {
            let at = *known.entry(name.trim_ascii()).or_insert(members.len());
            match members.get_mut(at) {
                Some((_, fields)) => fields.push(field),
                None => members.push((name.trim_ascii(), vec![field])),
            }
        }
        let text = |(name, fields): &(_, Vec<_>)| {
            let fields = match &fields[..] {
                [field] => serde_json::to_string(field)?,
                fields => serde_json::to_string(fields)?,
            };
            Ok(format!("{}: {fields}", serde_json::to_string(name)?))
        };
        let members = members.iter().map(text).collect::<io::Result<Vec<_>>>();
        Ok(members?.join(", "))
    }

    fn record(&self, place: Place) -> &[u8] {
        self.kept.get(place.start..place.end).unwrap_or_default()
    }

    fn fields(&self, place: Place) -> impl Iterator<Item = Cow<'_, str>> {
        records::fields(self.record(place), self.delimiter)
    }
}
