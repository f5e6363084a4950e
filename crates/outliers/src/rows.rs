//! Prints the records that contain outliers, as rows or as JSON.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::mem;

use anyhow::{Result, bail};

use super::output::{print_by, print_records};
use super::read::{Place, Series, fields};

/// The records of one file, and the outliers among its values.
pub struct Rows<'a> {
    name: &'a str,
    /// All records.
    kept: Vec<u8>,
    delimiter: u8,
    header: Option<Place>,
    /// The index of each outlier, its record and its value.
    values: Vec<(i64, Place, f64)>,
}

impl<'a> Rows<'a> {
    pub fn new(name: &'a str, series: &mut Series, indices: &[i64]) -> Result<Self> {
        let values = indices.iter().map(|&index| {
            let at = usize::try_from(index).ok();
            let found = at.and_then(|at| Some((*series.places.get(at)?, *series.numbers.get(at)?)));
            let Some((place, value)) = found else {
                let values = match series.numbers.len() {
                    1 => "is 1 value".into(),
                    count => format!("are {count} values"),
                };
                bail!("{name}: the function returned index {index}, but there {values}")
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

    /// Prints the header and the records as they are in the text, each after `prefix`.
    pub fn print(&self, prefix: &str) -> Result<()> {
        print_records(|stdout| {
            let mut last = None;
            let found = self.values.iter().map(|&(_, place, _)| place);
            // No header without records.
            let header = self.header.filter(|_| !self.values.is_empty());
            for place in header.into_iter().chain(found) {
                // One record can contain several outliers.
                if last.replace(place.start) != Some(place.start) {
                    let line = [prefix.as_bytes(), self.record(place), b"\n"];
                    stdout.write_all(&line.concat())?;
                }
            }
            Ok(())
        })
    }

    /// Prints a JSON object for each outlier.
    pub fn print_json(&self) -> Result<()> {
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

    /// The fields of a record as members of a JSON object. Fields with the same name become a list,
    /// because a name must be unique in an object.
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
        fields(self.record(place), self.delimiter)
    }
}
