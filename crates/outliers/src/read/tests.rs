//! Tests of the reader: it never panics, and values and lines are right.
//!
//! - `expected` has the result for each file of the corpus.
//! - Tables are generated together with the values that must be read from them.
//! - The result does not depend on how the text arrives or how its lines end.
//!
//! Each run generates new cases. PROPTEST_CASES sets their number; a million take minutes. cargo-fuzz would
//! be guided by coverage, but needs a nightly compiler.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod tables;

use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;

use super::{Error, Wanted, series};

/// Values for `--column`. A file of the corpus need not have the column.
const COLUMNS: [Option<&str>; 8] = [
    None,
    Some("1"),
    Some("2"),
    Some("3"),
    Some("0"),
    Some("v"),
    Some("2020"),
    Some(""),
];

/// The bytes that mutations insert: they have a meaning for the reader, or look as if they had one.
const TOKENS: [&[u8]; 39] = [
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\r",
    b"\n\n",
    b" \n",
    b"\"",
    b"\"\"",
    b"\"\n\"",
    b",",
    b";",
    b"\t",
    b",,",
    b" ",
    b"\xC2\xA0",
    b"\xE2\x80\x83",
    b"\xEF\xBB\xBF",
    b"\xFF\xFE",
    b"\xFF",
    b"\0",
    b"\x0B",
    b"#",
    b"'",
    b"\\",
    b"1",
    b"-1.5",
    b"+7",
    b".5",
    b"1e3",
    b"1e999",
    b"5e-324",
    b"NaN",
    b"-inf",
    b"infinity",
    b"0x10",
    b"1_000",
    b"n/a",
    b"v",
    b"2020",
];

#[derive(Clone, Debug)]
enum Mutation {
    Insert(Index, &'static [u8]),
    Delete(Index, usize),
    Repeat(Index, usize),
    Replace(Index, u8),
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            4 => (any::<Index>(), select(&TOKENS)).prop_map(|(at, token)| Self::Insert(at, token)),
            2 => (any::<Index>(), 1..9_usize).prop_map(|(at, length)| Self::Delete(at, length)),
            1 => (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Self::Repeat(at, length)),
            1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Self::Replace(at, byte)),
        ]
    }

    fn apply(&self, text: &mut Vec<u8>) {
        let (Self::Insert(at, _)
        | Self::Delete(at, _)
        | Self::Repeat(at, _)
        | Self::Replace(at, _)) = self;
        let at = at.index(text.len() + 1);
        let end = |length: &usize| text.len().min(at + length);
        match self {
            Self::Insert(_, token) => drop(text.splice(at..at, token.iter().copied())),
            Self::Delete(_, length) => drop(text.drain(at..end(length))),
            Self::Repeat(_, length) => {
                let part = text[at..end(length)].to_vec();
                drop(text.splice(at..at, part));
            }
            Self::Replace(_, byte) => drop(text.splice(at..end(&1), [*byte])),
        }
    }
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/read/tests/corpus")
}

/// The files of the corpus, by name.
fn texts() -> Vec<(String, Vec<u8>)> {
    let mut texts: Vec<_> = fs::read_dir(corpus())
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|file| {
            (
                file.file_name().unwrap().to_str().unwrap().into(),
                fs::read(&file).unwrap(),
            )
        })
        .collect();
    texts.sort();
    texts
}

fn numbers(text: impl Read, column: Option<&str>, only_finite: bool) -> Result<Vec<f64>, Error> {
    let wanted = Wanted {
        column,
        only_finite,
        ..Wanted::default()
    };
    Ok(series(text, "input", &wanted)?.numbers)
}

/// The numbers as bits, or the error.
fn bits(text: &[u8], column: Option<&str>, only_finite: bool) -> Result<Vec<u64>, Error> {
    let numbers = numbers(text, column, only_finite)?;
    Ok(numbers.into_iter().map(f64::to_bits).collect())
}

/// The same, with the error as text.
fn read(text: &[u8], column: Option<&str>, only_finite: bool) -> Result<Vec<u64>, String> {
    bits(text, column, only_finite).map_err(|error| error.to_string())
}

/// Whether `.ci/run` has already run this test with another Python. Reading does not depend on Python.
fn is_tested_before() -> bool {
    let is_tested = std::env::var_os("TESTED_BEFORE").is_some();
    if is_tested {
        println!(
            "SKIPPED: reading does not depend on Python, and this test has already run with another one"
        );
    }
    is_tested
}

fn runner(cases: u32) -> TestRunner {
    let cases = env::var("PROPTEST_CASES").map_or(cases, |cases| cases.parse().unwrap());
    println!("cases: {cases}");
    TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

/// `expected` has the numbers or the error for each file and each column of the file.
#[test]
fn the_corpus_is_read_as_expected() {
    if is_tested_before() {
        return;
    }
    println!("cases: {}", texts().len() * COLUMNS.len());
    let mut all = String::new();
    for (name, text) in texts() {
        for column in COLUMNS {
            let numbers = numbers(&*text, column, false);
            let read = numbers.map_or_else(|error| error.to_string(), |read| format!("{read:?}"));
            let missing = format!(
                ": no column {:?}; the columns are: ",
                column.unwrap_or_default()
            );
            if column.is_none() || !read.contains(&missing) && read != "[]" {
                let read = read.replace('\n', "\\n");
                all += &format!("{name} {}: {read}\n", column.unwrap_or("all"));
            }
        }
    }
    for (read, expected) in all.lines().zip(include_str!("tests/expected").lines()) {
        assert_eq!(read, expected);
    }
    assert_eq!(all, include_str!("tests/expected"));
}

/// Text that arrives in pieces, with interrupting signals between them.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(2) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = buffer.len().min(self.0.len()).min(1 + self.1 % 7);
        let piece = self.0.split_off(..length).unwrap();
        buffer[..length].copy_from_slice(piece);
        Ok(length)
    }
}

#[test]
fn the_result_does_not_depend_on_how_the_text_arrives() {
    if is_tested_before() {
        return;
    }
    let texts: Vec<_> = texts().into_iter().map(|(_, text)| text).collect();
    let mutated = (select(texts), vec(Mutation::any(), 0..12)).prop_map(|(mut text, mutations)| {
        mutations
            .iter()
            .for_each(|mutation| mutation.apply(&mut text));
        text
    });
    // So many blank lines that the text crosses the end of a buffer.
    let blank = (0..40_usize).prop_map(|lines| (1 << 13) - lines);
    let cases = (mutated, select(&COLUMNS), any::<bool>(), blank);
    let result = runner(5000).run(&cases, |(text, column, only_finite, blank)| {
        let expected = read(&text, column, only_finite);
        let pieces = numbers(Pieces(&text, 0), column, only_finite);
        prop_assert_eq!(
            pieces
                .map_err(|error| error.to_string())
                .map(|numbers| numbers.len()),
            expected.clone().map(|numbers| numbers.len())
        );
        // The first bytes can identify the kind of file, so they must stay first.
        if text.first().is_some_and(u8::is_ascii) && !text.starts_with(b"PK") {
            let after = ["\n".repeat(blank).into_bytes(), text.clone()].concat();
            let moved = bits(&after, column, only_finite).map_err(|mut error| {
                if let Some(line) = &mut error.position.line {
                    *line -= u64::try_from(blank).unwrap();
                }
                error.to_string()
            });
            prop_assert_eq!(moved, expected.clone());
        }
        if !text.contains(&b'\r') {
            let lines: Vec<_> = text.split(|&byte| byte == b'\n').collect();
            for end in ["\r", "\r\n"] {
                let other = read(&lines.join(end.as_bytes()), column, only_finite);
                // Names and words show the ends of lines as they are.
                let place = |error: String| error.split('"').next().map(str::to_owned);
                prop_assert_eq!(other.map_err(place), expected.clone().map_err(place));
            }
        }
        Ok(())
    });
    result.unwrap();
}

#[test]
fn tables_are_read_as_they_were_made() {
    if is_tested_before() {
        return;
    }
    let result = runner(1000).run(&tables::table(), |table| {
        let read = read(&table.text, table.column.as_deref(), false);
        match (read, table.error) {
            (Err(read), Some(error)) => prop_assert!(read.starts_with(&error), "{read}"),
            (read, error) => {
                let expected: Vec<_> = table.values.iter().map(|value| value.to_bits()).collect();
                prop_assert_eq!(read, error.map_or(Ok(expected), Err));
            }
        }
        Ok(())
    });
    result.unwrap();
}

#[test]
fn the_first_record_decides_the_delimiter_and_a_byte_order_mark_hides_no_line() {
    let read = |text: &str| read(text.as_bytes(), Some("v"), false);
    for text in [
        "\"one\ntwo\";v\n0;1\n",
        "\"one,\"\"two\"\",\";v\n0;1\n",
        "5\" pipe;v\n0;1\n,,,,,\n",
        "\tv\n0\t1\n",
        " \n  \r\tv\n0\t1\n",
        "a;v\r0;1\r,,\r",
        "a;v\r\n0;1\r\n,,\r\n",
    ] {
        let expected = if text.contains(",,") {
            Err(
                "input:3: expected 2 columns, as in the first record, but found 1; write \";\" for \
                 each missing value"
                    .to_owned(),
            )
        } else {
            Ok(vec![1_f64.to_bits()])
        };
        assert_eq!(read(text), expected, "{text:?}");
    }
    let error = |line: usize| Err(format!("input:{line}: not a number: \"x\" (column v)"));
    assert_eq!(read("\u{feff}\u{feff}\nv\nx\n"), error(3));
    assert_eq!(read("\u{feff}\u{feff}\u{feff}v\rx"), error(2));
}

#[test]
fn a_mark_for_a_missing_value_is_never_a_header() {
    if is_tested_before() {
        return;
    }
    let excel = "#N/A #NULL! #DIV/0! #VALUE! #REF! #NAME? #NUM! #SPILL! #WERT! #NV";
    let pandas = "#NA <NA> -1.#IND -1.#QNAN 1.#IND 1.#QNAN N/A NA NULL None n/a null";
    let others = ". .A ._ - -- ? \\N (null) <null> [n/a] NaT nil missing — … １２ ١٢ １２a";
    let c = "nan(ind) -nan(ind) NAN(IND) nan(snan) -nan(snan)";
    let people = "n.a. N.A. n.d. ND nd N/D k.A. Error ERR unknown undefined invalid failed nodata";
    let marks = [excel, pandas, others, c, people].join(" ");
    let marks: Vec<_> = marks
        .split(' ')
        .chain(["", "#N/A N/A", "not available", "No Data"])
        .collect();
    for mark in &marks {
        let read = read(format!("a,{mark}\nb,1\n").as_bytes(), Some("2"), false);
        let error = read.unwrap_err();
        assert!(
            error.starts_with("input:1: not a number: "),
            "{mark}: {error}"
        );
    }
    let numbers = [
        "NaN", "nan", "-NaN", "-nan", "Inf", "-Inf", "inf", "infinity",
    ];
    for number in numbers {
        let text = format!("a,{number}\nb,1\n");
        assert_eq!(read(text.as_bytes(), Some("2"), false).unwrap().len(), 2);
        read(text.as_bytes(), Some("2"), true).unwrap_err();
    }
    let names = [
        "v",
        "°C",
        "m²",
        "größe",
        "cpu (%)",
        "_id",
        "name",
        "nan_count",
        "日",
    ];
    for name in names {
        let read = read(format!("a,{name}\nb,1\n").as_bytes(), Some("2"), true);
        assert_eq!(read, Ok(vec![1_f64.to_bits()]), "{name}");
    }
    // A word in the same record as a value is not a header.
    for other in ["7", "-1.5", "2024-01-01", "10:30", "1 m", "NaN"] {
        let text = format!("{other},broken\n{other},1\n");
        let error = read(text.as_bytes(), Some("2"), false).unwrap_err();
        let remedy = "\"broken\" (column 2; a header? use --column \"broken\")";
        assert!(error.ends_with(remedy), "{error}");
        let read = read(text.as_bytes(), Some("broken"), false);
        assert_eq!(read, Ok(vec![1_f64.to_bits()]));
    }
    println!("cases: {}", marks.len() + 2 * numbers.len() + names.len());
}

#[test]
fn line_numbers_are_right_in_large_files_too() {
    for end in ["\n", "\r", "\r\n"] {
        let text = format!("\"1{end}\"{end}").repeat(400_000) + "x";
        let error = "input:800001: not a number: \"x\"";
        assert_eq!(read(text.as_bytes(), None, false).unwrap_err(), error);
    }
}

#[test]
fn an_endless_record_is_refused_before_it_fills_memory() {
    let endless = || "1\n2\n\"".as_bytes().chain(io::repeat(b'7'));
    let error = numbers(endless(), None, false).unwrap_err();
    let expected = "input:3: this record is longer than 64 MiB; is a quote not closed?";
    assert_eq!(error.to_string(), expected);
    // Several long records that end are fine.
    let long = format!("\"{}\"\n", " ".repeat(30 << 20));
    let error = read((long.clone() + &long + &long).as_bytes(), None, false).unwrap_err();
    assert_eq!(
        error,
        "input:1: not a number: \"\" (missing? use --skip-missing)"
    );
    let long = format!("{}1\n", " ".repeat(30 << 20));
    let read = read((long.clone() + &long + &long).as_bytes(), None, false);
    assert_eq!(read.map(|numbers| numbers.len()), Ok(3));
}
