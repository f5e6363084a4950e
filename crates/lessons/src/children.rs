//! Child processes, for mistakes that a process does not survive.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use serde_json::Value;

/// How to start a child process that calls [`misbehave`](crate::misbehave) with a name, and prints what
/// it returns.
pub struct Children<'a>(Box<dyn Fn(&str) -> Command + 'a>);

impl<'a> Children<'a> {
    /// From a command for each name.
    pub fn new(command: impl Fn(&str) -> Command + 'a) -> Self {
        Self(Box::new(command))
    }

    /// Runs a child. Returns the steps that it printed, each a line of JSON; and how it ended: the signal
    /// that killed it, or else what it printed, or else the last line of its errors.
    pub(crate) fn run(&self, name: &str) -> (Vec<Value>, String) {
        let mut child = (self.0)(name);
        // Python then fills freed memory with 0xdd, so that each mistake ends alike every time.
        child.env("PYTHONMALLOC", "debug");
        let output = match child.output() {
            Ok(output) => output,
            Err(error) => return (Vec::new(), error.to_string()),
        };
        let printed = String::from_utf8_lossy(&output.stdout);
        let (steps, rest): (Vec<&str>, Vec<&str>) =
            printed.lines().partition(|line| line.starts_with('{'));
        let steps = steps.into_iter().map(serde_json::from_str);
        let end = match output.status.signal() {
            Some(6) => "SIGABRT".into(),
            Some(11) => "SIGSEGV".into(),
            Some(signal) => format!("signal {signal}"),
            None => match rest.join("\n").as_str() {
                "refused" | "" => {
                    let errors = String::from_utf8_lossy(&output.stderr);
                    errors.lines().last().unwrap_or_default().to_owned()
                }
                printed => printed.to_owned(),
            },
        };
        // A line that a signal cut off is no step.
        (steps.filter_map(Result::ok).collect(), end)
    }
}

impl fmt::Debug for Children<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Children")
    }
}
