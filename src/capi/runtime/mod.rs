//! Python as it runs: its start, its lock, and the exception that is set.

pub(in crate::capi) mod exception;
pub(in crate::capi) mod lock;
mod start;

use std::ffi::c_long;

pub(crate) use exception::{take, trace_back_by};
pub use lock::Python;
pub(crate) use lock::{Started, is_held, with_lock};
pub(crate) use start::{already_started, calls_back, loaded_library, loaded_version, start};

// In every libc of a Unix; declared here so that the library needs no crate for one function.
unsafe extern "C" {
    /// The user as whom this process acts.
    pub(crate) safe fn geteuid() -> u32;
    /// The time that this process has computed for, in microseconds.
    pub(crate) safe fn clock() -> c_long;
}
