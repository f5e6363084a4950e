//! `detect --format rows` and `json` print the records as read, even if the file changes.

use std::env;
use std::fs;
use std::path::Path;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;

use crate::common::{self, outcome, outliers};
use crate::records_out::table;

/// `changes` returns all indices, as `keeps` does, and changes the file that was read.
const MODULE: &str = "
import os, sys

def keeps(data):
    return range(len(data))

names = iter(sorted(os.listdir('.')))

def changes(data):
    name = next(name for name in names if name.endswith('.csv'))
    with open(name, 'rb') as file:
        text = file.read()
    number = int(name[:-4])
    if number % 4 == 0:
        os.truncate(name, len(text) // 2)
    elif number % 4 == 1:
        with open(name, 'r+b') as file:
            file.write(bytes(byte ^ 1 if 48 <= byte < 58 else byte for byte in text))
    elif number % 4 == 2:
        with open(name, 'wb') as file:
            file.write(b'x,\\r\\n\"' + text)
    else:
        os.remove(name)
    return range(len(data))
";

fn detect(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut detect = outliers();
    detect.arg("detect").args(arguments).current_dir(directory);
    outcome(&detect.output().unwrap())
}

#[test]
fn records_are_printed_as_read_even_if_the_file_changes_meanwhile() {
    let directory = common::directory("changing");
    let mut random = StdRng::seed_from_u64(rand::random());
    let cases = env::var("PROPTEST_CASES").map_or(400, |cases| cases.parse().unwrap());
    let names: Vec<_> = (0..cases)
        .map(|number| format!("{}.csv", 100_000 + number))
        .collect();
    for format in ["rows", "json"] {
        for name in &names {
            let delimiter = if random.random() { ',' } else { ';' };
            fs::write(directory.join(name), table(&mut random, delimiter)).unwrap();
        }
        fs::write(directory.join("module.py"), MODULE).unwrap();
        let called = |function: &str| {
            let function = format!("module.py:{function}");
            let mut arguments = vec!["-cv", "-m", "-o", format, "-f", &function];
            arguments.extend(names.iter().map(String::as_str));
            detect(&directory, &arguments)
        };
        let (status, kept, said) = called("keeps");
        assert_eq!(status, Some(0), "{said}");
        assert_eq!(called("changes"), (status, kept, said));
        assert!(!directory.join("100003.csv").exists());
    }
    println!("cases: {}", 2 * names.len());
}

#[test]
fn json_has_each_name_once_and_every_byte_of_a_field() {
    let directory = common::directory("names");
    let text = "\u{feff}v,t,v,\n1,\u{feff}a,2,3\n\u{feff}4,b,5,6\n";
    fs::write(directory.join("x.csv"), text).unwrap();
    fs::write(directory.join("module.py"), MODULE).unwrap();
    let arguments = ["x.csv", "-c3", "-ojson", "-fmodule.py:keeps"];
    let (status, stdout, stderr) = detect(&directory, &arguments);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    let lines: Vec<_> = stdout.lines().collect();
    let records = [
        r#"{"v": ["1","2"], "t": "\u{feff}a", "": "3"}"#,
        r#"{"v": ["\u{feff}4","5"], "t": "b", "": "6"}"#,
    ];
    assert_eq!(lines.len(), 2);
    for (line, record) in lines.into_iter().zip(records) {
        let record = record.replace("\\u{feff}", "\u{feff}");
        assert!(
            line.ends_with(&format!(r#""record": {record}}}"#)),
            "{line}"
        );
        serde_json::from_str::<Value>(line).unwrap();
    }
}

#[test]
fn a_file_name_cannot_forge_a_line_of_output() {
    let directory = common::directory("forged");
    let name = "a\ny:[9]\r.csv";
    fs::write(directory.join(name), "v\n1\n").unwrap();
    fs::write(directory.join("y"), "v\n2\n").unwrap();
    fs::write(directory.join("module.py"), MODULE).unwrap();
    let shown = r"a\ny:[9]\r.csv";
    for (format, expected) in [
        ("list", format!("{shown}:[0]\ny:[0]\n")),
        ("lines", format!("{shown}:0\ny:0\n")),
        ("rows", format!("{shown}:v\n{shown}:1\ny:v\ny:2\n")),
    ] {
        let arguments = [name, "y", "-cv", "-o", format, "-fmodule.py:keeps"];
        let outcome = detect(&directory, &arguments);
        assert_eq!(outcome, (Some(0), expected, String::new()));
    }
}
