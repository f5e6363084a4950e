//! The README's commands for your own crate and for installing, typed in a fresh copy of this clone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{self, finished, makes_environments, outcome, skipped};
use pyoutliers::interpreter;

const README: &str = include_str!("../../README.md");
const THIS: &str = env!("CARGO_MANIFEST_DIR");

/// The first block of Rust in the README that contains a text.
fn block(text: &str) -> &'static str {
    let mut blocks = README.split("```rust").skip(1);
    let block = blocks.find_map(|block| {
        let code = block.split_once('\n')?.1.split_once("```")?.0;
        code.contains(text).then_some(code)
    });
    block.unwrap()
}

/// Copies a directory, except what is built and `.git`.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let (name, path) = (entry.file_name(), entry.path());
        // In a worktree, `.git` is a file that leads to the repository.
        if ["target", ".git", "__pycache__"].contains(&&*name.to_string_lossy()) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(path, to.join(name)).unwrap();
        }
    }
}

/// A directory outside of this clone, which is removed at the end.
struct Fresh(PathBuf);

impl Fresh {
    /// With a copy of this clone in `pyoutliers-main`.
    fn with_a_clone(name: &str) -> Self {
        let name = format!("outliers-{name}-{}", std::process::id());
        let fresh = Self(std::env::temp_dir().canonicalize().unwrap().join(name));
        copy(Path::new(THIS), &fresh.clone());
        fresh
    }

    fn clone(&self) -> PathBuf {
        self.0.join("pyoutliers-main")
    }

    /// A shell in the clone, with the linked Python first on `PATH`, and without network.
    fn shell(&self, script: &str) -> Command {
        let tools = self.0.join("tools");
        let _ = fs::create_dir(&tools);
        for name in ["python", "python3"] {
            let _ = symlink(base(), tools.join(name));
        }
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", script])
            .current_dir(self.clone())
            .env_clear();
        let path = std::env::var("PATH").unwrap();
        shell.env("PATH", format!("{}:{path}", tools.display()));
        for name in [
            "HOME",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "CARGO_PROFILE_DEV_DEBUG",
        ] {
            shell.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        shell.env("CARGO_NET_OFFLINE", "true");
        shell
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The interpreter that the environment of these tests was made with.
fn base() -> PathBuf {
    let question = "import sys; print(sys._base_executable)";
    asked(question).trim_end().into()
}

fn asked(question: &str) -> String {
    let mut python = common::command(interpreter::choice().unwrap().python);
    outcome(&python.args(["-I", "-c", question]).output().unwrap()).1
}

/// Makes a wheel for `pip` that contains only a path to the NumPy of this environment.
fn make_wheel(directory: &Path) {
    let make = "import sys, zipfile, os, numpy
with zipfile.ZipFile(sys.argv[1] + '/numpy-9-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('here.pth', os.path.dirname(os.path.dirname(numpy.__file__)))
    info = 'numpy-9.dist-info/'
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: numpy\\nVersion: 9\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')";
    let mut python = common::command(interpreter::choice().unwrap().python);
    let made = python.args(["-I", "-c", make]).arg(directory).status();
    assert!(made.unwrap().success());
}

fn fine(output: Output) -> String {
    let (status, stdout, stderr) = outcome(&output);
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    stdout
}

#[test]
fn a_crate_made_by_the_commands_of_the_readme_runs_and_its_soak_passes() {
    if common::is_tested_before() {
        return;
    }
    if !makes_environments(&base()) {
        return;
    }
    let fresh = Fresh::with_a_clone("readme");
    make_wheel(&fresh.0);
    let section = README.split_once("## In your own crate").unwrap().1;
    let typed = section
        .split("```")
        .nth(1)
        .unwrap()
        .trim_start_matches("sh\n");
    // The versions that are downloaded already.
    let lock = format!("cp {THIS}/Cargo.lock .\n");
    let (first, rest) = typed.split_once('\n').unwrap();
    let shell = |script: &str| {
        let mut shell = fresh.shell(script);
        shell
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", &fresh.0);
        shell.output().unwrap()
    };
    fine(shell(&format!("{first}\n{lock}{rest}")));
    let series = fresh.0.join("series");
    fs::write(series.join("src/main.rs"), block("fn main")).unwrap();
    fs::create_dir(series.join("tests")).unwrap();
    let soak = include_str!("../../crates/refsoak/examples/soak_in_a_test.rs");
    fs::write(series.join("tests/leaks.rs"), soak).unwrap();
    let add =
        "cd ../series; cargo add --quiet --dev refsoak --path ../pyoutliers-main/crates/refsoak";
    fine(shell(add));
    let there = "cd ../series; . .venv/bin/activate; cargo --quiet";
    assert_eq!(fine(shell(&format!("{there} run"))), "[7, 113, 835]\n");
    let tested = fine(shell(&format!("{there} test")));
    assert!(tested.contains("1 passed"), "{tested}");

    // The program needs only the variable that the runner would set.
    let mut program = Command::new(series.join("target/debug/series"));
    program
        .env_clear()
        .env("OUTLIERS_PYTHON", series.join(".venv/bin/python"));
    assert_eq!(fine(finished(program, "the program")), "[7, 113, 835]\n");
}

/// Installing would build for half a minute, so it is stopped once the package is found.
#[test]
fn the_package_to_install_is_found_as_the_readme_says() {
    if Command::new("git").arg("--version").output().is_err() {
        return skipped("there is no git");
    }
    let fresh = Fresh::with_a_clone("installed");
    let mut codes = README.split('`');
    let install = codes.find(|code| code.starts_with("cargo install --git "));
    let url = format!("file://{}", fresh.clone().display());
    let install = install.unwrap().replace("URL", &url);
    let commit = "git init -q; git add .; git -c user.name=x -c user.email=x@y commit -qm x";
    let mut shell = fresh.shell(&format!("{commit}\n{install} --locked --bin no_such"));
    // The clone is removed with the directory; packages that are downloaded already are used.
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.unwrap_or_else(|| Path::new(&std::env::var_os("HOME").unwrap()).join(".cargo"));
    let cargo = fresh.0.join("cargo");
    fs::create_dir(&cargo).unwrap();
    for entry in fs::read_dir(home).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_name() != "git" {
            symlink(entry.path(), cargo.join(entry.file_name())).unwrap();
        }
    }
    // Cargo also asks for packages that it has already.
    shell
        .env("CARGO_HOME", &cargo)
        .env("CARGO_NET_OFFLINE", "false");
    shell
        .env("CARGO_NET_RETRY", "0")
        .env("CARGO_HTTP_TIMEOUT", "10");
    let output = finished(shell, "cargo install");
    let (status, _, stderr) = outcome(&output);
    assert_eq!(status, Some(101), "{stderr}");
    assert!(!stderr.contains("multiple packages"), "{stderr}");
    if !stderr.contains("no bin target named `no_such`") {
        skipped(&format!(
            "cargo needs the network to look at a package: {stderr}"
        ));
    }
}
