//! A C module, compiled for the chosen Python.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::Error;
use pyoutliers::{capi, interpreter, with_python};

/// A C module, compiled for the chosen Python in a temporary directory. Dropping this removes the
/// directory.
#[derive(Debug)]
pub struct Compiled {
    pub(super) file: PathBuf,
    pub(super) library: PathBuf,
    warnings: String,
    _directory: TemporaryDirectory,
}

impl Compiled {
    /// Compiles a file as an extension module that is named after it.
    ///
    /// # Errors
    ///
    /// - [`Error::Refused`] if no module can have that name, if a file cannot be written, or if the
    ///   compiler or `pkg-config` cannot be started.
    /// - [`Error::Tool`] if `pkg-config` does not find Python's headers, or if the file does not compile.
    /// - [`Error::Python`] if Python cannot be started.
    pub fn new(file: &Path) -> Result<Self, Error> {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let is_in_a_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
        if !name.chars().all(is_in_a_name) {
            return Err(Error::Refused(format!(
                "{name}.c: a module has the name of its file, so the name must be a C identifier, \
                 as in my_own.c"
            )));
        }
        let directory = TemporaryDirectory::new()?;
        let flags = flags()?;
        let library = directory.0.join(&*name).with_extension("so");
        // The variable may hold arguments, as in `ccache gcc`.
        let compiler = env::var("CC").unwrap_or_default();
        let mut words = compiler.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or("cc"));
        command
            .args(words)
            .args(["-shared", "-fPIC", "-g", "-O1", "-Wall"])
            .arg("-Wno-missing-field-initializers")
            .args(flags.split_whitespace())
            .arg(file)
            .arg("-o")
            .arg(&library);
        let what = format!("{} does not compile", file.display());
        let purpose = "a C compiler, cc or the one that CC names,";
        let compiled = run(&mut command, purpose, &what)?;
        Ok(Self {
            file: file.into(),
            library,
            warnings: String::from_utf8_lossy(&compiled.stderr).into_owned(),
            _directory: directory,
        })
    }

    /// The compiler's warnings.
    pub fn warnings(&self) -> &str {
        &self.warnings
    }
}

/// The compiler's flags for the headers of the chosen Python.
fn flags() -> Result<String, Error> {
    let libpc = with_python(|py| {
        let sysconfig = capi::import_module(py, c"sysconfig")?;
        let get = capi::object_get_attr_string(&sysconfig, c"get_config_var")?;
        let name = capi::unicode_from_str(py, "LIBPC")?;
        let answer = capi::object_call_function_obj_args(&get, [&name])?;
        Ok(capi::unicode_to_string(&answer).unwrap_or_default())
    })?;
    let mut search = vec![PathBuf::from(libpc)];
    search.extend(env::split_paths(
        &env::var_os("PKG_CONFIG_PATH").unwrap_or_default(),
    ));
    let search = env::join_paths(search).map_err(|error| Error::Refused(error.to_string()))?;
    // The package's name has the version, because `python3` may belong to another Python, as on Debian.
    let version = interpreter::loaded().version.to_string();
    let minor = version.rsplit_once('.').map_or("3", |(minor, _)| minor);
    let package = format!("python-{minor}");
    let mut command = Command::new("pkg-config");
    command.args(["--cflags", &package]);
    command.env("PKG_CONFIG_PATH", search);
    let purpose = "pkg-config, which says where Python's headers are,";
    let output = run(&mut command, purpose, "cannot find Python's headers")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a tool. The error says `what` failed, and the tool's `purpose` if it is missing.
fn run(command: &mut Command, purpose: &str, what: &str) -> Result<Output, Error> {
    let tool = command.get_program().display().to_string();
    let output = command.output();
    let output = output.map_err(Error::io(format!("{what}: {purpose} is needed: {tool}")))?;
    if !output.status.success() {
        return Err(Error::Tool {
            reason: format!("{what}: {tool} says why"),
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    Ok(output)
}

/// A new directory to which only this user can write, because a library is loaded from it.
#[derive(Debug)]
struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    fn new() -> Result<Self, Error> {
        let name = |number| format!("outliers-exercise-{}-{number}", std::process::id());
        for directory in (0..100).map(|number| env::temp_dir().join(name(number))) {
            match fs::DirBuilder::new().mode(0o700).create(&directory) {
                Ok(()) => return Ok(Self(directory)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(Error::io(format!("cannot make {}", directory.display()))(
                        error,
                    ));
                }
            }
        }
        let all = env::temp_dir().join("outliers-exercise-");
        Err(Error::Refused(format!(
            "there are too many directories {}*",
            all.display()
        )))
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // If this fails, the system removes its temporary files later.
        let _ = fs::remove_dir_all(&self.0);
    }
}
