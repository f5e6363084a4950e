//! Broken files, compared with Python's strict `csv` and `float`: ragged lines, open quotes, text after
//! quotes, several separators, decimal commas, thousands, files cut off.
#![allow(clippy::indexing_slicing)]

use std::collections::HashMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use pyoutliers::interpreter;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;

use crate::common::{self, outcome, outliers};

struct File {
    text: String,
    delimiter: char,
    /// The index of the wanted column, which is named `v`.
    column: Option<usize>,
    by_name: bool,
    has_header: bool,
}

const TEXTS: [&str; 16] = [
    "a",
    "a b",
    "x;y",
    "x, y",
    "1;2",
    "1,2",
    "t\tt",
    "7",
    "",
    "5\" x",
    "\"q\"",
    "\"a,b\"",
    "\"a;b\"",
    "\"l\nl\"",
    "\"d\"\"d\"",
    "2024-01-01",
];

/// A number, in most cases written correctly.
fn number(random: &mut StdRng, decimals: usize) -> String {
    let value = random.random_range(-1_f64..1.0).powi(5) * 5000.0;
    let plain = format!("{value:.1}");
    match (decimals, random.random_range(0..12)) {
        (1, 0..9) | (_, 0) => plain.replace('.', ","),
        (2, 0..9) => format!(
            "{},{:03}",
            random.random_range(1..99),
            random.random_range(0..1000)
        ),
        (3, 0..9) => format!(
            "{}.{:03},5",
            random.random_range(1..9),
            random.random_range(0..1000)
        ),
        (_, 1) => format!("{}", random.random_range(0..9)),
        (_, 2) => format!("\"{plain}\""),
        _ => plain,
    }
}

fn file(random: &mut StdRng) -> File {
    let delimiter = *[',', ';', '\t'].choose(random).unwrap();
    let end = *["\n", "\r\n", "\r"].choose(random).unwrap();
    let columns = random.random_range(1..5);
    let column = random
        .random_ratio(4, 5)
        .then(|| random.random_range(0..columns));
    let has_header = column.is_some() && random.random_ratio(2, 3);
    // Most numbers of a file are written in the same way.
    let decimals = if random.random_ratio(1, 3) {
        random.random_range(1..4)
    } else {
        0
    };
    let odd = random.random_ratio(1, 3);
    let mut records: Vec<Vec<String>> = (0..random.random_range(1..7))
        .map(|record| {
            let field = |index| match column {
                Some(column) if record == 0 && has_header && index == column => "v".to_owned(),
                Some(_) if record == 0 && has_header => {
                    let names = [
                        "t",
                        "temp, celsius",
                        "a;b",
                        "a\tb",
                        "name",
                        "\"x,;\ty\"",
                        "m2",
                    ];
                    names[if odd { random.random_range(0..7) } else { 4 }].into()
                }
                Some(column) if index != column => {
                    let text = TEXTS[random.random_range(0..TEXTS.len())];
                    let clean = !odd && !text.starts_with('"') && text.contains([',', ';', '\t']);
                    if clean { "a b".into() } else { text.into() }
                }
                _ => number(random, decimals),
            };
            (0..columns).map(field).collect()
        })
        .collect();
    for _ in 0..random.random_range(0..3) {
        let at = random.random_range(0..records.len());
        let record = &mut records[at];
        let field = random.random_range(0..record.len());
        match random.random_range(0..10) {
            9 => records.insert(0, vec!["Report, 2024".into()]),
            0 if record.len() > 2 || at > 0 && record.len() > 1 => drop(record.remove(field)),
            1 => record.insert(field, "7".into()),
            // A line of one tab would be blank.
            2 if delimiter != '\t' || columns > 1 => record.push(String::new()),
            3 => record[field].insert(0, '"'),
            4 => record[field] = format!("\"{}\"2", record[field].replace('"', "")),
            5 => record[field] = format!("\"{}\" ", record[field].replace('"', "")),
            6 => record[field].push('"'),
            7 => {
                record[field] =
                    ["n/a", "ND", "Error", "x", "1 5", "-"][random.random_range(0..6)].into()
            }
            _ if !record[field].contains(',') => record[field] = record[field].replace('.', ","),
            _ => (),
        }
    }
    let records = records
        .iter()
        .map(|record| record.join(&delimiter.to_string()));
    let records: Vec<_> = records.collect();
    let (first, mut text) = (records[0].len(), records.join(end));
    if random.random() {
        text += end;
    }
    if random.random_ratio(1, 20) && !text.starts_with("Report") {
        let mut at = random.random_range(first..=text.len());
        at = (0..=at)
            .rev()
            .find(|&at| text.is_char_boundary(at))
            .unwrap();
        text.truncate(at);
        text.truncate(text.trim_end_matches('\t').len());
    }
    let by_name = has_header && random.random();
    File {
        text,
        delimiter,
        column,
        by_name,
        has_header,
    }
}

/// The value of `--column` for a file.
fn option(file: &File) -> Option<String> {
    file.column.map(|column| {
        if file.by_name {
            "v".to_owned()
        } else {
            (column + 1).to_string()
        }
    })
}

/// The numbers that `outliers` reads from each file that it accepts, as bits. A Python function returns them.
fn accepted(directory: &Path, files: &[File]) -> HashMap<usize, Vec<u64>> {
    fs::write(directory.join("same.py"), "def same(data): return data").unwrap();
    let mut commands: HashMap<_, Vec<String>> = HashMap::new();
    for (number, file) in files.iter().enumerate() {
        let names = commands.entry(option(file)).or_default();
        names.push(number.to_string());
    }
    let mut accepted = HashMap::new();
    for (column, names) in &commands {
        for names in names.chunks(2000) {
            let mut command = outliers();
            command.args(["transform", "-f", "same.py:same"]);
            command.args(column.as_ref().map(|column| format!("--column={column}")));
            // The first name twice, so that a name precedes each list.
            command.args(&names[..1]).args(names);
            let (_, stdout, stderr) = outcome(&command.current_dir(directory).output().unwrap());
            assert!(!stderr.contains("Traceback"), "{stderr}");
            for line in stdout.lines() {
                let (name, list) = line.split_once(":[").unwrap();
                let words = list.trim_end_matches(']').split(", ");
                let words = words.filter(|word| !word.is_empty());
                let bits = words.map(|word| word.parse::<f64>().unwrap().to_bits());
                accepted.insert(name.parse().unwrap(), bits.collect());
            }
        }
    }
    accepted
}

#[test]
fn broken_files_are_read_as_by_strict_python_or_refused() {
    if common::is_tested_before() {
        return;
    }
    let cases = env::var("PROPTEST_CASES").map_or(2000, |cases| cases.parse().unwrap());
    let mut random = StdRng::seed_from_u64(rand::random());
    let directory = common::directory("broken");
    let (mut files, mut asked) = (Vec::new(), String::new());
    for number in 0..cases {
        let file = file(&mut random);
        fs::write(directory.join(number.to_string()), &file.text).unwrap();
        let column = if file.by_name {
            json!("v")
        } else {
            json!(file.column)
        };
        let ask = json!([number.to_string(), file.delimiter, column]);
        writeln!(asked, "{ask}").unwrap();
        files.push(file);
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/broken.py");
    let mut python = common::command(interpreter::choice().unwrap().python);
    let python = python.args(["-I", script]).current_dir(&directory);
    let piped = python.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(asked.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), files.len());
    let accepted = accepted(&directory, &files);
    let (mut readable, mut wrong) = (0, 0);
    for (number, (file, line)) in files.iter().zip(lines.lines()).enumerate() {
        let python: Option<Vec<u64>> = serde_json::from_str(line).unwrap();
        readable += usize::from(python.is_some());
        if let Some(ours) = accepted.get(&number)
            && Some(ours) != python.as_ref()
        {
            wrong += 1;
            let floats =
                |bits: &Vec<u64>| bits.iter().map(|&b| f64::from_bits(b)).collect::<Vec<_>>();
            println!(
                "{:?} {:?} {:?} {}: {:?}, and by Python {:?}",
                file.text,
                file.delimiter,
                option(file),
                file.has_header,
                floats(ours),
                python.as_ref().map(floats)
            );
        }
    }
    let read = accepted.len();
    println!("cases: {cases}\nread by Python {readable}, by outliers {read}");
    assert_eq!(wrong, 0);
    // Few files are refused because they can be read in two ways.
    assert!(
        read * 10 > readable * 8 && readable * 10 > cases,
        "{read} of {readable}"
    );
}
