//! Watches the judge's child processes, and judges by their messages and how they end.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::compile::Compiled;
use super::error::Error;
use super::message::{LONGEST_CALL, Message, SIGALRM, SIGNALS, Trial, Tried};
use refsoak::child::{CUT_OFF, Child, Heard, signal_name};

/// A child that sends nothing for this long is in a call that does not return, and its alarm did not end it.
const LIMIT: Duration = Duration::from_secs(LONGEST_CALL as u64 + 5);
/// How long a child may take to end after its last message.
const PATIENCE: Duration = Duration::from_secs(5);

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

/// The judge's verdict on a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It keeps all rules, and does its task.
    Right {
        /// Sentences about the lines that never ran, or `None` if that is not known.
        never_ran: Option<Vec<String>>,
    },
    /// It breaks a rule.
    Broken {
        /// The rule, in a sentence.
        rule: String,
        /// What was tried, and what happened.
        evidence: String,
        /// The lesson that teaches the rule.
        lesson: String,
    },
    /// It keeps the rules, but does not do its task.
    Failed {
        /// What was tried, and what happened.
        evidence: String,
    },
}

impl Compiled {
    /// Judges the module, in one child process for each [`Trial`].
    ///
    /// `child` returns the command of a process that calls [`judge`](super::judge) with the library at
    /// that path. `watch` is called several times a second with a text about the current attempt, and may
    /// stop the judge with `Break`.
    ///
    /// # Errors
    ///
    /// - [`Error::Refused`] if the module cannot be judged, for example because it cannot be imported, or
    ///   if a child cannot be started.
    /// - [`Error::Interrupted`] if `watch` returned `Break`.
    pub fn judge(
        &self,
        child: impl Fn(&Path, Trial) -> io::Result<Command>,
        mut watch: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Judgement, Error> {
        for trial in [Trial::Damage, Trial::Growth] {
            let command = child(&self.library, trial).map_err(Error::io("cannot judge"))?;
            if let Some(wrong) = self.try_in(command, trial, &mut watch)? {
                return Ok(wrong);
            }
        }
        Ok(Judgement::Right {
            never_ran: self.never_ran(),
        })
    }

    /// What is wrong, if anything.
    fn try_in(
        &self,
        mut command: Command,
        trial: Trial,
        watch: &mut impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Option<Judgement>, Error> {
        let errors = self.library.with_extension("errors");
        let there = || errors.display().to_string();
        match trial {
            Trial::Damage => command.env("PYTHONMALLOC", "debug"),
            Trial::Growth => command.env_remove("PYTHONMALLOC"),
        };
        // Hides the module's output. Processes that the module starts join the child's process group, and
        // end with the child.
        command
            .stdout(Stdio::null())
            .stderr(fs::File::create(&errors).map_err(Error::io(there()))?)
            .process_group(0);
        let mut child = Child::start(&mut command).map_err(Error::io("cannot judge"))?;
        let mut heard = Answers::default();
        let listened = heard.listen(&mut child, watch);
        let is_over = heard.is_late || heard.is_interrupted;
        let ended = child.end(if is_over { Duration::ZERO } else { PATIENCE });
        let ended = listened.and(ended).map_err(Error::io("cannot judge"))?;
        if heard.is_interrupted {
            return Err(Error::Interrupted);
        }
        let errors = fs::read(&errors).map_err(Error::io(there()))?;
        heard.judgement(ended, &String::from_utf8_lossy(&errors), &self.file)
    }
}

/// The messages of a child.
#[derive(Default)]
struct Answers {
    tried: Option<Tried>,
    /// The signal that ends it, and the place that the signal interrupts.
    crash: Option<(i32, String)>,
    last: Option<Message>,
    is_late: bool,
    is_interrupted: bool,
}

impl Answers {
    /// Listens until the child's last message.
    fn listen(
        &mut self,
        child: &mut Child,
        watch: &mut impl FnMut(&str) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut heard = Instant::now();
        while self.last.is_none() && !self.is_late {
            match child.receive()? {
                Heard::Message(message) => {
                    heard = Instant::now();
                    match message {
                        Message::Trying(tried) => self.tried = Some(tried),
                        Message::Working => {}
                        Message::Failing { place } => self.is_failing(&place),
                        Message::Crashed { signal, place } => self.crash = Some((signal, place)),
                        last => self.last = Some(last),
                    }
                }
                Heard::Silence if self.crash.is_some() => {
                    if heard.elapsed() > PATIENCE {
                        break;
                    }
                }
                Heard::Silence => self.is_late = heard.elapsed() > LIMIT,
                Heard::End => break,
            }
            let what = self.tried.as_ref().map_or("", |tried| &tried.what);
            if watch(what).is_break() {
                self.is_interrupted = true;
                break;
            }
        }
        Ok(())
    }

    fn is_failing(&mut self, place: &str) {
        if let Some(tried) = &mut self.tried
            && !place.is_empty()
        {
            tried.what = format!("When {place} fails");
        }
    }

    /// What is wrong, if anything, after the child has ended.
    fn judgement(
        self,
        status: ExitStatus,
        errors: &str,
        file: &Path,
    ) -> Result<Option<Judgement>, Error> {
        let returns = "A function returns a result, or NULL with an exception set.";
        let what = self
            .tried
            .as_ref()
            .map_or("", |tried| &tried.what)
            .to_owned();
        let (lesson, rule, evidence) = match (self.last, self.tried) {
            (Some(Message::Refused { reason }), _) => return Err(Error::Refused(reason)),
            (Some(Message::Failed { evidence }), _) => {
                let evidence = format!("{what}, {evidence}");
                return Ok(Some(Judgement::Failed { evidence }));
            }
            (
                Some(Message::Broken {
                    lesson,
                    rule,
                    evidence,
                }),
                _,
            ) => (lesson, rule, evidence),
            // What a module does when the process ends may take long, so this process may have killed it.
            (Some(Message::Clean), _) if status.success() || status.signal() == Some(SIGKILL) => {
                return Ok(None);
            }
            (_, None) => {
                let errors = errors.trim();
                return Err(Error::Refused(format!(
                    "the judge ended, {status}: {errors}"
                )));
            }
            (_, Some(tried)) => match self.crash.or(unreported(status)) {
                _ if self.is_late => ("exceptions".into(), returns.into(), endless("")),
                Some((SIGALRM, place)) => ("exceptions".into(), returns.into(), endless(&place)),
                Some(crash) => crashed(crash, tried, errors, file),
                None if status.code() == Some(CUT_OFF.into()) => {
                    let evidence = "it closed file descriptors that others had opened.".into();
                    let rule = "Close only what you opened.".into();
                    ("exceptions".into(), rule, evidence)
                }
                None => {
                    let evidence = format!("it ended the process ({status}).");
                    ("exceptions".into(), returns.into(), evidence)
                }
            },
        };
        Ok(Some(Judgement::Broken {
            rule,
            evidence: format!("{what}, {evidence}"),
            lesson,
        }))
    }
}

/// The signal of a crash that the child could not report, without a place.
fn unreported(status: ExitStatus) -> Option<(i32, String)> {
    let signal = status.signal().filter(|signal| SIGNALS.contains(signal))?;
    Some((signal, String::new()))
}

/// The evidence of a call that does not return, and its place.
fn endless(place: &str) -> String {
    let within = format!("did not return within {LONGEST_CALL} seconds");
    match place {
        "" => format!("it {within}."),
        place => format!("it {within}. It was in {place}."),
    }
}

/// The lesson, the rule and the evidence of a crash.
fn crashed(
    (signal, place): (i32, String),
    tried: Tried,
    errors: &str,
    file: &Path,
) -> (String, String, String) {
    let Tried {
        mut lesson,
        mut rule,
        ..
    } = tried;
    let fatal = errors
        .split(['\n', '\0'])
        .find(|line| line.starts_with("Fatal Python error"));
    let source = fs::read_to_string(file).unwrap_or_default();
    // In freed memory, a byte that is not valid UTF-8 replaces the identifier of the allocator.
    let is_other = |line: &str| line.contains("bad ID") && !line.contains('\u{fffd}');
    if source.contains("PyObject_GC") && fatal.is_some_and(is_other) {
        rule =
            "Free memory with the matching function: PyObject_GC_New needs PyObject_GC_Del.".into();
    }
    let mut how = fatal.unwrap_or(match signal {
        SIGABRT => "abort was called, as happens when memory is damaged.",
        _ => "it used NULL or a freed object.",
    });
    // Before Python 3.12, None can be freed too. By then, what is tried has nothing to do with it.
    if fatal.is_some_and(|line| line.contains("deallocating None")) {
        lesson = "called-by-python".into();
        rule = "Own a reference to each object that you store or return, None too.".into();
        how = "the calls so far released all references to None.";
    }
    let crashed = if place.is_empty() { "it" } else { &place };
    let mut evidence = format!("{crashed} crashed ({}): {how}", signal_name(signal));
    if lesson == "borrowed-reference" && source.contains("Py_BEGIN_ALLOW_THREADS") {
        lesson = "released-lock".into();
        evidence += " Do not call Python between Py_BEGIN_ALLOW_THREADS and \
                     Py_END_ALLOW_THREADS.";
    }
    (lesson, rule, evidence)
}
