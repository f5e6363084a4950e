//! The program in unusual environments: moved, with hostile names, without a home directory, and in a hostile
//! or deleted directory.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{
    command, environment, is_free_threaded, linked_directory, linked_version, outcome, outliers,
};
use pyoutliers::interpreter;

/// In source or a command, this ends a string or a line. It is not valid UTF-8 either.
const HOSTILE: &[u8] = b"a \"quoted' \\ $HOME `dir`\nwith \xE9 line;\ttab";

type Outcome = (Option<i32>, String, String);

fn fine(stdout: &str) -> Outcome {
    (Some(0), format!("{stdout}\n"), String::new())
}

/// A directory with a hostile name.
fn hostile(name: &str) -> PathBuf {
    crate::common::directory(Path::new(name).join(OsStr::from_bytes(HOSTILE)))
}

/// Links the program into a directory, for the reason given at `common::script`.
fn moved_to(directory: &Path) -> PathBuf {
    let moved = directory.join("outliers");
    fs::hard_link(env!("CARGO_BIN_EXE_outliers"), &moved).unwrap();
    moved
}

fn run(command: &mut Command) -> Outcome {
    outcome(&command.stdin(Stdio::null()).output().unwrap())
}

#[test]
fn the_program_can_be_moved_and_started_through_a_symlink_or_by_name() {
    let directory = hostile("moved");
    let moved = moved_to(&directory);
    assert_eq!(run(&mut command(&moved)), fine("[7, 113, 835]"));
    let links = crate::common::directory("links");
    let link = links.join(OsStr::from_bytes(HOSTILE));
    symlink(&moved, &link).unwrap();
    assert_eq!(run(&mut command(&link)), fine("[7, 113, 835]"));
    let path = [directory.as_os_str(), OsStr::new("/usr/bin:/bin")].join(OsStr::new(":"));
    let mut by_name = command("sh");
    by_name.args(["-c", "exec outliers"]).env("PATH", path);
    assert_eq!(run(&mut by_name), fine("[7, 113, 835]"));
    let relative = Path::new("..").join(OsStr::from_bytes(HOSTILE));
    let mut relative = command(relative.join("outliers"));
    assert_eq!(run(relative.current_dir(&directory)), fine("[7, 113, 835]"));
}

#[test]
fn files_can_have_any_name() {
    let directory = hostile("files");
    let name = |end: &str| OsString::from_vec([HOSTILE, end.as_bytes()].concat());
    let (numbers, picture) = (name(".csv"), name(".svg"));
    fs::write(directory.join(&numbers), "1 1 1 1 1 1 1 1 9\n").unwrap();
    let detect = |file: &OsStr| {
        let mut command = outliers();
        command.args([OsStr::new("detect"), file, OsStr::new("--plot"), &picture]);
        run(command.current_dir(&directory))
    };
    assert_eq!(detect(&numbers), fine("[8]"));
    let svg = fs::read_to_string(directory.join(&picture)).unwrap();
    assert!(svg.ends_with("</svg>\n") && svg.contains("outliers among 9 values: 1"));

    fs::write(directory.join(&numbers), "1\nx\n").unwrap();
    let (status, stdout, stderr) = detect(&numbers);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.ends_with(".csv:2: not a number: \"x\"\n"),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let (status, _, stderr) = detect(&name("not there"));
    assert_eq!((status, stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert!(stderr.contains("No such file or directory"), "{stderr}");
}

#[test]
fn an_environment_can_have_any_name() {
    let environment = environment(
        Path::new("environments").join(OsStr::from_bytes(HOSTILE)),
        &linked_version(),
    );
    let packages = environment.join(format!("lib/{}/site-packages", linked_directory()));
    fs::create_dir_all(&packages).unwrap();
    let find = "import os, numpy; print(os.path.dirname(os.path.dirname(numpy.__file__)))";
    let mut python = command(interpreter::choice().unwrap().python);
    let found = outcome(&python.args(["-I", "-c", find]).output().unwrap()).1;
    fs::write(packages.join("numpy.pth"), found).unwrap();
    let python = environment.join("bin/python");
    for (variable, value) in [("OUTLIERS_PYTHON", &python), ("VIRTUAL_ENV", &environment)] {
        let mut program = outliers();
        program.env_remove("OUTLIERS_PYTHON").env(variable, value);
        assert_eq!(run(&mut program), fine("[7, 113, 835]"));
        let mut doctor = outliers();
        doctor.env_remove("OUTLIERS_PYTHON").env(variable, value);
        let (status, stdout, _) = run(doctor.arg("doctor"));
        assert_eq!(status, Some(0), "{stdout}");
        let python = python.display().to_string().replace('\n', " ");
        let chosen = format!("at {python}\nchosen by  {variable}\n");
        assert!(stdout.contains(&chosen), "{stdout}");
    }
}

#[test]
fn stray_files_in_the_current_directory_change_nothing() {
    let directory = hostile("stray");
    for name in [
        "numpy.py",
        "pyoutliers.py",
        "_outliers_prelude.py",
        "math.py",
        "random.py",
        "io.py",
        "os.py",
        "site.py",
        "encodings.py",
        "importlib.py",
        "struct.py",
        "sitecustomize.py",
        "usercustomize.py",
        "pyvenv.cfg",
        "python3._pth",
        "pybuilddir.txt",
    ] {
        fs::write(directory.join(name), "raise SystemExit('hostile')").unwrap();
    }
    let here = moved_to(&directory);
    for program in [Path::new(env!("CARGO_BIN_EXE_outliers")), &here] {
        let mut command = command(program);
        assert_eq!(run(command.current_dir(&directory)), fine("[7, 113, 835]"));
    }
}

#[test]
fn the_home_directory_can_be_missing_or_read_only() {
    // Not even root can write to these.
    for home in [None, Some("/proc"), Some("/nonexistent"), Some("")] {
        let mut program = outliers();
        program
            .env_remove("HOME")
            .envs(home.map(|home| ("HOME", home)));
        assert_eq!(run(&mut program), fine("[7, 113, 835]"), "{home:?}");
    }
}

#[test]
fn the_current_directory_can_be_deleted() {
    let directory = crate::common::directory("gone");
    let script = "mkdir here && cd here && rmdir ../here && exec \"$0\"";
    let mut program = command("sh");
    program.args(["-c", script, env!("CARGO_BIN_EXE_outliers")]);
    assert_eq!(run(program.current_dir(directory)), fine("[7, 113, 835]"));
}

#[test]
fn an_empty_environment_is_enough() {
    for path in [None, Some(""), Some("/nonexistent"), Some("/usr/bin:/bin")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outliers"));
        command
            .env_clear()
            .envs(path.map(|path| ("PATH", path)))
            .current_dir("/");
        command.env("OUTLIERS_PYTHON", interpreter::choice().unwrap().python);
        assert_eq!(
            outcome(&command.output().unwrap()),
            (Some(0), "[7, 113, 835]\n".into(), String::new())
        );
    }
}

#[test]
fn the_start_sets_no_environment_variable() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outliers"));
    let tests = Path::new(crate::common::CHECKOUT).join("tests");
    let file = tests.join("data/one.txt");
    command
        .env_clear()
        .env("PYTHONPATH", tests)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("OUTLIERS_PYTHON", interpreter::choice().unwrap().python);
    command
        .args(["detect", "--function", "callees:knows_lc_ctype"])
        .arg(file);
    assert_eq!(
        outcome(&command.output().unwrap()),
        (Some(0), "[0]\n".into(), String::new())
    );
}

#[test]
fn pyoutliers_on_the_path_does_not_replace_the_one_compiled_in() {
    let directory = crate::common::directory("stray-pyoutliers");
    std::fs::write(
        directory.join("pyoutliers.py"),
        "raise SystemExit('hostile')",
    )
    .unwrap();
    let output = outliers().env("PYTHONPATH", &directory).output().unwrap();
    assert_eq!(
        outcome(&output),
        (Some(0), "[7, 113, 835]\n".into(), String::new())
    );
}

/// As in Python, an empty entry is the current directory.
#[test]
fn the_current_directory_is_searched_only_if_pythonpath_names_it() {
    let directory = crate::common::directory("empty-entry");
    fs::write(directory.join("own.py"), "def f(data): return [1]").unwrap();
    let file = Path::new(crate::common::CHECKOUT).join("tests/data/temperature.csv");
    for (path, status) in [("/nowhere", 1), (":/nowhere", 0), (".", 0)] {
        let mut command = outliers();
        command.args(["detect", "--column", "2", "--function", "own:f"]);
        command.arg(&file).env("PYTHONPATH", path);
        command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(&directory);
        let (found, stdout, stderr) = run(&mut command);
        assert_eq!(found, Some(status), "{path}: {stdout}{stderr}");
    }
}

#[test]
fn the_lessons_refuse_a_free_threaded_python_in_a_sentence() {
    for arguments in [["refcounts", "1"], ["exercise", "append"]] {
        let output = outliers().args(arguments).arg("--help").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
    let (status, stdout, stderr) = outcome(&outliers().args(["refcounts", "1"]).output().unwrap());
    if is_free_threaded() {
        let judged = outliers().args(["exercise", "append"]).output().unwrap();
        assert_eq!(judged.status.code(), Some(3));
        let expected =
            "outliers: the lessons and exercises show counts that a free-threaded Python keeps ";
        assert_eq!((status, &*stdout), (Some(1), ""));
        assert!(
            stderr.starts_with(expected) && stderr.lines().count() == 1,
            "{stderr}"
        );
    } else {
        assert_eq!((status, &*stderr), (Some(0), ""), "{stdout}");
    }
}
