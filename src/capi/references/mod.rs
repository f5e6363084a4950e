//! The references: owned, borrowed, held without the lock; and how calls fail to return one.

pub(in crate::capi) mod check;
mod held;
mod owned;

pub use held::Held;
pub(crate) use held::give_back_dropped;
pub use owned::{Borrowed, Owned};
