//! Records of CSV, one after the other, in memory that is asked for: a file may be one long field.

use std::borrow::Cow;
use std::collections::TryReserveError;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// CSV that is being read.
pub struct Records<'a> {
    reader: Reader,
    text: &'a [u8],
    /// Where the rest of the text begins.
    rest: usize,
}

/// A record. Its memory serves the next one too.
#[derive(Default)]
pub struct Record {
    /// Where in the text it begins, or the blank lines before it.
    pub start: usize,
    /// How many fields it has.
    pub length: usize,
    /// The fields, one after the other; what follows is room.
    bytes: Vec<u8>,
    /// Where each field ends.
    ends: Vec<usize>,
}

impl<'a> Records<'a> {
    pub fn new(text: &'a [u8], delimiter: u8) -> Self {
        Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            text,
            rest: 0,
        }
    }

    /// Reads the next record; false if there is none.
    pub fn read(&mut self, record: &mut Record) -> Result<bool, TryReserveError> {
        record.start = self.rest;
        record.length = 0;
        let mut filled = 0;
        loop {
            let (result, read, written, ended) = self.reader.read_record(
                // Nothing, which it is given last, ends the last record.
                self.text.get(self.rest..).unwrap_or_default(),
                record.bytes.get_mut(filled..).unwrap_or_default(),
                record.ends.get_mut(record.length..).unwrap_or_default(),
            );
            self.rest += read;
            filled += written;
            record.length += ended;
            match result {
                ReadRecordResult::InputEmpty => (),
                ReadRecordResult::OutputFull => grow(&mut record.bytes)?,
                ReadRecordResult::OutputEndsFull => grow(&mut record.ends)?,
                ReadRecordResult::Record => return Ok(true),
                ReadRecordResult::End => return Ok(false),
            }
        }
    }
}

impl Record {
    pub fn field(&self, index: usize) -> Option<&[u8]> {
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        let end = *self.ends.get(..self.length)?.get(index)?;
        self.bytes.get(start..end)
    }

    /// The fields as text: the names, if it is a header.
    pub fn texts(&self) -> Result<Vec<Cow<'_, str>>, TryReserveError> {
        let mut texts = Vec::new();
        texts.try_reserve_exact(self.length)?;
        for field in self.fields() {
            texts.push(text(field)?);
        }
        Ok(texts)
    }

    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.length).map_while(|index| self.field(index))
    }
}

fn grow<T: Clone + Default>(room: &mut Vec<T>) -> Result<(), TryReserveError> {
    let more = room.len().max(64);
    room.try_reserve_exact(more)?;
    room.resize(room.len() + more, T::default());
    Ok(())
}

/// A field as text; what is not UTF-8 is replaced, as by [`String::from_utf8_lossy`].
pub fn text(field: &[u8]) -> Result<Cow<'_, str>, TryReserveError> {
    if let Ok(text) = str::from_utf8(field) {
        return Ok(text.into());
    }
    let mut text = String::new();
    for chunk in field.utf8_chunks() {
        text.try_reserve(chunk.valid().len() + char::REPLACEMENT_CHARACTER.len_utf8())?;
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Ok(text.into())
}
