//! Watches the judge's child processes, and judges by their messages and how they end.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::compile::Compiled;
use super::crash::{Crash, RETURNS, SIGKILL};
use super::error::Error;
use super::message::{Message, SIGALRM, SIGNALS, Trial, Tried};
use refsoak::child::{CUT_OFF, Child, Heard};

/// A child whose [silence](Child::silence) exceeds this is in a call that does not return.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a child may take to find its place after a signal, and to end after its last message.
const PATIENCE: Duration = Duration::from_secs(5);

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
        heard.listen(&mut child, LIMIT, watch);
        let is_over = heard.is_late || heard.is_interrupted;
        let ended = child.end(if is_over { Duration::ZERO } else { PATIENCE });
        let ended = ended.map_err(Error::io("cannot judge"))?;
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
    /// Listens until the child's last message, or until its silence exceeds a limit.
    fn listen(
        &mut self,
        child: &mut Child,
        limit: Duration,
        watch: &mut impl FnMut(&str) -> ControlFlow<()>,
    ) {
        while self.last.is_none() {
            match child.receive() {
                Heard::Message(Message::Trying(tried)) => self.tried = Some(tried),
                Heard::Message(Message::Working) => {}
                Heard::Message(Message::Failing { place }) => self.is_failing(&place),
                Heard::Message(Message::Crashed { signal, place }) => {
                    // The first one is sent before the place is looked for.
                    let is_second = self
                        .crash
                        .as_ref()
                        .is_some_and(|crash| crash.signal == signal);
                    let place = is_second.then_some(place);
                    self.crash = Some(Crash { signal, place });
                }
                Heard::Message(last) => self.last = Some(last),
                Heard::Silence if self.is_late || self.crash.is_some() => {
                    if child.silence() > PATIENCE {
                        break;
                    }
                }
                Heard::Silence if child.silence() > limit => {
                    self.is_late = true;
                    // It reports its place then. If it cannot, the place stays unknown.
                    let _ = child.signal(SIGALRM);
                }
                Heard::Silence => {}
                Heard::End => break,
            }
            let what = self.tried.as_ref().map_or("", |tried| &tried.what);
            if watch(what).is_break() {
                self.is_interrupted = true;
                break;
            }
        }
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
        status: Option<ExitStatus>,
        errors: &str,
        file: &Path,
    ) -> Result<Option<Judgement>, Error> {
        let what = self
            .tried
            .as_ref()
            .map_or("", |tried| &tried.what)
            .to_owned();
        // The judge ends like this. If its last message was not heard, it was cut off.
        let is_cut_off = status.is_none_or(|status| status.code() == Some(CUT_OFF.into()));
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
            // If a destructor of the module takes long, the process was killed.
            (Some(Message::Clean), _) if is_cut_off => return Ok(None),
            (_, None) => {
                let ended = status.map_or_else(String::new, |status| format!(", {status}"));
                let errors = errors.trim();
                return Err(Error::Refused(format!("the judge ended{ended}: {errors}")));
            }
            (_, Some(tried)) => match self.crash.or(status.and_then(unreported)) {
                crash if self.is_late => {
                    // The search for the place may end in another signal.
                    let crash = crash.filter(|crash| crash.signal == SIGALRM);
                    let place = crash.and_then(|crash| crash.place);
                    let evidence = endless(&place.unwrap_or_default());
                    ("exceptions".into(), RETURNS.into(), evidence)
                }
                // Nobody else sends this one, so the module has done it.
                Some(crash) if crash.signal != SIGALRM => {
                    let (lesson, rule, evidence) = crash.explained(tried, errors, file);
                    return Ok(Some(Judgement::Broken {
                        rule,
                        evidence,
                        lesson,
                    }));
                }
                _ if is_cut_off => {
                    let evidence = "it closed file descriptors that others had opened.".into();
                    let rule = "Close only what you opened.".into();
                    ("exceptions".into(), rule, evidence)
                }
                _ => {
                    let status = status.unwrap_or_default();
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
    let within = format!("did not return within {} seconds", LIMIT.as_secs());
    match place {
        "" => format!("it {within}."),
        place => format!("it {within}. It was in {place}."),
    }
}

#[cfg(test)]
mod tests;
