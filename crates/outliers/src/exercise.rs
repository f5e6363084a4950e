//! `outliers exercise`: broken C extensions to repair, and the judge.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use clap::Args;
use lessons::{EXERCISES, Exercise, Module};
use pyoutliers::{capi, interpreter, with_python};
use signal_hook::consts::SIGINT;
use signal_hook::low_level::emulate_default_handler;

use super::judged::{self, Interrupted, Said};
use super::similar::similar;

#[derive(Args)]
pub struct Arguments {
    /// NAME: an exercise, which is put into exercises/NAME.c
    /// FILE.c: a module called FILE with detect(list of floats)
    /// Nothing: the list of exercises
    #[arg(value_name = "NAME|FILE.c", verbatim_doc_comment)]
    exercise: Option<String>,
    /// Print a hint, and do not judge
    #[arg(long, requires = "exercise")]
    hint: bool,
    /// Judge a compiled module, in a child process
    #[arg(long, hide = true)]
    doomed: Option<PathBuf>,
    /// Look for what grows, not for damage
    #[arg(long, hide = true)]
    soak: bool,
}

/// Where the exercises are worked on, from the current directory.
const FOLDER: &str = "exercises";

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match (&arguments.exercise, &arguments.doomed) {
        (Some(name), Some(library)) => {
            let (file, known) = found(name);
            let name = stem(&file);
            let module = Module {
                name: &name,
                task: known.map_or("", |exercise| exercise.name),
                library,
            };
            judged::judge(&module, arguments.soak)
        }
        (Some(name), None) => one(name, arguments.hint),
        _ => list(),
    }
}

/// The file that is meant, and the exercise that it is.
fn found(name: &str) -> (PathBuf, Option<&'static Exercise>) {
    let plain = name.replace('-', "_");
    let named = EXERCISES.iter().find(|exercise| exercise.name == plain);
    let file = named.map_or_else(
        || PathBuf::from(name.trim_start_matches("./")),
        |exercise| path(exercise.name),
    );
    let known = EXERCISES
        .iter()
        .find(|exercise| file.ends_with(path(exercise.name)));
    (file, known)
}

fn stem(file: &Path) -> String {
    file.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn list() -> Result<ExitCode> {
    let passed = EXERCISES
        .iter()
        .filter(|exercise| is_passed(exercise.name))
        .count();
    let mut text = format!(
        "{passed} of {} exercises passed. Each breaks one rule.\n\n",
        EXERCISES.len()
    );
    for exercise in EXERCISES {
        let mark = if is_passed(exercise.name) { "x" } else { " " };
        let title = exercise.source.lines().next().unwrap_or_default();
        let title = title.split_once(": ").map_or(title, |(_, title)| title);
        text += &format!("[{mark}] {:<15} {title}\n", exercise.name);
    }
    super::print(&format!("{text}\n{}", next()))?;
    Ok(ExitCode::SUCCESS)
}

fn one(name: &str, hint: bool) -> Result<ExitCode> {
    let (file, known) = found(name);
    // One in another directory is judged, and no more.
    let ours = known.filter(|exercise| file == path(exercise.name));
    match ours {
        None if !name.ends_with(".c") => {
            let names = EXERCISES.iter().map(|exercise| exercise.name);
            let similar = similar(name, names).map(|similar| format!(" is it {similar}?"));
            let similar = similar.unwrap_or_default();
            bail!("there is no exercise {name};{similar} `outliers exercise` lists them")
        }
        None if !file.exists() => bail!("there is no file {}", file.display()),
        None if !stem(&file)
            .replace('_', "")
            .chars()
            .all(|c| c.is_ascii_alphanumeric()) =>
        {
            bail!(
                "{}.c: a module is named after its file, so write a name as in C, such as my_own.c",
                stem(&file)
            )
        }
        Some(exercise) => copy(exercise, &file)?,
        None => {}
    }
    if hint {
        let hint = known.map_or("there are hints for the exercises alone", |exercise| {
            exercise.hint
        });
        super::print(&format!("{hint}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let directory = new_directory()?;
    let judged = compile(&file, &directory).and_then(|library| judged::judged(&file, &library));
    // What cannot be removed is left to whoever cleans the temporary directory.
    let _ = fs::remove_dir_all(&directory);
    if judged
        .as_ref()
        .is_err_and(|error| error.is::<Interrupted>())
    {
        emulate_default_handler(SIGINT)?;
    }
    let shown = file.display();
    let Some(Said { text, lesson }) = judged? else {
        let next = ours.map_or_else(String::new, |exercise| {
            pass(exercise);
            next()
        });
        super::print(&format!("{shown} keeps the rules.\n{next}"))?;
        return Ok(ExitCode::SUCCESS);
    };
    let more = match known {
        _ if lesson.is_empty() => String::new(),
        Some(exercise) => format!(
            "The lesson: outliers refcounts {}. For a hint: --hint.\n",
            exercise.lesson
        ),
        None => format!("The lesson: outliers refcounts {lesson}.\n"),
    };
    super::print(&format!("{shown} {text}{more}"))?;
    Ok(ExitCode::FAILURE)
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name).with_extension("c")
}

/// Puts the file of an exercise there, if it is not.
fn copy(exercise: &Exercise, file: &Path) -> Result<()> {
    if !file.exists() {
        fs::create_dir_all(FOLDER)?;
        fs::write(file, exercise.source)
            .with_context(|| format!("cannot write {}", file.display()))?;
        super::say(&format!(
            "{} is written: repair it, then run this command again",
            file.display()
        ));
    }
    Ok(())
}

/// Notes that it is passed, as it is now.
fn pass(exercise: &Exercise) {
    if let Some(line) = passed_as(exercise.name) {
        let passed = Path::new(FOLDER).join(".passed");
        let all = fs::read_to_string(&passed).unwrap_or_default();
        if !all.contains(&line) {
            // Only the list of what is done would be wrong.
            let _ = fs::write(&passed, all + &line);
        }
    }
}

/// What to do next.
fn next() -> String {
    match EXERCISES.iter().find(|exercise| !is_passed(exercise.name)) {
        Some(next) => format!("Next: outliers exercise {}\n", next.name),
        None => format!("All {} are passed.\n", EXERCISES.len()),
    }
}

/// What stands in the list of those passed, for the file as it is now.
fn passed_as(name: &str) -> Option<String> {
    let mut hasher = DefaultHasher::new();
    fs::read(path(name)).ok()?.hash(&mut hasher);
    Some(format!("{name} {:x}\n", hasher.finish()))
}

fn is_passed(name: &str) -> bool {
    let passed = fs::read_to_string(Path::new(FOLDER).join(".passed")).unwrap_or_default();
    passed_as(name).is_some_and(|line| passed.contains(&line))
}

/// A temporary directory that nobody else could have made or can write to: its library is loaded.
fn new_directory() -> Result<PathBuf> {
    let name = |number| format!("outliers-exercise-{}-{number}", std::process::id());
    for directory in (0..100).map(|number| env::temp_dir().join(name(number))) {
        match fs::DirBuilder::new().mode(0o700).create(&directory) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => {
                made.with_context(|| format!("cannot make {}", directory.display()))?;
                return Ok(directory);
            }
        }
    }
    bail!(
        "there are too many directories {}*",
        env::temp_dir().join("outliers-exercise-").display()
    )
}

/// Compiles a file as an extension module of the chosen Python.
fn compile(file: &Path, directory: &Path) -> Result<PathBuf> {
    let libpc = with_python(|py| {
        let sysconfig = capi::import_module(py, c"sysconfig")?;
        let ask = capi::object_get_attr_string(&sysconfig, c"get_config_var")?;
        let name = capi::unicode_from_str(py, "LIBPC")?;
        let answer = capi::object_call_function_obj_args(&ask, [&name])?;
        Ok(capi::unicode_to_string(&answer).unwrap_or_default())
    })?;
    // By its version: `python3-embed` may be another one's, as on Debian.
    let version = interpreter::loaded().version.to_string();
    let minor = version.rsplit_once('.').map_or("3", |(minor, _)| minor);
    let embed = format!("python-{minor}-embed");
    let package = include_str!("../../../pkg-config/python3.pc").replace("python3-embed", &embed);
    let settings = directory.join("python3.pc");
    fs::write(&settings, package)
        .with_context(|| format!("cannot write {}", settings.display()))?;
    let mut search = vec![directory.to_path_buf(), PathBuf::from(libpc)];
    search.extend(env::split_paths(
        &env::var_os("PKG_CONFIG_PATH").unwrap_or_default(),
    ));
    let mut command = Command::new("pkg-config");
    command
        .args(["--cflags", "python3"])
        .env("PKG_CONFIG_PATH", env::join_paths(search)?);
    let flags = done(
        &mut command,
        "pkg-config, which tells where Python's headers are",
    )?;
    let library = directory.join(stem(file)).with_extension("so");
    // It may have arguments, as in `ccache gcc`.
    let compiler = env::var("CC").unwrap_or_default();
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("cc"));
    command.args(words);
    command.args([
        "-shared",
        "-fPIC",
        "-g",
        "-O1",
        "-Wall",
        "-Wno-missing-field-initializers",
    ]);
    command.args(String::from_utf8_lossy(&flags.stdout).split_whitespace());
    let compiled = done(
        command.arg(file).arg("-o").arg(&library),
        "a C compiler, cc or the one that CC names,",
    )
    .with_context(|| format!("{} does not compile", file.display()))?;
    let warnings = String::from_utf8_lossy(&compiled.stderr);
    warnings.lines().for_each(super::say);
    Ok(library)
}

fn done(command: &mut Command, what: &str) -> Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("{what} is needed: {}", command.get_program().display()))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        errors.lines().for_each(super::say);
        bail!("{} says why", command.get_program().display());
    }
    Ok(output)
}
