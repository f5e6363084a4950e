//! The records that hold what was found: read again, and printed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use anyhow::{Result, bail};
use csv::ByteRecord;

use super::read::Series;
use super::records::{self, Place};
use super::{print_by, print_records};

/// The file again, and what was found in it.
pub struct Found<'a> {
    file: &'a File,
    /// Where it began.
    base: u64,
    name: &'a str,
    delimiter: u8,
    header: Option<Place>,
    /// Indices, each with its record and value.
    values: Vec<(i64, Place, f64)>,
}

impl<'a> Found<'a> {
    pub fn new(
        file: &'a File,
        base: u64,
        name: &'a str,
        series: &Series,
        indices: &[i64],
    ) -> Result<Self> {
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
            file,
            base,
            name,
            delimiter: series.delimiter,
            header: series.header,
            values: values.collect::<Result<_>>()?,
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
                    let record = self.read(place)?;
                    let line = [prefix.as_bytes(), without_ends(&record), b"\n"];
                    stdout.write_all(&line.concat())?;
                }
            }
            Ok(())
        })
    }

    /// Prints an object for each value.
    pub fn json(&self) -> Result<()> {
        let text = |text: &[u8]| serde_json::to_string(&String::from_utf8_lossy(text));
        print_by(|stdout| {
            let names = self.header.map(|place| self.fields(place)).transpose()?;
            let file = text(self.name.as_bytes())?;
            for &(index, place, value) in &self.values {
                let line = place.line;
                let value = serde_json::to_string(&value)?; // null, if it is not finite
                let mut record = String::new();
                if let Some(names) = &names {
                    let fields = self.fields(place)?;
                    let fields = names.iter().zip(&fields).map(|(name, field)| {
                        Ok(format!("{}: {}", text(name.trim_ascii())?, text(field)?))
                    });
                    let fields = fields.collect::<io::Result<Vec<_>>>()?.join(", ");
                    record = format!(r#", "record": {{{fields}}}"#);
                }
                writeln!(
                    stdout,
                    r#"{{"file": {file}, "line": {line}, "index": {index}, "value": {value}{record}}}"#
                )?;
            }
            Ok(())
        })
    }

    fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        let length = usize::try_from(place.end - place.start).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        let read = self.file.read_exact_at(&mut bytes, self.base + place.start);
        read.map_err(|error| io::Error::other(format!("{} has changed: {error}", self.name)))?;
        Ok(bytes)
    }

    fn fields(&self, place: Place) -> io::Result<ByteRecord> {
        let record = self.read(place)?;
        let mut reader = records::builder(self.delimiter).from_reader(without_ends(&record));
        let mut fields = ByteRecord::new();
        let read = reader.read_byte_record(&mut fields);
        read.map_err(io::Error::other)?;
        Ok(fields)
    }
}

/// A record without the empty lines before it, and the end of its own.
fn without_ends(mut record: &[u8]) -> &[u8] {
    while let [b'\n' | b'\r', rest @ ..] | [rest @ .., b'\n' | b'\r'] = record {
        record = rest;
    }
    record
}
