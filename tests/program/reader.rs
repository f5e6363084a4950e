//! The reader of numbers and CSV, fuzzed: no panic, no wrong value, no wrong line. Text is made by
//! mutating a corpus, and compared with a slow, plain reading; and tables are made of which all is
//! known.
//!
//! Each run makes other cases. The smallest that fails is added to the corpus, which is read whole
//! in every run. PROPTEST_CASES sets how many: a million take minutes. cargo-fuzz, which would be
//! led by coverage, wants a nightly compiler.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod plain;
#[path = "../../src/cli/read.rs"]
mod read;
#[path = "../../src/cli/records.rs"]
mod records;
mod tables;

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{TestCaseResult, TestError, TestRunner};
use read::Source;

/// `--column`, as far as the corpus has such columns.
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

/// What is put in: what means something to a reader, and what looks as if it did.
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
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/reader/corpus")
}

fn texts() -> Vec<Vec<u8>> {
    let files = fs::read_dir(corpus()).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|file| fs::read(file).unwrap())
        .collect()
}

/// Whether the same was read, to the last bit, or the error starts as expected.
fn is_as_expected(
    numbers: anyhow::Result<Vec<f64>>,
    expected: Result<&[f64], &str>,
) -> TestCaseResult {
    match (numbers, expected) {
        (Ok(numbers), Ok(expected)) => {
            let bits = |numbers: &[f64]| {
                numbers
                    .iter()
                    .map(|number| number.to_bits())
                    .collect::<Vec<_>>()
            };
            prop_assert_eq!(bits(&numbers), bits(expected));
        }
        (Err(error), Err(start)) => {
            let error = error.to_string();
            prop_assert!(
                error.starts_with(start),
                "{} should start with {}",
                error,
                start
            );
        }
        (numbers, expected) => {
            prop_assert!(false, "should be {:?}, but is {:?}", expected, numbers);
        }
    }
    Ok(())
}

fn source(bytes: &[u8]) -> Source {
    Source {
        name: "input".into(),
        bytes: bytes.to_vec(),
    }
}

/// Whether the reader and the plain one read the same, or tell of the same place.
fn agree(text: &[u8], column: Option<&str>, only_finite: bool) -> TestCaseResult {
    let numbers = read::numbers(&source(text), column, only_finite);
    let plain = plain::numbers(text, column, only_finite);
    is_as_expected(numbers, plain.as_deref().map_err(String::as_str))
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

#[test]
fn the_corpus_is_read_as_a_plain_reader_reads_it() {
    println!("cases: {}", texts().len() * COLUMNS.len() * 2);
    for text in texts() {
        for column in COLUMNS {
            for only_finite in [false, true] {
                let agreed = agree(&text, column, only_finite);
                assert!(agreed.is_ok(), "{agreed:?} of {}", text.escape_ascii());
            }
        }
    }
}

#[test]
fn mutated_text_is_read_as_a_plain_reader_reads_it() {
    let mutated =
        (select(texts()), vec(Mutation::any(), 0..12)).prop_map(|(mut text, mutations)| {
            mutations
                .iter()
                .for_each(|mutation| mutation.apply(&mut text));
            text
        });
    let cases = (mutated, select(&COLUMNS), any::<bool>());
    let result = runner(5000).run(&cases, |(text, column, only_finite)| {
        agree(&text, column, only_finite)
    });
    if let Err(TestError::Fail(reason, (text, column, only_finite))) = &result {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let file = corpus().join(format!("found-{:016x}", hasher.finish()));
        fs::write(&file, text).unwrap();
        panic!(
            "{reason}\nof \"{}\", column {column:?}, only finite {only_finite}; kept as {}",
            text.escape_ascii(),
            file.display()
        );
    }
    result.unwrap();
}

#[test]
fn tables_are_read_as_they_were_made() {
    let result = runner(1000).run(&tables::table(), |table| {
        let numbers = read::numbers(&source(&table.text), table.column.as_deref(), false);
        let expected = table.error.as_deref().map_or(Ok(&*table.values), Err);
        is_as_expected(numbers, expected)
    });
    result.unwrap();
}

#[test]
fn the_first_record_tells_the_delimiter_and_marks_hide_no_line() {
    let read = |text: &str| {
        let source = source(text.as_bytes());
        read::numbers(&source, Some("v"), false).map_err(|error| error.to_string())
    };
    for text in [
        "\"one\ntwo\";v\n0;1\n",
        "\"one,\"\"two\"\",\";v\n0;1\n",
        "5\" pipe;v\n0;1\n,,,,,\n",
        "\tv\n0\t1\n",
        " \n  \r\tv\n0\t1\n",
        "a;v\r0;1\r,,\r",
        "a;v\r\n0;1\r\n,,\r\n",
    ] {
        let expected = match text.contains(",,") {
            true => Err("input:3: no column v: the line ends before it".to_owned()),
            false => Ok(vec![1.0]),
        };
        assert_eq!(read(text), expected, "{text:?}");
    }
    let error = |line: usize| Err(format!("input:{line}: not a number: \"x\" (column v)"));
    assert_eq!(read("\u{feff}\u{feff}\nv\nx\n"), error(3));
    assert_eq!(read("\u{feff}\u{feff}\u{feff}v\rx"), error(2));
}
