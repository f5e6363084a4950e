//! The judge of exercises: small modules, each with one fault or none.

use std::fs;
use std::path::Path;
use std::process::Command;

use pyoutliers::interpreter;

use super::exercises::can_compile;
use crate::common::{self, directory, outcome, outliers, skipped};

/// Modules that keep the rules, although they may look wrong.
const RIGHT: [(&str, &str, &str); 13] = [
    (
        "prints_no_line_feed",
        "",
        "printf(\".\"); return PyList_New(0);",
    ),
    (
        "replaces_functions_of_python",
        "static int calls;",
        "if (calls++ == 0 && PyRun_SimpleString(
             \"import json, json.encoder, os, signal, socket\\n\"
             \"for module in json, json.encoder, os, signal, socket:\\n\"
             \"    for name in dir(module):\\n\"
             \"        if callable(getattr(module, name)): setattr(module, name, lambda *_: 0)\\n\") < 0) return NULL;
         return PyList_New(0);",
    ),
    (
        "forks_once",
        "#include <unistd.h>
         static int forked;",
        "if (!forked++ && fork() == 0) for (;;) pause();
         return PyList_New(0);",
    ),
    (
        "fills_a_large_store",
        "static PyObject *store[5000]; static long calls;",
        "PyObject *text = PyUnicode_FromFormat(\"%ld\", calls);
         if (text == NULL) return NULL;
         long place = calls++ % 5000;
         Py_XSETREF(store[place], text);
         return PyList_New(0);",
    ),
    (
        "ends_slowly",
        "#include <unistd.h>
         static void __attribute__((destructor)) end(void) { sleep(7); }",
        "return PyList_New(0);",
    ),
    ("returns_its_argument", "", "Py_INCREF(data); return data;"),
    // When memory runs out here, Python 3.10 to 3.12 leak a reference to the list.
    ("copies", "", "return PySequence_List(data);"),
    (
        "keeps_its_last_list",
        "static PyObject *last;",
        "PyObject *before = last;
         last = data;
         Py_INCREF(data);
         return before ? before : PyList_New(0);",
    ),
    (
        "fills_a_cache",
        "static PyObject *cache[2000]; static long calls;",
        "PyObject *text = PyUnicode_FromFormat(\"%ld\", calls);
         if (text == NULL) return NULL;
         long place = calls++ % 2000;
         Py_XSETREF(cache[place], text);
         return PyList_New(0);",
    ),
    (
        // Python makes the structure, and does not track it.
        "returns_a_structure",
        "#include <structseq.h>
         static PyStructSequence_Field fields[] = {{\"number\", \"\"}, {NULL}};
         static PyStructSequence_Desc described = {\"own.Counted\", \"\", fields, 1};
         static PyTypeObject *type;",
        "if (type == NULL) type = PyStructSequence_NewType(&described);
         PyObject *result = type ? PyStructSequence_New(type) : NULL;
         PyObject *number = result ? PyLong_FromSsize_t(PyList_GET_SIZE(data)) : NULL;
         if (number == NULL) { Py_XDECREF(result); return NULL; }
         PyStructSequence_SetItem(result, 0, number);
         return result;",
    ),
    (
        "tuple_of_an_iterator",
        "",
        "PyObject *iterator = PyObject_GetIter(data);
         return iterator ? Py_BuildValue(\"(ON)\", data, iterator) : NULL;",
    ),
    (
        "returns_a_cycle",
        "",
        "PyObject *ring = PyList_GetSlice(data, 0, 3);
         if (ring == NULL || PyList_Append(ring, ring) < 0) { Py_XDECREF(ring); return NULL; }
         return ring;",
    ),
    (
        "skips_large_numbers",
        "",
        "double sum = 0;
         for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++) {
             double value = PyFloat_AsDouble(PyList_GET_ITEM(data, i));
             if (value == -1 && PyErr_Occurred()) {
                 if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return NULL;
                 PyErr_Clear();
                 continue;
             }
             sum += value;
         }
         return Py_BuildValue(\"(d)\", sum);",
    ),
];

/// Modules that break one rule, and what the judge says of them.
const WRONG: [(&str, &str, &str, &str); 36] = [
    (
        "divides_by_zero",
        "",
        "return PyLong_FromLong(100 / PyList_GET_SIZE(data));",
        "A function returns a result, or NULL with an exception set. With an empty list, line 5 crashed (SIGFPE): \
         it divided an int by zero, or the quotient is too large. The lesson: outliers refcounts exceptions.",
    ),
    (
        "returns_a_freed_list",
        "",
        "PyObject *copy = PyList_GetSlice(data, 0, 3);
         Py_XDECREF(copy);
         return copy;",
        "With an empty list, it crashed (SIGSEGV) outside of returns_a_freed_list.c: it used NULL or a freed object, \
         such as a result that nobody owns.",
    ),
    (
        "nests_without_end",
        "static long depth(PyObject *data) {
             if (!PyList_Check(data) || PyList_GET_SIZE(data) == 0) return 0;
             return 1 + depth(PyList_GET_ITEM(data, PyList_GET_SIZE(data) - 1));
         }",
        "return Py_BuildValue(\"[l]\", depth(data));",
        "a list that holds itself, it crashed (SIGSEGV): it used NULL or a freed object, or the stack was full",
    ),
    (
        "ends_after_printing",
        "#include <unistd.h>",
        "printf(\"clean\\n\"); fflush(stdout); _exit(0);",
        "With an empty list, it ended the process (exit status: 0).",
    ),
    (
        // Some Pythons have `math` built in, so its repr names no file.
        "keeps_a_module",
        "",
        "return PyImport_ImportModule(\"colorsys\") ? PyList_New(0) : NULL;",
        "'>. References to it in such a call: PyImport_ImportModule in line 5 adds 1.",
    ),
    (
        "keeps_pi",
        "",
        "PyObject *math = PyImport_ImportModule(\"math\");
         PyObject *pi = math ? PyObject_GetAttrString(math, \"pi\") : NULL;
         Py_XDECREF(math);
         return pi ? PyList_New(0) : NULL;",
        "each call leaks a reference to float 3.141592653589793. References to it in such a call: \
         PyObject_GetAttrString in line 6 adds 1.",
    ),
    (
        "releases_a_stolen_reference",
        "",
        "PyObject *list = PyList_New(1), *number = PyLong_FromLong(100000);
         if (list == NULL || number == NULL) { Py_XDECREF(list); Py_XDECREF(number); return NULL; }
         if (PyList_SetItem(list, 1, number) < 0) { Py_DECREF(number); PyErr_Clear(); }
         Py_DECREF(list);
         return PyList_New(0);",
        ", it crashed (SIG",
    ),
    (
        "sends_itself_a_signal",
        "#include <signal.h>",
        "raise(SIGTERM); return NULL;",
        "With an empty list, it ended the process (signal: 15 (SIGTERM)).",
    ),
    (
        "sends_itself_an_alarm",
        "#include <signal.h>",
        "raise(SIGALRM); return NULL;",
        "With an empty list, it ended the process (signal: 14 (SIGALRM)).",
    ),
    (
        "releases_a_fresh_object_twice",
        "",
        "PyObject *number = PyLong_FromLong(100000);
         if (number == NULL) return NULL;
         Py_DECREF(number); Py_DECREF(number);
         return PyList_New(0);",
        ", it crashed (SIG",
    ),
    (
        "releases_a_shared_object",
        "static PyObject *number;",
        "if (number == NULL) {
             PyObject *module = PyImport_AddModule(\"releases_a_shared_object\");
             number = PyFloat_FromDouble(0.125);
             PyObject *one = number ? Py_BuildValue(\"[O]\", number) : NULL;
             PyObject *many = one ? PySequence_Repeat(one, 1000000) : NULL;
             Py_XDECREF(one);
             if (many == NULL || PyModule_AddObject(module, \"many\", many) < 0) return NULL;
         }
         Py_DECREF(number);
         return PyList_New(0);",
        "float 0.125 that it does not own. References to it in such a call: Py_DECREF in line 13 releases 1.",
    ),
    (
        "leaves_files_open",
        "#include <fcntl.h>",
        "if (open(\"/dev/null\", O_RDONLY) < 0) return PyErr_SetFromErrno(PyExc_OSError);
         return PyList_New(0);",
        "each call leaks an open file.",
    ),
    (
        "leaves_child_processes",
        "#include <unistd.h>",
        "if (fork() == 0) _exit(0);
         return PyList_New(0);",
        "each call leaks a child process.",
    ),
    (
        "grows_a_list",
        "static PyObject *history;",
        "PyObject *module = PyImport_AddModule(\"grows_a_list\");
         if (module == NULL) return NULL;
         if (history == NULL && (history = PyList_New(0)) && PyModule_AddObject(module, \"history\", history) < 0)
             return NULL;
         return history && PyList_Append(history, Py_None) == 0 ? PyList_New(0) : NULL;",
        "a container grows: grows_a_list.history, a list: +",
    ),
    (
        "closes_all_files",
        "#include <unistd.h>",
        "for (int file = 3; file < 1000; file++) close(file);
         return PyList_New(0);",
        "it closed file descriptors that others had opened.",
    ),
    (
        "redirects_all_files",
        "#include <fcntl.h>
         #include <unistd.h>",
        "int null = open(\"/dev/null\", O_RDWR);
         for (int file = 3; file < null; file++) dup2(null, file);
         return PyList_New(0);",
        "it closed file descriptors that others had opened.",
    ),
    (
        "ends",
        "#include <unistd.h>",
        "_exit(0);",
        "With an empty list, it ended the process (exit status: 0).",
    ),
    (
        "waits",
        "#include <unistd.h>",
        "fputs(\"a word of its own\\n\", stderr); for (;;) sleep(1);",
        "With an empty list, it did not return within 30 seconds. It was in line 5.",
    ),
    (
        "uses_null",
        "",
        "PyObject *missing = PySys_GetObject(\"missing\"); Py_INCREF(missing); return missing;",
        "line 5 crashed (SIGSEGV): it used NULL or a freed object.",
    ),
    (
        "aborts",
        "",
        "abort();",
        "line 5 crashed (SIGABRT): abort was called, as happens when memory is damaged.",
    ),
    (
        "releases_a_stored_object_twice",
        "",
        "PyObject *list = PyList_New(0), *float_ = PyFloat_FromDouble(1.5);
         if (list == NULL || float_ == NULL || PyList_Append(list, float_) < 0) return NULL;
         Py_DECREF(float_); Py_DECREF(float_);
         return list;",
        "the result holds an object but owns no reference to it",
    ),
    (
        "borrows_while_the_lock_is_released",
        "#include <unistd.h>",
        "if (PyList_GET_SIZE(data) == 0) return PyTuple_New(0);
         PyObject *first = PyList_GET_ITEM(data, 0);
         Py_BEGIN_ALLOW_THREADS
         usleep(100);
         Py_END_ALLOW_THREADS
         return Py_BuildValue(\"(O)\", first);",
        "another thread replaces whenever it gets the lock, ",
    ),
    (
        "borrows_across_a_conversion",
        "",
        "if (PyList_GET_SIZE(data) == 0) return PyList_New(0);
         PyObject *item = PyList_GET_ITEM(data, 0), *text = PyObject_Str(item);
         if (text == NULL) return NULL;
         Py_DECREF(text);
         return PyObject_IsTrue(item) < 0 ? NULL : Py_BuildValue(\"(O)\", item);",
        "an item changes whenever it is used, PyObject_IsTrue in line 9 crashed",
    ),
    (
        "mistakes_failure_for_true",
        "",
        "long yes = 0;
         for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++)
             yes += PyObject_IsTrue(PyList_GET_ITEM(data, i)) != 0;
         return Py_BuildValue(\"(l)\", yes);",
        "detect returned a result although an exception was set: the one that an item raised in \
         PyObject_IsTrue in line 7.",
    ),
    (
        "checks_for_an_exception_too_late",
        "",
        "double sum = 0;
         for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++)
             sum += PyFloat_AsDouble(PyList_GET_ITEM(data, i));
         return PyErr_Occurred() ? NULL : Py_BuildValue(\"(d)\", sum);",
        "although an exception was set: the one that an item raised in PyFloat_AsDouble in line 7.",
    ),
    (
        "goes_on_without_memory",
        "",
        "PyObject *length = PyDict_GetItemString(PyEval_GetBuiltins(), \"len\");
         if (length == NULL) return PyErr_NoMemory();
         PyObject *list = PyList_New(500);
         Py_XDECREF(list);
         PyObject *size = PyObject_CallFunctionObjArgs(length, data, NULL);
         return size;",
        "When PyList_New in line 7 fails, detect made another call although an exception was set.",
    ),
    (
        // Takes too long to watch each instruction.
        "leaks_a_string_slowly",
        "",
        "for (Py_ssize_t i = 0; i < 20 * PyList_GET_SIZE(data); i++) {
             PyObject *text = PyObject_Str(PyList_GET_ITEM(data, i % PyList_GET_SIZE(data)));
             if (text == NULL) return NULL;
             Py_DECREF(text);
         }
         for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++)
             if (PyUnicode_Check(PyList_GET_ITEM(data, i))) Py_INCREF(PyList_GET_ITEM(data, i));
         return PyList_New(0);",
        "item 300 had 1 more reference after the call than before (4, not 3).",
    ),
    (
        "swallows_an_exception",
        "",
        "double sum = 0;
         for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++) {
             sum += PyFloat_AsDouble(PyList_GET_ITEM(data, i));
             PyErr_Clear();
         }
         return Py_BuildValue(\"(d)\", sum);",
        "detect swallowed the exception that an item raised in PyFloat_AsDouble in line 7.",
    ),
    (
        "swallows_a_memory_error",
        "",
        "PyObject *copy = PyList_GetSlice(data, 0, 9);
         PyErr_Clear();
         PyObject *result = Py_BuildValue(\"(n)\", copy ? PyList_GET_SIZE(copy) : -1);
         Py_XDECREF(copy);
         return result;",
        "When PyList_GetSlice in line 5 fails, detect swallowed the MemoryError.",
    ),
    (
        "keeps_a_list_of_none",
        "",
        "if (PyList_GET_SIZE(data) == 1 && PyList_GET_ITEM(data, 0) == Py_None) Py_INCREF(data);
         return PyList_New(0);",
        "In repeated calls with None in a list, each call leaks a reference to list [None]. References to \
         it in such a call: Py_INCREF in line 5 adds 1.",
    ),
    (
        "leaks_in_one_call_of_64",
        "static long calls;",
        "PyObject *first = PyList_GET_SIZE(data) > 0 ? PyList_GET_ITEM(data, 0) : NULL;
         if (++calls > 300 && calls % 64 == 0 && first && PyFloat_CheckExact(first)) Py_INCREF(first);
         return PyList_New(0);",
        " leaks a reference to float ",
    ),
    (
        "fails_without_an_exception",
        "",
        "Py_ssize_t size = PyList_GET_SIZE(data);
         PyObject *first = size ? PyList_GET_ITEM(data, 0) : NULL;
         int same = size > 1 && PyFloat_CheckExact(first);
         for (Py_ssize_t i = 0; i < size && same; i++) {
             PyObject *item = PyList_GET_ITEM(data, i);
             same = PyFloat_CheckExact(item) && PyFloat_AS_DOUBLE(item) == PyFloat_AS_DOUBLE(first);
         }
         return same ? NULL : PyList_New(0);",
        "With the same number nine times, detect returned NULL without an exception.",
    ),
    (
        "keeps_a_pointer_to_the_items",
        "",
        "PyObject **items = PySequence_Fast_ITEMS(data);
         double sum = 0;
         for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++) {
             PyObject *item = items[i];
             Py_INCREF(item);
             double value = PyFloat_AsDouble(item);
             Py_DECREF(item);
             if (value == -1 && PyErr_Occurred()) return NULL;
             sum += value;
         }
         return Py_BuildValue(\"(d)\", sum);",
        "an item changes whenever it is used, Py_INCREF in line 9 crashed",
    ),
    (
        "releases_before_it_clears",
        "static PyObject *last;",
        "PyObject *copy = PyList_GetSlice(data, 0, 9);
         if (copy == NULL) return NULL;
         Py_XDECREF(last);
         last = copy;
         return PyList_New(0);",
        "Clear first: a release can run code that calls this function again.",
    ),
    (
        "leaks_its_type",
        "static void dealloc(PyObject *self) { PyObject_Free(self); }
         static PyType_Slot slots[] = {{Py_tp_dealloc, dealloc}, {0, NULL}};
         static PyType_Spec spec = {\"own.Empty\", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, slots};
         static PyObject *type;",
        "if (type == NULL) type = PyType_FromSpec(&spec);
         return type ? PyType_GenericAlloc((PyTypeObject *)type, 0) : NULL;",
        "each call leaks a reference to <class 'own.Empty'>. References to it in such a call: \
         PyType_GenericAlloc in line 9 adds 1.",
    ),
    (
        "never_frees",
        "static void *volatile lost;",
        "lost = malloc(500); return PyList_New(0);",
        "each call leaks 512 bytes of C's heap",
    ),
];

/// Names inside the judge, which mean nothing to a student.
const OWN: [&str; 12] = [
    "_outliers",
    "<outliers>",
    "Planted",
    "Raises",
    "Converts",
    "Meddl",
    "Ends",
    " Number",
    " Data",
    "starve",
    "allocation ",
    "block)",
];

pub fn has_no_name_of_the_judge(said: &str) {
    for name in OWN {
        assert!(!said.contains(name), "{name}: {said}");
    }
}

/// What the judge says of a module with that function.
fn judged(name: &str, before: &str, body: &str, here: &Path) -> (Option<i32>, String) {
    let file = here.join(format!("{name}.c"));
    let source = format!(
        "#include <Python.h>\n{before}\n\
         static PyObject *detect(PyObject *self, PyObject *data)\n{{\n{body}\n}}\n\
         static PyMethodDef methods[] = {{{{\"detect\", detect, METH_O, NULL}}, {{NULL}}}};\n\
         static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, \"{name}\", NULL, -1, methods}};\n\
         PyMODINIT_FUNC PyInit_{name}(void) {{ return PyModule_Create(&module); }}\n"
    );
    fs::write(&file, source).unwrap();
    let (status, stdout, stderr) =
        outcome(&outliers().arg("exercise").arg(&file).output().unwrap());
    let said = format!("{stdout}{stderr}").replace('\n', " ");
    has_no_name_of_the_judge(&said);
    (status, said)
}

#[test]
fn a_module_that_keeps_the_rules_is_not_blamed() {
    if !can_compile() {
        return;
    }
    let here = directory("right");
    for (name, before, body) in RIGHT {
        let (status, said) = judged(name, before, body, &here);
        assert_eq!(status, Some(0), "{name}: {said}");
    }
    println!("cases: {}", RIGHT.len());
}

#[test]
fn a_module_that_breaks_a_rule_gets_the_evidence() {
    if common::is_tested_before() || !can_compile() {
        return;
    }
    let here = directory("wrong");
    for (name, before, body, reason) in WRONG {
        let (status, said) = judged(name, before, body, &here);
        assert_eq!(status, Some(1), "{name}: {said}");
        assert!(said.contains(reason), "{name}: {said}");
    }
    println!("cases: {}", WRONG.len());
}

#[test]
fn none_that_is_returned_without_a_reference_is_named() {
    if !can_compile() {
        return;
    }
    let (status, said) = judged("none", "", "return Py_None;", &directory("none"));
    let version = interpreter::loaded().version.to_string();
    let minor: u32 = version.split('.').nth(1).unwrap().parse().unwrap();
    let is_immortal = minor >= 12;
    assert_eq!(status, Some(i32::from(!is_immortal)), "{said}");
    let evidence = "None too. After many calls, it crashed (SIGABRT): the calls so far released all references to None.";
    assert_eq!(said.contains(evidence), !is_immortal, "{said}");
}

/// The name of a module is the name of its file.
#[test]
fn a_module_may_share_its_name_with_one_of_pythons() {
    if common::is_tested_before() || !can_compile() {
        return;
    }
    let here = directory("names");
    for name in ["gc", "sys", "json", "math", "os"] {
        let (status, said) = judged(name, "", "return PyList_New(0);", &here);
        assert_eq!(status, Some(0), "{name}: {said}");
        let (status, said) = judged(
            name,
            "",
            "return PyFloat_FromDouble(1.5) ? PyList_New(0) : NULL;",
            &here,
        );
        assert_eq!(status, Some(1), "{name}: {said}");
        assert!(
            said.contains("each call leaks a block of memory"),
            "{name}: {said}"
        );
    }
    let (status, said) = judged("\u{e9}t\u{e9}", "", "return PyList_New(0);", &here);
    assert_eq!(status, Some(3));
    let reason =
        "a module has the name of its file, so the name must be a C identifier, as in my_own.c";
    assert!(said.contains(reason), "{said}");
}

#[test]
fn the_lines_that_never_ran_are_named() {
    if !can_compile() {
        return;
    }
    if Command::new("gcov").arg("--version").output().is_err() {
        return skipped("gcov is needed to count lines");
    }
    let here = directory("lines");
    let conditions = "Py_ssize_t size = PyList_GET_SIZE(data);
        if (size == 123456)
            return NULL;
        if (size == 123457) return NULL;
        if (size >= 0) {
            size++;
        } else {
            size--;
            size--;
            size--;
        }
        return PyList_New(0);";
    let unused = "static int own(int number) {\nnumber++;\nreturn number;\n}\nint (*volatile other)(int) = own;";
    for (name, before, body, lines) in [
        ("runs", "", "return PyList_New(0);", " keeps the rules. "),
        (
            "skips",
            "",
            conditions,
            " keeps the rules in the lines that ran. Line 7 never ran: the condition in line 6 was never true. \
             A part of line 8 never ran. \
             Lines 12 to 14 never ran. ",
        ),
        (
            // From Python 3.12, Py_DECREF is inlined even without optimisation.
            "releases_nothing",
            "",
            "if (PyList_GET_SIZE(data) == 123456) {
                 Py_DECREF(data);
             }
             return PyList_New(0);",
            " keeps the rules in the lines that ran. Line 6 never ran: the condition in line 5 was never true. ",
        ),
        (
            "calls_nothing",
            unused,
            "return PyList_New(0);",
            " keeps the rules in the lines that ran. Lines 2 to 4 never ran. ",
        ),
    ] {
        let (status, said) = judged(name, before, body, &here);
        assert_eq!(status, Some(0), "{said}");
        assert!(said.ends_with(&format!("{name}.c{lines}")), "{said}");
    }
    // The programs that a compiler starts are there, and gcov is not.
    let programs = directory("lines/programs");
    let found = Command::new("sh")
        .args(["-c", "for name in cc as ld; do command -v $name; done"])
        .output()
        .unwrap();
    for program in String::from_utf8(found.stdout).unwrap().lines() {
        let name = Path::new(program).file_name().unwrap();
        common::script(&programs.join(name), &format!("exec {program} \"$@\""));
    }
    let mut command = outliers();
    command
        .env("PATH", &programs)
        .arg("exercise")
        .arg(here.join("runs.c"));
    let (status, stdout, stderr) = outcome(&command.output().unwrap());
    assert_eq!(status, Some(0), "{stderr}");
    let unknown = ".c keeps the rules.\nWhich lines ran is not known: gcov is missing.\n";
    assert!(stdout.ends_with(unknown), "{stdout}");
}

/// A module that leaks a dictionary leaks no item, though the items have an owner more.
#[test]
fn what_may_own_a_leaked_item_is_named() {
    if !can_compile() {
        return;
    }
    let body = "PyObject *all = PyList_GetSlice(data, 0, 9);
        if (all == NULL)
            return NULL;
        return PyList_New(0);";
    let (status, said) = judged("owns", "", body, &directory("owns"));
    assert_eq!(status, Some(1), "{said}");
    let owner =
        "Each call also leaves objects that may hold it, made by PyList_GetSlice in line 5.";
    assert!(said.contains(owner), "{said}");
}

#[test]
fn the_compiler_may_have_arguments() {
    if !can_compile() {
        return;
    }
    let here = directory("compilers");
    let file = here.join("own.c");
    judged("own", "", "return PyList_New(0);", &here);
    for compiler in ["", "cc -O2", " env cc "] {
        let mut command = outliers();
        command.env("CC", compiler).arg("exercise").arg(&file);
        let (status, stdout, stderr) = outcome(&command.output().unwrap());
        assert_eq!(status, Some(0), "{compiler:?}: {stdout}{stderr}");
    }
    let mut command = outliers();
    command
        .env("CC", "nothing-like-this -x")
        .arg("exercise")
        .arg(&file);
    let (status, _, stderr) = outcome(&command.output().unwrap());
    assert_eq!(status, Some(3));
    let install = "cannot start the C compiler nothing-like-this (";
    assert!(
        stderr.contains(install) && stderr.contains("apt install gcc"),
        "{stderr}"
    );
}
