//! Finds out which Python `python3-sys` has chosen, refuses one that would crash, and records what the crate
//! needs when it starts Python:
//!
//! | variable | meaning |
//! |---|---|
//! | `OUTLIERS_BUILD_PYTHON` | the interpreter that was chosen |
//! | `OUTLIERS_BUILD_VERSION` | its version, such as `3.11.7`, or `3.14.2t` if it is free-threaded |
//! | `OUTLIERS_BUILD_LIBDIR` | the directory of its library |
//! | `OUTLIERS_BUILD_LIBRARY` | the file of its library, such as `libpython3.11.so.1.0` |
//! | `OUTLIERS_BUILD_ENV` | where Cargo's runner (see `.cargo/config.toml`) prepares a private environment; empty without a runner |

use std::env;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Prints the answers that [`Python::parse`] reads: a `key=value` per line.
const QUESTIONS: &str = "
import sys, sysconfig
answers = {
    'executable': sys.executable,
    'base_prefix': sys.base_prefix,
    'implementation': sys.implementation.name,
    'version': '%d.%d.%d' % sys.version_info[:3],
}
for key in ('LIBDIR', 'LIBPC', 'LDLIBRARY', 'INSTSONAME', 'LDVERSION', 'Py_ENABLE_SHARED', 'PYTHONFRAMEWORK',
            'Py_DEBUG', 'Py_GIL_DISABLED'):
    answers[key] = sysconfig.get_config_var(key) or ''
for key, value in answers.items():
    print('%s=%s' % (key, value))
";

const OLDEST: (u32, u32) = (3, 8);
const OLDEST_FREE_THREADED: (u32, u32) = (3, 14);
/// How long an interpreter may take to answer: it may be on a network, or on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);
const NAME_ANOTHER: &str = "PYTHON_SYS_EXECUTABLE=/path/to/python cargo build";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(free_threaded)");
    if env::var_os("CARGO_FEATURE_EXTENSION_MODULE").is_some() {
        // Python loads this library, so there is nothing to link and nothing to refuse.
        return ExitCode::SUCCESS;
    }
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("cargo::error={}", problem.replace(['\n', '\r'], " "));
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    for variable in [
        "PATH",
        "OUTLIERS_ENVIRONMENTS",
        "PYTHON_SYS_EXECUTABLE",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "PYENV_VERSION",
        "PKG_CONFIG",
        "PKG_CONFIG_PATH",
    ] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=pkg-config/python3.pc");

    let interpreter = variable("DEP_PYTHON3_PYTHON_INTERPRETER")?;
    let python = Python::ask(&interpreter, LONGEST)?;
    instruct("rerun-if-changed", &python.executable)?;
    let settings = Path::new(&python.executable)
        .parent()
        .and_then(Path::parent)
        .map(|prefix| prefix.join("pyvenv.cfg"));
    if let Some(settings) = settings.filter(|path| path.exists()) {
        instruct("rerun-if-changed", settings.display())?;
    }
    python.refuse()?;
    let library = find_library(&python)?;
    warn_if_another_is_first_on_path(&python);

    let libdir = library.display();
    // This crate loads the library when it starts Python. Only one of its tests calls Python in another way, so only the
    // tests are linked with it: a program that also uses PyO3 would otherwise be linked with this library, not with PyO3's.
    for argument in [
        format!("-L{libdir}"),
        format!("-lpython{}", python.link_name),
        format!("-Wl,-rpath,{libdir}"),
    ] {
        instruct("rustc-link-arg-tests", argument)?;
    }
    let mut version = python.version.clone();
    if python.free_threaded {
        instruct("rustc-cfg", "free_threaded")?;
        version.push('t');
    }
    let environment = environment(&version);
    for (name, value) in [
        ("PYTHON", &*python.executable),
        ("VERSION", &*version),
        ("LIBDIR", &*libdir.to_string()),
        ("LIBRARY", &*python.loaded),
        ("ENV", &*environment.to_string_lossy()),
    ] {
        instruct("rustc-env", format!("OUTLIERS_BUILD_{name}={value}"))?;
    }
    Ok(())
}

/// Gives Cargo an instruction. Refuses a line break: the text after it would be another instruction.
pub(crate) fn instruct(key: &str, value: impl Display) -> Result<(), String> {
    let value = value.to_string();
    if value.contains(['\n', '\r']) {
        return Err(format!(
            "a line break in {value:?}, which an instruction to Cargo ({key}) cannot hold: use another directory"
        ));
    }
    println!("cargo::{key}={value}");
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

/// An interpreter's answers about itself.
#[derive(Debug, Default)]
pub(crate) struct Python {
    pub(crate) executable: String,
    pub(crate) base_prefix: String,
    pub(crate) implementation: String,
    pub(crate) version: String,
    pub(crate) libdir: String,
    pub(crate) libpc: String,
    pub(crate) library: String,
    pub(crate) loaded: String,
    pub(crate) link_name: String,
    pub(crate) shared: bool,
    pub(crate) debug: bool,
    pub(crate) free_threaded: bool,
}

impl Python {
    /// Runs an interpreter, and kills it if it takes longer than `longest`.
    pub(crate) fn ask(interpreter: &str, longest: Duration) -> Result<Self, String> {
        let output = answer(interpreter, longest)
            .map_err(|problem| format!("{problem}; name another: {NAME_ANOTHER}"))?;
        Self::parse(&String::from_utf8_lossy(&output.stdout))
    }

    /// Reads the answers to [`QUESTIONS`].
    pub(crate) fn parse(answers: &str) -> Result<Self, String> {
        let mut python = Self::default();
        for line in answers.lines() {
            let (key, value) = line.split_once('=').ok_or_else(|| {
                format!("a line break in a path of Python: {line:?}; name another: {NAME_ANOTHER}")
            })?;
            match key {
                "executable" => python.executable = value.into(),
                "base_prefix" => python.base_prefix = value.into(),
                "implementation" => python.implementation = value.into(),
                "version" => python.version = value.into(),
                "LIBDIR" => python.libdir = value.into(),
                "LIBPC" => python.libpc = value.into(),
                "LDLIBRARY" => python.library = value.into(),
                "INSTSONAME" => python.loaded = value.into(),
                "LDVERSION" => python.link_name = value.into(),
                "Py_ENABLE_SHARED" | "PYTHONFRAMEWORK" => {
                    python.shared |= !matches!(value, "" | "0")
                }
                "Py_DEBUG" => python.debug = !matches!(value, "" | "0"),
                "Py_GIL_DISABLED" => python.free_threaded = !matches!(value, "" | "0"),
                _ => {}
            }
        }
        Ok(python)
    }

    fn minor(&self) -> (u32, u32) {
        let mut numbers = self
            .version
            .split('.')
            .map(|part| part.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    /// Refuses a Python that would not link, or would crash. One line has the problem, evidence and remedy.
    pub(crate) fn refuse(&self) -> Result<(), String> {
        let Self {
            executable,
            version,
            ..
        } = self;
        let problem = if self.implementation != "cpython" {
            format!(
                "{executable} is {}, not CPython; name a CPython",
                self.implementation
            )
        } else if self.minor() < OLDEST {
            format!("Python {version} is too old ({executable}); name one from 3.8 on")
        } else if self.free_threaded && self.minor() < OLDEST_FREE_THREADED {
            format!(
                "Python {version} is free-threaded (Py_GIL_DISABLED=1 in {executable}), which is \
                 supported from 3.14 on; name one with the lock"
            )
        } else if self.debug {
            format!(
                "Python {version} is a debug build (Py_DEBUG=1 in {executable}), which \
                 python3-sys misreads; name a release build"
            )
        } else if !self.shared {
            format!(
                "Python {version} has no shared library (Py_ENABLE_SHARED=0 in {executable}); \
                 install one with a shared library, for example with PYTHON_CONFIGURE_OPTS=--enable-shared pyenv \
                 install {version}, and name it"
            )
        } else {
            return Ok(());
        };
        Err(format!("{problem}: {NAME_ANOTHER}"))
    }
}

/// Runs [`QUESTIONS`].
fn answer(interpreter: &str, longest: Duration) -> Result<Output, String> {
    let child = Command::new(interpreter)
        .args(["-I", "-c", QUESTIONS])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run {interpreter}: {error}"))?;
    let id = child.id().to_string();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(longest) else {
        let _ = Command::new("kill").args(["-9", &id]).status();
        let seconds = longest.as_secs();
        return Err(format!(
            "{interpreter} does not answer within {seconds} seconds"
        ));
    };
    let output = output.map_err(|error| format!("cannot read from {interpreter}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let reason = stderr.lines().last().unwrap_or_default();
    Err(format!("{interpreter} does not answer: {reason}"))
}

/// The directory of the library: the first one that holds it. The candidates come from pkg-config, sysconfig and
/// the prefix.
///
/// A Python that was moved (python-build-standalone, conda) may name a directory of the machine on which it
/// was built.
pub(crate) fn find_library(python: &Python) -> Result<PathBuf, String> {
    let mut directories: Vec<PathBuf> = ask_pkg_config(python).into_iter().collect();
    directories.push(PathBuf::from(&python.libdir));
    directories.push(Path::new(&python.base_prefix).join("lib"));
    let found = directories
        .iter()
        .find(|directory| directory.join(&python.library).exists());
    found.cloned().ok_or_else(|| {
        let searched: Vec<_> = directories
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let (library, searched, (major, minor)) =
            (&python.library, searched.join(", "), python.minor());
        format!(
            "{library} is missing (searched {searched}); install it, for example with apt install \
             libpython{major}.{minor}-dev, or name another Python: {NAME_ANOTHER}"
        )
    })
}

fn ask_pkg_config(python: &Python) -> Option<PathBuf> {
    let ours = Path::new(&env::var_os("CARGO_MANIFEST_DIR")?).join("pkg-config");
    let mut search = vec![ours, PathBuf::from(&python.libpc)];
    search.extend(
        env::var_os("PKG_CONFIG_PATH")
            .iter()
            .flat_map(env::split_paths),
    );
    let output = Command::new(env::var_os("PKG_CONFIG").unwrap_or("pkg-config".into()))
        .env("PKG_CONFIG_PATH", env::join_paths(search).ok()?)
        .env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1")
        .args(["--libs-only-L", "python3"])
        .output()
        .ok()?;
    let flags = String::from_utf8(output.stdout).ok()?;
    let directory = flags.trim().strip_prefix("-L")?;
    output.status.success().then(|| PathBuf::from(directory))
}

/// Warns if PATH now begins with another Python: `python3-sys` looks at PATH only once, so it would silently
/// ignore a Python that was activated later.
fn warn_if_another_is_first_on_path(linked: &Python) {
    // `.cargo/config.toml` sets this variable too, but that does not mean that the user has named a Python.
    let named = env::var_os("PYTHON_SYS_EXECUTABLE");
    if named.is_some_and(|named| !Path::new(&named).ends_with(".cargo/python")) {
        return;
    }
    let Some(first) = ["python", "python3"].iter().find_map(|name| {
        Python::ask(name, LONGEST)
            .ok()
            .filter(|python| python.minor() >= (3, 0))
    }) else {
        return;
    };
    if first.base_prefix != linked.base_prefix || first.version != linked.version {
        println!(
            "cargo::warning=linked with Python {} ({}), but PATH now begins with {} ({}); to change \
             it: cargo clean -p python3-sys",
            linked.version, linked.executable, first.version, first.executable
        );
    }
}

/// `<checkout>/target/python-<version>` if the `.cargo/config.toml` of the checkout is in effect, else an
/// empty path. So a directory that Cargo deletes, as after `cargo install --git`, is never recorded: another
/// user could make it again.
fn environment(version: &str) -> PathBuf {
    let Some(place) = env::var_os("OUTLIERS_ENVIRONMENTS") else {
        return PathBuf::new();
    };
    let place = PathBuf::from(place);
    // The program does not follow symbolic links there.
    let place = place.canonicalize().unwrap_or(place);
    place.join(format!("python-{version}"))
}
