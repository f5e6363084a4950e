//! Python as it runs: its start, its lock, and the exception that is set.

mod chain;
pub(in crate::capi) mod exception;
pub(in crate::capi) mod lock;
mod start;

pub use lock::Python;
pub(crate) use lock::{Started, with_lock};
pub(crate) use start::{already_started, calls_back, loaded_library, loaded_version, start};
