//! What a lesson prints: its steps, each with what the rule says and what is measured here.

use std::fmt;

/// What a lesson saw, step by step.
#[derive(Clone, Debug, Default)]
pub struct Table {
    steps: Vec<Step>,
    notes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Step {
    /// What was called, under its C name.
    call: String,
    /// Who owns what after it, or what is counted.
    meaning: String,
    /// What the rule says.
    expected: String,
    /// What this interpreter does.
    measured: String,
}

impl Step {
    fn holds(&self) -> bool {
        self.expected == self.measured
    }
}

impl Table {
    pub(super) fn step(
        &mut self,
        call: &str,
        meaning: &str,
        expected: impl fmt::Display,
        measured: impl fmt::Display,
    ) {
        let (expected, measured) = (expected.to_string(), measured.to_string());
        self.steps.push(Step {
            call: call.into(),
            meaning: meaning.into(),
            expected,
            measured,
        });
    }

    /// Says something that depends on the machine or the version.
    pub(super) fn note(&mut self, text: impl fmt::Display) {
        self.notes.push(format!("here: {text}"));
    }

    /// Whether every step is as the lesson says.
    pub fn holds(&self) -> bool {
        self.steps.iter().all(Step::holds)
    }
}

/// Lines of at most 80 characters. The alternate form has the marks in colour.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = |call: &str, meaning: &str, expected: &str, measured: &str| {
            format!("{call:<34} {meaning:<25} {expected:>7} {measured:>7}")
        };
        writeln!(f, "{}", columns("call", "what it means", "rule", "here"))?;
        for step in &self.steps {
            let (mark, color) = if step.holds() {
                ("ok", "32")
            } else {
                ("NO", "31;1")
            };
            let columns = columns(&step.call, &step.meaning, &step.expected, &step.measured);
            if f.alternate() {
                writeln!(f, "{columns} \x1b[{color}m{mark}\x1b[0m")?;
            } else {
                writeln!(f, "{columns} {mark}")?;
            }
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}
