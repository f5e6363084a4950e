//! The contents of errors, and where errors can go. The gallery of `hostile.rs` has the errors for everything that
//! can be raised.

use crate::common::{callee, directory};
use pyoutliers::{Error, ErrorKind, Exception, Outliers, capi, with_python};
use std::ffi::CString;

fn raised(function: &str) -> Exception {
    let error = callee(function).detect(&[1.0]).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Call(_)),
        "{function}: {error:?}"
    );
    error.exception().unwrap().clone()
}

/// The output of a `main` that returns the error.
#[test]
fn in_debug_form_an_error_is_its_text_and_the_traceback_of_the_function() {
    let error = callee("raises_value_error").detect(&[1.0]).unwrap_err();
    let traceback = error.exception().unwrap().traceback();
    assert!(traceback.ends_with("ValueError: the message\n"));
    assert_eq!(format!("{error:?}\n"), format!("{error}\n{traceback}"));
    for error in [
        Outliers::new("no_such_module", "f").unwrap_err(),
        Outliers::new("builtins", "int")
            .unwrap()
            .detect(&[1.0])
            .unwrap_err(), // C code raises
    ] {
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}

#[test]
fn a_traceback_is_as_python_prints_it() {
    let raises = callee("raises_in_some_way");
    let printed = callee("was_printed");
    let mut cases = 0;
    for way in 0.. {
        let error = raises.detect(&[f64::from(way)]).unwrap_err();
        let exception = error.exception().unwrap();
        if exception.type_name() == "IndexError" {
            break;
        }
        let printed = printed.detect(&[0.0; 20_000]).unwrap().into_iter();
        let printed: String = printed
            .map(|character| char::from(u8::try_from(character).unwrap()))
            .collect();
        assert_eq!(exception.traceback(), printed);
        cases += 1;
    }
    println!("cases: {cases}");
    assert!(cases > 10);
}

#[test]
fn a_traceback_that_would_be_endless_is_cut() {
    let exception = raised("raises_at_the_end_of_many");
    let shown = exception.traceback().matches("ValueError: the message\n");
    assert_eq!(shown.count(), 32);
    let exception = raised("raises_far_off");
    let traceback = exception.traceback();
    assert!(traceback.contains("    text\n    ^"), "{traceback}");
}

#[test]
fn a_type_that_hides_its_name_has_a_traceback_that_names_it() {
    let error = callee("raises_without_a_name").detect(&[1.0]).unwrap_err();
    let text = "callees:raises_without_a_name: a type without a name: the message";
    assert_eq!(error.to_string(), text);
    assert!(
        error
            .traceback()
            .ends_with("\ncallees.Error: the message\n")
    );
}

#[test]
fn a_traceback_names_compiled_in_source() {
    let detect = Outliers::new("pyoutliers", "detect").unwrap();
    let error = detect.detect(&[1.0, f64::NAN, f64::INFINITY]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pyoutliers:detect: ValueError: the value at index 1 is not finite: nan"
    );
    let traceback = error.exception().unwrap().traceback();
    assert!(
        traceback.contains("File \"<outliers>/pyoutliers/__init__.py\", line "),
        "{traceback}"
    );
    assert!(
        traceback.contains("in _refuse_non_finite\n    raise ValueError("),
        "{traceback}"
    );
}

#[test]
fn long_text_is_cut() {
    let exception = raised("raises_long");
    assert_eq!(exception.message().len(), 4096);
    assert!(exception.to_string().len() < 400);
    let exception = raised("raises_deep_inside");
    let traceback = exception.traceback();
    assert!(traceback.contains("characters left out"), "{traceback}");
    assert!(
        (16_000..20_000).contains(&traceback.len()),
        "{}",
        traceback.len()
    );
    assert!(traceback.starts_with("Traceback"), "{traceback}");
    assert!(
        traceback.ends_with("ValueError: deep inside\n"),
        "{traceback}"
    );
}

#[test]
fn an_error_crosses_threads_and_outlives_everything() {
    fn is_free<T: Send + Sync + 'static>(_: &T) {}
    let error = callee("raises_value_error").detect(&[1.0]).unwrap_err();
    is_free(&error);
    let text = std::thread::spawn(move || error.to_string())
        .join()
        .unwrap();
    assert_eq!(text, "callees:raises_value_error: ValueError: the message");
    let into_anyhow = || -> anyhow::Result<()> { Ok(Err::<(), Error>(raised_error())?) };
    assert!(into_anyhow().unwrap_err().downcast_ref::<Error>().is_some());
}

fn raised_error() -> Error {
    callee("raises_value_error").detect(&[1.0]).unwrap_err()
}

#[test]
fn an_unknown_module_is_an_import_error() {
    let error = Outliers::new("no_such_module", "detect").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Import { module, .. } if module == "no_such_module"));
    let text = error.to_string();
    assert!(
        text.starts_with("cannot import no_such_module: ModuleNotFoundError: No module named"),
        "{text}"
    );
    assert!(
        text.ends_with("name its directory in PYTHONPATH, as the current one is not searched"),
        "{text}"
    );
}

#[test]
fn a_file_that_imports_what_is_missing_gets_advice() {
    let directory = directory("beside");
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
    std::fs::create_dir_all(directory.join("package")).unwrap();
    write("helper.py", "");
    let beside = format!(
        "; the directory of a file is not searched: name {} in PYTHONPATH",
        directory.display()
    );
    let elsewhere = "; install what is missing there; or choose a Python that has it: OUTLIERS_PYTHON=/path/to/python";
    for (name, expected) in [
        ("helper", &*beside),
        ("package", &beside),
        ("package_of_no_name", elsewhere),
    ] {
        let file = format!("imports_{name}.py");
        write(&file, &format!("import {name}\n"));
        let file = directory.join(file);
        let error = Outliers::new(file.to_str().unwrap(), "f").unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with(expected), "{text}");
    }
}

#[test]
fn an_unknown_function_is_a_lookup_error() {
    let error = Outliers::new("math", "no_such_function").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Lookup(_)));
    let text =
        "math:no_such_function: AttributeError: module 'math' has no attribute 'no_such_function'";
    assert_eq!(error.to_string(), text);
}

#[test]
fn what_cannot_be_called_is_refused() {
    let error = Outliers::new("math", "pi").unwrap_err();
    assert_eq!(
        error.kind(),
        &ErrorKind::NotCallable {
            got: "float".into()
        }
    );
    assert_eq!(
        error.to_string(),
        "math:pi: cannot be called: it is of type float"
    );
}

/// A test has the same stack as any thread of `std`.
#[test]
fn source_of_any_depth_is_compiled_or_refused() {
    let compile = |depth| {
        let source = CString::new("x".to_owned() + &".a".repeat(depth)).unwrap();
        with_python(|py| Ok(capi::compile_string(py, &source, c"deep.py").map(drop)?))
    };
    let error = compile(200_000).unwrap_err();
    let kind = error.exception().unwrap().type_name();
    assert!(["RecursionError", "ValueError"].contains(&kind), "{error}");
    // The deepest source that is not refused for its length.
    match compile(32_767) {
        Ok(()) => (),
        Err(error) => assert_eq!(error.exception().unwrap().type_name(), "RecursionError"),
    }
}

#[test]
fn a_name_with_a_nul_is_refused() {
    for (module, function, name, position) in
        [("ma\0th", "sqrt", "ma\0th", 2), ("math", "\0", "\0", 0)]
    {
        let error = Outliers::new(module, function).unwrap_err();
        assert_eq!(
            error.kind(),
            &ErrorKind::Name {
                name: name.into(),
                position
            }
        );
    }
    let error = Outliers::new("ma\0th", "sqrt").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#""ma\0th" is not a Python name: NUL at byte 2"#
    );
}

#[test]
fn an_error_is_one_line_whatever_is_in_it() {
    let error = Outliers::new("no such\nmodule", "f").unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
}
