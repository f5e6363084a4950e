//! What proves and teaches: memory in use, allocations that fail, rules that are broken on purpose.

pub(crate) mod memory;
#[cfg(feature = "lessons")]
pub(crate) mod mistakes;
mod starve;

pub(crate) use starve::{prepare_starving, starve};
