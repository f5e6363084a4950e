//! Reading files and standard input, and the errors for text that cannot be read.

use std::io::Write;
use std::process::Stdio;

use super::{bad, fine};
use crate::common::{outcome, outliers};

/// Runs `detect` on a file with this text: the exit status, stdout and stderr.
fn detect(name: &str, text: impl AsRef<[u8]>, arguments: &[&str]) -> (Option<i32>, String, String) {
    let directory = crate::common::directory(format!("detect-{name}"));
    std::fs::write(directory.join("cpu.csv"), text).unwrap();
    let command = outliers()
        .args(["detect", "cpu.csv"])
        .args(arguments)
        .current_dir(directory)
        .output();
    outcome(&command.unwrap())
}

#[test]
fn numbers_are_read_as_people_write_them() {
    for (name, text, arguments) in [
        ("one-per-line", &b"1\n1\n1\n1\n1\n1\n100\n"[..], &[][..]),
        ("no-last-newline", b"1\n1\n1\n1\n1\n1\n100", &[]),
        ("crlf", b"1\r\n1\r\n1\r\n1\r\n1\r\n1\r\n100\r\n", &[]),
        ("cr", b"1\r1\r1\r1\r1\r1\r100\r", &[]),
        (
            "byte-order-mark",
            b"\xef\xbb\xbf1\n1\n1\n1\n1\n1\n100\n",
            &[],
        ),
        ("blank-lines", b"\n1\n1\n\n1\n1\n  \n1\n1\n\n\n100\n\n", &[]),
        ("several-per-line", b"1 1\t1\n1  1 1\n100\n", &[]),
        ("commas", b"1, 1, 1, 1\n1,1,100\n", &[]),
        ("semicolons", b"1;1;1;1\n1;1;100\n", &[]),
        (
            "quotes",
            b"\"1\",\"1\",\"1\"\n\"1\",\"1\",\"1\",\"100\"\n",
            &[],
        ),
        ("forms", b"1.0 +1 1e0 10E-1\n1. 01 1e2\n", &[]),
        (
            "header",
            b"t,v\na,1\nb,1\nc,1\nd,1\ne,1\nf,1\ng,100\n",
            &["--column", "v"],
        ),
        (
            "header-by-number",
            b"t,v\na,1\nb,1\nc,1\nd,1\ne,1\nf,1\ng,100\n",
            &["--column", "2"],
        ),
        (
            "no-header",
            b"a,1\nb,1\nc,1\nd,1\ne,1\nf,1\ng,100\n",
            &["--column", "2"],
        ),
        (
            "first-column",
            b"1,a\n1,b\n1,c\n1,d\n1,e\n1,f\n100,g\n",
            &["--column", "1"],
        ),
        (
            "quoted-fields",
            b"\"a \"\"t\"\"\",\" v \"\n\"x,\n\",1\ny,1\ny,1\ny,1\ny,1\ny,1\ny,\"100\"\n",
            &["--column", "v"],
        ),
        (
            "tabs",
            b"t\tv\na\t1\nb\t1\nc\t1\nd\t1\ne\t1\nf\t1\ng\t100\n",
            &["--column", "v"],
        ),
        (
            "name-is-a-number",
            b"2019,2020\n1,1\n2,1\n3,1\n4,1\n5,1\n6,1\n7,100\n",
            &["--column", "2020"],
        ),
        (
            "not-utf-8",
            b"t,v\n\xe9,1\nb,1\nc,1\nd,1\ne,1\nf,1\ng,100\n",
            &["--column", "v"],
        ),
    ] {
        assert_eq!(detect(name, text, arguments), fine("[6]"), "{name}");
    }
}

#[test]
fn errors_name_file_line_and_column() {
    for (name, text, arguments, error) in [
        (
            "word",
            &b"1\n2\n\n\nn/a\n"[..],
            &[][..],
            r#"cpu.csv:5: not a number: "n/a" (missing? use --skip-missing)"#,
        ),
        (
            "word-crlf",
            b"1\r\n2\r\n\r\n\r\nn/a\r\n",
            &[],
            r#"cpu.csv:5: not a number: "n/a" (missing? use --skip-missing)"#,
        ),
        (
            "word-cr",
            b"1\r2\r\r\rn/a\r",
            &[],
            r#"cpu.csv:5: not a number: "n/a" (missing? use --skip-missing)"#,
        ),
        (
            "first",
            b"value\n2\n",
            &[],
            r#"cpu.csv:1: not a number: "value" (a header? use --column NAME)"#,
        ),
        (
            "table",
            b"t,v\n1,2\n",
            &[],
            r#"cpu.csv:1: not a number: "t" (column 1; a header? use --column NAME)"#,
        ),
        (
            "gap",
            b"1,2\n3,,4\n",
            &[],
            r#"cpu.csv:2: not a number: "" (column 2; missing? use --skip-missing)"#,
        ),
        (
            "in-column",
            b"t,v\na,1\n\nb,n/a\n",
            &["--column", "v"],
            r#"cpu.csv:4: not a number: "n/a" (column v; missing? use --skip-missing)"#,
        ),
        (
            "after-quotes",
            b"t,v\n\"a\nb\nc\",1\nb,x\n",
            &["--column", "2"],
            r#"cpu.csv:5: not a number: "x" (column 2)"#,
        ),
        (
            "digit-first",
            b"a,2O.1\nb,1\n",
            &["--column", "2"],
            r#"cpu.csv:1: not a number: "2O.1" (column 2; a header? use --column "2O.1")"#,
        ),
        (
            "missing-first",
            b"a,n/a\nb,1\n",
            &["--column", "2"],
            r#"cpu.csv:1: not a number: "n/a" (column 2; a header? use --column "n/a"; missing? use --skip-missing)"#,
        ),
        (
            "short",
            b"t,v\na,1\nb\n",
            &["--column", "v"],
            "cpu.csv:3: expected 2 columns, as in the first record, but found 1; \
             write \",\" for each missing value",
        ),
        (
            "no-such",
            b"t,v\na,1\n",
            &["--column", "w"],
            r#"cpu.csv:1: no column "w"; the columns are: t, v"#,
        ),
        (
            "misspelled",
            b"time,celsius\na,1\n",
            &["--column", "celcius"],
            r#"cpu.csv:1: no column "celcius"; the columns are: time, celsius (did you mean "celsius"?)"#,
        ),
        (
            "no-such-number",
            b"t,v\na,1\n",
            &["--column", "3"],
            r#"cpu.csv:1: no column "3"; the columns are: t, v (by number: 1 to 2)"#,
        ),
        (
            "number-zero",
            b"t,v\na,1\n",
            &["--column", "0"],
            r#"cpu.csv:1: no column "0"; the columns are: t, v (by number: 1 to 2)"#,
        ),
        (
            "twice",
            b"v,v\n1,1\n",
            &["--column", "v"],
            r#"cpu.csv:1: several columns are named "v"; use a column number"#,
        ),
        (
            "decimal-comma",
            b"t;v\na;1,5\n",
            &["--column", "v"],
            r#"cpu.csv:2: not a number: "1,5" (column v)"#,
        ),
        (
            "nan",
            b"1\n2\nNaN\n",
            &[],
            r#"cpu.csv:3: not a finite number: "NaN" (missing? use --skip-missing)"#,
        ),
        (
            "infinite",
            b"1\n2\n-inf\n",
            &[],
            r#"cpu.csv:3: not a finite number: "-inf""#,
        ),
        (
            "too-large",
            b"1 1e999\n",
            &[],
            r#"cpu.csv:1: not a finite number: "1e999""#,
        ),
        (
            "utf-16",
            b"\xff\xfe1\0",
            &[],
            "cpu.csv: this is UTF-16; save it as UTF-8",
        ),
        (
            "gzip",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
            &[],
            "cpu.csv: this is compressed (gzip); decompress it first",
        ),
        (
            "xlsx",
            b"PK\x03\x04\x14\0",
            &[],
            "cpu.csv: this is compressed (zip, or a spreadsheet); decompress it first",
        ),
        (
            "quoted-empty",
            b"v\n1\n\"\"\n3",
            &["--column", "v"],
            r#"cpu.csv:3: not a number: "" (column v; missing? use --skip-missing)"#,
        ),
        (
            "narrow-no-break-space",
            "1 2\n12\u{202f}345\n".as_bytes(),
            &[],
            r#"cpu.csv:2: not a number: "12\u{202f}345""#,
        ),
    ] {
        assert_eq!(detect(name, text, arguments), bad(error), "{name}");
    }
    let (_, _, long) = detect("long", "1\n".to_owned() + &"x".repeat(1000), &[]);
    assert_eq!(
        long,
        format!("outliers: cpu.csv:2: not a number: {:?}…\n", "x".repeat(40))
    );
}

#[test]
fn empty_input_gives_an_empty_list() {
    for (name, text) in [
        ("empty", ""),
        ("only-blank", "\n \n"),
        ("only-a-mark", "\u{feff}"),
    ] {
        assert_eq!(detect(name, text, &[]), fine("[]"), "{name}");
    }
    assert_eq!(
        detect("only-header", "t,v\n", &["--column", "v"]),
        fine("[]")
    );
}

#[test]
fn the_outliers_of_the_shipped_data_are_found() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/data/temperature.csv"
    );
    let output = outliers()
        .args(["detect", "--column", "celsius", file])
        .output()
        .unwrap();
    assert_eq!(outcome(&output), fine("[17, 18, 19, 41]"));
}

#[test]
fn a_million_lines_are_read() {
    let mut text = "1.25\n".repeat(1_000_000);
    text.push_str("7\n");
    assert_eq!(detect("million", text, &[]), fine("[1000000]"));
}

#[test]
fn standard_input_is_read_too() {
    for arguments in [&["detect"][..], &["detect", "-"]] {
        for (text, expected) in [
            ("1\n1\n1\n1\n1\n1\n100\n", fine("[6]")),
            ("1\nx\n", bad(r#"standard input:2: not a number: "x""#)),
        ] {
            let mut child = outliers()
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(text.as_bytes()).unwrap();
            drop(stdin);
            let output = child.wait_with_output().unwrap();
            assert_eq!(outcome(&output), expected, "{arguments:?}");
        }
    }
}

#[test]
fn standard_input_can_be_read_only_once() {
    for command in ["detect", "transform"] {
        let mut command = [command, "-f", "math:frexp", "-", "cpu.csv", "-"].to_vec();
        let output = outliers().args(command.drain(..)).output().unwrap();
        let (status, stdout, stderr) = outcome(&output);
        assert_eq!((status, stdout.as_str()), (Some(2), ""));
        let error = "error: standard input (-) can be read only once\n";
        assert!(stderr.starts_with(error), "{stderr}");
    }
}

/// Not after a comparison of each name with each letter: that would take hours.
#[test]
fn a_misspelled_column_of_a_file_with_millions_is_refused_at_once() {
    let names = ["column,".repeat(3_000_000), "x".repeat(1 << 24)].concat();
    let directory = crate::common::directory("detect-wide");
    std::fs::write(directory.join("cpu.csv"), names + "\n").unwrap();
    let mut limited = crate::common::command("sh");
    // Seconds of the processor, so that other processes do not matter.
    let script = "ulimit -t 60; exec \"$0\" detect cpu.csv -c \"$1\"";
    limited
        .args(["-c", script])
        .arg(env!("CARGO_BIN_EXE_outliers"));
    limited.arg("y".repeat(10_000)).current_dir(directory);
    let (status, _, stderr) = outcome(&limited.output().unwrap());
    assert_eq!(status, Some(1));
    assert!(stderr.ends_with("column, …\n"), "{stderr}");
}

#[test]
fn errors_name_a_file_that_cannot_be_read() {
    for (file, reason) in [
        ("no-such-file", "No such file or directory (os error 2)"),
        ("..", "Is a directory (os error 21)"),
    ] {
        let output = outliers().args(["detect", file]).output().unwrap();
        assert_eq!(outcome(&output), bad(&format!("{file}: {reason}")));
    }
}
