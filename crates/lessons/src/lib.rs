//! Lessons that teach the rules of reference counting, and measure each rule on this Python.
//!
//! # What a lesson is
//!
//! A lesson is one rule, the steps that show it, the reason for it, and the C to write. A step shows a
//! call in C, who owns what after it, the count that the rule predicts, and the count measured here. The
//! line of Rust that ran is below it. Most calls are those of [`capi`](pyoutliers::capi), whose table
//! lists the rule of each call.
//!
//! Some mistakes end the process, so a lesson makes them in a child process. The child runs under
//! `PYTHONMALLOC=debug`, which overwrites freed memory. Without it such damage often goes unnoticed until
//! much later.
//!
//! Some lessons correct mistakes of two Go programs that call Python. One [shares
//! memory](https://www.ardanlabs.com/blog/2020/09/using-python-memory.html), the other [copies, as this
//! project does](https://pycoders.com/link/5008/web).
//!
//! # How to read a table
//!
//! ```text
//! call                              what it means                     rule    here
//! item = PyFloat_FromDouble(1.5)    we own item                     item 1       1
//!     let item = capi::float_from_double(py, 1.5)?;
//! ```
//!
//! - "We" is the code in C that makes the call. The owner of a reference must release it, once.
//! - `rule` is the number of references that the rule predicts, or the answer to a question. `undefined`
//!   means that C promises nothing.
//! - `here` is what this Python does. `NO` marks a line where the two differ.
//! - References held only for measuring are not counted.
//! - A line that begins with `here:` may differ between machines and versions.
//!
//! # How to add a lesson
//!
//! Add a file to `src/lessons`, and its name to the list in `src/lessons/mod.rs`. The file declares a
//! `LESSON`: its name, its rule, its steps, its mistakes, the Python that only it needs, and its
//! explanation. `thin_ice.rs` has all of these. The calls of its steps must compile as one function in C;
//! what other code does is a comment. A printed line has at most 80 characters, and a meaning
//! at most 27. The tests run the new lesson, compare each count with its rule, and check that the
//! compiler rejects each `compile_fail` example.
//!
//! # Where to read on
//!
//! - [`LESSONS`] lists the lessons, and [`GROUPS`] their groups. [`Lesson::run`] runs one, with [`Children`]
//!   for its mistakes.
//! - [`Table`] and [`Step`] hold its measurements. A [`Picture`] shows who owns what after a step.
//! - [`page`] makes an HTML page of all pictures.
//! - [`misbehave`] makes one mistake, in a process that is [`Doomed`].
//! - [`EXERCISES`] are C extensions with one mistake each, and [`judge`] finds the rule that each breaks.

mod children;
mod exercises;
mod judge;
mod lesson;
mod lessons;
mod listing;
mod page;
mod picture;
mod python;
mod raw;
mod scene;
mod signals;
mod step;
mod table;

pub use children::Children;
pub use exercises::{EXERCISES, Exercise};
pub use judge::{
    Compiled, Error as JudgeError, Judgement, Module, TemporaryDirectory, Trial, judge,
};
pub use lesson::Lesson;
pub use lessons::{GROUPS, LESSONS, misbehave};
pub use page::{Page, page};
pub use picture::{Object, Ownership, Picture, Variable};
pub use raw::Doomed;
pub use step::Step;
pub use table::Table;
