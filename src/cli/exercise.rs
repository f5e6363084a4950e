//! `outliers exercise`: broken C extensions to mend, and the judge.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use clap::Args;
use pyoutliers::{capi, refcounts, with_python};

#[derive(Args)]
pub struct Arguments {
    /// An exercise, put into exercises/NAME.c if it is not there, or a C file of one's own; the list if
    /// missing
    #[arg(value_name = "NAME|FILE.c")]
    exercise: Option<String>,
    /// Say one step more
    #[arg(long, requires = "exercise")]
    hint: bool,
    /// Judge a compiled module, in a child process
    #[arg(long, hide = true)]
    doomed: Option<PathBuf>,
}

struct Exercise {
    name: &'static str,
    source: &'static str,
    lesson: &'static str,
    hint: &'static str,
}

macro_rules! exercises {
    ($($name:literal $lesson:literal $hint:literal)*) => {
        /// All of them, from easy to hard.
        const EXERCISES: &[Exercise] = &[$(Exercise {
            name: $name,
            source: include_str!(concat!("../../exercises/", $name, ".c")),
            lesson: $lesson,
            hint: $hint,
        }),*];
    };
}

exercises! {
    "append" "storing" "Who owns what PyLong_FromSsize_t made, once PyList_Append has stored it?"
    "build_value" "manual" "The manual of Py_BuildValue: what do O and N do with a reference?"
    "dictionary" "storing" "What does PyDict_SetItem do with the references of key and value?"
    "iterator" "whole-call" "What does the manual say that PyIter_Next returns?"
    "stolen" "stolen-reference" "PyList_SetItem takes a reference. Whose is it here?"
    "returned" "called-by-python" "The caller gives back what detect returns. Who added that reference?"
    "double_release" "stolen-on-failure" "Who owns the item after PyList_SetItem has failed?"
    "minus_one" "numbers" "How does PyFloat_AsDouble say that it failed?"
    "error_path" "half-way" "Follow a value that is no number: what was made by then?"
    "half_way" "half-way" "Let each call fail in turn: what is still held at its return?"
    "null" "half-way" "Which of the calls may return NULL, and which results are looked at?"
    "thin_ice" "thin-ice" "A comparison may run any code. What keeps largest alive meanwhile?"
    "lock" "released-lock" "Other threads may change the list meanwhile. What keeps first alive?"
    "cycle" "cycles" "How is the collector told what an Indices holds?"
}

/// Where the exercises are worked on, from the current directory.
const FOLDER: &str = "exercises";

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match (&arguments.exercise, &arguments.doomed) {
        (Some(name), Some(library)) => {
            let clean = refcounts::judge(name, library, super::refcounts::doomed()?)?;
            // At once: what a broken module has damaged shall not be taken down in order.
            std::process::exit(if clean { 0 } else { 1 });
        }
        (Some(name), None) => one(name, arguments.hint),
        _ => list(),
    }
}

fn list() -> Result<ExitCode> {
    let passed = EXERCISES
        .iter()
        .filter(|exercise| is_passed(exercise.name))
        .count();
    let mut text = format!("{passed} of {} exercises passed.\n\n", EXERCISES.len());
    for exercise in EXERCISES {
        let mark = if is_passed(exercise.name) { "x" } else { " " };
        let title = exercise.source.lines().next().unwrap_or_default();
        let title = title.split_once(": ").map_or(title, |(_, title)| title);
        text += &format!("[{mark}] {:<15} {title}\n", exercise.name);
    }
    text += "\nEach breaks one rule. Begin: outliers exercise append\n";
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn one(name: &str, hint: bool) -> Result<ExitCode> {
    let known = EXERCISES.iter().find(|exercise| exercise.name == name);
    let file = match known {
        Some(exercise) => copied(exercise)?,
        None if name.ends_with(".c") => PathBuf::from(name),
        None => bail!("there is no exercise {name}; `outliers exercise` lists them"),
    };
    let stem = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let known = known.or_else(|| {
        EXERCISES
            .iter()
            .find(|exercise| file == path(exercise.name))
    });
    if hint {
        let hint = known.map_or("none for a file of one's own", |exercise| exercise.hint);
        super::print(&format!("{hint}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let directory = env::temp_dir().join(format!("outliers-exercise-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let judged = compile(&file, &stem, &directory).and_then(|library| judged(&stem, &library));
    // What cannot be removed is left to whoever cleans the temporary directory.
    let _ = fs::remove_dir_all(&directory);
    let verdict = judged?;
    let shown = file.display();
    let Some(broken) = verdict else {
        let next = known.map_or_else(String::new, |exercise| next(exercise, &file));
        super::print(&format!("{shown} keeps the rules.\n{next}"))?;
        return Ok(ExitCode::SUCCESS);
    };
    let more = known.map_or_else(String::new, |exercise| {
        format!(
            "The lesson: outliers refcounts {}. A step further: --hint.\n",
            exercise.lesson
        )
    });
    super::print(&format!("{shown} breaks a rule.\n{broken}{more}"))?;
    Ok(ExitCode::FAILURE)
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name).with_extension("c")
}

/// The file of an exercise, put there if it is not.
fn copied(exercise: &Exercise) -> Result<PathBuf> {
    let file = path(exercise.name);
    if !file.exists() {
        fs::create_dir_all(FOLDER)?;
        fs::write(&file, exercise.source)
            .with_context(|| format!("cannot write {}", file.display()))?;
        super::say(&format!(
            "{} is written: mend it, and call this again",
            file.display()
        ));
    }
    Ok(file)
}

/// Notes that it is passed, as it is now, and tells what comes next.
fn next(exercise: &Exercise, file: &Path) -> String {
    if let Some(line) = passed_as(exercise.name) {
        let passed = Path::new(FOLDER).join(".passed");
        let all = fs::read_to_string(&passed).unwrap_or_default();
        if !all.contains(&line) {
            // Only the list of what is done would be wrong.
            let _ = fs::write(&passed, all + &line);
        }
    }
    match EXERCISES.iter().find(|exercise| !is_passed(exercise.name)) {
        Some(next) => format!("Next: outliers exercise {}\n", next.name),
        None => format!("All are passed; {} was the last.\n", file.display()),
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

/// Compiles a file as an extension module of the chosen Python.
fn compile(file: &Path, stem: &str, directory: &Path) -> Result<PathBuf> {
    let libpc = with_python(|py| {
        let sysconfig = capi::import_module(py, c"sysconfig")?;
        let ask = capi::object_get_attr_string(&sysconfig, c"get_config_var")?;
        let name = capi::unicode_from_str(py, "LIBPC")?;
        let answer = capi::object_call_function_obj_args(&ask, [&name])?;
        Ok(capi::unicode_to_string(&answer).unwrap_or_default())
    })?;
    fs::write(
        directory.join("python3.pc"),
        include_str!("../../pkg-config/python3.pc"),
    )?;
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
    let library = directory.join(stem).with_extension("so");
    let mut command = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()));
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
        "a C compiler, cc",
    )?;
    let warnings = String::from_utf8_lossy(&compiled.stderr);
    warnings.lines().for_each(super::say);
    Ok(library)
}

fn done(command: &mut Command, what: &str) -> Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("{what} is needed"))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output)
}

/// What the child says of a module: the rule that it breaks, and the evidence; nothing if it keeps all.
fn judged(stem: &str, library: &Path) -> Result<Option<String>> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["exercise", stem, "--doomed"]).arg(library);
    // Freed memory is overwritten then, so that its use is noticed.
    let output = command.env("PYTHONMALLOC", "debug").output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = |kind| said.lines().rev().find_map(|line| line.strip_prefix(kind));
    if let Some((rule, evidence)) = last("found\t").and_then(|found| found.split_once('\t')) {
        return Ok(Some(format!("{}\n{}\n", filled(rule), filled(evidence))));
    }
    if output.status.success() {
        return Ok(None);
    }
    let Some(signal) = output.status.signal() else {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    };
    let probe = last("probe\t").unwrap_or("nothing yet");
    let signal = match signal {
        6 => "SIGABRT: Python saw the damage".into(),
        11 => "SIGSEGV: what was used is no memory of an object".into(),
        signal => format!("signal {signal}"),
    };
    let evidence = format!("The process was ended by {signal}. It was tried with: {probe}.");
    Ok(Some(format!(
        "{}\n{}\n",
        filled(crash(probe)),
        filled(&evidence)
    )))
}

/// The rule that a crash speaks of, by what was tried.
fn crash(probe: &str) -> &'static str {
    match probe
        .split(' ')
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
        .as_str()
    {
        "memory that runs" => "A call that fails returns NULL: that is asked before it is used.",
        "a list that" if probe.contains("thread") => {
            "While the lock is released, all that is borrowed may go."
        }
        "a list that" => "Any call that runs code can end what you borrowed.",
        "a result that" => "What is kept beyond the call needs a reference of its own.",
        _ => {
            "What is freed is not used: nothing is given back twice, nothing borrowed outlives its owner."
        }
    }
}

/// In lines of at most 79 characters.
fn filled(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        match width {
            0 => {}
            _ if width + 1 + length > 79 => {
                lines.push('\n');
                width = 0;
            }
            _ => {
                lines.push(' ');
                width += 1;
            }
        }
        lines += word;
        width += length;
    }
    lines
}
