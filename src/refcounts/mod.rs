//! The rules of reference counting, run live and measured on this interpreter.
//!
//! Each lesson is a rule in a sentence or two, and its steps: the call under its C name, who owns
//! what after it, the number that the rule says, and the number that is measured here. The code is
//! that which the product itself uses: the calls of [`capi`], whose table has all rules.
//!
//! `outliers refcounts` runs all lessons, `outliers refcounts LESSON` one. The [`course`] is what
//! they print, in order.
//!
//! # How to read a table
//!
//! - `rule` is the number that the rule says: a count of references to what the call names, where
//!   the middle column does not name something else. `here` is the number measured.
//! - `item` is a new float, where no step says where it comes from; `+item` is the same with a
//!   reference added just before, by `Py_IncRef`.
//! - A reference that is held only to measure is left out.
//! - A line that begins with `here:` may differ between machines and versions.
//!
//! The last four lessons come from two programs that call Python from Go, one by [shared
//! memory](https://www.ardanlabs.com/blog/2020/09/using-python-memory.html), the other by [a copy as
//! here](https://pycoders.com/link/5008/web): what each of them did wrong, and what is right.
//!
//! # The mistakes, twice
//!
//! What C allows does not compile here. The lesson `mistakes` makes these on purpose, in child
//! processes; the examples beside them, which fail to compile, are the same in Rust:
//!
//! | mistake | in Rust |
//! |---|---|
//! | using an item after it was stolen | [`Owned`], first example |
//! | using a borrowed item after its owner's change | [`list_get_item`](crate::capi::list_get_item) |
//! | giving back what was borrowed | [`Borrowed`](crate::capi::Borrowed), its example |
//! | calling without the lock | every call wants the token [`Python`]; a reference cannot be kept beyond the lock or go to another thread: [`Owned`], second and third example |
//! | forgetting to give back | only on purpose, as by `std::mem::forget`; a [`soak`](crate::soak) sees it |

mod children;
mod lifetimes;
mod mistakes;
mod objects;
mod programs;
mod rules;
mod table;

use std::ffi::CStr;
use std::fmt;

pub use children::Children;
pub use mistakes::misbehave;
pub use table::Table;

pub use crate::capi::probes::mistakes::Doomed;
use crate::capi::{self, Owned, Python};
use crate::error::Result;
use crate::interpreter;

/// A lesson: a rule, and steps that show it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Lesson {
    /// Its name.
    pub name: &'static str,
    /// The rule, in a sentence or two.
    pub rule: &'static str,
    run: Run,
}

#[derive(Clone, Copy)]
enum Run {
    Here(fn(&mut Table) -> Result<()>),
    WithChildren(fn(&mut Table, &Children<'_>) -> Result<()>),
}

impl Lesson {
    /// Runs it.
    ///
    /// # Errors
    ///
    /// If Python cannot be started, or has no memory left.
    pub fn run(&self, children: &Children<'_>) -> Result<Table> {
        let mut table = Table::default();
        match self.run {
            Run::Here(run) => run(&mut table)?,
            Run::WithChildren(run) => run(&mut table, children)?,
        }
        Ok(table)
    }
}

impl fmt::Debug for Lesson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lesson")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The Python side of the lessons.
fn helpers(py: Python<'_>) -> Result<Owned<'_>> {
    let source = include_str!("helpers.py");
    interpreter::module(
        py,
        c"_outliers_lessons",
        c"<outliers>/refcounts/helpers.py",
        source,
    )
    .map_err(Into::into)
}

fn builtin<'p>(py: Python<'p>, name: &CStr) -> Result<Owned<'p>> {
    Ok(capi::object_get_attr_string(
        &capi::import_module(py, c"builtins")?,
        name,
    )?)
}

macro_rules! lessons {
    ($($name:literal $how:ident($run:path) $rule:literal)*) => {
        /// All lessons, in the order of the course.
        pub const LESSONS: &[Lesson] =
            &[$(Lesson { name: $name, rule: $rule, run: Run::$how($run) }),*];

        /// What the lessons print, in order.
        ///
        /// Here with CPython 3.13. See [how to read a table](self#how-to-read-a-table).
        $(
            #[doc = concat!("\n# ", $name, "\n\n", $rule, "\n\n```text\n", include_str!(concat!("printed/", $name, ".txt")), "```\n")]
        )*
        pub mod course {}
    };
}

lessons! {
    "new-reference" Here(rules::new_reference)
    "A new reference is yours: give it back, once. The last one frees the object."
    "stolen-reference" Here(rules::stolen_reference)
    "A stolen reference is theirs now: never give it back."
    "stolen-on-failure" Here(rules::stolen_on_failure)
    "It is stolen even when the call fails: never give it back then either."
    "borrowed-reference" Here(rules::borrowed_reference)
    "A borrowed reference is its owner's: do not use it after the owner's next change."
    "dictionaries" Here(rules::dictionaries)
    "PyImport_AddModule's module is borrowed from sys.modules; dictionaries lend too."
    "numbers" Here(objects::numbers)
    "Conversions borrow what they read; what PyNumber_Index returns is always new."
    "questions" Here(objects::questions)
    "A question about an object borrows it."
    "modules" Here(objects::modules)
    "Importing, running and looking up return new references."
    "text" Here(objects::text)
    "A string made is yours; reading it borrows it."
    "whole-call" Here(programs::whole_call)
    "The copying call gives back list, items, result and iterator: nothing is left."
    "copy" Here(programs::copy)
    "The copy is a copy: changing one side never changes the other."
    "immortal" Here(objects::immortal)
    "From 3.12 on None, small ints and () are immortal: never freed, so not counted."
    "cycles" Here(lifetimes::cycles)
    "Counting never frees a cycle of references: Python's collector does."
    "lock" Here(lifetimes::lock)
    "Giving back needs the lock, the GIL: a thread that does not hold it takes it."
    "exceptions" Here(lifetimes::exceptions)
    "A kept exception keeps its frames, and they the data: make it text at once."
    "once" WithChildren(mistakes::once)
    "Python is started once: NumPy cannot be loaded twice in a process."
    "mistakes" WithChildren(mistakes::mistakes)
    "What C allows, made on purpose, in child processes with a strict allocator."
    "leaked-tuple" WithChildren(mistakes::leaked_tuple)
    "The argument tuple is yours also after the call: without Py_DecRef it leaks."
    "released-item" WithChildren(mistakes::released_item)
    "What PyList_SetItem could not store is gone: do not give it back again."
    "dropped-minus-one" Here(programs::dropped_minus_one)
    "-1 is a failure only if PyErr_Occurred says so: else every -1 is lost."
    "text-after-release" WithChildren(mistakes::text_after_release)
    "The text of a string goes with the string: do not read it afterwards."
}
