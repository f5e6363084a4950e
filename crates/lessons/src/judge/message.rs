//! What the judge in its child process tells the process that watches.

use serde::{Deserialize, Serialize};

/// A message. The Python half writes the same JSON: see `messages.py`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Message {
    /// What is tried next, and the rule that a crash would break.
    Trying(Tried),
    /// The judge is at work. Without any message for a while, a call does not return.
    Working,
    /// A rule is broken, as the evidence shows. Nothing follows.
    Broken {
        lesson: String,
        rule: String,
        evidence: String,
    },
    /// No rule is broken, but the module does not do its task. Nothing follows.
    Failed { evidence: String },
    /// The module cannot be judged. Nothing follows.
    Refused { reason: String },
    /// Nothing was found. Nothing follows.
    Clean,
}

/// What is tried, and the rule that a crash would break.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tried {
    pub what: String,
    pub lesson: String,
    pub rule: String,
}
