//! Child processes, for mistakes that a process may not survive.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;

use refsoak::child::{Child, Heard, Parent, signal_name};
use serde::{Deserialize, Serialize};

/// What a child says.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message<'a> {
    /// A step, in JSON for the page.
    Step { json: Cow<'a, str> },
    /// The answer to the question of the lesson. Nothing follows.
    Answer { text: Cow<'a, str> },
}

/// In a child: sends a step, in JSON for the page.
pub(super) fn send_step(parent: &Parent, json: String) {
    // Without a parent the mistake is made all the same.
    let _ = parent.send(&Message::Step { json: json.into() });
}

/// In a child: sends the answer.
pub(super) fn send_answer(parent: &Parent, text: &str) {
    let _ = parent.send(&Message::Answer { text: text.into() });
}

/// How to start a child process that calls [`misbehave`](super::misbehave) with a name.
pub struct Children<'a>(Box<dyn Fn(&str) -> Command + 'a>);

impl<'a> Children<'a> {
    /// By a command for each name.
    pub fn new(command: impl Fn(&str) -> Command + 'a) -> Self {
        Self(Box::new(command))
    }

    /// The answer of a child, or the signal that ended it. If there is neither, the last line that Python
    /// printed on stderr.
    pub(super) fn output(&self, name: &str) -> String {
        self.told(name).1
    }

    /// The steps that a child sent, each in JSON; and its [`output`](Self::output).
    pub(super) fn told(&self, name: &str) -> (Vec<String>, String) {
        let mut steps = Vec::new();
        let output = self.watch(name, &mut steps);
        (steps, output.unwrap_or_else(|error| error.to_string()))
    }

    fn watch(&self, name: &str, steps: &mut Vec<String>) -> io::Result<String> {
        let mut command = (self.0)(name);
        // This fills freed memory with 0xdd, so that each mistake ends in the same way every time.
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
            match child.receive()? {
                Heard::Message(Message::Step { json }) => steps.push(json.into_owned()),
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
