//! Code for several tests: the Python functions that they call, and commands in a known environment.
// Each test target uses a part of it.
#![allow(dead_code)]

use std::ffi::{CStr, CString, OsStr};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pyoutliers::{Outliers, capi, interpreter, with_python};

/// A function of `tests/callees.py`, which is loaded into this process first.
pub fn callee(function: &str) -> Outliers {
    static LOADED: std::sync::Once = std::sync::Once::new();
    // No test calls this while it holds Python's lock, so this cannot deadlock.
    LOADED.call_once(|| load(c"callees", include_str!("../callees.py")));
    Outliers::new("callees", function).unwrap()
}

/// Whether this NumPy survives when memory runs out; reports it if not.
pub fn numpy_survives_without_memory() -> bool {
    let version = callee("numpy_version").detect(&[0.0, 0.0]).unwrap();
    let survives = version >= vec![2];
    if !survives {
        skipped(&format!(
            "NumPy {version:?} crashes when memory runs out; 2.0 and newer do not"
        ));
    }
    survives
}

/// Whether this is a free-threaded Python.
pub fn is_free_threaded() -> bool {
    interpreter::loaded().version.is_free_threaded()
}

/// Reports that a test is skipped: in its output, for `tests/promises`, and on stderr, because the output of a
/// test that passes is not shown.
pub fn skipped(why: &str) {
    println!("SKIPPED: {why}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// Whether `.ci/run` runs this test with another Python too, which its result hardly depends on.
pub fn is_tested_before() -> bool {
    let is_tested = std::env::var_os("TESTED_BEFORE").is_some();
    if is_tested {
        skipped("it hardly depends on the Python, and runs with another one");
    }
    is_tested
}

/// Makes a module of source code in this process.
pub fn load(name: &CStr, source: &str) {
    let file = CString::new(format!("tests/{}.py", name.to_str().unwrap())).unwrap();
    let source = CString::new(source).unwrap();
    with_python(|py| {
        let code = capi::compile_string(py, &source, &file).unwrap();
        capi::import_exec_code_module(name, &code).unwrap();
        Ok(())
    })
    .unwrap();
}

/// A command in an environment without variables that choose a Python, modules or colours, except for
/// `OUTLIERS_PYTHON`, which names the Python that has NumPy.
pub fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    for variable in [
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(variable);
    }
    command.env("OUTLIERS_PYTHON", interpreter::choice().unwrap().python);
    command
}

/// A test of this executable that is otherwise ignored, in its own process.
pub fn in_a_process_of_its_own(test: &str) -> Command {
    let mut command = command(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", test]);
    command
}

/// A process that takes longer than this counts as hung. When ten tests share a processor, the longest of them take more
/// than a minute.
pub const WATCHDOG: Duration = Duration::from_secs(300);

/// Runs a command to its end. If it hangs, kills it and reports its name and output.
pub fn finished(mut command: Command, what: &str) -> Output {
    fn reads(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).unwrap();
            bytes
        })
    }
    command.stdin(Stdio::null());
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let stdout = reads(child.stdout.take().unwrap());
    let stderr = reads(child.stderr.take().unwrap());
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if start.elapsed() > WATCHDOG {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(2));
    };
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    let text = String::from_utf8_lossy(&stderr);
    assert!(status.is_some(), "{what} hung, and was killed: {text}");
    let status = status.unwrap();
    Output {
        status,
        stdout,
        stderr,
    }
}

/// Runs a test of this executable in its own process, with these variables set, and checks that it passes. Returns
/// its output.
pub fn passes(test: &str, variables: &[(&str, &OsStr)]) -> String {
    let mut command = in_a_process_of_its_own(test);
    command.envs(variables.iter().copied());
    let what = format!("{test} {variables:?}");
    let output = finished(command, &what);
    let (_, stdout, stderr) = outcome(&output);
    println!("{stdout}");
    assert!(
        output.status.success(),
        "{what}: {}\n{stdout}{stderr}",
        output.status
    );
    assert!(stdout.contains("1 passed"), "{what}: {stdout}");
    stdout
}

/// An empty virtual environment that claims to be of that version.
pub fn environment(name: impl AsRef<Path>, version: &str) -> PathBuf {
    let directory = directory(name);
    std::fs::create_dir(directory.join("bin")).unwrap();
    let base = Command::new(interpreter::choice().unwrap().python)
        .args(["-I", "-c", "import sys; print(sys._base_executable)"])
        .output()
        .unwrap();
    let base = PathBuf::from(outcome(&base).1.trim_end());
    let home = base.parent().unwrap().display();
    symlink(&base, directory.join("bin/python")).unwrap();
    std::fs::write(
        directory.join("pyvenv.cfg"),
        // Without the last line, Python would use the packages of the system too.
        format!("home = {home}\nversion = {version}\ninclude-system-site-packages = false\n"),
    )
    .unwrap();
    directory
}

/// Writes an executable script.
///
/// A shell writes it. If this process wrote it, a process that another thread starts at the same time would inherit the
/// open file, and the script could not be run until that process ends ("Text file busy").
pub fn script(path: &Path, text: &str) {
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "printf '#!/bin/sh\n%s' \"$1\" >\"$0\" && chmod +x \"$0\"",
    ]);
    assert!(shell.arg(path).arg(text).status().unwrap().success());
}

/// The version of the linked Python.
pub fn linked_version() -> String {
    interpreter::built_for().version.to_string()
}

/// The directory of the linked Python's modules: `python3.11`, or `python3.14t` if it is free-threaded.
pub fn linked_directory() -> String {
    let version = linked_version();
    let (minor, _) = version.rsplit_once('.').unwrap();
    let flag = if version.ends_with('t') { "t" } else { "" };
    format!("python{minor}{flag}")
}

/// A new directory for one test.
pub fn directory(name: impl AsRef<Path>) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// The directory that Cargo builds this test in.
pub fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// Cargo in a directory, without network. It builds where this test was built, so it builds nothing twice if the
/// environment is the same.
pub fn cargo(directory: &Path, arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(directory).args(arguments);
    cargo.args(["--quiet", "--offline", "--target-dir"]);
    cargo.arg(target());
    cargo
}

/// Exit status, stdout and stderr, as text.
pub fn outcome(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Whether this Python can make virtual environments with pip; reports it if not.
pub fn makes_environments(python: &Path) -> bool {
    let import = ["-I", "-c", "import ensurepip, venv"];
    let made = Command::new(python).args(import).output().unwrap();
    if !made.status.success() {
        skipped("this Python has no venv, which Debian has in python3-venv");
    }
    made.status.success()
}

/// An empty wheel for each NumPy that is pinned.
pub fn make_wheels(python: &Path, directory: &Path) {
    let script = "import re, sys, zipfile
for version in set(re.findall('numpy==([0-9.]+)', sys.argv[1])):
    info = 'numpy-%s.dist-info/' % version
    with zipfile.ZipFile('%s/numpy-%s-py3-none-any.whl' % (sys.argv[2], version), 'w') as wheel:
        wheel.writestr('numpy/__init__.py', '')
        wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: numpy\\nVersion: %s\\n' % version)
        wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        wheel.writestr(info + 'RECORD', '')";
    std::fs::create_dir(directory).unwrap();
    let pinned = include_str!("../../pyoutliers/requirements.txt");
    let made = Command::new(python)
        .args(["-I", "-c", script, pinned])
        .arg(directory)
        .status();
    assert!(made.unwrap().success());
}

/// Makes the directory of an environment's packages.
pub fn packages(python: &Path) -> PathBuf {
    let packages = format!("../lib/{}/site-packages", linked_directory());
    let packages = python.parent().unwrap().join(packages);
    std::fs::create_dir_all(&packages).unwrap();
    packages
}
