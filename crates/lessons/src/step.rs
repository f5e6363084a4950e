//! A step of a lesson, with the value that the rule predicts and the measured one.

use serde::Serialize;
use serde_json::{Value, json};

use crate::picture::Picture;

/// A step of a lesson.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The line of Rust that ran; empty if this step looks again at the effect of the previous one.
    pub line: &'static str,
    /// The call in C, or a comment in C for what other code does; empty for a second look.
    pub call: &'static str,
    /// Who owns what after it, or what the answer means.
    pub meaning: &'static str,
    /// The variable whose references are counted, or a question.
    pub asked: &'static str,
    /// The value that the rule predicts, or [`UNDEFINED`](Self::UNDEFINED).
    pub expected: String,
    /// The value that was measured on this Python.
    pub measured: String,
    /// Steps with the same number follow each other. A lesson that starts again, or shows what happens
    /// instead, raises the number.
    pub history: usize,
    /// Who owns what after it.
    pub picture: Picture,
}

impl Step {
    /// What the rule says of a step after which C promises nothing.
    pub const UNDEFINED: &str = "undefined";

    /// Why such a step has a result all the same.
    pub const UNDEFINED_MEANS: &str = "\
undefined: C promises nothing, so anything may happen. Here a child process
does it under PYTHONMALLOC=debug, which exposes the damage: it always crashes.";

    /// Whether this Python follows the rule. An undefined step ends its process.
    pub fn holds(&self) -> bool {
        self.expected == self.measured || (self.is_undefined() && self.measured.starts_with("SIG"))
    }

    /// Whether C promises nothing after this step.
    pub fn is_undefined(&self) -> bool {
        self.expected == Self::UNDEFINED
    }

    /// Whether the step counts references; otherwise it asks a question.
    pub fn counts(&self) -> bool {
        !self.asked.ends_with('?')
    }

    /// The right answer to what it asks.
    pub fn answer(&self) -> &str {
        if self.is_undefined() {
            "no"
        } else {
            &self.measured
        }
    }

    /// It and its owners, as the page's script reads it.
    pub(crate) fn sent(&self) -> Value {
        #[derive(Serialize)]
        struct Sent<'a> {
            #[serde(flatten)]
            step: &'a Step,
            owners: Option<String>,
        }
        json!(Sent {
            step: self,
            owners: self.owners(),
        })
    }

    /// Who owns the object whose references are counted, in a sentence.
    fn owners(&self) -> Option<String> {
        self.counts().then(|| self.picture.owners(self.asked))?
    }

    /// Why that is the answer.
    pub fn reason(&self) -> String {
        match self.owners() {
            Some(owners) => format!("{}. {owners}", self.meaning),
            None => format!("{}.", self.meaning),
        }
    }
}
