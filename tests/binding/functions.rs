//! Functions in a module, in a class of a module, in a file, or in source code.

use std::fs;
use std::thread;

use crate::common::directory;
use pyoutliers::{ErrorKind, Outliers};

#[test]
fn a_dotted_name_goes_through_attributes() {
    let keys = Outliers::new("builtins", "dict.fromkeys").unwrap();
    assert!(keys.detect(&[]).unwrap().is_empty());
    let error = Outliers::new("builtins", "dict.no_such.name").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Lookup(_)));
    assert!(
        error
            .to_string()
            .starts_with("builtins:dict.no_such.name: AttributeError"),
        "{error}"
    );
    let error = Outliers::new("builtins", "dict.__doc__").unwrap_err();
    assert_eq!(
        error.to_string(),
        "builtins:dict.__doc__: cannot be called: it is of type str"
    );
}

#[test]
fn a_missing_file_is_an_error_of_one_line() {
    let error = Outliers::new("no_such.py", "f").unwrap_err();
    let expected = "cannot import no_such.py: ModuleNotFoundError: there is no file no_such.py";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert_eq!(error.traceback(), "");
}

/// A file may have the name of one of Python's modules. This one must not replace `random`, which the demo imports.
#[test]
fn a_file_is_loaded_once_under_a_unique_name() {
    let directory = directory("functions");
    let file = directory.join("random.py");
    fs::write(
        &file,
        "calls = 0\ndef count(data):\n    global calls\n    calls += 1\n    return [calls]\n",
    )
    .unwrap();
    let name = file.to_str().unwrap();
    for calls in 1..4 {
        let count = Outliers::new(name, "count").unwrap();
        assert_eq!(count.detect(&[0.0]).unwrap(), [calls]);
    }
    assert_eq!(pyoutliers::gen_testdata().unwrap().len(), 1000);
}

#[test]
fn what_a_file_defines_can_be_pickled() {
    let file = directory("functions").join("box.py");
    let source = "import pickle\nclass Box: pass\ndef same(data):\n    \
                  pickle.loads(pickle.dumps(Box()))\n    return [len(data)]\n";
    fs::write(&file, source).unwrap();
    let same = Outliers::new(file.to_str().unwrap(), "same").unwrap();
    assert_eq!(same.detect(&[0.0]).unwrap(), [1]);
}

#[test]
fn a_faulty_file_is_an_error_with_the_place_of_the_fault() {
    let directory = directory("wrong-functions");
    for (name, source, expected) in [
        ("raises.py", "1 / 0", "ZeroDivisionError: division by zero"),
        ("syntax.py", "def f(:", "SyntaxError"),
    ] {
        let file = directory.join(name);
        fs::write(&file, source).unwrap();
        // The second time too: a module that could not be loaded does not count as loaded.
        for _ in 0..2 {
            let error = Outliers::new(file.to_str().unwrap(), "f").unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Import { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(name) && text.contains(expected), "{text}");
        }
    }
}

#[test]
fn source_that_is_compiled_in_is_a_module_once_and_tracebacks_show_its_lines() {
    let source = "calls = 0\ndef count(data):\n    global calls\n    calls += 1\n    \
                  return [calls]\ndef fails(data):\n    return [1 / len(data[1:])]\n";
    let find = |name: &str| Outliers::from_source(source, "random.py", name).unwrap();
    for calls in 1..4 {
        assert_eq!(find("count").detect(&[0.0]).unwrap(), [calls]);
    }
    // Other source code makes another module, and neither is Python's own module of that name.
    let other = Outliers::from_source("def count(data): return [7]", "random.py", "count");
    assert_eq!(other.unwrap().detect(&[0.0]).unwrap(), [7]);
    assert_eq!(find("count").detect(&[0.0]).unwrap(), [4]);
    assert_eq!(pyoutliers::gen_testdata().unwrap().len(), 1000);
    let error = find("fails").detect(&[0.0]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("random.py:fails: ZeroDivisionError")
    );
    let shown = "random.py\", line 7, in fails\n    return [1 / len(data[1:])]\n";
    assert!(error.traceback().contains(shown), "{}", error.traceback());
}

#[test]
fn source_that_is_wrong_is_an_import_error() {
    for (source, expected) in [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError"),
        ("\0", "null bytes"),
    ] {
        for _ in 0..2 {
            let error = Outliers::from_source(source, "wrong.py", "f").unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Import { .. }), "{error}");
            let text = error.to_string();
            assert!(
                text.contains("wrong.py") && text.contains(expected),
                "{text}"
            );
        }
    }
    let error = Outliers::from_source("", "empty.py", "f").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Lookup(_)), "{error}");
}

#[test]
fn threads_that_load_a_module_at_once_get_it_whole() {
    let source = "import time\ntime.sleep(0.2)\ndef f(data): return [id(f)]";
    let load = || {
        let function = Outliers::from_source(source, "slow.py", "f").unwrap();
        function.detect(&[0.0]).unwrap()
    };
    let found: Vec<_> = thread::scope(|threads| {
        let running: Vec<_> = (0..8).map(|_| threads.spawn(load)).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(found.iter().all(|id| Some(id) == found.first()));
}
