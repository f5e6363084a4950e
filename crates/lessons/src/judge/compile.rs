//! A C module, compiled for the chosen Python.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{self, Path, PathBuf};
use std::process::{Command, Output};

use super::coverage::never_ran;
use super::error::Error;
use pyoutliers::{capi, interpreter, with_python};

/// A C module, compiled for the chosen Python in a temporary directory. Dropping this removes the
/// directory.
#[derive(Debug)]
pub struct Compiled {
    pub(super) file: PathBuf,
    pub(super) library: PathBuf,
    /// The compiler's program and its arguments.
    compiler: Vec<String>,
    /// Whether the module counts which lines run.
    counts: bool,
    warnings: String,
    _directory: TemporaryDirectory,
}

impl Compiled {
    /// Compiles a file as an extension module that is named after it.
    ///
    /// # Errors
    ///
    /// - [`Error::Refused`] if no module can have that name, if a file cannot be written, if Python's headers
    ///   are missing, or if the compiler cannot be started.
    /// - [`Error::Tool`] if the file does not compile.
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
        let directory = TemporaryDirectory::new("outliers-exercise")?;
        let headers = headers()?;
        let library = directory.path().join(&*name).with_extension("so");
        let compiler = chosen();
        // What reads the counts of lines runs in another directory.
        let absolute = path::absolute(file).map_err(Error::io(file.display()))?;
        let messages = |output: &[u8]| {
            let output = String::from_utf8_lossy(output);
            output.replace(&*absolute.to_string_lossy(), &file.to_string_lossy())
        };
        let compile = |extra: &[&str]| {
            let object = library.with_extension("o");
            // Unoptimised, because otherwise code and lines do not correspond.
            let flags = [
                "-c",
                "-fPIC",
                "-g",
                "-O0",
                "-Wall",
                "-Wno-missing-field-initializers",
            ];
            let mut command = start(&compiler);
            command.args(flags).args(extra);
            for directory in &headers {
                let mut flag = OsString::from("-I");
                flag.push(directory);
                command.arg(flag);
            }
            command.arg(&absolute).arg("-o").arg(&object);
            let what = format!("{} does not compile", file.display());
            let compiled = run(&mut command, &what, messages)?;
            let mut command = start(&compiler);
            command
                .arg("-shared")
                .args(extra)
                .arg(&object)
                .arg("-o")
                .arg(&library);
            run(&mut command, &what, messages)?;
            Ok::<_, Error>(messages(&compiled.stderr))
        };
        // A line that consists of inlined calls would not be counted: from 3.12, Python's headers inline Py_DECREF even
        // without optimisation. The name of the attribute that asks for this is replaced by one that changes nothing.
        let counting = ["--coverage", "-Dalways_inline=unused"];
        // Not every compiler has the library that counts which lines run.
        let (warnings, counts) = match compile(&counting) {
            Ok(warnings) => (warnings, true),
            Err(_) => (compile(&[])?, false),
        };
        Ok(Self {
            file: file.into(),
            library,
            compiler,
            counts,
            warnings,
            _directory: directory,
        })
    }

    /// The compiler that [`new`](Self::new) would use, with its version.
    ///
    /// # Errors
    ///
    /// As those of `new`, if Python's headers are missing or the compiler cannot be started.
    pub fn compiler() -> Result<String, Error> {
        headers()?;
        let version = version(&chosen())?;
        Ok(version.lines().next().unwrap_or_default().into())
    }

    /// Sentences about the lines that never ran, in the processes that have ended; or `None` if that is not known.
    pub(super) fn never_ran(&self) -> Option<Vec<String>> {
        if !self.counts {
            return None;
        }
        let notes = self.library.with_extension("gcno");
        let version = version(&self.compiler).unwrap_or_default();
        never_ran(&version, &notes, &self.file)
    }

    /// The compiler's warnings.
    pub fn warnings(&self) -> &str {
        &self.warnings
    }
}

/// The directories of the chosen Python's headers.
fn headers() -> Result<[PathBuf; 2], Error> {
    let directories = with_python(|py| {
        let sysconfig = capi::import_module(py, c"sysconfig")?;
        let get = capi::object_get_attr_string(&sysconfig, c"get_path")?;
        let directory = |name| {
            let name = capi::unicode_from_str(py, name)?;
            let answer = capi::object_call_function_obj_args(&get, [&name])?;
            Ok::<_, pyoutliers::Error>(capi::unicode_to_string(&answer).unwrap_or_default().into())
        };
        // The second one has pyconfig.h.
        Ok([directory("include")?, directory("platinclude")?])
    })?;
    let [include, _]: &[PathBuf; 2] = &directories;
    let header = include.join("Python.h");
    if !header.exists() {
        let version = interpreter::loaded().version.to_string();
        let minor = version.rsplit_once('.').map_or("3", |(minor, _)| minor);
        return Err(Error::Refused(format!(
            "cannot find Python's headers: there is no {}; on Debian, apt install python{minor}-dev",
            header.display()
        )));
    }
    Ok(directories)
}

/// The compiler's program and its arguments: the variable may hold some, as in `ccache gcc`.
fn chosen() -> Vec<String> {
    let compiler = env::var("CC").unwrap_or_default();
    let mut compiler: Vec<_> = compiler.split_whitespace().map(str::to_owned).collect();
    if compiler.is_empty() {
        compiler.push("cc".into());
    }
    compiler
}

/// What the compiler says about its version.
fn version(compiler: &[String]) -> Result<String, Error> {
    let what = "it does not say its version";
    let text = |output: &[u8]| String::from_utf8_lossy(output).into_owned();
    Ok(text(
        &run(start(compiler).arg("--version"), what, text)?.stdout,
    ))
}

/// A command of the compiler, without arguments of its own.
fn start(compiler: &[String]) -> Command {
    let (program, arguments) = compiler.split_first().unzip();
    let mut command = Command::new(program.map_or("cc", String::as_str));
    command.args(arguments.unwrap_or_default());
    command
}

/// Runs the compiler. The error says `what` failed.
fn run(
    command: &mut Command,
    what: &str,
    messages: impl Fn(&[u8]) -> String,
) -> Result<Output, Error> {
    let tool = command.get_program().display().to_string();
    let output = command.output().map_err(|error| {
        Error::Refused(format!(
            "cannot start the C compiler {tool} ({error}): set CC to the compiler to use, or install one; on Debian, \
             apt install gcc libc6-dev"
        ))
    })?;
    if !output.status.success() {
        return Err(Error::Tool {
            reason: format!("{what}: {tool} says why"),
            output: messages(&output.stderr),
        });
    }
    Ok(output)
}

/// A new directory in the system's directory for temporary files, to which only this user can write, because a
/// library may be loaded from it. Dropping this removes it.
#[derive(Debug)]
pub struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    /// Makes a directory whose name begins with `what`.
    ///
    /// # Errors
    ///
    /// If no directory can be made there.
    pub fn new(what: &str) -> Result<Self, Error> {
        let name = |number| format!("{what}-{}-{number}", std::process::id());
        for number in 0..100 {
            // A child process may run in another directory.
            let directory = path::absolute(env::temp_dir().join(name(number)));
            let directory = directory.map_err(Error::io("no directory for temporary files"))?;
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
        Err(Error::Refused(format!(
            "there are too many directories {}-*",
            env::temp_dir().join(what).display()
        )))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // If this fails, the system removes its temporary files later.
        let _ = fs::remove_dir_all(&self.0);
    }
}
