//! Cargo's runner: it prepares an environment only if it must, changes no other environment, and fails with one line.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{
    directory, environment, linked_version, make_wheels, makes_environments, outcome, packages,
    script,
};
use pyoutliers::interpreter;

/// The interpreter of the build may have NumPy, but a virtual environment of it without packages never does.
fn python_without_numpy(name: &str) -> PathBuf {
    directory(name);
    environment(Path::new(name).join("environment"), &linked_version()).join("bin/python")
}

/// A Python that cannot make environments, such as Debian's without python3-venv.
fn python_without_venv(name: &str) -> PathBuf {
    let python = python_without_numpy(name);
    let block = "import sys; sys.modules['venv'] = None";
    std::fs::write(packages(&python).join("block.pth"), block).unwrap();
    python
}

/// The directory in which the runner would make a private environment in the same test.
fn private(linked: &Path) -> PathBuf {
    environment_in(linked.ancestors().nth(3).unwrap())
}

fn environment_in(directory: &Path) -> PathBuf {
    directory.join(format!("python-{}", linked_version()))
}

/// The runner, with `linked` as the interpreter of the build, starting `echo started`, without network.
fn runner(linked: &Path, private: &Path) -> Command {
    let mut command = crate::common::command(concat!(env!("CARGO_MANIFEST_DIR"), "/.cargo/runner"));
    command
        .args(["echo", "started"])
        .env_remove("OUTLIERS_PYTHON")
        .env("PYTHON_SYS_EXECUTABLE", linked)
        .env("OUTLIERS_ENVIRONMENTS", private.parent().unwrap())
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", "/nonexistent");
    command
}

fn started() -> (Option<i32>, String, String) {
    (Some(0), "started\n".into(), String::new())
}

#[test]
fn a_python_that_is_named_is_left_alone() {
    let linked = python_without_numpy("runner-named");
    let private = private(&linked);
    let output = runner(&linked, &private)
        .env("OUTLIERS_PYTHON", "/nonexistent")
        .output()
        .unwrap();
    assert_eq!(outcome(&output), started());
    assert!(!private.exists());
}

#[test]
fn a_python_that_has_numpy_is_used_without_network() {
    let linked = interpreter::choice().unwrap().python;
    let private = environment_in(&directory("runner-has"));
    let output = runner(&linked, &private).output().unwrap();
    assert_eq!(outcome(&output), started());
    // A system's Python may only be called python3. The Python of an environment is always called python.
    let environment = directory("runner-activated");
    std::fs::create_dir(environment.join("bin")).unwrap();
    let quoted = linked.to_str().unwrap().replace('\'', r"'\''");
    script(
        &environment.join("bin/python"),
        &format!("exec '{quoted}' \"$@\""),
    );
    let output = runner(&python_without_numpy("runner-active"), &private)
        .env("VIRTUAL_ENV", &environment)
        .output();
    assert_eq!(outcome(&output.unwrap()), started());
    assert!(!private.exists());
}

/// Uses a NumPy for which pip needs no network.
#[test]
fn it_prepares_an_environment_once() {
    let linked = python_without_numpy("runner-prepares");
    if !makes_environments(&linked) {
        return;
    }
    let environment = linked.parent().unwrap().parent().unwrap();
    let private = private(&linked);
    let wheels = private.with_file_name("wheels");
    make_wheels(&linked, &wheels);
    let before = files(environment);
    let run = || {
        let mut runner = runner(&linked, &private);
        // pip reads a space as the end of a path.
        let beside = runner.current_dir(wheels.parent().unwrap());
        outcome(&beside.env("PIP_FIND_LINKS", "wheels").output().unwrap())
    };
    let (status, stdout, stderr) = run();
    assert_eq!(
        (status, stdout.as_str()),
        (Some(0), "started\n"),
        "{stderr}"
    );
    assert!(
        stderr.contains("has no NumPy; preparing a private environment, once: "),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(private.join("outliers-ready").exists());
    assert_eq!(files(environment), before);
    assert_eq!(run(), started(), "the second time there is nothing to do");
}

/// Preparing takes seconds, so one run tests it all: it waits for another run, does not change the activated
/// environment, fails with one line, and leaves nothing that looks ready.
#[test]
fn without_network_it_fails_in_one_line_and_changes_nobody_elses_environment() {
    let linked = python_without_numpy("runner-offline");
    if !makes_environments(&linked) {
        return;
    }
    let environment = linked.parent().unwrap().parent().unwrap();
    let private = private(&linked);
    let before = files(environment);
    let mut another = another_run(&linked, &private);
    let mut run = runner(&linked, &private)
        .env("VIRTUAL_ENV", environment)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(run.stderr.take().unwrap());
    let mut waiting = String::new();
    stderr.read_line(&mut waiting).unwrap();
    assert!(
        waiting.contains("waiting for another run that prepares"),
        "{waiting}"
    );
    drop(another.stdin.take());
    assert!(another.wait().unwrap().success(), "waited for too long");
    let stderr = std::io::read_to_string(stderr).unwrap();
    let (status, stdout, _) = outcome(&run.wait_with_output().unwrap());
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    let [doing, failed] = stderr.lines().collect::<Vec<_>>()[..] else {
        unreachable!("{stderr}")
    };
    assert!(
        doing.contains("has no NumPy; preparing a private environment"),
        "{stderr}"
    );
    assert!(
        failed.contains("satisfies the requirement numpy=="),
        "{stderr}"
    );
    assert!(
        failed.contains("connect to the network, or name a Python that has NumPy"),
        "{stderr}"
    );
    assert!(!private.join("outliers-ready").exists());
    assert_eq!(files(environment), before);
}

/// A process that prepares the same environment until its stdin is closed, or until it has waited too long.
fn another_run(python: &Path, private: &Path) -> std::process::Child {
    let script = "import fcntl, signal, sys
signal.alarm(30)
lock = open(sys.argv[1], 'w')
fcntl.flock(lock, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()";
    let lock = format!("{}.lock", private.display());
    let mut command = Command::new(python);
    command
        .args(["-c", script, &lock])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut run = command.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(run.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    run
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![directory.to_owned()];
    let entries = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap());
    for entry in entries {
        let is_directory = entry.file_type().unwrap().is_dir();
        found.extend(if is_directory {
            files(&entry.path())
        } else {
            vec![entry.path()]
        });
    }
    found.sort();
    found
}

#[test]
fn without_venv_it_says_what_to_install() {
    let linked = python_without_venv("runner-without-venv");
    let output = runner(&linked, &private(&linked)).output().unwrap();
    let (status, stdout, stderr) = outcome(&output);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    let remedy = "; install Python's venv, for example with apt install python3-venv\n";
    assert!(stderr.ends_with(remedy), "{stderr}");
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
}

/// A Python without NumPy, whose preparation fails, and one with NumPy on `PYTHONPATH`.
#[test]
fn no_code_in_the_current_directory_or_on_pythonpath_runs() {
    let linked = python_without_venv("runner-stray");
    let private = private(&linked);
    let strays = directory("runner-strays");
    let names = [
        "importlib",
        "site",
        "sitecustomize",
        "usercustomize",
        "startup",
        "encodings",
        "fcntl",
        "subprocess",
        "pathlib",
        "venv",
        "ensurepip",
        "pip",
        "numpy",
    ];
    for name in names {
        let leaves_a_mark = "open(__file__ + '.ran', 'w').close()";
        std::fs::write(strays.join(name).with_extension("py"), leaves_a_mark).unwrap();
    }
    let run = |path: &Path| {
        let mut runner = runner(&linked, &private);
        runner.current_dir(&strays).env("PYTHONPATH", path);
        outcome(
            &runner
                .env("PYTHONSTARTUP", strays.join("startup.py"))
                .output()
                .unwrap(),
        )
    };
    let (status, _, stderr) = run(Path::new(""));
    assert_eq!(status, Some(1), "NumPy was found: {stderr}");
    assert_eq!(run(&strays), started());
    assert_eq!(
        files(&strays).len(),
        1 + names.len(),
        "{:?}",
        files(&strays)
    );
}

#[test]
fn without_a_build_of_ours_the_program_is_just_started() {
    let output = crate::common::command(concat!(env!("CARGO_MANIFEST_DIR"), "/.cargo/runner"))
        .args(["echo", "started"])
        .env_remove("PYTHON_SYS_EXECUTABLE")
        .output();
    assert_eq!(outcome(&output.unwrap()), started());
}
