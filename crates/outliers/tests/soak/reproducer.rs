//! `outliers soak --reproducer`: a script that shows the leak in plain Python.
#![allow(clippy::indexing_slicing, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{self, command, directory, outcome, outliers, skipped};
use pyoutliers::interpreter;

/// Takes and releases references, which only C code can do wrong.
const CTYPES: &str = "import ctypes
take, drop = ctypes.pythonapi.Py_IncRef, ctypes.pythonapi.Py_DecRef
take.argtypes = drop.argtypes = [ctypes.py_object]
take.restype = drop.restype = None
class Thing: pass
THING = Thing()
";

/// Python, which finds the functions in `tests/soak`, and `leaky.so` in this directory.
fn in_directory(mut command: Command, directory: &Path) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soak");
    let path = std::env::join_paths([directory, &here]).unwrap();
    command.env("PYTHONPATH", path).current_dir(directory);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Soaks with a reproducer `leak.py` in a directory. Returns the exit status, stdout and stderr.
fn soaked(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = in_directory(outliers(), directory);
    command.arg("soak").args(arguments);
    command.args(["--calls", "1600", "--reproducer", "leak.py"]);
    outcome(&command.output().unwrap())
}

/// The script that a soak writes.
fn script(name: &str, arguments: &[&str]) -> String {
    let directory = directory(name);
    let (_, stdout, stderr) = soaked(&directory, arguments);
    let script = fs::read_to_string(directory.join("leak.py"));
    script.expect(&(stdout + &stderr))
}

/// What a script prints, without the line of versions.
fn printed(directory: &Path) -> Vec<String> {
    let python = command(interpreter::choice().unwrap().python);
    let mut python = in_directory(python, directory);
    let (_, stdout, stderr) = outcome(&python.arg("leak.py").output().unwrap());
    assert!(stdout.starts_with("Python 3."), "{stdout}{stderr}");
    stdout.lines().skip(1).map(str::to_owned).collect()
}

/// The directory of `leaky.c`, compiled; `None` if there is no compiler.
fn compiled(name: &str) -> Option<PathBuf> {
    common::compiled("tests/soak/leaky.c", name, &[])
}

#[test]
fn a_script_of_twenty_lines_prints_the_references_that_leak() {
    let name = "a_script_of_twenty_lines_prints_the_references_that_leak";
    let Some(directory) = compiled(name) else {
        return;
    };
    let leak = ["leaky.takes()", "--setup", "import leaky"];
    let (status, stdout, stderr) = soaked(&directory, &leak);
    assert_eq!((status, &*stderr), (Some(1), ""));
    assert!(stdout.ends_with("\nreproducer: leak.py\n"), "{stdout}");
    let script = fs::read_to_string(directory.join("leak.py")).unwrap();
    assert!(script.lines().count() <= 20, "{script}");
    let title = "# Leak: references to leaky.KEPT. This script printed:\n#   Python 3.";
    assert!(script.starts_with(title), "{script}");
    let printed = printed(&directory);
    assert_eq!(printed.len(), 4);
    for (index, line) in printed.iter().enumerate() {
        let calls = 1000 * (index + 1);
        let expected = format!("{calls} calls: {calls} references to leaky.KEPT");
        // Besides the leaked ones, there are a few.
        let number = line.split(' ').nth(2).unwrap().parse::<usize>().unwrap();
        assert!((calls..calls + 9).contains(&number), "{line}");
        assert_eq!(
            line.replace(&format!(": {number} "), &format!(": {calls} ")),
            expected
        );
        assert!(script.contains(&format!("\n#   {line}\n")), "{script}");
    }
    let files = fs::read_dir(&directory).unwrap();
    assert_eq!(files.count(), 2, "only leaky.so and leak.py");
}

#[test]
fn an_object_that_is_released_too_often_gets_spare_references() {
    let name = "an_object_that_is_released_too_often_gets_spare_references";
    let Some(directory) = compiled(name) else {
        return;
    };
    let leak = ["leaky.releases()", "--setup", "import leaky", "--json"];
    let (_, stdout, _) = soaked(&directory, &leak);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["verdict"], "over-release");
    assert_eq!(report["reproducer"], "leak.py");
    let script = fs::read_to_string(directory.join("leak.py")).unwrap();
    assert!(
        script.starts_with("# Over-release: references to leaky.KEPT. "),
        "{script}"
    );
    assert!(
        script.contains("\nspare = [leaky.KEPT] * 1000  # "),
        "{script}"
    );
    let counts = printed(&directory);
    let counts: Vec<i64> = counts
        .iter()
        .map(|line| line.split(' ').nth(2).unwrap().parse().unwrap())
        .collect();
    assert!(
        counts.windows(2).all(|pair| pair[0] - pair[1] == 100),
        "{counts:?}"
    );
}

#[test]
fn each_kind_of_leak_has_its_own_count() {
    let ctypes = |more: &str| format!("{CTYPES}{more}");
    for (statement, setup, count) in [
        ("X.append(None)", "X = []".into(), "len(X)"),
        (
            "X[0]['a'].append(None)",
            "X = [{'a': []}]".into(),
            "len(X[0]['a'])",
        ),
        (
            "take(1e9 + n); n += 1",
            ctypes("n = 0"),
            "sys.getallocatedblocks()",
        ),
        ("take(Thing)", ctypes(""), "sys.getrefcount(Thing)"),
        (
            "take(THING.list)",
            ctypes("THING.list = []"),
            "sys.getrefcount(THING.list)",
        ),
        (
            "take(KEY)",
            ctypes("KEY = Thing(); D = {KEY: 1}; GET = D.get; del D"),
            "sys.getrefcount(KEY)",
        ),
        (
            "take(next(iter(D)))",
            ctypes("D = {Thing(): 1}"),
            "sys.getrefcount(list(D)[0])",
        ),
        ("take(ctypes)", ctypes(""), "sys.getrefcount(ctypes)"),
        (
            "os.dup(0)",
            "import os".into(),
            "len(os.listdir(\"/proc/self/fd\"))",
        ),
        (
            "Thread(target=Event().wait, daemon=True).start()",
            "from threading import Event, Thread".into(),
            "len(os.listdir(\"/proc/self/task\"))",
        ),
        (
            "malloc(700)",
            "import ctypes; malloc = ctypes.CDLL(None).malloc".into(),
            "int(open(\"/proc/self/statm\").read().split()[1]) * mmap.PAGESIZE // 1024",
        ),
    ] {
        let script = script(
            "each_kind_of_leak_has_its_own_count",
            &[statement, "--setup", &setup],
        );
        let expected = format!("calls:\", {count}, \"");
        assert!(script.contains(&expected), "{statement}: {script}");
    }
}

/// The list is tracked, and the number is not.
#[test]
fn an_object_without_a_variable_is_counted_by_its_type() {
    let setup = format!(
        "{CTYPES}import gc\nHOLD = iter([[10**30]])\n\
         def hidden(): return gc.get_referents(gc.get_referents(HOLD)[0])[0]"
    );
    for (statement, count) in [
        (
            "take(hidden())",
            "sum(sys.getrefcount(x) for x in gc.get_objects() if type(x).__name__ == \"list\")",
        ),
        (
            "take(hidden()[0])",
            "sum(sys.getrefcount(x) for x in {id(x): x for x in gc.get_referents(*gc.get_objects())}.values() \
             if type(x).__name__ == \"int\")",
        ),
    ] {
        let script = script(
            "an_object_without_a_variable_is_counted_by_its_type",
            &[statement, "--setup", &setup],
        );
        assert!(script.contains(count), "{script}");
    }
}

/// Many variables have the value None.
#[test]
fn none_is_counted_by_its_own_name() {
    let version = interpreter::loaded().version.to_string();
    let minor: u32 = version.split('.').nth(1).unwrap().parse().unwrap();
    if minor >= 12 {
        skipped("the count of None does not change from Python 3.12 on");
        return;
    }
    let script = script(
        "none_is_counted_by_its_own_name",
        &["take(None)", "--setup", CTYPES],
    );
    assert!(script.contains("sys.getrefcount(None)"), "{script}");
}

#[test]
fn an_argument_and_its_items_that_are_released_too_often_are_counted() {
    let name = "an_argument_and_its_items_that_are_released_too_often_are_counted";
    for (function, spared, count) in [
        (
            "planted:releases_its_argument",
            "[data] * 1000",
            "sys.getrefcount(data)",
        ),
        (
            "planted:releases_an_item",
            "[*data] * 1000",
            "sum(map(sys.getrefcount, data))",
        ),
    ] {
        let script = script(name, &["--function", function, "--size", "3"]);
        assert!(
            script.contains(&format!("\nspare = {spared}  # ")),
            "{script}"
        );
        assert!(
            script.contains(&format!("calls:\", {count}, \"")),
            "{script}"
        );
    }
}

#[test]
fn setup_and_statement_are_written_as_their_own_lines() {
    let name = "setup_and_statement_are_written_as_their_own_lines";
    let setup = "KEPT = []; import json";
    let script = script(
        name,
        &[
            "KEPT.append(1); json.loads('[')",
            "--setup",
            setup,
            "--raises",
        ],
    );
    let expected = "\nimport platform\n\nKEPT = []\nimport json\n\n";
    assert!(script.contains(expected), "{script}");
    let expected = "
for calls in range(1, 4001):
    try:
        KEPT.append(1)
        json.loads('[')
    except Exception:
        pass
    if calls % 1000 == 0:
        print(calls, \"calls:\", len(KEPT), \"items in KEPT\")
";
    assert!(script.ends_with(expected), "{script}");
}

#[test]
fn a_statement_that_an_indent_would_change_is_executed_as_it_is() {
    let name = "a_statement_that_an_indent_would_change_is_executed_as_it_is";
    let script = script(name, &["X.append('''a\nb''')", "--setup", "calls = X = []"]);
    let expected = "\nfor calls_ in range(1, 4001):\n    exec(\"X.append('''a\\nb''')\")\n";
    assert!(script.contains(expected), "{script}");
}

#[test]
fn a_function_of_a_file_is_imported_from_there() {
    let name = "a_function_of_a_file_is_imported_from_there";
    let elsewhere = directory(name).join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let source = "KEPT = []\ndef f(data, *, mode):\n    yield len(data)\n    KEPT.append(mode)\n";
    fs::write(elsewhere.join("own.py"), source).unwrap();
    let directory = elsewhere.parent().unwrap();
    let function = [
        "--function",
        "elsewhere/own.py:f",
        "--size",
        "3",
        "--set",
        "mode=a'b",
    ];
    let (_, stdout, stderr) = soaked(directory, &function);
    let script = fs::read_to_string(directory.join("leak.py"));
    let script = script.expect(&(stdout + &stderr));
    let insert = format!(
        "\nsys.path.insert(0, \"{}\")\nimport own\n",
        elsewhere.display()
    );
    assert!(script.contains(&insert), "{script}");
    let call = "list(own.f([i % 10 + 50.0 * (i % 100 == 7) for i in range(3)], mode=\"a'b\"))";
    assert!(script.contains(call), "{script}");
    assert_eq!(printed(directory)[3], "4000 calls: 4000 items in own.KEPT");
}

#[test]
fn a_crash_is_reproduced_too() {
    let setup = "import ctypes; n = 0";
    let crash = "n += 1\nif n > 100: ctypes.string_at(0)";
    let script = script("a_crash_is_reproduced_too", &[crash, "--setup", setup]);
    assert!(
        script.starts_with("# Crash. This script printed:\n"),
        "{script}"
    );
    assert!(
        script.contains("\n#   and then it died by SIGSEGV\n"),
        "{script}"
    );
}

#[test]
fn what_is_not_proven_in_plain_python_is_not_written() {
    let directory = directory("what_is_not_proven_in_plain_python_is_not_written");
    let in_soak = "if '__soak__' in sys.modules: X.append(1)";
    let setup = "import sys; X = []";
    for (arguments, status, reason) in [
        (&["1 + 1"][..], 0, "the verdict is clean\n"),
        (
            &[in_soak, "--setup", setup],
            1,
            "in plain Python, the number of items in X does not grow with the calls: 1000 calls: 0 items in X; ",
        ),
        (
            &["sys.modules['__soak__'].X.append(1)", "--setup", setup],
            1,
            "the script failed: KeyError: '__soak__'\n",
        ),
        (
            &["X.append(leak)", "--setup", "import leak; X = []"],
            1,
            "a script of this name would hide the module that it imports: choose another name\n",
        ),
    ] {
        fs::write(directory.join("leak.py"), "old = 1").unwrap();
        let (actual, _, stderr) = soaked(&directory, arguments);
        let expected = format!("outliers: leak.py is not written: {reason}");
        assert!(stderr.starts_with(&expected), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert_eq!(actual, Some(status));
        assert_eq!(fs::read(directory.join("leak.py")).unwrap(), b"old = 1");
        assert_eq!(
            fs::read_dir(&directory).unwrap().count(),
            1,
            "a draft is left"
        );
    }
}

#[test]
fn a_reproducer_that_cannot_be_made_is_refused_before_the_soak() {
    let directory = directory("a_reproducer_that_cannot_be_made_is_refused_before_the_soak");
    let (status, stdout, stderr) = soaked(&directory, &["1", "--starve"]);
    assert_eq!((status, &*stdout), (Some(2), ""));
    let reason = "a reproducer cannot make allocations fail: leave out --starve or --reproducer";
    assert!(stderr.contains(reason), "{stderr}");
    assert_eq!(soaked(&directory, &["--inject", "list/1"]).0, Some(2));
    fs::create_dir(directory.join("leak.py")).unwrap();
    let (status, _, stderr) = soaked(&directory, &["1"]);
    let expected = "outliers: leak.py: not a regular file\n";
    assert_eq!((status, &*stderr), (Some(1), expected));
}
