//! Python's output is written when the call returns. Nothing else flushes it, because Python is never
//! finalized.

use std::fmt::Write;

use crate::common::{directory, outcome, outliers};

/// The body of a function, and what stdout, stderr and the file `log` hold after the call.
const CASES: &[(&str, [&str; 3])] = &[
    ("print('out', end='')", ["out", "", ""]),
    ("print('err', end='', file=sys.stderr)", ["", "err", ""]),
    ("print('', end='')", ["", "", ""]),
    ("print('out'); 1 / 0", ["out\n", "", ""]),
    ("sys.__stdout__.write('out')", ["out", "", ""]),
    ("sys.__stderr__.write('err')", ["", "err", ""]),
    ("sys.stdout.buffer.write(b'out')", ["out", "", ""]),
    ("sys.stdout.writelines(['o', 'ut'])", ["out", "", ""]),
    (
        "sys.stdout.reconfigure(encoding='ascii', errors='replace'); print('é', end='')",
        ["?", "", ""],
    ),
    // The function replaces the streams.
    (
        "sys.stdout = io.TextIOWrapper(sys.stdout.buffer); print('out', end='')",
        ["out", "", ""],
    ),
    (
        "sys.stdout = open('log', 'w'); print('out', end='')",
        ["", "", "out"],
    ),
    (
        "sys.stderr = open('log', 'w'); print('err', end='', file=sys.stderr)",
        ["", "", "err"],
    ),
    (
        "for i in range(9): setattr(sys, f's{i}', i)\n    \
         sys.stdout = open('log', 'w'); print('out', end='')",
        ["", "", "out"],
    ),
    (
        "with contextlib.redirect_stdout(io.StringIO()): print('in')\n    print('out', end='')",
        ["out", "", ""],
    ),
    ("sys.stdout = sys.stderr = None; print('out')", ["", "", ""]),
    (
        "del sys.stdout; sys.stderr = open('log', 'w'); print('err', end='', file=sys.stderr)",
        ["", "", "err"],
    ),
    ("sys.stdout.close()", ["", "", ""]),
    ("sys.stderr.close(); print('out')", ["out\n", "", ""]),
    (
        "sys.stdout.flush = sys.exit; print('err', end='', file=sys.stderr)",
        ["", "err", ""],
    ),
    (
        "print(type(sys.stdout.buffer).__module__, sys.stdout is sys.__stdout__)",
        ["_io True\n", "", ""],
    ),
    (
        "print(sys.stdout.name, sys.stdout.mode, sys.stdout.encoding, sys.stderr.errors)",
        ["<stdout> w utf-8 backslashreplace\n", "", ""],
    ),
];

#[test]
fn nothing_printed_is_lost() {
    let directory = directory("output");
    let mut module = String::from("import contextlib, io, sys\n");
    for (number, (body, _)) in CASES.iter().enumerate() {
        writeln!(module, "def f{number}(data):\n    {body}\n    return []").unwrap();
    }
    std::fs::write(directory.join("printing.py"), module).unwrap();
    std::fs::write(directory.join("one.txt"), "1\n").unwrap();
    println!("cases: {}", 2 * CASES.len());
    for (number, (body, expected)) in CASES.iter().enumerate() {
        for unbuffered in ["", "1"] {
            let _ = std::fs::remove_file(directory.join("log"));
            let output = outliers()
                .args(["detect", "one.txt", "--function"])
                .arg(format!("printing:f{number}"))
                .current_dir(&directory)
                .env("PYTHONPATH", ".")
                .env("PYTHONUNBUFFERED", unbuffered)
                .env("PYTHONIOENCODING", "utf-8")
                .output()
                .unwrap();
            let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            let (stdout, mut stderr) = (text(output.stdout), text(output.stderr));
            if output.status.success() {
                // The result comes last.
                assert!(stdout.ends_with("[]\n"), "{body}: {stdout}{stderr}");
            } else {
                let error = stderr.find("outliers: ").unwrap();
                assert!(stderr.contains("ZeroDivisionError"), "{body}: {stderr}");
                stderr.truncate(error);
            }
            let stdout = stdout.strip_suffix("[]\n").unwrap_or(&stdout);
            assert_eq!([stdout, &stderr, &log], *expected, "{body}");
        }
    }
}

/// Code that a module runs on import, and code that its function runs at each call.
const PRINTING: [(&str, &str); 4] = [
    (
        "",
        "print('a line'); print('another', end='', file=sys.stderr)",
    ),
    (
        "sys.stdout = sys.stderr = open('/dev/full', 'w')",
        "print('a line')",
    ),
    ("sys.stdout.close()", "print('a line')"),
    (
        "ends = os.pipe(); os.close(ends[0]); sys.stdout = os.fdopen(ends[1], 'w')",
        "print('a line')",
    ),
];

#[test]
fn a_function_that_prints_leaves_nothing_behind() {
    let directory = directory("printing");
    println!("cases: {}", PRINTING.len());
    for (number, (before, body)) in PRINTING.iter().enumerate() {
        let module = format!(
            "import os, sys\n{before}\ndef prints(data):\n    try: {body}\n    \
             except (OSError, ValueError): pass\n    return []\n"
        );
        std::fs::write(directory.join(format!("printing{number}.py")), module).unwrap();
        let output = outliers()
            .args(["soak", "--calls", "16000", "--size", "1", "--function"])
            .arg(format!("printing{number}:prints"))
            .env("PYTHONPATH", &directory)
            .output()
            .unwrap();
        let (status, _, stderr) = outcome(&output);
        assert_eq!(status, Some(0), "{before}: {stderr}");
    }
}
