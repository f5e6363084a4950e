//! Watches the judge's child processes, and judges by their messages and how they end.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::crash::{Crash, SIGKILL};
use super::message::{Message, Tried};
use super::{Compiled, Error, LONGEST_CALL, SIGALRM, SIGNALS, Trial};
use refsoak::child::{CUT_OFF, Child, Heard};

/// A child that sends nothing for this long is in a call that does not return, and its alarm did not end it.
const LIMIT: Duration = Duration::from_secs(super::LONGEST_CALL as u64 + 5);
/// How long a child may take to end after its last message.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) const RETURNS: &str = "A function returns a result, or NULL with an exception set.";

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
    crash: Option<Crash>,
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
                        Message::Crashed { signal, place } => {
                            // The first one is sent before the place is looked for.
                            let is_second = self
                                .crash
                                .as_ref()
                                .is_some_and(|crash| crash.signal == signal);
                            let place = is_second.then_some(place);
                            self.crash = Some(Crash { signal, place });
                        }
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
                _ if self.is_late => ("exceptions".into(), RETURNS.into(), endless("")),
                Some(Crash { signal, place }) if signal == SIGALRM => {
                    let evidence = endless(&place.unwrap_or_default());
                    ("exceptions".into(), RETURNS.into(), evidence)
                }
                Some(crash) => {
                    let (lesson, rule, evidence) = crash.explained(tried, errors, file);
                    return Ok(Some(Judgement::Broken {
                        rule,
                        evidence,
                        lesson,
                    }));
                }
                None if status.code() == Some(CUT_OFF.into()) => {
                    let evidence = "it closed file descriptors that others had opened.".into();
                    let rule = "Close only what you opened.".into();
                    ("exceptions".into(), rule, evidence)
                }
                None => {
                    let evidence = format!("it ended the process ({status}).");
                    ("exceptions".into(), RETURNS.into(), evidence)
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

/// A crash that the child could not report.
fn unreported(status: ExitStatus) -> Option<Crash> {
    let is_crash = |signal: &i32| SIGNALS.contains(signal) || *signal == SIGKILL;
    status.signal().filter(is_crash).map(Crash::unseen)
}

/// The evidence of a call that does not return, and its place.
fn endless(place: &str) -> String {
    let within = format!("did not return within {LONGEST_CALL} seconds");
    match place {
        "" => format!("it {within}."),
        place => format!("it {within}. It was in {place}."),
    }
}
