//! Where a function may be: in a module, in a class of it, in a file.

use std::fs;

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

/// Not `random`, which the demo imports: a file may be called as a module of Python's is.
#[test]
fn a_file_is_loaded_once_under_a_name_of_its_own() {
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
fn a_file_that_is_wrong_is_told_with_its_place() {
    let directory = directory("wrong-functions");
    for (name, source, expected) in [
        ("raises.py", "1 / 0", "ZeroDivisionError: division by zero"),
        ("syntax.py", "def f(:", "SyntaxError"),
        ("absent.py", "", "FileNotFoundError"),
    ] {
        let file = directory.join(name);
        if name != "absent.py" {
            fs::write(&file, source).unwrap();
        }
        // The second time too: what could not be loaded does not count as loaded.
        for _ in 0..2 {
            let error = Outliers::new(file.to_str().unwrap(), "f").unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Import { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(name) && text.contains(expected), "{text}");
        }
    }
}
