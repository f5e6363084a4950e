//! Child processes, for what one does not survive.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

/// How to start a child that calls [`misbehave`](super::misbehave) with a name, and prints what it
/// returns.
pub struct Children<'a>(Box<dyn Fn(&str) -> Command + 'a>);

impl<'a> Children<'a> {
    /// By a command for each name.
    pub fn new(command: impl Fn(&str) -> Command + 'a) -> Self {
        Self(Box::new(command))
    }

    /// What a child printed, the last words of Python if it said so, or the signal that ended it.
    pub(super) fn output(&self, name: &str) -> String {
        self.told(name).1
    }

    /// The steps that a child told, each a line of JSON; and its output.
    pub(super) fn told(&self, name: &str) -> (Vec<String>, String) {
        // Freed memory is filled with 0xdd then, so that each mistake ends alike every time.
        let mut child = (self.0)(name);
        child.env("PYTHONMALLOC", "debug");
        let output = match child.output() {
            Ok(output) => output,
            Err(error) => return (Vec::new(), error.to_string()),
        };
        let said = String::from_utf8_lossy(&output.stdout);
        let (steps, said): (Vec<&str>, Vec<&str>) =
            said.lines().partition(|line| line.starts_with('{'));
        let steps = steps.into_iter().map(String::from).collect();
        let said = match output.status.signal() {
            Some(6) => "SIGABRT".into(),
            Some(11) => "SIGSEGV".into(),
            Some(signal) => format!("signal {signal}"),
            None => match said.join("\n").as_str() {
                "refused" | "" => {
                    let errors = String::from_utf8_lossy(&output.stderr);
                    errors.lines().last().unwrap_or_default().to_owned()
                }
                said => said.to_owned(),
            },
        };
        (steps, said)
    }
}

impl fmt::Debug for Children<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Children")
    }
}
