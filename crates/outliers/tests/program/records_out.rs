//! `detect --format rows` and `json` print the records with outliers as they are in the file, and their lines.
//! Also tests several files in one command, missing values, and times.
#![allow(clippy::indexing_slicing)]

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use pyoutliers::interpreter;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;

use crate::common::{self, command, outcome, outliers};

/// A table in which records, lines and values are hard to tell apart.
pub fn table(random: &mut StdRng, delimiter: char) -> String {
    let end = ["\n", "\r\n", "\r"][random.random_range(0..3)];
    let columns = random.random_range(1..5);
    let at = random.random_range(0..columns);
    let quoted =
        |text: &str, always: bool| match always || text.contains([delimiter, '"', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.to_owned(),
        };
    let mark = if random.random_ratio(1, 5) {
        "\u{feff}"
    } else {
        ""
    };
    let mut text = mark.to_owned();
    for record in 0..random.random_range(1..40) {
        while random.random_ratio(1, 6) {
            text += ["", " ", "  "][random.random_range(0..3)];
            text += end;
        }
        let fields = (0..columns).map(|column| {
            let words = ["a b", "größe", "1;2", "x,y", "", "say \"no\"", "7", "t\tt"];
            let word = words[random.random_range(0..words.len())];
            let lines = format!("two{end}{end}lines");
            let mut text = match (record, column == at) {
                (0, true) => "v".to_owned(),
                (0, false) => format!("{column}. größe"),
                (_, false) if random.random_ratio(1, 8) => lines,
                (_, false) => word.to_owned(),
                (_, true) if random.random_ratio(1, 6) => {
                    ["", "-", "n/a", "NaN", "NULL", "None", "#N/A"][random.random_range(0..7)]
                        .into()
                }
                _ => format!("{:.2}", random.random_range(-1_f64..1.0).powi(9) * 100.0),
            };
            // An empty field alone on its line would make a blank line.
            let bare = columns == 1 && text.is_empty();
            if record > 0 && column == at && random.random_ratio(1, 9) {
                text = format!(" {text} ");
            }
            quoted(&text, bare || random.random_ratio(1, 4))
        });
        text += &fields.collect::<Vec<_>>().join(&delimiter.to_string());
        text += end;
    }
    if random.random() {
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
    }
    text
}

fn lines(text: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(text);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// One command and one script read all files.
#[test]
fn rows_and_json_of_3000_files_are_those_of_plain_python() {
    if common::is_tested_before() {
        return;
    }
    let directory = common::directory("records-out");
    let mut random = StdRng::seed_from_u64(11);
    let names: Vec<_> = (0..3000)
        .map(|number| {
            let (letter, delimiter) = [('c', ','), ('s', ';'), ('t', '\t')][number % 3];
            let name = format!("{letter}{number}.csv");
            fs::write(directory.join(&name), table(&mut random, delimiter)).unwrap();
            name
        })
        .collect();
    let run = |mut command: Command, arguments: &[&str]| {
        command.args(arguments).args(&names).current_dir(&directory);
        command.output().unwrap()
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/records_out.py");
    for format in ["rows", "json"] {
        let mut detect = outliers();
        detect.args([
            "detect",
            "-c",
            "v",
            "-m",
            "-s",
            "threshold=1.5",
            "--format",
            format,
        ]);
        let ours = run(detect, &[]);
        let (status, _, stderr) = outcome(&ours);
        assert_eq!(
            status,
            Some(0),
            "{}",
            stderr
                .lines()
                .filter(|line| !line.contains(": skipped "))
                .collect::<String>()
        );
        let python = command(interpreter::choice().unwrap().python);
        let plain = run(python, &["-I", script, format]);
        assert!(plain.status.success(), "{plain:?}");
        if format == "json" {
            assert_eq!(lines(&ours.stdout), lines(&plain.stdout));
            println!("cases: {}", names.len());
        }
        // Shows the first row that differs.
        let rows = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
        if format == "rows" && ours.stdout != plain.stdout {
            for (ours, plain) in rows(&ours).split('\n').zip(rows(&plain).split('\n')) {
                assert_eq!(ours, plain);
            }
            assert_eq!(ours.stdout.len(), plain.stdout.len());
        }
    }
}

const CSV: &str = "t,v\r\n\r\na,1\r\nb,1\r\nc,1\r\nd,n/a\r\ne,1\r\nf,1\r\n\"g\r\ng\", 100\r\n";
const ROWS: &str = "t,v\n\"g\r\ng\", 100\n";

fn detect(directory: &PathBuf, arguments: &[&str]) -> Command {
    let mut command = outliers();
    command.arg("detect").args(arguments).current_dir(directory);
    command
}

#[test]
fn standard_input_is_read_from_its_position_and_never_copied() {
    let directory = common::directory("standard-input");
    fs::write(directory.join("x.csv"), format!("other, text\n{CSV}")).unwrap();
    let arguments = ["-c", "v", "-m", "-o", "rows"];
    let skipped = "outliers: standard input: skipped 1 missing value\n";
    let expected = (Some(0), ROWS.to_owned(), skipped.to_owned());
    // A file that is partly read already, and a pipe.
    let mut file = File::open(directory.join("x.csv")).unwrap();
    file.seek(std::io::SeekFrom::Start(12)).unwrap();
    let output = detect(&directory, &arguments).stdin(file).output().unwrap();
    assert_eq!(outcome(&output), expected);
    let mut piped = detect(&directory, &arguments);
    piped.env("TMPDIR", "/no/such").stdin(Stdio::piped());
    let mut child = piped
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(CSV.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(outcome(&output), expected);
}

#[test]
fn each_file_is_read_separately_and_an_error_does_not_stop_the_others() {
    let directory = common::directory("several");
    fs::write(directory.join("a.csv"), CSV).unwrap();
    fs::write(directory.join("b.csv"), "t,v\nx,y\n").unwrap();
    fs::write(directory.join("c.csv"), "v\n1\n").unwrap();
    let said = "outliers: a.csv: skipped 1 missing value\n\
                outliers: b.csv:2: not a number: \"y\" (column v)\n\
                outliers: no.csv: No such file or directory (os error 2)\n";
    let json = r#"{"file": "a.csv", "line": 9, "index": 5, "value": 100.0, "record": {"t": "g\r\ng", "v": " 100"}}"#;
    for (format, expected) in [
        ("list", "a.csv:[5]\nc.csv:[]\n"),
        ("lines", "a.csv:5\n"),
        ("rows", "a.csv:t,v\na.csv:\"g\r\ng\", 100\n"),
        ("json", &format!("{json}\n")),
    ] {
        let arguments = [
            "-m", "-c", "v", "-o", format, "a.csv", "b.csv", "no.csv", "c.csv",
        ];
        let output = detect(&directory, &arguments).output().unwrap();
        assert_eq!(outcome(&output), (Some(1), expected.into(), said.into()));
    }
    fs::write(
        directory.join("f.py"),
        "def f(data): return [1 / (len(data) - 1)]\n",
    )
    .unwrap();
    let output = detect(&directory, &["-cv", "-ff.py:f", "c.csv", "c.csv"])
        .output()
        .unwrap();
    let (status, _, stderr) = outcome(&output);
    let error = "outliers: c.csv: f.py:f: ZeroDivisionError: division by zero\nTraceback";
    assert_eq!(
        (status, stderr.matches(error).count()),
        (Some(1), 2),
        "{stderr}"
    );
    let drawn = detect(&directory, &["a.csv", "-mcv", "-orows", "-px.svg"]);
    assert_eq!(outcome(&{ drawn }.output().unwrap()).1, ROWS);
    let picture = detect(&directory, &["a.csv", "c.csv", "--plot", "x.svg"])
        .output()
        .unwrap();
    assert_eq!(picture.status.code(), Some(2));
}

#[test]
fn several_outliers_in_a_record_are_one_row_and_rows_keep_their_bytes() {
    let directory = common::directory("bytes");
    fs::write(
        directory.join("x"),
        b"1 1\t1\n1 1 \x0c 1 900 1 -900\n1 1 1 1\n",
    )
    .unwrap();
    let output = detect(&directory, &["x", "-o", "rows", "-s", "threshold=1.5"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"1 1 \x0c 1 900 1 -900\n");
    fs::write(
        directory.join("y"),
        b"n\xe9,v\n\xe9\x1b,1\n,1\n,1\n,1\n,1\n\xe9\x1b,9\n",
    )
    .unwrap();
    let output = detect(&directory, &["y", "-c2", "-o", "rows"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"n\xe9,v\n\xe9\x1b,9\n");
    let output = detect(&directory, &["y", "-c2", "-o", "json"])
        .output()
        .unwrap();
    let line = lines(&output.stdout).remove(0);
    assert_eq!(
        line.get("record").unwrap().get("n\u{fffd}").unwrap(),
        "\u{fffd}\u{1b}"
    );
}

#[test]
fn an_index_without_a_value_is_an_error_for_rows() {
    let directory = common::directory("no-row");
    fs::write(directory.join("f.py"), "def f(data): return [1, -1]\n").unwrap();
    fs::write(directory.join("x"), "1 2 3").unwrap();
    for (format, expected) in [
        ("list", (Some(0), "[1, -1]\n", "")),
        (
            "rows",
            (
                Some(1),
                "",
                "outliers: x: the function returned index -1, but there are 3 values\n",
            ),
        ),
    ] {
        let arguments = ["x", "-f", "f.py:f", "-o", format];
        let output = detect(&directory, &arguments).output().unwrap();
        let (status, stdout, stderr) = expected;
        assert_eq!(outcome(&output), (status, stdout.into(), stderr.into()));
    }
}

#[test]
fn missing_values_are_skipped_on_request() {
    let directory = common::directory("missing");
    fs::write(directory.join("x"), "1,,1 n/a NaN\n1,1,?,1\n\"\"\n1,50\n").unwrap();
    fs::write(
        directory.join("y"),
        "t,v\na,1\nb,\nc,-\nd,#N/A\ne,1\nf,1\ng,1\nh,1\ni,1\nj,50\n",
    )
    .unwrap();
    for (file, column, expected, count) in [("x", None, "[6]\n", 5), ("y", Some("-cv"), "[6]\n", 3)]
    {
        let mut arguments = vec![file, "--skip-missing"];
        arguments.extend(column);
        let said = format!("outliers: {file}: skipped {count} missing values\n");
        let output = detect(&directory, &arguments).output().unwrap();
        assert_eq!(outcome(&output), (Some(0), expected.into(), said));
        arguments.remove(1);
        assert_eq!(
            detect(&directory, &arguments)
                .output()
                .unwrap()
                .status
                .code(),
            Some(1)
        );
    }
}

#[test]
fn times_are_read_and_shown_on_the_axis() {
    let directory = common::directory("times");
    // The position of the second of the three points, from left to right.
    for (name, times, tick, second) in [
        (
            "space",
            "2014-02-14 14:30:00,2014-02-14 14:35:00,2014-02-14 20:00:00.5",
            "2014-02-14 15:00",
            300.0 / 19_800.0,
        ),
        (
            "zones",
            "2014-02-14T14:30Z,2014-02-14T16:35:00+02:00,2014-02-14T19:00:00-0100",
            "2014-02-14 15:00",
            300.0 / 19_800.0,
        ),
        (
            "days",
            "2014-02-14,2014-03-01,2014-05-01",
            "2014-02-19",
            15.0 / 76.0,
        ),
        (
            "unix",
            "1392388200,1392388500.5,1392408000",
            "2014-02-14 15:00",
            300.0 / 19_800.0,
        ),
    ] {
        let values = times.split(',').zip([1, 1, 7]);
        let lines = values.map(|(time, value)| format!("{time},{value}\n"));
        let text = format!("t,v\n{}", lines.collect::<String>());
        fs::write(directory.join(name), text).unwrap();
        let drawn = detect(&directory, &[name, "-cv", "-tt", "-p", "x.svg"]).output();
        let nothing = (Some(0), "[]\n".to_owned(), String::new());
        assert_eq!(outcome(&drawn.unwrap()), nothing, "{name}");
        let svg = fs::read_to_string(directory.join("x.svg")).unwrap();
        assert!(
            svg.contains(tick) && svg.contains("time (UTC)"),
            "{name}: {svg}"
        );
        // The line is drawn in blue.
        let points = svg.split("stroke=\"#1F77B4\"").nth(1).unwrap();
        let points = points.split("points=\"").nth(1).unwrap();
        let points = points.split('"').next().unwrap().split_whitespace();
        let xs = points.map(|point| point.split(',').next().unwrap().parse::<f64>().unwrap());
        let xs: Vec<_> = xs.collect();
        let place = (xs[1] - xs[0]) / (xs[2] - xs[0]);
        assert!((place - second).abs() < 0.01, "{name}: {xs:?}");
    }
    fs::write(directory.join("wrong"), "t,v\n2014-02-30,1\n").unwrap();
    let output = detect(&directory, &["wrong", "-cv", "-tt", "-p", "x.svg"])
        .output()
        .unwrap();
    let text = "outliers: wrong:2: not a time: \"2014-02-30\" (column t)\n";
    assert_eq!(outcome(&output), (Some(1), String::new(), text.into()));
    // --skip-missing skips only values, so no hint suggests it for a time.
    fs::write(directory.join("no-time"), "t,v\n,1\n").unwrap();
    let output = detect(&directory, &["no-time", "-cv", "-tt", "-p", "x.svg", "-m"])
        .output()
        .unwrap();
    let text = "outliers: no-time:2: not a time: \"\" (column t)\n";
    assert_eq!(outcome(&output), (Some(1), String::new(), text.into()));
    // Digits that may be seconds or a date, milliseconds, and both formats in one column.
    let date = "may be a date or seconds; write 2024-01-31 for a date, or 20240131.0 for seconds";
    let other = "not a time, or not in the format of the first one";
    for (times, error) in [
        ("20240101", Some((2, date))),
        ("2024", Some((2, date))),
        ("202401", Some((2, date))),
        ("2024010112", Some((2, date))),
        (
            "1392388200000",
            Some((2, "not a time in seconds since 1970 (milliseconds?)")),
        ),
        (
            "20240101120000",
            Some((2, "not a time in seconds since 1970 (milliseconds?)")),
        ),
        ("2014-02-14 20140215", Some((3, other))),
        ("0 2014-02-15", Some((3, other))),
        ("20240101.0 20240102", None),
        ("0 2024 20240101", None),
        ("20241301", None),
        ("-86400", None),
    ] {
        let times: Vec<_> = times.split(' ').collect();
        let text: String = times.iter().map(|time| format!("{time},1\n")).collect();
        fs::write(directory.join("digits"), format!("t,v\n{text}")).unwrap();
        let drawn = detect(&directory, &["digits", "-cv", "-tt", "-p", "x.svg"]).output();
        let expected = error.map_or((Some(0), "[]\n".into(), String::new()), |(line, error)| {
            let time = times[line - 2];
            let error = format!("outliers: digits:{line}: {error}: \"{time}\" (column t)\n");
            (Some(1), String::new(), error)
        });
        assert_eq!(outcome(&drawn.unwrap()), expected);
    }
    let output = detect(&directory, &["wrong", "-tt"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
