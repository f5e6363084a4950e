//! Python as it runs: its start, its lock, and the exception that is set.

mod chain;
pub(in crate::capi) mod exception;
pub(in crate::capi) mod lock;
mod output;
mod start;

pub use lock::Python;
pub(crate) use lock::{Started, with_lock};
pub(crate) use output::{Output, Stream};
pub(crate) use start::{already_started, loaded_library, loaded_version, start};

// In every libc of a Unix; declared here so that the library needs no crate for one function.
unsafe extern "C" {
    /// The user as whom this process acts.
    pub(crate) safe fn geteuid() -> u32;
}
