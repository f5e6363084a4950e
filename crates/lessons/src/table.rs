//! The table of a lesson: its steps, and how they are measured.

use std::fmt;

use serde::Deserialize;

use crate::children::{Children, send_step};
use crate::picture::{Ownership, Picture};
use crate::scene::{Scene, Shown};
use crate::step::Step;
use pyoutliers::Result;
use refsoak::child::Parent;

/// The measurements of a lesson, step by step.
#[derive(Default)]
pub struct Table<'a> {
    /// Its steps.
    pub steps: Vec<Step>,
    /// Notes that depend on the machine or the version.
    pub notes: Vec<String>,
    children: Option<&'a Children<'a>>,
    history: usize,
    /// In a child process: receives each step at once, because the next one may end the process.
    parent: Option<&'a Parent>,
    pub(crate) scene: Scene,
}

/// One step of a lesson: runs a line of Rust, and records what it means and what is counted or asked.
///
/// - `step!(t, LINE; "C", "meaning", VARIABLE: COUNT)` counts references.
/// - `step!(t, LINE; "C", "meaning", "question?", MEASURED => EXPECTED)` asks a question.
/// - `step!(t, "C", "meaning", undefined END)` is a mistake; END is what ended a child that made it.
///
/// The text of C is a call, or a comment for what other code does. A step without a line looks again at the
/// effect of the previous one. After the line, name a variable that it changed: `steals VARIABLE;`,
/// `releases VARIABLE;`, or `shows VARIABLE;`, which adds a variable to the picture. `let` and `drop` need no
/// such note.
macro_rules! step {
    ($t:ident, $call:literal, $($rest:tt)+) => {
        $crate::table::step!(@ $t, "", $call, $($rest)+)
    };
    ($t:ident, shows $name:ident; $($rest:tt)+) => {
        $crate::table::step!(@ $t, "", shows $name; $($rest)+)
    };
    ($t:ident, let mut $name:ident = $code:expr; $($rest:tt)+) => {
        let mut $name = $code;
        $t.binds(stringify!($name), &$name)?;
        $crate::table::step!(
            @ $t, concat!("let mut ", stringify!($name), " = ", stringify!($code), ";"), $($rest)+
        )
    };
    ($t:ident, let $name:ident = $code:expr; $($rest:tt)+) => {
        let $name = $code;
        $t.binds(stringify!($name), &$name)?;
        $crate::table::step!(
            @ $t, concat!("let ", stringify!($name), " = ", stringify!($code), ";"), $($rest)+
        )
    };
    ($t:ident, drop($name:ident); $($rest:tt)+) => {
        drop($name);
        $t.releases(stringify!($name));
        $crate::table::step!(@ $t, concat!("drop(", stringify!($name), ");"), $($rest)+)
    };
    ($t:ident, $code:expr; $($rest:tt)+) => {
        $code;
        $crate::table::step!(@ $t, concat!(stringify!($code), ";"), $($rest)+)
    };
    (@ $t:ident, $line:expr, steals $name:ident; $($rest:tt)+) => {
        $t.steals(stringify!($name));
        $crate::table::step!(@ $t, $line, $($rest)+)
    };
    (@ $t:ident, $line:expr, releases $name:ident; $($rest:tt)+) => {
        $t.releases(stringify!($name));
        $crate::table::step!(@ $t, $line, $($rest)+)
    };
    (@ $t:ident, $line:expr, shows $name:ident; $($rest:tt)+) => {
        $t.binds(stringify!($name), &$name)?;
        $crate::table::step!(@ $t, $line, $($rest)+)
    };
    (@ $t:ident, $line:expr, $call:expr, $meaning:expr, undefined $end:expr) => {
        let end = $end;
        $t.asks($line, [$call, $meaning, "Is this allowed?"], &$crate::step::Step::UNDEFINED, end)?
    };
    (@ $t:ident, $line:expr, $call:expr, $meaning:expr, $name:ident: $count:expr) => {
        $t.counts($line, [$call, $meaning, stringify!($name)], $count)?
    };
    (@ $t:ident, $line:expr, $call:expr, $meaning:expr, $asked:literal, $measured:expr => $expected:expr) => {
        let measured = $measured.to_string();
        $t.asks($line, [$call, $meaning, $asked], &$expected, measured)?
    };
}
pub(crate) use step;

impl<'a> Table<'a> {
    /// For a lesson, which makes its mistakes in child processes.
    pub(crate) fn new(children: &'a Children<'a>) -> Self {
        Self {
            children: Some(children),
            ..Self::default()
        }
    }

    /// For a mistake in a child process, which sends each step to its parent.
    pub(crate) fn sending_to(parent: &'a Parent) -> Self {
        Self {
            parent: Some(parent),
            ..Self::default()
        }
    }

    pub(crate) fn binds(&mut self, name: &'static str, variable: &impl Shown) -> Result<()> {
        self.scene.bind(name, variable)
    }

    pub(crate) fn steals(&mut self, name: &str) {
        self.scene.set(name, Ownership::Stolen);
    }

    pub(crate) fn releases(&mut self, name: &str) {
        self.scene.set(name, Ownership::Released);
    }

    /// Counts the references to the object of a variable.
    pub(crate) fn counts(
        &mut self,
        line: &'static str,
        [call, meaning, asked]: [&'static str; 3],
        count: usize,
    ) -> Result<()> {
        let picture = self.scene.picture()?;
        let measured = match picture.object_of(asked).map(|object| object.count) {
            Some(Some(count)) => count.to_string(),
            Some(None) => "immortal".into(),
            None => "unseen".into(),
        };
        self.push(Step {
            line,
            call,
            meaning,
            asked,
            expected: count.to_string(),
            measured,
            history: self.history,
            picture,
        });
        Ok(())
    }

    /// Asks a question, and answers it.
    pub(crate) fn asks(
        &mut self,
        line: &'static str,
        [call, meaning, asked]: [&'static str; 3],
        expected: &impl ToString,
        measured: String,
    ) -> Result<()> {
        let picture = self.scene.picture()?;
        self.push(Step {
            line,
            call,
            meaning,
            asked,
            expected: expected.to_string(),
            measured,
            history: self.history,
            picture,
        });
        Ok(())
    }

    fn push(&mut self, step: Step) {
        if let Some(parent) = self.parent {
            send_step(parent, &step);
        }
        self.steps.push(step);
    }

    /// Makes the mistake of that name in a child process. Returns the child's answer, or what
    /// ended it.
    pub(crate) fn child(&self, name: &str) -> String {
        self.children
            .map_or_else(String::new, |children| children.run(name).1)
    }

    /// Like `child`, for a mistake that this process has not led up to: the steps that follow show the
    /// child's last picture.
    pub(crate) fn instead(&mut self, name: &str) -> String {
        let (steps, end) = self
            .children
            .map_or_else(Default::default, |children| children.run(name));
        let last = steps.last().map(|step| &step["picture"]);
        let picture = last.and_then(|picture| Picture::deserialize(picture).ok());
        self.again();
        self.scene = Scene::showing(picture.unwrap_or_default());
        end
    }

    /// Starts again: the steps that follow show only the variables and objects from here on.
    pub(crate) fn again(&mut self) {
        self.history += 1;
        self.scene = Scene::default();
    }

    /// Adds a line about this machine or this version.
    pub(crate) fn note(&mut self, text: impl fmt::Display) {
        self.notes.push(format!("here: {text}"));
    }

    /// Whether this Python follows the rule at every step.
    pub fn holds(&self) -> bool {
        self.steps.iter().all(Step::holds)
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

/// Lines of at most 80 characters. The alternate form is for a terminal: it colours each `NO`, and dims
/// the lines of Rust.
impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = |call: &str, meaning: &str, expected: &str, measured: &str| {
            // A long call has a line of its own.
            let end = if call.chars().count() > 33 { "\n" } else { "" };
            let rest = if end.is_empty() { call } else { "" };
            let call = if end.is_empty() { "" } else { call };
            format!("{call}{end}{rest:<33} {meaning:<27} {expected:>10} {measured:>7}")
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
            // A bare yes or no needs its question beside it.
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
        self.notes
            .iter()
            .try_for_each(|note| writeln!(f, "{note}"))?;
        if self.steps.iter().any(Step::is_undefined) {
            writeln!(f, "{}", Step::UNDEFINED_MEANS)?;
        }
        Ok(())
    }
}
