//! Each exercise breaks its rule, each solution keeps the rules, and the command leads through them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::judge::has_no_name_of_the_judge;
use crate::common::{self, directory, outcome, outliers, skipped};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../lessons/exercises");

/// The exercises, and the judge's evidence against each.
const REASONS: [(&str, &str); 17] = [
    (
        "append",
        "each call leaks 12 blocks of memory, made by PyLong_FromSsize_t in line 19.",
    ),
    (
        "build_value",
        "each call leaks a block of memory, made by PyLong_FromSsize_t in line 8.",
    ),
    (
        "dictionary",
        "item 0 had 1 more reference after the call than before (4, not 3). References to it in such a \
         call: Py_INCREF in line 14 adds 1, PyDict_SetItem in line 15 adds 1, 1 is released after the call.",
    ),
    (
        "iterator",
        "References to it in such a call: PyIter_Next in line 12 adds 1.",
    ),
    (
        "stolen",
        "the result holds item 0 but owns no reference to it: it had 1 reference before the call, and 1 \
         after. References to it in such a call: no line adds or releases one, 1 is released after the call.",
    ),
    (
        "returned",
        "the result holds the list but owns no reference to it",
    ),
    (
        "double_release",
        "it failed, and item 8 had 1 fewer reference after the call than before (0, not 1). References \
         to it in such a call: Py_INCREF in line 13 adds 1, PyList_SetItem in line 14 releases 1, \
         Py_DECREF in line 15 releases 1.",
    ),
    (
        "minus_one",
        "item 1 raises, detect returned a result although an exception was set: the one that an item \
         raised in PyFloat_AsDouble in line 10.",
    ),
    (
        "error_path",
        "each call leaks 3 blocks of memory, made by PyList_New in line 8, PyLong_FromDouble in line 15 and PyList_Append in line 16.",
    ),
    (
        "half_way",
        "When PyLong_FromSsize_t in line 19 fails, each call leaks a block of memory, made by PyList_New \
         in line 8.",
    ),
    (
        "null",
        "When PyLong_FromSsize_t in line 11 fails, PyNumber_Add in line 12 crashed (SIGSEGV): it used \
         NULL or",
    ),
    (
        "heap_type",
        "each call leaks a reference to <class 'heap_type.Indices'>. References to it in such a call: \
         PyObject_New in line 36 adds 1.",
    ),
    (
        "callback",
        "although an exception was set: the one that an item raised in PyObject_CallFunctionObjArgs in \
         line 23.",
    ),
    (
        "state",
        "the collector cannot free the module and the list, which hold each other.",
    ),
    (
        "thin_ice",
        "changes whenever it is used, PyObject_RichCompareBool in line 13 crashed (SIGSEGV)",
    ),
    (
        "lock",
        "While the lock is released, other threads can free what you borrowed.",
    ),
    ("cycle", "the collector cannot"),
];

type Changes = &'static [(&'static str, &'static str)];

/// Changes that make a solution break a rule or fail its task, and what the judge says then. A change
/// replaces the first text by the second.
const MISTAKES: [(&str, Changes, &str); 24] = [
    (
        "heap_type",
        &[
            ("    Py_DECREF(type);\n", "    (void)type;\n"),
            (
                "    return (PyObject *)indices;",
                "    Py_DECREF(indices_type);\n    return (PyObject *)indices;",
            ),
        ],
        "With many results, the results own no references to <class 'heap_type.Indices'>.",
    ),
    (
        "cycle",
        &[
            ("    PyObject_GC_UnTrack(self);\n", ""),
            (
                "static int clear",
                "__attribute__((unused)) static int clear",
            ),
            ("    .tp_clear = (inquiry)clear,\n", ""),
        ],
        "Untrack first: the collector must not visit an object that is being freed.",
    ),
    (
        "heap_type",
        &[("    PyObject_Free(self);\n", "")],
        "each call leaks a block of memory, made by PyObject_New in line 37.",
    ),
    (
        "callback",
        &[("    if (call->failed)\n        return;\n", "")],
        "detect made another call although an exception was set: the one that an item raised in PyObject_CallFunctionObjArgs in line 26.",
    ),
    (
        "state",
        &[("    clear(self);", "    (void)self;")],
        "A module owns what its state holds: release it when the module is freed. In repeated imports, each \
         import leaks a block of memory, made by PyList_New in line 32.",
    ),
    (
        "state",
        &[("    Py_VISIT(state->last);", "    (void)state;")],
        "A module whose state holds objects must report them to the garbage collector.",
    ),
    (
        "iterator",
        &[EMPTY],
        "With an empty list, it returned [], not [0].",
    ),
    (
        "thin_ice",
        &[EMPTY],
        "With a list of one item, it returned [], not [0].",
    ),
    (
        "stolen",
        &[EMPTY],
        "With a list of one item, it returned [], not [1.5].",
    ),
    ("dictionary", &[EMPTY], "it returned [], not [(0, 1.5)]."),
    ("returned", &[EMPTY], "it returned [], not the list itself."),
    (
        "thin_ice",
        &[
            ("        Py_INCREF(item);\n", ""),
            (
                "            Py_DECREF(item);\n            Py_X",
                "            Py_X",
            ),
            ("largest = item;", "Py_INCREF(largest = item);"),
            ("} else\n            Py_DECREF(item);", "}"),
        ],
        "Any call that runs Python code can free what you borrowed.",
    ),
    (
        "cycle",
        &[("    PyObject_GC_UnTrack(self);\n", "")],
        "Untrack first: the collector must not visit an object that is being freed.",
    ),
    (
        "cycle",
        &[("    PyObject_GC_Track(indices);\n", "")],
        "the result is not tracked: use PyObject_GC_New, then PyObject_GC_Track.",
    ),
    (
        "cycle",
        &[
            ("    PyObject_GC_UnTrack(self);\n", ""),
            ("PyObject_GC_Del", "PyObject_Free"),
            ("PyObject_GC_New", "PyObject_New"),
            ("    PyObject_GC_Track(indices);\n", ""),
        ],
        "the result is not tracked: use PyObject_GC_New, then PyObject_GC_Track.",
    ),
    (
        "cycle",
        &[("PyObject_GC_Del", "PyObject_Free")],
        "Free memory with the matching function: PyObject_GC_New needs PyObject_GC_Del. With an empty list, \
         PyObject_Free in line 16 crashed (SIGABRT): it freed memory that a function of another kind had allocated.",
    ),
    (
        "append",
        &[("            Py_XDECREF(index);\n", "")],
        "When PyList_Append in line 20 fails, each call leaks a block of memory, made by PyLong_FromSsize_t in line 19.",
    ),
    (
        "dictionary",
        &[("            Py_XDECREF(index);\n", "")],
        "When a step fails, release what the earlier steps made.",
    ),
    (
        "half_way",
        &[(
            "if (index == NULL) {\n            Py_DECREF(indices);",
            "if (index == NULL) {",
        )],
        "When PyLong_FromSsize_t in line 19 fails, each call leaks",
    ),
    (
        "half_way",
        &[(
            "if (status < 0) {\n            Py_DECREF(indices);",
            "if (status < 0) {",
        )],
        "When PyList_Append in line 24 fails, each call leaks",
    ),
    (
        "minus_one",
        &[("return NULL;", "{ PyErr_Clear(); continue; }")],
        "item 1 raises, detect swallowed the exception that an item raised in PyFloat_AsDouble in line 10.",
    ),
    (
        "minus_one",
        &[(" && PyErr_Occurred()", "")],
        "With a list that holds -1.0, detect returned NULL without an exception.",
    ),
    (
        "double_release",
        &[("Py_INCREF(item);", "Py_INCREF(item); Py_INCREF(item);")],
        "With a list of one item, item 0 had 1 more reference after the call than before (",
    ),
    (
        "lock",
        &[
            ("    Py_BEGIN", "    PyObject *text;\n    Py_BEGIN"),
            (
                "    Py_END_ALLOW_THREADS\n    PyObject *text = PyObject_Str(first);",
                "    text = PyObject_Str(first);\n    Py_END_ALLOW_THREADS",
            ),
        ],
        ". Do not call Python between Py_BEGIN_ALLOW_THREADS and Py_END_ALLOW_THREADS.",
    ),
];

/// The lines of solutions that never ran, because nothing can make them run here.
const UNTRIED: [(&str, &str); 5] = [
    (
        "cycle",
        "Lines 25 to 28 never ran.\nLine 69 never ran: the condition in line 68 was never true.",
    ),
    (
        "double_release",
        "Line 20 never ran: the condition in line 19 was never true.",
    ),
    (
        "heap_type",
        "Line 54 never ran: the condition in line 53 was never true.",
    ),
    ("state", "Lines 21 to 26 never ran."),
    (
        "stolen",
        "Lines 16 and 17 never ran: the condition in line 15 was never true.",
    ),
];

/// Makes `detect` return an empty list at once.
const EMPTY: (&str, &str) = (
    "PyObject *data)\n{\n",
    "PyObject *data)\n{\n    if (data) return PyList_New(0);\n",
);

/// Whether extension modules can be compiled here; says so if not.
pub fn can_compile() -> bool {
    let can = Command::new("cc").arg("--version").output().is_ok();
    if !can {
        skipped("a C compiler is needed to compile the exercises");
    }
    can
}

fn judge(file: &Path) -> (Option<i32>, String, String) {
    outcome(&outliers().arg("exercise").arg(file).output().unwrap())
}

#[test]
fn the_judge_finds_the_broken_rule_of_each_exercise() {
    if !can_compile() {
        return;
    }
    for (name, reason) in REASONS {
        let (status, stdout, stderr) = judge(&Path::new(FOLDER).join(format!("{name}.c")));
        assert_eq!((status, stderr.as_str()), (Some(1), ""), "{name}: {stdout}");
        assert!(
            stdout.replace('\n', " ").contains(reason),
            "{name}: {stdout}"
        );
        has_no_name_of_the_judge(&stdout);
        let (_, said) = stdout.split_once('\n').unwrap();
        assert!(said.lines().all(|line| line.len() <= 80), "{said}");
    }
    println!("cases: {}", REASONS.len());
}

/// Judges a source in the file of an exercise, so that the judge knows its task.
fn judge_as(name: &str, source: &str, here: &Path) -> (Option<i32>, String, String) {
    let file = here.join(format!("exercises/{name}.c"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, source).unwrap();
    judge(&file)
}

fn solution(name: &str) -> String {
    fs::read_to_string(Path::new(FOLDER).join(format!(".solutions/{name}.c"))).unwrap()
}

#[test]
fn each_solution_keeps_the_rules() {
    if common::is_tested_before() || !can_compile() {
        return;
    }
    let here = directory("solutions");
    let there = fs::read_dir(Path::new(FOLDER).join(".solutions")).unwrap();
    assert_eq!(there.count(), REASONS.len());
    for (name, _) in REASONS {
        let (status, stdout, stderr) = judge_as(name, &solution(name), &here);
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
        let untried = UNTRIED.iter().find(|(untried, _)| *untried == name);
        let keeps = match untried {
            None => ".c keeps the rules.\n".into(),
            Some((_, lines)) => format!(".c keeps the rules in the lines that ran.\n{lines}\n"),
        };
        assert!(stdout.ends_with(&keeps), "{stdout}");
    }
    println!("cases: {}", REASONS.len());
}

#[test]
fn a_solution_with_one_mistake_gets_its_rule() {
    if common::is_tested_before() || !can_compile() {
        return;
    }
    let here = directory("mistakes");
    for (name, changes, reason) in MISTAKES {
        let mut source = solution(name);
        for (from, to) in changes {
            assert!(source.contains(from), "{name}: {from}");
            source = source.replacen(from, to, 1);
        }
        let (status, stdout, stderr) = judge_as(name, &source, &here);
        assert_eq!(
            (status, stderr.as_str()),
            (Some(1), ""),
            "{name}: {changes:?}: {stdout}"
        );
        let said = stdout.replace('\n', " ");
        has_no_name_of_the_judge(&said);
        assert!(said.contains(reason), "{name}: {changes:?}: {stdout}");
    }
    println!("cases: {}", MISTAKES.len());
}

#[test]
fn your_own_file_gets_its_lesson_and_errors_say_what_it_lacks() {
    if !can_compile() {
        return;
    }
    let here = directory("own_files");
    let own = |file: &str, source: &str| {
        fs::write(here.join(file), source).unwrap();
        judge(&here.join(file))
    };
    let append = fs::read_to_string(Path::new(FOLDER).join("append.c")).unwrap();
    let named = |name: &str| append.replace("PyInit_append", &format!("PyInit_{name}"));
    let (status, stdout, _) = own("mine.c", &named("mine"));
    assert_eq!(status, Some(1));
    assert!(
        stdout.ends_with("The lesson: outliers refcounts new-reference.\n"),
        "{stdout}"
    );
    // The judge does not know its task.
    let other_task = solution("append")
        .replace("PyInit_append", "PyInit_mine")
        .replace("value <= 100", "value <= 1e99");
    let (status, stdout, _) = own("mine.c", &other_task);
    assert_eq!(status, Some(0), "{stdout}");
    for (file, source, needed) in [
        (
            "other.c",
            append.clone(),
            "other.c needs PyInit_other: a module has the name of its file",
        ),
        (
            "my-own.c",
            append.clone(),
            "my-own.c: a module has the name of its file, so the name must be a C identifier, as in my_own.c",
        ),
        (
            "lacks.c",
            named("lacks").replace("{\"detect\"", "{\"find\""),
            "lacks.c has no function detect: PyMethodDef needs {\"detect\", ...}",
        ),
        (
            "unknown.c",
            // Declared, because modern compilers refuse undeclared functions.
            named("unknown")
                .replace("PyList_Append(", "PyList_Apend(")
                .replace(
                    "static PyObject *detect",
                    "int PyList_Apend(PyObject *, PyObject *);\nstatic PyObject *detect",
                ),
            "unknown.c: undefined symbol: PyList_Apend",
        ),
    ] {
        let (status, stdout, stderr) = own(file, &source);
        assert_eq!((status, stdout.as_str()), (Some(3), ""), "{stderr}");
        assert!(
            stderr.ends_with(&format!("outliers: {needed}\n")),
            "{stderr}"
        );
    }
}

/// A teacher collects files of the same name.
#[test]
fn a_submission_in_any_directory_is_judged_as_its_exercise() {
    if !can_compile() {
        return;
    }
    let here = directory("submissions");
    let empty = solution("append").replacen(EMPTY.0, EMPTY.1, 1);
    for (student, source, said) in [
        ("alice", solution("append"), "append.c keeps the rules.\n"),
        (
            "bob",
            empty,
            "append.c keeps the rules, but no longer does its task.\nWith ",
        ),
    ] {
        let file = here.join(student).join("append.c");
        fs::create_dir(here.join(student)).unwrap();
        fs::write(&file, source).unwrap();
        let (status, stdout, stderr) = judge(&file);
        let is_right = student == "alice";
        let expected = (Some(i32::from(!is_right)), "");
        assert_eq!((status, stderr.as_str()), expected, "{stdout}");
        assert!(stdout.contains(said), "{stdout}");
    }
    // Nobody else's solution counts as passed.
    assert!(!here.join("exercises").exists());
}

/// Runs `outliers exercise` in that directory.
fn exercise_in(here: &Path) -> impl Fn(&[&str]) -> (Option<i32>, String, String) {
    move |arguments| {
        let mut command = outliers();
        command.current_dir(here).arg("exercise").args(arguments);
        outcome(&command.output().unwrap())
    }
}

#[test]
fn inside_the_directory_of_the_exercises_no_second_one_is_made() {
    if !can_compile() {
        return;
    }
    let here = directory("inside/exercises");
    let exercise = exercise_in(&here);
    fs::write(here.join("append.c"), solution("append")).unwrap();
    let (status, stdout, stderr) = exercise(&["append"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(
        stdout.starts_with("append.c keeps the rules.\nNext: "),
        "{stdout}"
    );
    let (_, _, stderr) = exercise(&["build_value"]);
    assert!(stderr.contains("wrote build_value.c: fix it"), "{stderr}");
    fs::write(here.join("null.c"), solution("null")).unwrap();
    assert_eq!(exercise(&["./null.c"]).0, Some(0));
    let list = exercise(&[]).1;
    assert!(list.starts_with("2 of 17 exercises passed."), "{list}");
    assert!(!here.join("exercises").exists());
}

/// What the items of the judge's lists note is not a leak of the module.
#[test]
fn the_judge_does_not_see_its_own_notes() {
    if !can_compile() {
        return;
    }
    let source = solution("iterator");
    let changed = source.replacen(
        "        Py_DECREF(item);\n        if (value == -1 && PyErr_Occurred())\n            break;\n",
        "        if (value == -1 && PyErr_Occurred())\n            break;\n        Py_DECREF(item);\n",
        1,
    );
    assert_ne!(source, changed);
    let (_, stdout, _) = judge_as("iterator", &changed, &directory("notes"));
    let said = stdout.replace('\n', " ");
    assert!(
        said.contains("item 1 raises, it failed, and item 1 had 1 more reference"),
        "{said}"
    );
    assert!(said.contains("PyIter_Next in line 12 adds 1"), "{said}");
    assert!(!said.contains("also leaves"), "{said}");
}

/// In an existing directory, a library that somebody else put there could be loaded.
#[test]
fn the_library_goes_into_a_new_directory() {
    if !can_compile() {
        return;
    }
    let temporary = directory("temporary");
    let mut command = common::command("sh");
    // The program replaces the shell, so it has the same process id.
    let planted = "mkdir outliers-exercise-$$-0; exec \"$0\" exercise \"$1\"";
    command.args(["-c", planted, env!("CARGO_BIN_EXE_outliers")]);
    command.arg(Path::new(FOLDER).join(".solutions/append.c"));
    let output = command.env("TMPDIR", &temporary).current_dir(&temporary);
    let (status, stdout, stderr) = outcome(&output.output().unwrap());
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
    let mut left: Vec<_> = fs::read_dir(&temporary)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let planted = left.pop().unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(fs::read_dir(planted.path()).unwrap().count(), 0);
}

#[test]
fn an_exercise_is_copied_here_and_passed_until_it_changes() {
    if !can_compile() {
        return;
    }
    let here = directory("exercises");
    let exercise = exercise_in(&here);
    let (status, list, _) = exercise(&[]);
    assert_eq!(status, Some(0));
    assert!(list.starts_with("0 of 17 exercises passed."), "{list}");
    assert!(list.lines().all(|line| line.len() <= 80), "{list}");
    let (_, help, _) = exercise(&["--help"]);
    assert!(
        help.contains("FILE.c: your own module FILE, with detect(list of floats)"),
        "{help}"
    );
    assert!(help.lines().all(|line| line.len() <= 80), "{help}");
    let (status, stdout, stderr) = exercise(&["append"]);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("wrote exercises/append.c"), "{stderr}");
    assert!(
        stdout.contains("The lesson: outliers refcounts storing."),
        "{stdout}"
    );
    let (_, hint, _) = exercise(&["append", "--hint"]);
    assert!(hint.contains("PyList_Append"), "{hint}");
    let file = here.join("exercises/append.c");
    fs::copy(Path::new(FOLDER).join(".solutions/append.c"), &file).unwrap();
    let (status, stdout, _) = exercise(&["append"]);
    assert_eq!(status, Some(0));
    assert!(
        stdout.contains("Next: outliers exercise build_value"),
        "{stdout}"
    );
    assert!(exercise(&[]).1.contains("[x] append"));
    fs::write(&file, "int x").unwrap();
    assert!(exercise(&[]).1.contains("[ ] append"));
    let (status, stdout, stderr) = exercise(&["append"]);
    assert_eq!((status, stdout.as_str()), (Some(3), ""));
    // The compiler's messages keep their lines.
    assert!(
        stderr
            .lines()
            .filter(|line| line.contains("append.c"))
            .count()
            > 1,
        "{stderr}"
    );
    assert!(
        stderr.ends_with("append.c does not compile: cc says why\n"),
        "{stderr}"
    );
    let (status, _, stderr) = exercise(&["apend"]);
    assert_eq!(status, Some(3));
    let error = "outliers: there is no exercise apend; did you mean append? `outliers exercise` lists them\n";
    assert_eq!(stderr, error);
    let (_, _, stderr) = exercise(&["zzz"]);
    let error = "outliers: there is no exercise zzz; `outliers exercise` lists them\n";
    assert_eq!(stderr, error);
    let (_, _, stderr) = exercise(&["exercises/append"]);
    let error = "outliers: there is no exercise exercises/append; did you mean exercises/append.c? `outliers exercise` lists them\n";
    assert_eq!(stderr, error);
    let (status, _, stderr) = exercise(&["append.c"]);
    assert_eq!(status, Some(3));
    let error = "outliers: there is no file append.c; did you mean append?\n";
    assert_eq!(stderr, error);
}

#[test]
fn missing_headers_are_an_error_that_says_what_to_install() {
    let here = directory("no-headers");
    fs::copy(Path::new(FOLDER).join("append.c"), here.join("append.c")).unwrap();
    let elsewhere = "import sysconfig\nsysconfig.get_path = lambda name: '/no/include'\n";
    fs::write(here.join("sitecustomize.py"), elsewhere).unwrap();
    let mut command = outliers();
    command.args(["exercise", "append.c"]).current_dir(&here);
    let output = command.env("PYTHONPATH", &here).output().unwrap();
    let (status, stdout, stderr) = outcome(&output);
    assert_eq!((status, stdout.as_str()), (Some(3), ""), "{stderr}");
    let said = "there is no /no/include/Python.h; on Debian, apt install python3.";
    assert!(stderr.contains(said), "{stderr}");
    assert!(stderr.ends_with("-dev\n"), "{stderr}");
}

/// A cleaner may remove the directory while Python starts, before the compiler runs, or after it has run.
#[test]
fn an_error_names_a_temporary_directory_that_was_removed() {
    if !can_compile() {
        return;
    }
    let here = directory("removed");
    fs::copy(Path::new(FOLDER).join("append.c"), here.join("my_own.c")).unwrap();
    let starts = here.join("starts");
    fs::create_dir(&starts).unwrap();
    let removes = "import glob, os, shutil
for directory in glob.glob(os.environ['TMPDIR'] + '/outliers-exercise-*'):
    shutil.rmtree(directory)";
    fs::write(starts.join("sitecustomize.py"), removes).unwrap();
    let (before, after) = (here.join("before"), here.join("after"));
    common::script(&before, "rm -r \"$TMPDIR\"/*; exec cc \"$@\"");
    common::script(&after, "cc \"$@\" && rm -r \"$TMPDIR\"/*");
    let temporary = directory("removed-temporary");
    let cc = || Path::new("cc").to_owned();
    for (path, compiler) in [(&starts, cc()), (&here, before), (&here, after)] {
        let mut command = outliers();
        command.args(["exercise", "my_own.c"]).current_dir(&here);
        command.env("PYTHONPATH", path).env("CC", &compiler);
        let output = command.env("TMPDIR", &temporary).output().unwrap();
        let (status, stdout, stderr) = outcome(&output);
        assert_eq!((status, stdout.as_str()), (Some(3), ""), "{stderr}");
        let name = format!("{}/outliers-exercise-", temporary.display());
        let is_named = |line: &str| line.contains(&name) && line.contains("No such file");
        assert!(stderr.lines().any(is_named), "{compiler:?}: {stderr}");
    }
}
