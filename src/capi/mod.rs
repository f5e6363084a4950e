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
//! | stolen reference | your reference is theirs now: never give it back, *also if the call failed* | [`Owned`] is taken |
//! | borrowed reference | the reference stays the owner's: use it while they keep it | `&Owned` is taken, [`Borrowed`] is returned |
//!
//! Dropping an [`Owned`] gives the reference back. Some calls return one inside a type that says more
//! of it: [`Unfilled`], a list or tuple that is being filled; [`Iter`]; [`Code`]. Of the calls here,
//! all that steal do so also on failure; elsewhere in the C API, `PyModule_AddObject` does not.
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
//! Where a borrowed reference could go away at any time, the call makes it ours at once, as by
//! `Py_IncRef`. Inside, there are some more calls, such as for exceptions, the lock, the start and memory.
//!
//! Failure is an [`Exception`](crate::Exception), taken from Python as text right away. `Py_DecRef`
//! never fails.
#![allow(unsafe_code)]

mod chain;
mod check;
mod containers;
mod exception;
mod held;
mod lock;
pub(crate) mod memory;
pub(crate) mod mistakes;
mod numbers;
mod objects;
mod output;
mod owned;
mod start;
mod starve;
mod text;

pub use containers::{
    Unfilled, list_get_item, list_new, list_set_item, list_set_next, tuple_new, tuple_set_item,
};
pub use held::Held;
pub use numbers::{
    bool_check, float_as_double, float_from_double, long_as_long_long, long_check, number_index,
};
pub use objects::{
    Code, Iter, callable_check, compile_string, dict_get_item_string, import_add_module,
    import_exec_code_module, import_module, iter_next, module_get_dict,
    object_call_function_obj_args, object_call_object, object_get_attr_string, object_get_iter,
    object_type_name,
};
pub use owned::{Borrowed, Owned};
pub use text::{byte_array_check, bytes_check, unicode_check, unicode_from_str, unicode_to_string};

pub(crate) use held::Cushion;
pub use lock::Python;
pub(crate) use lock::{Started, with_lock};
pub(crate) use memory::keep_memory;
pub(crate) use output::{Output, Stream};
pub(crate) use start::{already_started, loaded_library, loaded_version, start};
pub(crate) use starve::{prepare_starving, starve};
