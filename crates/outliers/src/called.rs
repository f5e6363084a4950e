//! How this program was called: as `outliers`, or as `python -m refsoak`.

use std::env;
use std::ffi::OsString;
use std::process::Command;
use std::sync::OnceLock;

static CALLED: OnceLock<Called> = OnceLock::new();

/// A way to call this program.
#[derive(Debug)]
pub struct Called {
    /// What a user types: `outliers`, or `python -m refsoak`.
    pub name: &'static str,
    /// The command that starts this program again, without the user's arguments.
    pub program: Vec<OsString>,
    /// The user's arguments.
    pub arguments: Vec<OsString>,
}

impl Called {
    /// This process, called as `outliers`.
    pub(crate) fn as_program() -> Self {
        let mut words = env::args_os();
        let first = words.next().unwrap_or_default();
        Self {
            name: "outliers",
            program: vec![env::current_exe().map_or(first, OsString::from)],
            arguments: words.collect(),
        }
    }

    /// Records how this process was called. Only the first record counts.
    pub(crate) fn set(self) {
        let _ = CALLED.set(self);
    }
}

fn called() -> &'static Called {
    CALLED.get_or_init(Called::as_program)
}

/// What a user types: `outliers`, or `python -m refsoak`.
pub fn name() -> &'static str {
    called().name
}

/// Whether Python runs this program, as `python -m refsoak`.
pub fn is_in_python() -> bool {
    name() != "outliers"
}

/// The user's arguments.
pub fn arguments() -> impl Iterator<Item = &'static OsString> {
    called().arguments.iter()
}

/// The command that starts this program again, without the user's arguments.
pub fn again() -> Command {
    let mut words = called().program.iter();
    let mut command = Command::new(
        words
            .next()
            .map_or("outliers".as_ref(), OsString::as_os_str),
    );
    command.args(words);
    command
}
