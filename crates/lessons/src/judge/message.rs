//! What the judge's child process and the process that watches it both know; and the messages between them.

use serde::{Deserialize, Serialize};

/// Signals that end a process which has damaged its memory: `SIGILL`, `SIGABRT`, `SIGBUS`, `SIGFPE`, `SIGSEGV`. The parent
/// sends `SIGALRM` to a process that does not return.
pub(super) const SIGNALS: [i32; 6] = [4, 6, 7, 8, 11, SIGALRM];
pub(super) const SIGALRM: i32 = 14;

/// What a child process looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Damage by single calls. `PYTHONMALLOC=debug` makes most uses of freed memory crash.
    Damage,
    /// Growth over many calls. `PYTHONMALLOC` is unset, so a double release does its damage.
    Growth,
}

/// A message. The Python half writes the same JSON: see `messages.py`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Message {
    /// What is tried next, and the rule that a crash would break.
    Trying(Tried),
    /// An allocation is made to fail at this place, if one is known.
    Failing { place: String },
    /// A signal ends the process at this place, if one is known.
    Crashed { signal: i32, place: String },
    /// The judge is still running. A long silence means that a call does not return.
    Working,
    /// A rule is broken, as the evidence shows. This is the last message.
    Broken {
        lesson: String,
        rule: String,
        evidence: String,
    },
    /// No rule is broken, but the module does not do its task. This is the last message.
    Failed { evidence: String },
    /// The module cannot be judged. This is the last message.
    Refused { reason: String },
    /// Nothing was found. This is the last message.
    Clean,
}

/// What is tried, and the rule that a crash would break.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tried {
    pub what: String,
    pub lesson: String,
    pub rule: String,
}
