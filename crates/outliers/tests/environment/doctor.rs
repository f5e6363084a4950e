//! `outliers doctor` names each problem and its fix. In the library, the same problem is an error at each
//! call, and the process continues.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod libpython;

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::common::{
    directory, environment, is_free_threaded, linked_directory, linked_version, outcome, outliers,
    passes, script, skipped,
};
use crate::common::{make_wheels, makes_environments, packages};
use libpython::other_libpython;
use pyoutliers::{ErrorKind, Outliers, interpreter};

/// The doctor's exit status and output.
fn doctor(prepare: impl FnOnce(&mut Command)) -> (Option<i32>, String) {
    let mut command = outliers();
    command.arg("doctor");
    prepare(&mut command);
    let (status, stdout, stderr) = outcome(&command.output().unwrap());
    assert_eq!(stderr, "");
    (status, stdout)
}

/// The only problem that the doctor reports.
fn problem(prepare: impl FnOnce(&mut Command)) -> String {
    let (status, stdout) = doctor(prepare);
    assert_eq!(status, Some(1), "{stdout}");
    let problems: Vec<_> = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("problem    "))
        .collect();
    assert_eq!(problems.len(), 1, "{stdout}");
    assert!(!stdout.contains("no problems found"));
    problems[0].to_owned()
}

/// The only problem, if only this variable chooses a Python.
fn problem_of_choice(variable: &str, value: impl AsRef<OsStr>) -> String {
    problem(|command| _ = command.env_remove("OUTLIERS_PYTHON").env(variable, value))
}

#[test]
fn no_problems_are_found() {
    let (status, stdout) = doctor(|_| ());
    assert_eq!(status, Some(0), "{stdout}");
    let choice = interpreter::choice().unwrap();
    for part in [
        &format!("{} at {}", choice.version, choice.python.display()),
        "chosen by  OUTLIERS_PYTHON",
        &format!(
            "built for  {} in {}",
            linked_version(),
            interpreter::built_for().path.display()
        ),
        &format!("loaded     {} from ", linked_version()),
        "numpy      ",
        "compiler   ",
        "demo       [7, 113, 835]",
        "no problems found",
    ] {
        assert!(stdout.contains(part), "{part:?} is missing:\n{stdout}");
    }
}

/// Only the exercises need it, so it is no problem.
#[test]
fn without_a_c_compiler_a_line_says_what_to_install() {
    let (status, stdout) = doctor(|command| _ = command.env("CC", "/nonexistent/cc"));
    assert_eq!(status, Some(0), "{stdout}");
    let expected =
        "compiler   none for the exercises: cannot start the C compiler /nonexistent/cc (";
    let line = stdout.lines().find(|line| line.starts_with(expected));
    let line = line.expect(&stdout);
    assert!(line.ends_with("apt install gcc libc6-dev"), "{line}");
}

#[test]
fn the_report_can_be_json() {
    let (status, stdout) = doctor(|command| _ = command.arg("--json"));
    assert_eq!(status, Some(0), "{stdout}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["ok"], true);
    assert_eq!(report["problems"], serde_json::json!([]));
    assert_eq!(report["demo"], "[7, 113, 835]");
    let (status, stdout) =
        doctor(|command| _ = command.arg("--json").env("PYTHONHOME", "/nonexistent"));
    assert_eq!(status, Some(1), "{stdout}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["ok"], false);
    let problem = report["problems"][0].as_str().unwrap();
    assert!(problem.ends_with("unset PYTHONHOME"), "{problem}");
}

/// The command that the doctor suggests for installing NumPy into an environment.
fn remedy(environment: &Path) -> String {
    let problem = problem_of_choice("VIRTUAL_ENV", environment);
    assert!(problem.contains("No module named 'numpy'"), "{problem}");
    let (_, remedy) = problem.split_once("; install it: ").unwrap();
    let (remedy, rest) = remedy.split_once("; or ").unwrap();
    assert_eq!(
        rest,
        "choose a Python that has it: OUTLIERS_PYTHON=/path/to/python"
    );
    remedy.to_owned()
}

#[test]
fn an_environment_without_numpy() {
    let environment = environment("no-numpy", &linked_version());
    let python = environment.join("bin/python");
    let settings = environment.join("pyvenv.cfg");
    let venvs = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("{venvs}uv = 0.9.5\n")).unwrap();
    let python = shell_word(&python);
    assert_eq!(
        remedy(&environment),
        format!("uv pip install --python {python} numpy")
    );
    std::fs::create_dir(packages(&environment.join("bin/python")).join("pip")).unwrap();
    let pip = format!("{python} -m pip install numpy");
    assert_eq!(remedy(&environment), pip);
}

/// A path, quoted for a shell.
fn shell_word(path: &Path) -> String {
    let path = path.to_str().unwrap();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    match path.chars().all(is_plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', r#"'"'"'"#)),
    }
}

#[test]
fn the_remedy_for_a_missing_numpy_works() {
    let environment = environment("it's \"remedied\"", &linked_version());
    let python = environment.join("bin/python");
    if !makes_environments(&python) {
        return;
    }
    make_wheels(&python, &environment.join("wheels"));
    let remedy = remedy(&environment);
    assert!(remedy.contains(" -m ensurepip && "), "{remedy}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &remedy]).current_dir(&environment);
    shell
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", "wheels");
    let (status, stdout, stderr) = outcome(&shell.output().unwrap());
    assert_eq!(status, Some(0), "{remedy}: {stdout}{stderr}");
    let imported = Command::new(&python)
        .args(["-I", "-c", "import numpy"])
        .status();
    assert!(imported.unwrap().success());
}

/// The prefix and the files that exist show the kind of Python.
#[test]
fn a_system_python_without_numpy() {
    let script = "import os, sys
exec(open(sys.argv[1]).read())
sys.prefix = sys.base_prefix = sys.argv[2]
os.path.exists = sys.argv[3].__eq__
os.__file__, sys.executable = '/p/lib/os.py', '/a b/python'
find_spec = lambda name: None if sys.argv[4] == 'none' else name
print(install_numpy())";
    let pip = "'/a b/python' -m pip install numpy";
    let managed = "'/a b/python' -m venv .venv && .venv/bin/pip install numpy, and activate that \
                   environment";
    for (prefix, there, finds_pip, expected) in [
        ("/usr", "/usr/bin/apt", "none", "apt install python3-numpy"),
        ("/usr", "/usr/bin/apt", "pip", "apt install python3-numpy"),
        ("/usr", "", "pip", pip),
        ("/opt", "/usr/bin/apt", "pip", pip),
        ("/opt", "/p/lib/EXTERNALLY-MANAGED", "pip", managed),
        (
            "/opt",
            "",
            "none",
            &format!("'/a b/python' -m ensurepip && {pip}"),
        ),
    ] {
        let remedy = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../src/interpreter/remedy.py"
        );
        let mut python = Command::new(interpreter::choice().unwrap().python);
        python.args(["-I", "-c", script, remedy, prefix, there, finds_pip]);
        let (_, stdout, stderr) = outcome(&python.output().unwrap());
        assert_eq!((stdout.trim_end(), stderr.as_str()), (expected, ""));
    }
}

#[test]
fn numpy_for_another_python() {
    // NumPy raises this if its compiled modules do not fit.
    let directory = crate::common::directory("wrong-numpy");
    std::fs::create_dir(directory.join("numpy")).unwrap();
    let source = "raise ImportError('Importing the numpy C-extensions failed.')";
    std::fs::write(directory.join("numpy/__init__.py"), source).unwrap();
    // It has the version of the library, because a different version is reported first.
    let environment = environment("wrong-numpy-python", &linked_version());
    let problem = problem(|command| {
        command.env("PYTHONPATH", &directory);
        command.env("OUTLIERS_PYTHON", environment.join("bin/python"));
    });
    assert!(
        problem.contains("made for a Python other than"),
        "{problem}"
    );
    assert!(problem.contains("take it off PYTHONPATH"), "{problem}");
}

#[test]
fn numpy_for_another_micro_version() {
    let version = linked_version();
    let (minor, micro) = version.rsplit_once('.').unwrap();
    let other = format!("{minor}.99{}", micro.trim_start_matches(char::is_numeric));
    let environment = environment("other-micro", &other);
    let directory = crate::common::directory("unfit-numpy");
    std::fs::write(
        directory.join("numpy.py"),
        "raise ImportError('undefined symbol')",
    )
    .unwrap();
    let problem = problem(|command| {
        command.env("PYTHONPATH", &directory);
        command.env("OUTLIERS_PYTHON", environment.join("bin/python"));
    });
    let remedy =
        format!("that is Python {other} with the library of {version}: choose a Python {version}");
    assert!(problem.ends_with(&remedy), "{problem}");
}

#[test]
fn a_demo_that_prints_something_else() {
    let directory = crate::common::directory("other-random");
    let source = "import itertools, random\nrandom.random = itertools.cycle([0.0, 1e9]).__next__";
    std::fs::write(directory.join("sitecustomize.py"), source).unwrap();
    let mut report = String::new();
    let problem = problem(|command| {
        command.env("PYTHONPATH", &directory);
        report = outcome(&command.output().unwrap()).1;
    });
    assert!(report.contains("demo       []\n"), "{report}");
    assert!(
        problem.starts_with("the demo must print [7, 113, 835]; does PYTHONPATH"),
        "{problem}"
    );
}

#[test]
fn an_environment_of_another_minor_version() {
    let other = environment("other-minor", "3.6.15");
    for (variable, value) in [
        ("VIRTUAL_ENV", other.clone()),
        ("CONDA_PREFIX", other.clone()),
        ("OUTLIERS_PYTHON", other.join("bin/python")),
    ] {
        let problem = problem_of_choice(variable, value);
        assert!(
            problem.starts_with(&format!("{variable} leads to Python 3.6.15")),
            "{problem}"
        );
        assert!(
            problem.contains(&format!("linked with Python {}", linked_version())),
            "{problem}"
        );
        assert!(problem.contains("PYTHON_SYS_EXECUTABLE="), "{problem}");
    }
}

#[test]
fn a_choice_that_does_not_exist_or_is_not_a_python() {
    let endless = directory("endless").join("python");
    script(&endless, "exec yes\n");
    let endless = endless.to_str().unwrap();
    let too_much = format!(
        "OUTLIERS_PYTHON leads to {endless}, which does not work as a Python: it prints more than 65536 bytes"
    );
    for (variable, value, expected) in [
        (
            "OUTLIERS_PYTHON",
            "/nonexistent/python",
            "OUTLIERS_PYTHON leads to /nonexistent/python, which does not exist",
        ),
        (
            "OUTLIERS_PYTHON",
            "/bin/ls",
            "OUTLIERS_PYTHON leads to /bin/ls, which does not work as a Python",
        ),
        ("OUTLIERS_PYTHON", endless, &too_much),
        (
            "VIRTUAL_ENV",
            "/nonexistent",
            "VIRTUAL_ENV leads to /nonexistent/bin/python, which does not exist",
        ),
    ] {
        let problem = problem_of_choice(variable, value);
        assert!(problem.starts_with(expected), "{problem}");
    }
}

/// An environment that was copied into an image without the Python that had made it.
#[test]
fn a_link_that_leads_nowhere_is_named_with_its_end() {
    let copied = directory("copied");
    let bin = copied.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    symlink("python3", bin.join("python")).unwrap();
    symlink("/nonexistent/bin/python3.11", bin.join("python3")).unwrap();
    symlink("round", bin.join("round")).unwrap();
    let python = bin.join("python");
    let (round, python) = (bin.join("round").display().to_string(), python.display());
    let end = "which is a link to /nonexistent/bin/python3.11, which does not exist";
    for (variable, value, expected) in [
        (
            "VIRTUAL_ENV",
            copied.to_str().unwrap(),
            format!("{python}, {end}"),
        ),
        (
            "OUTLIERS_PYTHON",
            &round,
            format!("{round}, which does not exist"),
        ),
    ] {
        let problem = problem_of_choice(variable, value);
        let expected = format!("{variable} leads to {expected}");
        assert!(problem.starts_with(&expected), "{problem}");
    }
}

#[test]
fn the_order_of_choice() {
    let right = environment("order", &linked_version());
    let python = right.join("bin/python");
    let chosen = |variables: &[(&str, &Path)]| {
        let (_, stdout) = doctor(|command| {
            _ = command
                .env_remove("OUTLIERS_PYTHON")
                .envs(variables.iter().copied())
        });
        stdout
            .lines()
            .find_map(|line| line.strip_prefix("chosen by  "))
            .unwrap()
            .to_owned()
    };
    let (nowhere, none) = (Path::new("/nonexistent"), Path::new(""));
    let (own, venv, conda) = (
        ("OUTLIERS_PYTHON", &*python),
        ("VIRTUAL_ENV", &*right),
        ("CONDA_PREFIX", &*right),
    );
    assert_eq!(chosen(&[own, ("VIRTUAL_ENV", nowhere)]), "OUTLIERS_PYTHON");
    assert_eq!(chosen(&[venv, ("CONDA_PREFIX", nowhere)]), "VIRTUAL_ENV");
    assert_eq!(chosen(&[conda]), "CONDA_PREFIX");
    assert_eq!(
        chosen(&[conda, ("OUTLIERS_PYTHON", none), ("VIRTUAL_ENV", none)]),
        "CONDA_PREFIX"
    );
    // The environment can exist but be refused: see the tests of `choice.rs`.
    let ours = chosen(&[]);
    // Cargo sets the variable, in .cargo/config.toml.
    let place = std::env::var_os("OUTLIERS_ENVIRONMENTS").unwrap_or_default();
    let environment = format!("python-{}", linked_version());
    let prepared = Path::new(&place).join(environment).join("outliers-ready");
    let developed = prepared.exists() && ours == "this checkout's development environment";
    assert!(
        developed || ours == "the interpreter it was built with",
        "{ours}"
    );
    // A conda environment without Python is ignored.
    assert_eq!(chosen(&[("CONDA_PREFIX", nowhere)]), ours);
}

#[test]
fn a_wrong_python_home() {
    let problem = problem(|command| _ = command.env("PYTHONHOME", "/nonexistent"));
    let version = linked_version();
    assert!(problem.starts_with(&format!(
        "PYTHONHOME=/nonexistent holds no standard library of Python {version}"
    )));
    assert!(problem.ends_with("unset PYTHONHOME"), "{problem}");
}

#[test]
fn another_libpython() {
    let other = other_libpython();
    let reported = problem(|command| _ = command.env("LD_LIBRARY_PATH", &other));
    let expected = format!(
        "this program was built for Python {} in {}, but the loader found 3.99.1 in {}",
        linked_version(),
        interpreter::built_for().path.display(),
        other.display(),
    );
    assert!(reported.starts_with(&expected), "{reported}");
    assert!(reported.contains("unset LD_LIBRARY_PATH"), "{reported}");
    let output = outliers().env("LD_LIBRARY_PATH", &other).output().unwrap();
    let stderr = format!("outliers: {reported}\n");
    assert_eq!(outcome(&output), (Some(1), String::new(), stderr));
}

/// Uses a copy of the library with other version numbers.
#[test]
fn a_library_of_another_patch_release_is_used_wherever_it_is() {
    let version = linked_version().trim_end_matches('t').to_owned();
    let mut other = version.clone().into_bytes();
    let last = other.last_mut().unwrap();
    *last = if *last == b'9' { b'0' } else { *last + 1 };
    let loaded = interpreter::loaded().path;
    let mut library = std::fs::read(&loaded).unwrap();
    let is_version = |at: &usize| library[*at..].starts_with(version.as_bytes());
    let places: Vec<_> = (0..library.len()).filter(is_version).collect();
    for at in places {
        library[at..at + other.len()].copy_from_slice(&other);
    }
    let directory = crate::common::directory("other-patch");
    std::fs::write(directory.join(loaded.file_name().unwrap()), library).unwrap();
    let (status, stdout) = doctor(|command| _ = command.env("LD_LIBRARY_PATH", &directory));
    assert_eq!(status, Some(0), "{stdout}");
    let other = String::from_utf8(other).unwrap();
    let flag = if is_free_threaded() { "t" } else { "" };
    for part in [
        &format!("loaded     {other}{flag} from {}", directory.display()),
        "demo       [7, 113, 835]",
    ] {
        assert!(stdout.contains(part), "{part:?} is missing:\n{stdout}");
    }
}

/// Runs in a namespace in which the library is empty, and so is the system's library if there is one.
#[test]
fn without_a_libpython_one_line_says_what_to_install() {
    let library = interpreter::loaded().path.canonicalize().unwrap();
    let name = library.file_name().unwrap().to_owned();
    let name = name.to_str().unwrap();
    let script = "for file in \"$1\" $(/sbin/ldconfig -p | sed -n \"s/.*$2.* => //p\"); do
            mount --bind /dev/null \"$file\" || exit 77
        done
        \"$0\" --version; \"$0\"; \"$0\" doctor";
    let mut program = crate::common::command("unshare");
    program.args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_outliers")]);
    let output = program.arg(library).arg(name).output();
    match output.as_ref().map(outcome) {
        // `unshare` is missing or fails, or `mount` fails.
        Err(_) | Ok((Some(77), ..)) => skipped(&format!("no mount here: {output:?}")),
        Ok((Some(1), stdout, _)) if stdout.is_empty() => skipped("no namespace here"),
        Ok((status, stdout, stderr)) => {
            assert_eq!(status, Some(1), "{stdout}{stderr}");
            let package = name.split(".so").next().unwrap();
            let remedy = format!(
                "; install it, for example with apt install {package}, or name its directory: \
                 LD_LIBRARY_PATH=/path/to/lib"
            );
            let error = stderr.trim_end().strip_prefix("outliers: ").unwrap();
            assert!(error.contains(name) && error.ends_with(&remedy), "{stderr}");
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            assert!(stdout.starts_with("outliers 0."), "{stdout}");
            assert!(
                stdout.ends_with(&format!("problem    {error}\n")),
                "{stdout}"
            );
        }
    }
}

#[test]
#[ignore = "the next test runs it in a separate process"]
fn start_fails() {
    let first = Outliers::new("pyoutliers", "detect").unwrap_err();
    assert!(matches!(first.kind(), ErrorKind::Start { .. }), "{first}");
    let later = std::thread::spawn(|| pyoutliers::gen_testdata().unwrap_err())
        .join()
        .unwrap();
    assert_eq!(first, later);
    println!("remembered: {first}");
}

#[test]
fn a_failed_start_is_remembered_and_the_process_continues() {
    let other = environment("fails-to-start", "3.6.15");
    for (variable, value) in [
        ("PYTHONHOME", Path::new("/nonexistent")),
        ("OUTLIERS_PYTHON", &other.join("bin/python")),
    ] {
        let stdout = passes("doctor::start_fails", &[(variable, value.as_ref())]);
        let expected = format!("remembered: {variable}");
        assert!(stdout.contains(&expected), "{stdout}");
    }
}

#[test]
fn python_itself_refuses_to_start() {
    // A standard library with only os.py passes our check, but not Python's.
    let home = crate::common::directory("empty-home");
    let library = home.join("lib").join(linked_directory());
    std::fs::create_dir_all(&library).unwrap();
    std::fs::write(library.join("os.py"), "").unwrap();
    let stdout = passes("doctor::start_fails", &[("PYTHONHOME", home.as_ref())]);
    let expected = "remembered: cannot start Python with ";
    assert!(stdout.contains(expected), "{stdout}");
}
