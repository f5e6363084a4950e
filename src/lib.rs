//! Call a Python function on your numbers from inside a Rust program, in memory, with every
//! reference accounted for.
//!
//! ```
//! use pyoutliers::Outliers;
//!
//! let detector = Outliers::new("pyoutliers", "detect")?; // starts Python, once
//! let data = pyoutliers::gen_testdata()?; // 1,000 floats, three of which stand out
//! let indices = detector.detect(&data)?; // on any thread
//! assert_eq!(indices, [7, 113, 835]);
//! # Ok::<_, pyoutliers::Error>(())
//! ```
//!
//! # How the data travels
//!
//! ```text
//! &[f64] ──copy──▶ list of floats ──call──▶ pyoutliers.detect ──▶ any iterable of ints ──drain──▶ Vec<i64>
//! ```
//!
//! [`detect`](Outliers::detect) works in five steps:
//!
//! 1. `Outliers::call_with` waits for its turn, and runs the next three steps inside [`with_python`], which
//!    takes Python's lock.
//! 2. [`convert::list_from_slice`] makes a float of each number and puts it into a list, which steals it.
//! 3. [`Outliers::call`] calls the function. It borrows the list, and returns a new reference. Then
//!    `call_with` keeps the list for the next call.
//! 4. [`convert::ints`] drains the result: it asks the iterator for one item after the other, converts it,
//!    and releases it.
//! 5. [`with_python`] flushes what Python printed, and releases the lock.
//!
//! A step that fails returns an [`Error`]. Each reference is a value, so dropping it on the way out releases
//! the reference. After the call, only the slice, the vector and the kept list are left.
//!
//! # The modules
//!
//! Each uses only those below it:
//!
//! - [`Outliers`] is a function, found once and called many times. Most programs need nothing else.
//! - [`convert`] has the two copies: a slice into a list, and an iterable into a vector.
//! - [`interpreter`] chooses a Python, starts it, and finds functions in it.
//! - [`Error`] reports what went wrong, where, and what to do.
//! - [`capi`] has the C calls, each with its reference rule in its signature, and all the unsafe code.
//!
//! Two more packages of this repository use these modules, as your program can. `refsoak` calls a function
//! many times and finds what leaks: it uses [`Outliers::call`] and [`convert`], and other C calls with
//! [`c!`](capi::c). `lessons` teaches the reference rules on the calls of [`capi`]. Both add their own
//! Python modules with [`interpreter::module`].
//!
//! `examples/` has programs to start from. [`promises`] lists the promises and the tests for each.
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | drain | take the items of an iterator one by one, to its end |
//! | kept list | the list of the previous call, which the next call fills again |
//! | turn | the right to ask for Python's lock next |
//!
//! # What it does not do
//!
//! - It copies. Sharing memory with NumPy is faster, but needs NumPy's C API, and each side has to keep
//!   the memory alive for the other.
//! - Calls do not run side by side: Python's lock (the GIL) lets one thread in at a time.
//! - It cannot protect the process from a function that ends it (`os._exit`, a signal, a crash in C code or
//!   through `ctypes`), never returns, raises the recursion limit, or overflows the stack by recursion
//!   through C code, which Python does not always notice. The same is true of code that the function leaves
//!   in an exception: the `__str__` of the exception, and the name of its type.
//! - `fork` is not safe while other threads run.
//! - There is one interpreter in a process, and it is never ended: see [`interpreter`]. A program that has
//!   started Python itself must not finalize it, and must release the lock in the reverse order of taking it.
//!   Code in a subinterpreter must not call this library: with the lock, such a call can wait for itself.
//! - The process may end if memory runs out while Python starts, during the first call of a thread, or while
//!   the few bytes of an error's text are made. Running out of memory in Python later, and a vector that is too
//!   large, are errors.
//! - Starting Python and importing NumPy set environment variables, and a Python function may set any.
//!   Another thread that reads the environment at that moment may crash: read it before the first call.
//! - `std::process::exit` waits for Python's lock if a thread other than the main thread calls it after it has
//!   called Python. On the main thread, and when `main` returns, nothing waits.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

#[cfg(not(target_os = "linux"))]
compile_error!("pyoutliers supports Linux only");

pub mod capi;
pub mod convert;
mod error;
pub mod interpreter;
mod line;
mod outliers;
mod parameter;
#[doc = include_str!("../tests/promises.md")]
pub mod promises {}

pub use capi::{Exception, Python};
pub use error::{Error, ErrorKind, Result};
pub use interpreter::with_python;
pub use outliers::{Outliers, gen_testdata};
pub use parameter::Parameter;
