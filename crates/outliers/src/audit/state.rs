//! What an audit knows: what its child processes say, and what the next one must know if one dies.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use serde::{Deserialize, Serialize};

use super::row::{Call, Row};

/// What the child process says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// It has imported the module. `others` are compiled modules that this imports.
    Modules {
        compiled: Vec<String>,
        others: Vec<String>,
    },
    /// It could not.
    Refused { text: String },
    /// It will make these calls of a callable. Without a name, it makes an instance that is known.
    Trying { name: String, calls: Vec<Call> },
    /// It screens these callables together.
    Screening { names: Vec<String> },
    /// It has screened them.
    Screened { names: Vec<String> },
    /// A callable returns an instance of a type: this expression makes one.
    Instance { name: String, source: String },
    /// A callable accepts or refuses so many calls, which are screened.
    Called {
        name: String,
        calls: u64,
        accepts: bool,
    },
    /// A callable accepts calls, but they take too long to be screened.
    Slow { name: String },
    /// A callable has a dangerous name.
    LeftOut { name: String },
    /// A callable cannot be screened, because its arguments or its instance leak.
    Masked { name: String },
    /// Something moves with a call of a callable.
    Suspect { name: String, call: Call },
    /// All callables are screened.
    Done,
}

/// What is known so far.
#[derive(Default)]
pub struct Audit {
    pub is_imported: bool,
    pub compiled: Vec<String>,
    pub others: Vec<String>,
    /// The number of calls of each callable.
    pub called: BTreeMap<String, u64>,
    pub unreached: BTreeSet<String>,
    pub left_out: BTreeSet<String>,
    pub masked: BTreeSet<String>,
    pub slow: BTreeSet<String>,
    pub refused: Option<String>,
    pub trying: (String, Vec<Call>),
    pub screening: Vec<String>,
    /// What the next child process must know.
    pub known: Known,
    /// Calls to soak: of which callable, and whether it took too long.
    pub suspects: Vec<(String, Call, bool)>,
    pub is_done: bool,
    pub undecided: Vec<String>,
    pub rows: Vec<Row>,
}

/// What a child process must know if an earlier one died.
#[derive(Default, Serialize)]
pub struct Known {
    pub instances: Vec<(String, String)>,
    pub tried: BTreeSet<String>,
    /// Callables to screen one by one, because one of them ends the process.
    pub apart: Vec<String>,
}

impl Audit {
    /// Notes what a child process says.
    pub fn hear(&mut self, message: Message) {
        match message {
            Message::Modules { compiled, others } => {
                (self.is_imported, self.compiled, self.others) = (true, compiled, others);
            }
            Message::Refused { text } => self.refused = Some(text),
            Message::Trying { name, calls } => {
                self.trying = (name, calls);
                self.screening.clear();
            }
            Message::Screening { names } => self.screening = names,
            Message::Screened { names } => {
                self.known.tried.extend(names);
                self.screening.clear();
            }
            Message::Instance { name, source } => {
                let instance = (name, source);
                if !self.known.instances.contains(&instance) {
                    self.known.instances.push(instance);
                }
            }
            Message::Called {
                name,
                calls,
                accepts,
            } => {
                if !accepts {
                    self.unreached.insert(name.clone());
                }
                self.called.insert(name, calls);
            }
            Message::Slow { name } => drop(self.slow.insert(name)),
            Message::LeftOut { name } => drop(self.left_out.insert(name)),
            Message::Masked { name } => drop(self.masked.insert(name)),
            Message::Suspect { name, call } => self.suspects.push((name, call, false)),
            Message::Done => self.is_done = true,
        }
    }

    /// Lets the next child process go on after what the last one, which ended too early or hung, was doing. Returns
    /// whether that is known.
    pub fn pass_over(&mut self, is_late: bool) -> bool {
        if !self.screening.is_empty() {
            self.known.apart.append(&mut self.screening);
            return true;
        }
        let (name, calls) = mem::take(&mut self.trying);
        if name.is_empty() && calls.is_empty() {
            return false;
        }
        if name.is_empty() {
            let is_this = |source: &str| calls.iter().any(|call| call.statement == source);
            self.known.instances.retain(|(_, source)| !is_this(source));
        } else {
            let called = self.called.entry(name.clone());
            called.or_insert(calls.len() as u64);
            self.known.tried.insert(name.clone());
        }
        let suspects = calls.into_iter().map(|call| (name.clone(), call, is_late));
        self.suspects.extend(suspects);
        true
    }
}
