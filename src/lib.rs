//! Call a Python function on your numbers from inside a Rust program, in memory, with every
//! reference accounted for.
//!
//! A slice of floats is copied into a Python list, a function is called, and what it returns is
//! drained through an iterator into a vector. Only the two Rust ends are left afterwards:
//!
//! ```text
//! &[f64] ──copy──▶ list of floats ──call──▶ pyoutliers.detect ──▶ any iterable of ints ──drain──▶ Vec<i64>
//! ```
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
//! # Reading on
//!
//! - [`Outliers`] is the whole interface for calling a function: with parameters, for ints or floats.
//! - [`interpreter`] tells which Python is started, and why that one.
//! - [`capi`] holds the C calls one by one, and teaches their reference rules by its types.
//! - [`refcounts`] runs those rules live, lesson by lesson: the [`course`](refcounts::course) is a
//!   place to begin.
//! - [`soak`] calls a closure many times, counts what is left behind, and says whether it leaks.
//! - [`Error`] tells what went wrong, where, and what to do.
//! - [`promises`] lists what is promised, and the tests that hold it.
//!
//! Programs to start from are in `examples/`.
//!
//! # Words
//!
//! | here | what it means |
//! |---|---|
//! | drain | take the items of an iterator one by one, to its end |
//! | kept list | the list of the last call, which the next call fills again |
//! | turn | the right to ask for Python's lock next |
//! | soak | many calls of a function, while what they leave behind is counted |
//! | warm-up, window | the calls before counting, while caches fill; the calls between two readings |
//! | lend | pass arguments that hold extra references, and count afterwards whether one is missing or left over |
//! | plant | leak on purpose, to check that the counters show it |
//! | starve | make Python run out of memory, at a chosen allocation |
//! | lesson, exercise, judge | a rule shown on your Python; C code that breaks a rule; the check that names the broken rule |
//!
//! # What it does not do
//!
//! - It copies. Sharing memory with NumPy is faster, but needs NumPy's C API, and each side has to keep
//!   the memory alive for the other.
//! - Calls do not run side by side: Python's lock (the GIL) lets one thread in at a time.
//! - It does not defend against a callee that ends the process (`os._exit`, a signal, a crash in C
//!   code or by `ctypes`), never returns, raises the recursion limit, or overflows the stack by
//!   recursion through C code, which Python does not always see; nor against `fork` while other
//!   threads run. The `str` of an exception that it raises, and the name of that exception's type, are
//!   code of the callee's too.
//! - One interpreter in a process, never ended: see [`interpreter`]. A program that has started Python
//!   itself must not finalize it, and must release the lock in the reverse order of taking it.
//! - Without memory to start Python, or for a thread's first call, the process may end; later that is
//!   an error.
//! - Starting Python and importing NumPy set environment variables, and a Python function may set any.
//!   Another thread that reads the environment meanwhile may crash: read it before the first call.
//! - `std::process::exit` on a thread that has called Python waits for the lock. On the main thread,
//!   and on returning from `main`, nothing waits.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

#[cfg(not(unix))]
compile_error!("outliers supports Unix systems only: it finds Python by paths such as bin/python");

pub mod capi;
pub mod convert;
mod error;
pub mod interpreter;
mod outliers;
mod parameter;
#[doc = include_str!("../tests/promises.md")]
pub mod promises {}

pub use capi::Python;
pub use error::{Error, ErrorKind, Exception, Result};
pub use interpreter::with_python;
pub use outliers::{Outliers, gen_testdata};
pub use parameter::Parameter;
