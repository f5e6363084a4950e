//! The rules of reference counting, run live and measured on this interpreter.
//!
//! Each lesson is a rule in a sentence, its steps, why it is so, and the C as one writes it. A step is
//! the call under its C name, who owns what after it, what the rule says and what is measured here;
//! and the line of Rust that ran. The code is that which the product itself uses: the calls of
//! [`capi`], whose table has all rules.
//!
//! `outliers refcounts` lists the lessons, `outliers refcounts LESSON` runs one. The [`course`] is what
//! they print, in order.
//!
//! # How to read a table
//!
//! - `rule` is the number of references that the rule predicts, or the answer to the question. `here` is
//!   what is measured on this Python.
//! - A reference that is held only to measure is left out.
//! - A line that begins with `here:` may differ between machines and versions.
//!
//! What ends a process is done in a child process, under `PYTHONMALLOC=debug`, which overwrites freed
//! memory: without it such damage often goes unnoticed until much later.
//!
//! Some lessons come from two programs that call Python from Go, one by [shared
//! memory](https://www.ardanlabs.com/blog/2020/09/using-python-memory.html), the other by [a copy as
//! here](https://pycoders.com/link/5008/web): what each of them did wrong, and what is right.

mod children;
mod exercises;
mod judge;
mod lifetimes;
mod mistakes;
mod page;
mod picture;
mod raw;
mod references;
mod table;
mod values;

use std::ffi::CStr;
use std::fmt;

pub use children::Children;
pub use exercises::{EXERCISES, Exercise};
pub use judge::{Compiled, Error as JudgeError, Judgement, Module, Trial, judge};
pub use mistakes::misbehave;
pub use page::page;
pub use picture::{Hold, Object, Picture, Variable};
pub use table::{Step, Table};

use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Owned};
use pyoutliers::convert;
use pyoutliers::{interpreter, with_python};
pub use raw::Doomed;

#[doc = include_str!("course.md")]
pub mod course {}

/// What the lessons print, and what is said in them: each from a line `# NAME` on.
const COURSE: &str = include_str!("course.md");

/// A lesson: a rule, steps that show it, and why it is so.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Lesson {
    /// Its name.
    pub name: &'static str,
    /// Whether each of its pictures is whole: the count of every object is explained by it.
    pub drawn: bool,
    run: Run,
}

#[derive(Clone, Copy)]
enum Run {
    Locked(fn(Python<'_>, &mut Table<'_>) -> Result<()>),
    Free(fn(&mut Table<'_>) -> Result<()>),
}

impl Lesson {
    /// Runs it.
    ///
    /// # Errors
    ///
    /// If Python cannot be started, or has no memory left.
    ///
    /// ```
    /// use lessons::{Children, LESSONS};
    ///
    /// // Mistakes are made in child processes: see `misbehave`.
    /// let children = Children::new(|_| std::process::Command::new("false"));
    /// let table = LESSONS[0].run(&children)?;
    /// println!("{table}");
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    pub fn run<'a>(&self, children: &'a Children<'a>) -> Result<Table<'a>> {
        let mut table = Table {
            children: Some(children),
            ..Table::default()
        };
        match self.run {
            Run::Locked(run) => with_python(|py| run(py, &mut table))?,
            Run::Free(run) => run(&mut table)?,
        }
        Ok(table)
    }

    /// The rule, in a sentence or two.
    pub fn rule(&self) -> &'static str {
        self.parts()[0].trim()
    }

    /// What its table was when the course was written, with CPython 3.13.
    pub fn printed(&self) -> &'static str {
        self.parts()[1]
    }

    /// Why it is so, and the C as one writes it: Markdown of a few kinds only.
    pub fn explained(&self) -> &'static str {
        self.parts()[2].trim()
    }

    /// What the course says before, in and after the table.
    fn parts(&self) -> [&'static str; 3] {
        let mut sections = COURSE.split("\n## ");
        let section =
            sections.find_map(|section| section.strip_prefix(self.name)?.strip_prefix('\n'));
        let (rule, rest) = section
            .unwrap_or_default()
            .split_once("```text\n")
            .unwrap_or_default();
        let (table, rest) = rest.split_once("```\n").unwrap_or_default();
        [rule, table, rest]
    }
}

impl fmt::Debug for Lesson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The Python side of the lessons.
fn helpers(py: Python<'_>) -> Result<Owned<'_>> {
    let (name, file) = (c"_outliers_lessons", c"<outliers>/refcounts/helpers.py");
    match capi::import_module(py, name) {
        Ok(module) => Ok(module),
        Err(_) => Ok(interpreter::module(
            py,
            name,
            file,
            include_str!("helpers.py"),
        )?),
    }
}

/// A function or class of it.
fn helper<'p>(py: Python<'p>, name: &CStr) -> Result<Owned<'p>> {
    Ok(capi::object_get_attr_string(&helpers(py)?, name)?)
}

/// Calls it.
fn call<'p, const N: usize>(
    py: Python<'p>,
    name: &CStr,
    arguments: [&Owned<'p>; N],
) -> Result<Owned<'p>> {
    Ok(capi::object_call_function_obj_args(
        &helper(py, name)?,
        arguments,
    )?)
}

/// The ints that it returns.
fn answer(py: Python<'_>, name: &CStr) -> Result<Vec<i64>> {
    convert::ints(&call(py, name, [])?, 1)
}

fn yes(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
}

macro_rules! lessons {
    ($($name:literal $drawn:literal $how:ident($run:path))*) => {
        /// All lessons, in the order of the course.
        pub const LESSONS: &[Lesson] =
            &[$(Lesson { name: $name, drawn: $drawn, run: Run::$how($run) }),*];
    };
}

lessons! {
    "new-reference" true Locked(references::new_reference)
    "stolen-reference" true Locked(references::stolen_reference)
    "stolen-on-failure" true Locked(references::stolen_on_failure)
    "borrowed-reference" true Locked(references::borrowed_reference)
    "thin-ice" true Locked(references::thin_ice)
    "storing" true Locked(references::storing)
    "manual" true Locked(values::manual)
    "whole-call" true Locked(values::whole_call)
    "parameters" true Locked(values::parameters)
    "half-way" true Locked(references::half_way)
    "called-by-python" false Locked(references::called_by_python)
    "clear-first" false Locked(references::clear_first)
    "cycles" true Locked(lifetimes::cycles)
    "immortal" false Locked(values::immortal)
    "lock" true Free(lifetimes::lock)
    "released-lock" false Free(lifetimes::released_lock)
    "numbers" true Locked(values::numbers)
    "questions" true Locked(values::questions)
    "modules" false Locked(values::modules)
    "text" true Locked(values::text)
    "exceptions" false Locked(lifetimes::exceptions)
    "copy" false Locked(values::copy)
    "once" false Free(mistakes::once)
    "leaked-tuple" false Free(mistakes::leaked_tuple)
    "dropped-minus-one" false Locked(values::dropped_minus_one)
}
