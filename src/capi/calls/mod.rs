//! The calls of the table, each under its C name.

mod containers;
mod numbers;
mod objects;
mod text;

pub use containers::*;
pub use numbers::*;
pub use objects::*;
pub use text::*;
