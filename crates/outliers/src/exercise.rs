//! `outliers exercise`: broken C extensions to fix, and the judge.

mod files;
mod handout;
mod judged;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use lessons::{EXERCISES, Judgement, Module, Trial};

use super::called;
use super::overwrite;
use super::refcounts::doomed;
use super::similar::similar;
use files::{copy, found, is_passed, pass, path};
use judged::{explained, judged};

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

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match done(arguments) {
        // A status of 1 would say that the module was judged.
        Err(error) if arguments.exercise.is_some() => {
            super::output::complain(&error);
            Ok(ExitCode::from(3))
        }
        done => done,
    }
}

fn done(arguments: &Arguments) -> Result<ExitCode> {
    super::refuse_free_threaded()?;
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

/// What to do next.
fn next() -> String {
    match EXERCISES.iter().find(|exercise| !is_passed(exercise.name)) {
        Some(next) => format!("Next: {} exercise {}\n", called::name(), next.name),
        None => format!("You passed all {}.\n", EXERCISES.len()),
    }
}
