//! The C calls, one by one, each under its C name: the only unsafe code of the crate.
//!
//! # Three rules, three types
//!
//! Every Python object counts the references to it and is freed with the last. C leaves the
//! counting to the caller, by rules that stand in the manual of each function. Here they stand in
//! the signatures:
//!
//! | rule | what the manual means | type |
//! |---|---|---|
//! | new reference | a reference is yours now: give it back, once | [`Owned`] is returned |
//! | stolen reference | your reference is theirs now: never give it back; of the calls here, *also if the call failed* | [`Owned`] is taken |
//! | borrowed reference | the reference stays the owner's: use it while they keep it, which any call that runs code may end | `&Owned` is taken, [`Borrowed`] is returned |
//!
//! Dropping an [`Owned`] gives the reference back. Some calls return one inside a type that says more
//! of it: [`Unfilled`], a list or tuple that is being filled; [`Iter`]; [`Code`]. Other C functions
//! steal only if they succeed, such as `PyModule_AddObject`. A call that stores what it borrows, such
//! as [`list_append`] and [`dict_set_item`], adds a reference of its own.
//!
//! ```
//! use pyoutliers::{capi, with_python};
//!
//! with_python(|py| {
//!     let mut list = capi::list_new(py, 1)?; // new: ours
//!     let item = capi::float_from_double(py, 1.5)?; // new: ours
//!     capi::list_set_item(&mut list, 0, item)?; // steals the item: the list's
//!     let item = capi::list_get_item(&list, 0)?; // borrowed from the list
//!     assert_eq!(item.reference_count(), 1);
//!     Ok(())
//! })?; // dropping the list gives it back, and it gives back the item
//! # Ok::<_, pyoutliers::Error>(())
//! ```
//!
//! All calls want Python's lock, the GIL, which one thread holds at a time.
//! [`with_python`](crate::with_python) takes it, and proves it by the token [`Python`], which every
//! reference carries.
//!
//! Using a reference after it was stolen, or beyond its owner or the lock, or giving back a borrowed
//! one, does not compile: the examples of [`Owned`], [`Borrowed`] and [`list_get_item`] show each.
//!
//! # The calls
//!
#![doc = include_str!("rules.md")]
//!
//! Inside there are some more calls, such as those for exceptions, the lock, the start and memory.
//!
//! Failure is an [`Exception`](crate::Exception), taken from Python as text right away. `Py_DecRef`
//! never fails.
//!
//! # Why the `cpython` crate, and PyO3
//!
//! The project's base is given: rust-cpython 0.7.2 with its sister `python3-sys`. Neither is
//! maintained any more (RUSTSEC-2023-0076), so new projects should take [PyO3](https://pyo3.rs). Little
//! of it is used: the type of the lock token, and the C declarations. We avoid its parts that are
//! unsound, panic or are outdated: its lock guards crash when dropped out of order, its conversions
//! panic when memory runs out, its `print` of exceptions lets `SystemExit` end the process, its
//! reading of tuples does not know 3.14, it ends the process if Python cannot start, and its arithmetic
//! on reference counts does not know immortal objects.
//!
//! The same steps in PyO3:
//!
//! | here | PyO3 |
//! |---|---|
//! | `Owned<'p>` | `Bound<'py, PyAny>` |
//! | `Borrowed<'a, 'p>` | `Borrowed<'a, 'py, PyAny>` |
//! | `Held` | `Py<PyAny>` |
//! | `with_python(closure)` | `Python::attach(closure)` |
//! | `list_new`, `float_from_double`, `list_set_next` | `PyList::new(py, slice)?` |
//! | `object_call_function_obj_args` | `function.call1((list,))?` |
//! | `object_get_iter`, `iter_next` | `for item in result.try_iter()?` |
//! | `number_index`, `long_as_long_long` | `item.extract::<i64>()?` |
//! | `import_module`, `object_get_attr_string` | `py.import(name)?.getattr(name)?` |
//! | `Exception` | `PyErr`, which keeps the Python objects |
#![allow(unsafe_code)]

mod calls;
mod library;
mod references;
mod runtime;

pub use calls::*;
pub(crate) use library::load;
pub use library::{Symbol, c};
/// The C declarations: the crate `python3-sys`.
pub use python3_sys as ffi;
pub(crate) use references::give_back_dropped;
pub use references::{Borrowed, Held, Owned};
pub use runtime::Python;
pub(crate) use runtime::{
    Started, already_started, calls_back, clock, geteuid, is_held, loaded_library, loaded_version,
    start, take, trace_back_by, with_lock,
};
