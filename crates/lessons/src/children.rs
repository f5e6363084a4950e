//! Child processes, for mistakes that a process may not survive.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;

use crate::step::Step;
use refsoak::child::{Child, Heard, Parent, signal_name};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a child sends.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message<'a> {
    /// A step of the mistake.
    Step { step: Value },
    /// The answer to the question of the lesson. This is the last message.
    Answer { text: Cow<'a, str> },
}

/// In a child: sends a step.
pub(crate) fn send_step(parent: &Parent, step: &Step) {
    // An error does not matter: the child makes its mistake anyway.
    let _ = parent.send(&Message::Step { step: step.sent() });
}

/// In a child: sends the answer.
pub(crate) fn send_answer(parent: &Parent, text: &str) {
    let _ = parent.send(&Message::Answer { text: text.into() });
}

/// How to start a child process that calls [`misbehave`](crate::misbehave) with a name.
pub struct Children<'a>(Box<dyn Fn(&str) -> Command + 'a>);

impl<'a> Children<'a> {
    /// `command` returns the command for a name.
    pub fn new(command: impl Fn(&str) -> Command + 'a) -> Self {
        Self(Box::new(command))
    }

    /// Runs a child. Returns the steps that it sent, and how it ended: the signal that killed it, or else
    /// its answer, or else the last line that Python printed on stderr.
    pub(crate) fn run(&self, name: &str) -> (Vec<Value>, String) {
        let mut steps = Vec::new();
        let end = self.watch(name, &mut steps);
        (steps, end.unwrap_or_else(|error| error.to_string()))
    }

    fn watch(&self, name: &str, steps: &mut Vec<Value>) -> io::Result<String> {
        let mut command = (self.0)(name);
        // Python then fills freed memory with 0xdd, so that each mistake ends in the same way every time.
        command.env("PYTHONMALLOC", "debug");
        let mut child = Child::start(command.stdout(Stdio::null()).stderr(Stdio::piped()))?;
        let mut stderr = child.take_stderr();
        let errors = thread::spawn(move || {
            let mut errors = Vec::new();
            if let Some(stderr) = &mut stderr {
                let _ = stderr.read_to_end(&mut errors);
            }
            errors
        });
        let mut answer = String::new();
        loop {
            match child.receive() {
                Heard::Message(Message::Step { step }) => steps.push(step),
                Heard::Message(Message::Answer { text }) => answer = text.into_owned(),
                Heard::Silence => {}
                Heard::End => break,
            }
        }
        let status = child.wait()?;
        if let Some(signal) = status.signal() {
            return Ok(signal_name(signal).into_owned());
        }
        if answer.is_empty() {
            let errors = errors.join().unwrap_or_default();
            let errors = String::from_utf8_lossy(&errors);
            answer = errors.lines().last().unwrap_or_default().into();
        }
        Ok(answer)
    }
}

impl fmt::Debug for Children<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Children")
    }
}
