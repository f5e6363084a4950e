//! `outliers exercise`: broken C extensions to fix, and the judge.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use lessons::{Compiled, EXERCISES, Exercise, JudgeError, Judgement, Module, Trial};
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use signal_hook::low_level::emulate_default_handler;

use super::called;
use super::handout;
use super::overwrite;
use super::refcounts::doomed;
use super::similar::similar;

#[derive(Args)]
pub struct Arguments {
    /// NAME: an exercise, which is copied to exercises/NAME.c
    /// FILE.c: your own module FILE, with detect(list of floats)
    ///         or an exercise in another directory: DIRECTORY/NAME.c
    /// Nothing: the list of exercises
    #[arg(value_name = "NAME|FILE.c", verbatim_doc_comment)]
    exercise: Option<String>,
    /// Print a hint instead of a verdict
    #[arg(long, requires = "exercise")]
    hint: bool,
    /// Write a page of all exercises; takes a minute
    #[arg(
        long,
        value_name = "FILE.html",
        value_parser = overwrite::file("html"),
        conflicts_with_all = ["exercise", "hint"]
    )]
    page: Option<PathBuf>,
    /// In a child process: the library to judge
    #[arg(long, hide = true)]
    doomed: Option<PathBuf>,
    /// In a child process: look for growth instead of damage
    #[arg(long, hide = true)]
    soak: bool,
}

/// The directory of the exercises.
const FOLDER: &str = "exercises";

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(file) = &arguments.page {
        overwrite::check(file)?;
        overwrite::replace(file, handout::page()?.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
        super::output::say(&format!("wrote {}", file.display()));
        return Ok(ExitCode::SUCCESS);
    }
    match (&arguments.exercise, &arguments.doomed) {
        (Some(name), Some(library)) => {
            let (file, known) = found(name);
            let module = Module {
                file: &file,
                name: &file.file_stem().unwrap_or_default().to_string_lossy(),
                task: known.map_or("", |exercise| exercise.name),
                library,
            };
            let trial = if arguments.soak {
                Trial::Growth
            } else {
                Trial::Damage
            };
            lessons::judge(&module, trial, doomed()?)
        }
        (Some(name), None) => one(name, arguments.hint),
        _ => list(),
    }
}

/// The file of a name, and the exercise that it belongs to, if any.
fn found(name: &str) -> (PathBuf, Option<&'static Exercise>) {
    let plain = name.replace('-', "_");
    let named = EXERCISES.iter().find(|exercise| exercise.name == plain);
    let file = named.map_or_else(
        || PathBuf::from(name.trim_start_matches("./")),
        |exercise| path(exercise.name),
    );
    // Solutions that a teacher collects have the same name in many directories.
    let is_it = |exercise: &&Exercise| file.ends_with(format!("{}.c", exercise.name));
    let known = EXERCISES.iter().find(is_it);
    (file, known)
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
        text += &format!("[{mark}] {:<15} {}\n", exercise.name, exercise.title());
    }
    super::output::print(&format!("{text}\n{}", next()))?;
    Ok(ExitCode::SUCCESS)
}

fn one(name: &str, hint: bool) -> Result<ExitCode> {
    let (file, known) = found(name);
    // A file in another directory is judged, but never written or listed as passed.
    let ours = known.filter(|exercise| file == path(exercise.name));
    match ours {
        None if !name.ends_with(".c") => {
            let names = EXERCISES.iter().map(|exercise| exercise.name);
            let source = format!("{name}.c");
            let meant = match Path::new(&source).exists() {
                true => Some(source.as_str()),
                false => similar(name, names),
            };
            let similar = meant.map_or_else(String::new, |meant| format!(" did you mean {meant}?"));
            let outliers = called::name();
            bail!("there is no exercise {name};{similar} `{outliers} exercise` lists them")
        }
        None if !file.exists() => {
            let stem = file.with_extension("");
            let mut names = EXERCISES.iter().map(|exercise| exercise.name);
            let meant = names.find(|name| stem.ends_with(name));
            let exercise = meant.map_or_else(String::new, |name| format!("; did you mean {name}?"));
            bail!("there is no file {}{exercise}", file.display())
        }
        Some(exercise) => copy(exercise, &file)?,
        None => {}
    }
    if hint {
        let hint = known.map_or("only the exercises have hints", |exercise| exercise.hint);
        super::output::print(&format!("{hint}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let shown = file.display();
    let (text, lesson) = match explained(judged(&file))? {
        Judgement::Right { never_ran } => {
            let (within, lines) = match never_ran {
                None => (
                    "",
                    "Which lines ran is not known: gcov is missing.\n".into(),
                ),
                Some(sentences) if sentences.is_empty() => ("", String::new()),
                Some(sentences) => {
                    let lines: Vec<_> = sentences.iter().map(|line| filled(line) + "\n").collect();
                    (" in the lines that ran", lines.concat())
                }
            };
            let next = ours.map_or_else(String::new, |exercise| {
                pass(exercise);
                next()
            });
            super::output::print(&format!("{shown} keeps the rules{within}.\n{lines}{next}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        Judgement::Broken {
            rule,
            evidence,
            lesson,
        } => {
            let (rule, evidence) = (filled(&rule), filled(&evidence));
            let outliers = called::name();
            let lesson = match known {
                Some(exercise) => format!(
                    "The lesson: {outliers} refcounts {}. For a hint: --hint.\n",
                    exercise.lesson
                ),
                None => format!("The lesson: {outliers} refcounts {lesson}.\n"),
            };
            (format!("breaks a rule.\n{rule}\n{evidence}\n"), lesson)
        }
        Judgement::Failed { evidence } => {
            let evidence = filled(&evidence);
            let text = format!("keeps the rules, but no longer does its task.\n{evidence}\n");
            (text, String::new())
        }
    };
    super::output::print(&format!("{shown} {text}{lesson}"))?;
    Ok(ExitCode::FAILURE)
}

/// Compiles a file and judges it. Prints the compiler's messages and, in a terminal, the current trial.
pub fn judged(file: &Path) -> Result<Judgement, JudgeError> {
    Compiled::new(file).and_then(|compiled| {
        compiled.warnings().lines().for_each(super::output::say);
        let interrupted = Arc::new(AtomicBool::new(false));
        let listens = flag::register(SIGINT, Arc::clone(&interrupted));
        listens
            .map_err(|error| JudgeError::Refused(format!("cannot listen for Ctrl-C: {error}")))?;
        let child = |library: &Path, trial| {
            let mut command = called::again();
            command.arg("exercise").arg(file);
            command.arg("--doomed").arg(library);
            if trial == Trial::Growth {
                command.arg("--soak");
            }
            Ok(command)
        };
        let is_shown = io::stderr().is_terminal();
        let mut shown = String::new();
        let judgement = compiled.judge(child, |what| {
            if is_shown && shown != what {
                let _ = write!(io::stderr(), "{CLEAR}{what:.79}");
                shown = what.into();
            }
            if interrupted.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if is_shown {
            let _ = write!(io::stderr(), "{CLEAR}");
        }
        judgement
    })
}

/// Prints what a tool says in an error, and ends the process if the user interrupted it.
pub fn explained<T>(judged: Result<T, JudgeError>) -> Result<T> {
    match &judged {
        Err(JudgeError::Interrupted) => emulate_default_handler(SIGINT)?,
        Err(JudgeError::Tool { output, .. }) => output.lines().for_each(super::output::say),
        _ => {}
    }
    judged.map_err(|error| match error {
        JudgeError::Python(error) => error.into(),
        error => anyhow!(error),
    })
}

/// Clears the current line of a terminal.
const CLEAR: &str = "\r\x1b[2K";

/// The text in lines of at most 79 characters.
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

/// The directory of the exercises: the current one if it is called that and has one, or else one in it.
fn folder() -> &'static Path {
    let has_one = || {
        let mut files = EXERCISES
            .iter()
            .map(|exercise| format!("{}.c", exercise.name));
        files.any(|file| Path::new(&file).exists())
    };
    let is_here = env::current_dir().is_ok_and(|here| here.ends_with(FOLDER)) && has_one();
    Path::new(if is_here { "" } else { FOLDER })
}

/// The file of an exercise.
fn path(name: &str) -> PathBuf {
    folder().join(name).with_extension("c")
}

/// Copies the source of an exercise to its file, unless that exists.
fn copy(exercise: &Exercise, file: &Path) -> Result<()> {
    if !file.exists() {
        fs::create_dir_all(folder())?;
        fs::write(file, exercise.source)
            .with_context(|| format!("cannot write {}", file.display()))?;
        super::output::say(&format!(
            "wrote {}: fix it, then run this command again",
            file.display()
        ));
    }
    Ok(())
}

/// Adds an exercise to the list of passed ones.
fn pass(exercise: &Exercise) {
    if let Some(line) = passed_as(exercise.name) {
        let passed = folder().join(".passed");
        let all = fs::read_to_string(&passed).unwrap_or_default();
        if !all.contains(&line) {
            // If it fails, only the list of exercises is wrong.
            let _ = fs::write(&passed, all + &line);
        }
    }
}

/// What to do next.
fn next() -> String {
    match EXERCISES.iter().find(|exercise| !is_passed(exercise.name)) {
        Some(next) => format!("Next: {} exercise {}\n", called::name(), next.name),
        None => format!("You passed all {}.\n", EXERCISES.len()),
    }
}

/// The line of an exercise in the list of passed ones. It stays passed until its file changes.
fn passed_as(name: &str) -> Option<String> {
    let mut hasher = DefaultHasher::new();
    fs::read(path(name)).ok()?.hash(&mut hasher);
    Some(format!("{name} {:x}\n", hasher.finish()))
}

fn is_passed(name: &str) -> bool {
    let passed = fs::read_to_string(folder().join(".passed")).unwrap_or_default();
    passed_as(name).is_some_and(|line| passed.contains(&line))
}
