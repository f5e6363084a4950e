//! What a lesson saw: its steps, each with what the rule says and what is measured here.

use std::fmt;

use super::children::{Children, send_step};
use super::picture::{Hold, Picture, Scene, Watched};
use pyoutliers::Result;
use refsoak::child::Parent;

/// A step of a lesson.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// The line of Rust that ran; empty if this looks once more at what the step before did.
    pub line: &'static str,
    /// What was called, as one writes it in C.
    pub call: &'static str,
    /// Who owns what after it, or what the answer means.
    pub meaning: &'static str,
    /// The variable to whose object references are counted, or a question.
    pub asked: &'static str,
    /// What the rule says.
    pub expected: String,
    /// What this interpreter does.
    pub measured: String,
    /// Who holds what after it.
    pub picture: Picture,
}

impl Step {
    /// Whether it is as the rule says.
    pub fn holds(&self) -> bool {
        self.expected == self.measured
    }

    /// Whether references are counted, and no question is answered.
    pub fn counts(&self) -> bool {
        !self.asked.ends_with('?')
    }
}

/// What a lesson saw, step by step.
#[derive(Default)]
pub struct Table<'a> {
    /// Its steps.
    pub steps: Vec<Step>,
    /// What depends on the machine or the version.
    pub notes: Vec<String>,
    pub(super) children: Option<&'a Children<'a>>,
    /// In a child process: gets each step before the next one, which may end the process.
    pub(super) parent: Option<&'a Parent>,
    pub(super) scene: Scene,
}

/// A line of a lesson: runs it, and records it with what it means, and what is counted or asked.
///
/// `step!(t, LINE; "C", "meaning", VARIABLE: COUNT)` counts references, and
/// `step!(t, LINE; "C", "meaning", "question?", MEASURED => EXPECTED)` asks. `steals VARIABLE;` after
/// the line says that it stole, `releases VARIABLE;` that it gave back; `shows VARIABLE;` has it watched
/// from now on. No line at all looks once more.
macro_rules! step {
    ($t:ident, $call:literal, $($told:tt)+) => {
        $crate::table::step!(@ $t, "", $call, $($told)+)
    };
    ($t:ident, shows $name:ident; $($told:tt)+) => {
        $crate::table::step!(@ $t, "", shows $name; $($told)+)
    };
    ($t:ident, let mut $name:ident = $code:expr; $($told:tt)+) => {
        let mut $name = $code;
        $t.binds(stringify!($name), &$name)?;
        $crate::table::step!(
            @ $t, concat!("let mut ", stringify!($name), " = ", stringify!($code), ";"), $($told)+
        )
    };
    ($t:ident, let $name:ident = $code:expr; $($told:tt)+) => {
        let $name = $code;
        $t.binds(stringify!($name), &$name)?;
        $crate::table::step!(
            @ $t, concat!("let ", stringify!($name), " = ", stringify!($code), ";"), $($told)+
        )
    };
    ($t:ident, drop($name:ident); $($told:tt)+) => {
        drop($name);
        $t.releases(stringify!($name));
        $crate::table::step!(@ $t, concat!("drop(", stringify!($name), ");"), $($told)+)
    };
    ($t:ident, $code:expr; $($told:tt)+) => {
        $code;
        $crate::table::step!(@ $t, concat!(stringify!($code), ";"), $($told)+)
    };
    (@ $t:ident, $line:expr, steals $name:ident; $($told:tt)+) => {
        $t.steals(stringify!($name));
        $crate::table::step!(@ $t, $line, $($told)+)
    };
    (@ $t:ident, $line:expr, releases $name:ident; $($told:tt)+) => {
        $t.releases(stringify!($name));
        $crate::table::step!(@ $t, $line, $($told)+)
    };
    (@ $t:ident, $line:expr, shows $name:ident; $($told:tt)+) => {
        $t.binds(stringify!($name), &$name)?;
        $crate::table::step!(@ $t, $line, $($told)+)
    };
    (@ $t:ident, $line:expr, $call:expr, $meaning:expr, $name:ident: $count:expr) => {
        $t.counts($line, [$call, $meaning, stringify!($name)], $count)?
    };
    (@ $t:ident, $line:expr, $call:expr, $meaning:expr, $asked:literal, $measured:expr => $expected:expr) => {
        let measured = $measured.to_string();
        $t.asks($line, [$call, $meaning, $asked], &$expected, measured)?
    };
}
pub(super) use step;

impl Table<'_> {
    pub(super) fn binds(&mut self, name: &'static str, variable: &impl Watched) -> Result<()> {
        self.scene.bind(name, variable)
    }

    pub(super) fn steals(&mut self, name: &str) {
        self.scene.set(name, Hold::Stolen);
    }

    pub(super) fn releases(&mut self, name: &str) {
        self.scene.set(name, Hold::Released);
    }

    pub(super) fn unwatch(&mut self, name: &str) {
        self.scene.unwatch(name);
    }

    pub(super) fn counts(
        &mut self,
        line: &'static str,
        told: [&'static str; 3],
        count: usize,
    ) -> Result<()> {
        let picture = self.scene.picture()?;
        let measured = match picture.count(told[2]).map(|object| object.count) {
            Some(Some(count)) => count.to_string(),
            Some(None) => "immortal".into(),
            None => "unseen".into(),
        };
        self.push(line, told, count.to_string(), measured, picture);
        Ok(())
    }

    pub(super) fn asks(
        &mut self,
        line: &'static str,
        told: [&'static str; 3],
        expected: &impl ToString,
        measured: String,
    ) -> Result<()> {
        let picture = self.scene.picture()?;
        self.push(line, told, expected.to_string(), measured, picture);
        Ok(())
    }

    fn push(
        &mut self,
        line: &'static str,
        [call, meaning, asked]: [&'static str; 3],
        expected: String,
        measured: String,
        picture: Picture,
    ) {
        let step = Step {
            line,
            call,
            meaning,
            asked,
            expected,
            measured,
            picture,
        };
        if let Some(parent) = self.parent {
            send_step(parent, step.json());
        }
        self.steps.push(step);
    }

    /// What a child says that makes the mistake of that name, or what ended it.
    pub(super) fn child(&self, name: &str) -> String {
        self.children
            .map_or_else(String::new, |children| children.output(name))
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

impl Step {
    /// As a line of JSON, for the page: no text has control characters, so that Rust's quotes are JSON's.
    pub(super) fn json(&self) -> String {
        let Self {
            line,
            call,
            meaning,
            asked,
            expected,
            measured,
            picture,
        } = self;
        format!(
            "{{\"line\":{line:?},\"call\":{call:?},\"meaning\":{meaning:?},\"asked\":{asked:?},\
             \"expected\":{expected:?},\"measured\":{measured:?},\"picture\":{picture}}}"
        )
    }
}

impl fmt::Debug for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Table");
        all.field("steps", &self.steps)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

/// Lines of at most 80 characters. The alternate form has the marks in colour, and the lines of Rust
/// dimmed.
impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = |call: &str, meaning: &str, expected: &str, measured: &str| {
            format!("{call:<33} {meaning:<27} {expected:>10} {measured:>7}")
        };
        writeln!(f, "{}", columns("call", "what it means", "rule", "here"))?;
        for step in &self.steps {
            let counted = match step.counts() {
                true => Some(step.asked),
                false => step.asked.strip_prefix("How many references are there to "),
            };
            let rule = match counted {
                Some(name) => format!("{} {}", name.trim_end_matches(" now?"), step.expected),
                None => step.expected.clone(),
            };
            // A yes alone says nothing.
            let meaning = match step.expected.as_str() {
                "yes" | "no" => step.asked,
                _ => step.meaning,
            };
            write!(f, "{}", columns(step.call, meaning, &rule, &step.measured))?;
            match (step.holds(), f.alternate()) {
                (true, _) => writeln!(f)?,
                (false, false) => writeln!(f, " NO")?,
                (false, true) => writeln!(f, " \x1b[31;1mNO\x1b[0m")?,
            }
            match (step.line, f.alternate()) {
                ("", _) => {}
                (line, false) => writeln!(f, "    {line}")?,
                (line, true) => writeln!(f, "    \x1b[2m{line}\x1b[0m")?,
            }
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}
