//! Python as it runs: its start, its lock, and the exception that is set.

pub(in crate::capi) mod exception;
pub(in crate::capi) mod lock;
mod start;

pub(crate) use exception::trace_back_by;
pub use lock::Python;
pub(crate) use lock::{Started, with_lock};
pub(crate) use start::{already_started, calls_back, loaded_library, loaded_version, start};

// In every libc of a Unix; declared here so that the library needs no crate for one function.
unsafe extern "C" {
    /// The user as whom this process acts.
    pub(crate) safe fn geteuid() -> u32;
}
