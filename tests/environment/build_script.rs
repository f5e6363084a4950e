//! The Pythons that the build refuses, and its messages.

#[path = "../../build.rs"]
#[allow(dead_code)]
mod script;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::common::{directory, outcome, script as script_file, skipped, target};
use script::Python;

/// The refusal of a good Python with some answers changed.
fn refusal(changed: &[(&str, &str)]) -> Option<String> {
    let good = [
        ("executable", "/opt/bin/python"),
        ("base_prefix", "/opt"),
        ("implementation", "cpython"),
        ("version", "3.11.7"),
        ("LIBDIR", "/opt/lib"),
        ("LIBPC", "/opt/lib/pkgconfig"),
        ("LDLIBRARY", "libpython3.11.so"),
        ("Py_ENABLE_SHARED", "1"),
        ("PYTHONFRAMEWORK", ""),
        ("Py_DEBUG", "0"),
        ("Py_GIL_DISABLED", ""),
    ];
    let known = |&(key, _): &(&str, _)| good.iter().any(|&(name, _)| name == key);
    assert!(changed.iter().all(known));
    let value = |key| {
        changed
            .iter()
            .find(|&&(name, _)| name == key)
            .map(|&(_, value)| value)
    };
    let answers: String = good
        .iter()
        .map(|&(name, good)| format!("{name}={}\n", value(name).unwrap_or(good)))
        .collect();
    Python::parse(&answers).unwrap().refuse().err()
}

/// The line break can be in `OUTLIERS_ENVIRONMENTS`, or in the name of the checkout.
#[test]
fn a_line_break_cannot_give_cargo_an_instruction() {
    for value in ["a\ncargo::rustc-env=PATH=b", "a\rb", "a\n"] {
        let problem = script::instruct("rustc-env", value).unwrap_err();
        assert!(
            problem.starts_with(&format!("a line break in {value:?}")),
            "{problem}"
        );
        assert_eq!(problem.lines().count(), 1, "{problem}");
    }
}

/// The order of two `use` lines could decide which libpython a program with PyO3 is linked with.
#[test]
fn a_program_that_uses_this_crate_is_not_linked_with_its_libpython() {
    let instructions = Path::new(env!("OUT_DIR")).with_file_name("output");
    let instructions = std::fs::read_to_string(instructions).unwrap();
    assert!(instructions.contains("cargo::rustc-link-arg-tests=-lpython"));
    for of_programs in ["rustc-link-lib", "rustc-link-search", "rustc-link-arg="] {
        assert!(!instructions.contains(of_programs), "{instructions}");
    }
}

#[test]
fn a_release_build_with_a_shared_library_is_accepted() {
    for version in ["3.8.0", "3.11.7", "3.13.0", "3.15.2"] {
        assert_eq!(refusal(&[("version", version)]), None);
    }
}

#[test]
fn a_free_threaded_python_is_accepted_from_3_14_on() {
    for (version, is_accepted) in [("3.13.5", false), ("3.14.0", true), ("3.15.2", true)] {
        let refusal = refusal(&[("version", version), ("Py_GIL_DISABLED", "1")]);
        assert_eq!(refusal.is_none(), is_accepted, "{refusal:?}");
    }
}

#[test]
fn others_are_refused_in_one_line_with_the_evidence_and_the_remedy() {
    for (key, value, problem) in [
        (
            "version",
            "3.7.16",
            "Python 3.7.16 is too old (/opt/bin/python)",
        ),
        (
            "version",
            "2.7.18",
            "Python 2.7.18 is too old (/opt/bin/python)",
        ),
        (
            "Py_GIL_DISABLED",
            "1",
            "Python 3.11.7 is free-threaded (Py_GIL_DISABLED=1 in /opt/bin/python), which is supported from 3.14 on; ",
        ),
        (
            "Py_DEBUG",
            "1",
            "Python 3.11.7 is a debug build (Py_DEBUG=1 in /opt/bin/python)",
        ),
        (
            "Py_ENABLE_SHARED",
            "0",
            "Python 3.11.7 has no shared library (Py_ENABLE_SHARED=0 in /opt/bin/python)",
        ),
        (
            "implementation",
            "pypy",
            "/opt/bin/python is pypy, not CPython",
        ),
    ] {
        let refusal = refusal(&[(key, value)]).unwrap();
        assert!(refusal.starts_with(problem), "{refusal}");
        assert!(
            refusal.ends_with("PYTHON_SYS_EXECUTABLE=/path/to/python cargo build"),
            "{refusal}"
        );
        assert_eq!(refusal.lines().count(), 1);
    }
}

#[test]
fn a_missing_library_is_reported_with_the_directories_that_were_searched() {
    let python = Python {
        version: "3.11.7".into(),
        libdir: "/nonexistent/lib64".into(),
        base_prefix: "/nonexistent".into(),
        library: "libpython3.11-not-there.so".into(),
        ..Python::default()
    };
    let refusal = script::find_library(&python).unwrap_err();
    assert!(
        refusal.starts_with("libpython3.11-not-there.so is missing (searched "),
        "{refusal}"
    );
    assert!(
        refusal.ends_with(
            "/nonexistent/lib64, /nonexistent/lib); install it, for example with apt install \
             libpython3.11-dev, or name another Python: PYTHON_SYS_EXECUTABLE=/path/to/python cargo build"
        ),
        "{refusal}"
    );
}

#[test]
fn a_command_that_is_not_a_python_is_refused() {
    let sleeps = directory("sleeping-python").join("python");
    script_file(&sleeps, "exec sleep 1000");
    let sleeps = sleeps.to_str().unwrap();
    let too_late = format!("{sleeps} does not answer within 1 seconds");
    for (interpreter, problem) in [
        ("/nonexistent/python", "cannot run /nonexistent/python: "),
        ("false", "false does not answer: "),
        (sleeps, too_late.as_str()),
    ] {
        let refusal = Python::ask(interpreter, Duration::from_secs(1)).unwrap_err();
        assert!(refusal.starts_with(problem), "{refusal}");
        assert!(
            refusal.ends_with("PYTHON_SYS_EXECUTABLE=/path/to/python cargo build"),
            "{refusal}"
        );
    }
}

#[test]
fn a_line_break_in_a_path_is_refused() {
    let error = Python::parse("executable=/a\nb/python\n").unwrap_err();
    assert!(
        error.starts_with("a line break in a path of Python"),
        "{error}"
    );
}

/// The output of the build script of python3-sys with this `PATH`, when it has to ask `python`.
fn python3_sys_prints(path: &Path, python: Option<&str>) -> (Option<i32>, String, String) {
    let scripts = std::fs::read_dir(target().join("debug/build")).unwrap();
    let mut scripts = scripts.map(|entry| entry.unwrap().path().join("build-script-build"));
    let script =
        scripts.find(|path| path.exists() && path.to_str().unwrap().contains("/python3-sys-"));
    let mut script = Command::new(script.unwrap());
    script
        .env_clear()
        .env("CARGO_FEATURE_PYTHON_3", "1")
        .env("PATH", path);
    outcome(
        &script
            .envs(python.map(|python| ("PYTHON_SYS_EXECUTABLE", python)))
            .output()
            .unwrap(),
    )
}

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.cargo/python");

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs /proc")]
fn without_any_python_one_line_says_what_to_do() {
    let (status, stdout, stderr) = python3_sys_prints(Path::new("/nonexistent"), Some(PYTHON));
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
    let mut errors = stdout
        .lines()
        .filter(|line| line.starts_with("cargo::error="));
    let error = errors.next().unwrap();
    assert!(
        error.contains("there is no Python 3 on PATH; install one"),
        "{error}"
    );
    assert_eq!(errors.next(), None);
}

#[test]
fn in_a_checkout_the_same_python_is_chosen_as_elsewhere() {
    let python = pyoutliers::interpreter::choice().unwrap().python;
    for (case, first) in [None, Some(Path::new("/bin/false")), Some(&python)]
        .iter()
        .enumerate()
    {
        let path = directory(format!("chosen-{case}"));
        let there =
            |name: &str, python| std::os::unix::fs::symlink(python, path.join(name)).unwrap();
        first.map(|first| there("python", first));
        there("python3", &python);
        let alone = python3_sys_prints(&path, None);
        assert_eq!(alone, python3_sys_prints(&path, Some(PYTHON)), "{first:?}");
        assert_eq!(alone.0, Some(0));
    }
}

#[test]
fn the_benchmarks_say_what_is_missing_before_they_compile() {
    let run = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/run");
    if !Path::new(run).exists() {
        return skipped("the package holds no benches");
    }
    let python = pyoutliers::interpreter::choice().unwrap().python;
    let path = directory("benches-need");
    let there =
        |name: &str, tool: &Path| std::os::unix::fs::symlink(tool, path.join(name)).unwrap();
    there("dirname", Path::new("/usr/bin/dirname"));
    for (name, tool, missing) in [
        (
            "python3",
            python.as_path(),
            "Python is missing; install it, for example with apt install libpython3-dev",
        ),
        (
            "cc",
            Path::new("/bin/false"),
            "cc is missing; install it, for example with apt install gcc",
        ),
        (
            "cat",
            Path::new("/bin/false"),
            "pkg-config is missing; install it, for example with apt install pkg-config",
        ),
    ] {
        let output = Command::new(run)
            .env_clear()
            .env("PATH", &path)
            .output()
            .unwrap();
        let expected = format!("benches: {missing}\n");
        assert_eq!(outcome(&output), (Some(1), String::new(), expected));
        there(name, tool);
    }
}
