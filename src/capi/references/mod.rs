//! The references: owned, borrowed, held without the lock; and how calls fail to return one.

pub(in crate::capi) mod check;
mod held;
mod owned;

pub(crate) use held::Cushion;
pub use held::Held;
pub use owned::{Borrowed, Owned};
