//! The settings of a soak.

use std::time::Duration;

use pyoutliers::Outliers;

/// The settings that the builder collects.
#[derive(Clone, Debug)]
pub(super) struct Settings<'a> {
    /// The calls in the windows, a multiple of 20.
    pub calls: u64,
    /// The time limit.
    pub time: Option<Duration>,
    /// The function that gets lent arguments, and the numbers in them.
    pub lent: Option<(&'a Outliers, &'a [f64])>,
    /// The patterns of growth that is allowed.
    pub allowed: Vec<String>,
    /// The modules whose lines and variables are not named.
    pub hidden: Vec<String>,
    /// Whether to name the C functions that take and release leaked references.
    pub native: bool,
    /// The calls to warm up, if this is one of many soaks in a row.
    pub brief: Option<u64>,
}
