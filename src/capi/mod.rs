//! C calls, each under its C name, with its reference rule in its signature. All unsafe code of this crate
//! is here.
//!
//! # Three rules, three types
//!
//! Python counts the references to every object, and frees the object when the last one is released. In C the
//! caller keeps the count right, by rules in the manual of each function. Here the signatures state the rules:
//!
//! | rule | meaning | type |
//! |---|---|---|
//! | new reference | you own a reference now: release it once | [`Owned`] is returned |
//! | stolen reference | the callee owns your reference now: do not release it. The calls here steal *also if they fail* | [`Owned`] is taken |
//! | borrowed reference | the owner keeps the reference: use it only as long as the owner keeps it, which may end in any call that runs code | `&Owned` is taken, [`Borrowed`] is returned |
//!
//! Dropping an [`Owned`] releases the reference. Some calls return a new reference inside a type that says
//! more about the object: [`Unfilled`], a list or tuple that is being filled; [`Iter`]; [`Code`]. A call
//! that borrows an object and stores it, such as [`list_append`] or [`dict_set_item`], adds its own
//! reference. Some other C functions, such as `PyModule_AddObject`, steal only if they succeed.
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
//! })?; // dropping the list releases it, and it releases the item
//! # Ok::<_, pyoutliers::Error>(())
//! ```
//!
//! All calls need Python's lock, the GIL, which one thread holds at a time.
//! [`with_python`](crate::with_python) takes it, and hands out the token [`Python`] as proof. Every
//! reference carries the token.
//!
//! A free-threaded Python has no such lock. There, [`with_python`](crate::with_python) attaches the thread to the
//! interpreter, the token is the proof that it is attached, and several threads hold one at the same time. The rules
//! are the same: Python's objects protect themselves, and a borrowed reference comes only from an owner that no other
//! thread can change.
//!
//! Code that uses a reference after it was stolen, or after its owner or the lock is gone, does not compile; nor
//! does code that releases a borrowed one. See the examples of [`Owned`], [`Borrowed`] and [`list_get_item`].
//!
//! # The calls
//!
#![doc = include_str!("rules.md")]
//!
//! A call that fails returns an [`Exception`], which is copied out of Python as text.
//!
//! # Any other C call
//!
//! [`c!`](c) calls any function of Python's C API, in the libpython that was loaded. [`ffi`] has the
//! declarations. The call is `unsafe`. These functions make its result safe again, as in PyO3:
//!
//! | the manual says | take the result with |
//! |---|---|
//! | "new reference", NULL on failure | [`Owned::from_owned_ptr_or_err`] |
//! | "borrowed reference", NULL on failure | [`Borrowed::from_ptr_or_err`] |
//! | -1 on failure, or another value | [`Exception::take`], which clears the exception |
//!
//! Pass a borrowed argument as [`owned.as_ptr()`](Owned::as_ptr), and a stolen one as
//! [`owned.into_ptr()`](Owned::into_ptr).
//!
//! ```
//! use pyoutliers::capi::{self, Owned, c};
//! use pyoutliers::{Exception, with_python};
//!
//! let length = with_python(|py| {
//!     let text = capi::unicode_from_str(py, "a b c")?;
//!     // SAFETY: the lock is held; a live string; NULL means any space, and -1 all of them.
//!     let words = unsafe { c!(PyUnicode_Split(text.as_ptr(), std::ptr::null_mut(), -1)) };
//!     // SAFETY: by the manual it returns a new reference, or NULL with an exception set.
//!     let words = unsafe { Owned::from_owned_ptr_or_err(py, words) }?;
//!     // SAFETY: the lock is held; a live object.
//!     let length = unsafe { c!(PyList_Size(words.as_ptr())) };
//!     if length == -1 {
//!         return Err(Exception::take(py).into());
//!     }
//!     Ok(length)
//! })?;
//! assert_eq!(length, 3);
//! # Ok::<_, pyoutliers::Error>(())
//! ```
//!
//! # Why the `cpython` crate, and PyO3
//!
//! This project had to use rust-cpython 0.7.2 and its sister crate `python3-sys`. Neither is maintained any
//! more (RUSTSEC-2023-0076), so a new project should use [PyO3](https://pyo3.rs). This crate uses only the type
//! of the lock token and the C declarations. It avoids the rest of rust-cpython: its lock guards crash
//! when they are dropped out of order, its conversions panic when memory runs out, its function that prints an
//! exception lets `SystemExit` end the process, its access to tuples is wrong for Python 3.14, its start ends the
//! process on failure, and its arithmetic on reference counts ignores immortal objects.
//!
//! The same steps in PyO3:
//!
//! | here | PyO3 |
//! |---|---|
//! | `Owned<'p>` | `Bound<'py, PyAny>` |
//! | `Borrowed<'a, 'p>` | `Borrowed<'a, 'py, PyAny>` |
//! | `Held` | `Py<PyAny>` |
//! | `with_python(closure)` | `Python::attach(closure)` |
//! | `list_new`, `float_from_double`, `list_set_item` | `PyList::new(py, slice)?` |
//! | `object_call_function_obj_args` | `function.call1((list,))?` |
//! | `object_get_iter`, `iter_next` | `for item in result.try_iter()?` |
//! | `number_index`, `long_as_long_long` | `item.extract::<i64>()?` |
//! | `import_module`, `object_get_attr_string` | `py.import(name)?.getattr(name)?` |
//! | `c!(PyObject_Repr(object.as_ptr()))` | `ffi::PyObject_Repr(object.as_ptr())` |
//! | `Owned::from_owned_ptr_or_err` | `Bound::from_owned_ptr_or_err` |
//! | `Borrowed::from_ptr_or_err` | `Borrowed::from_ptr_or_err` |
//! | `Exception::take(py)` | `PyErr::fetch(py)` |
//! | `Exception` | `PyErr`, which keeps the Python objects |
#![allow(unsafe_code)]

mod calls;
mod check;
mod exception;
#[cfg(all(test, not(feature = "extension-module")))]
mod headers;
mod held;
mod kept;
mod libc;
mod library;
mod lock;
mod object;
mod owned;
mod raised;
#[cfg(not(feature = "extension-module"))]
mod search;
#[cfg(not(feature = "extension-module"))]
mod start;

pub use calls::*;
pub use exception::Exception;
pub use held::Held;
pub(crate) use held::release_dropped;
pub(crate) use kept::Kept;
pub(crate) use libc::clock;
#[cfg(not(feature = "extension-module"))]
pub(crate) use libc::geteuid;
pub use library::{Symbol, c};
pub(crate) use library::{load, loaded_library, loaded_version};
pub use lock::Python;
#[cfg(not(feature = "extension-module"))]
pub(crate) use lock::Started;
pub(crate) use lock::{already_started, is_held, with_lock};
pub use owned::{Borrowed, Owned};
/// The C declarations: the crate `python3-sys`.
///
/// What it defines in Rust, such as `Py_TYPE` and the fields of objects, is wrong for a free-threaded Python. Calls through
/// [`c!`](c) are right there too.
///
/// A program that calls Python in another way, such as with the crate `cpython`, must link libpython itself: its `build.rs`
/// prints `cargo::rustc-link-lib=python3.11`.
pub use python3_sys as ffi;
pub use raised::ROOM_FOR_TRACEBACK;
pub(crate) use raised::trace_back_by;
#[cfg(not(feature = "extension-module"))]
pub(crate) use start::{calls_back, start};
