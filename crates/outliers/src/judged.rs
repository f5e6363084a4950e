//! What the judge's child processes say of a module, and what their end says.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use lessons::{Module, Trial};
use serde_json::json;
use signal_hook::consts::{SIGABRT, SIGINT};
use signal_hook::flag;
use signal_hook::low_level::signal_name;

use super::child::{self, Child, Heard};

/// The longest that nothing may be heard of the child; and that it may take to end when all is said.
const LONGEST: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_secs(5);

/// The exit status of a child whose pipe is closed.
const CUT_OFF: i32 = 3;

/// What is wrong with a module, and the lesson about that.
pub struct Said {
    pub text: String,
    pub lesson: String,
}

/// Ctrl-C was pressed.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl Error for Interrupted {}

/// In the child: judges a module.
pub fn judge(module: &Module<'_>, soaks: bool) -> Result<ExitCode> {
    let doomed = super::refcounts::doomed()?;
    let mut pipe = child::pipe()?;
    child::empty_stdin()?;
    let trial = if soaks { Trial::Growth } else { Trial::Damage };
    let judged = lessons::judge(module, trial, &pipe, doomed);
    let code = match judged {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => match writeln!(pipe, "{}", json!(["error", error.to_string()])) {
            Ok(()) => 1,
            Err(_) => CUT_OFF,
        },
    };
    // At once: what a broken module has damaged must not be taken down in order.
    std::process::exit(code);
}

/// What is found wrong with a module; nothing if it keeps all rules.
pub fn judged(file: &Path, library: &Path) -> Result<Option<Said>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    flag::register(SIGINT, Arc::clone(&interrupted)).context("cannot listen for Ctrl-C")?;
    for trial in [Trial::Damage, Trial::Growth] {
        let said = tried(file, library, trial, &interrupted)?;
        if said.is_some() {
            return Ok(said);
        }
    }
    Ok(None)
}

/// What one child finds.
fn tried(
    file: &Path,
    library: &Path,
    trial: Trial,
    interrupted: &AtomicBool,
) -> Result<Option<Said>> {
    let errors = library.with_extension("errors");
    let there = || errors.display().to_string();
    let mut command = Child::command()?;
    command
        .arg("exercise")
        .arg(file)
        .arg("--doomed")
        .arg(library);
    match trial {
        // Freed memory is overwritten then, so that its use is noticed.
        Trial::Damage => command.env("PYTHONMALLOC", "debug"),
        Trial::Growth => command.env_remove("PYTHONMALLOC").arg("--soak"),
    };
    // What the module prints is nobody's answer. What it starts ends with it.
    command
        .stdout(Stdio::null())
        .stderr(fs::File::create(&errors).with_context(there)?)
        .process_group(0);
    let mut child = Child::start(&mut command)?;
    let mut heard = Answers::default();
    let listened = heard.listen(&mut child, interrupted);
    let is_enough = heard.is_late || interrupted.load(Ordering::Relaxed);
    let ended = child.end(if is_enough { Duration::ZERO } else { MOMENT });
    listened?;
    if interrupted.load(Ordering::Relaxed) {
        return Err(Interrupted.into());
    }
    let errors = String::from_utf8_lossy(&fs::read(&errors).with_context(there)?).into_owned();
    heard.verdict(ended?, &errors, file)
}

/// What was heard of a child.
#[derive(Default)]
struct Answers {
    /// What is tried, and of what a crash would speak.
    tried: Vec<String>,
    /// The last word.
    last: Vec<String>,
    is_late: bool,
}

impl Answers {
    /// Listens until all is said.
    fn listen(&mut self, child: &mut Child, interrupted: &AtomicBool) -> Result<()> {
        let shown = io::stderr().is_terminal();
        let mut heard = Instant::now();
        while self.last.is_empty() && !self.is_late && !interrupted.load(Ordering::Relaxed) {
            match child.hear()? {
                Heard::Line(line) => {
                    heard = Instant::now();
                    let words: Vec<String> = serde_json::from_str(&line).unwrap_or_default();
                    match words.first().map(String::as_str) {
                        Some("trying") => {
                            if let (true, Some(what)) = (shown, words.get(3)) {
                                let _ = write!(io::stderr(), "\r\x1b[2K{what:.79}");
                            }
                            self.tried = words;
                        }
                        Some("found" | "lost" | "error" | "clean") => self.last = words,
                        _ => {}
                    }
                }
                Heard::Silence => self.is_late = heard.elapsed() > LONGEST,
                Heard::End => break,
            }
        }
        if shown {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
        Ok(())
    }

    fn verdict(&self, status: ExitStatus, errors: &str, file: &Path) -> Result<Option<Said>> {
        let last: Vec<_> = self.last.iter().map(String::as_str).collect();
        let tried: Vec<_> = self.tried.iter().map(String::as_str).collect();
        let rule = "A function returns a result, or NULL with an exception set.";
        let (lesson, rule, evidence) = match (&last[..], &tried[..], status.signal()) {
            (["found", lesson, rule, evidence], ..) => (*lesson, *rule, (*evidence).to_owned()),
            (["lost", evidence], ..) => {
                let evidence = filled(evidence);
                return Ok(Some(Said {
                    text: format!("keeps the rules, but no longer does its task.\n{evidence}\n"),
                    lesson: String::new(),
                }));
            }
            (["error", error], ..) => bail!("{error}"),
            (_, [_, _, _, what], _) if self.is_late => {
                let evidence = format!("{what}, it did not return within 30 seconds.");
                ("exceptions", rule, evidence)
            }
            (_, [_, _, _, what], _) if status.code() == Some(CUT_OFF) => {
                let rule = "What you did not open is not yours to close.";
                let evidence = format!("{what}, it closed file descriptors of the program.");
                ("exceptions", rule, evidence)
            }
            (_, [_, lesson, rule, what], Some(signal)) => {
                crashed(signal, [lesson, rule, what], errors, file)
            }
            (["clean"], ..) if status.success() => return Ok(None),
            (_, [_, _, _, what], _) => {
                let evidence = format!("{what}, it ended the process, with {status}.");
                ("exceptions", rule, evidence)
            }
            _ => bail!("the judge ended with {status}: {}", errors.trim()),
        };
        Ok(Some(Said {
            text: format!("breaks a rule.\n{}\n{}\n", filled(rule), filled(&evidence)),
            lesson: lesson.to_owned(),
        }))
    }
}

/// What a crash speaks of: lesson, rule and evidence.
fn crashed<'a>(
    signal: i32,
    [mut lesson, mut rule, what]: [&'a str; 3],
    errors: &str,
    file: &Path,
) -> (&'a str, &'a str, String) {
    let name = signal_name(signal).unwrap_or("a signal");
    let last = errors
        .split(['\n', '\0'])
        .find(|line| line.starts_with("Fatal Python error"));
    let source = fs::read_to_string(file).unwrap_or_default();
    // Memory that was freed before would have an identifier that is no character.
    let is_other = |line: &str| line.contains("bad ID") && !line.contains('\u{fffd}');
    if source.contains("PyObject_GC") && last.is_some_and(is_other) {
        rule = "What is made by one allocator is freed by its own: PyObject_GC_New with PyObject_GC_Del.";
    }
    let how = last.unwrap_or(match signal {
        SIGABRT => "somebody saw damage, and called abort.",
        _ => "it used NULL, or an object that was gone.",
    });
    let mut evidence = format!("{what}, it crashed ({name}): {how}");
    if lesson == "borrowed-reference" && source.contains("Py_BEGIN_ALLOW_THREADS") {
        lesson = "released-lock";
        evidence +=
            " Between Py_BEGIN_ALLOW_THREADS and Py_END_ALLOW_THREADS nothing of Python is called.";
    }
    (lesson, rule, evidence)
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
