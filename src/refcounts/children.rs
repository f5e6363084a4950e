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
        // Freed memory is filled with 0xdd then, so that each mistake ends alike every time.
        let mut child = (self.0)(name);
        let output = match child.env("PYTHONMALLOC", "debug").output() {
            Ok(output) => output,
            Err(error) => return error.to_string(),
        };
        match output.status.signal() {
            Some(6) => return "SIGABRT".into(),
            Some(11) => return "SIGSEGV".into(),
            Some(signal) => return format!("signal {signal}"),
            None => {}
        }
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match said.as_str() {
            "refused" | "" => String::from_utf8_lossy(&output.stderr)
                .lines()
                .last()
                .unwrap_or_default()
                .to_owned(),
            _ => said,
        }
    }
}

impl fmt::Debug for Children<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Children")
    }
}
