//! The way of this project.

use std::time::Duration;

use anyhow::Result;
use pyoutliers::Outliers;

use super::{Callee, Run, Task, timed};

/// `Outliers::detect`.
#[derive(Debug)]
pub struct Ours(pub Outliers);

impl Ours {
    /// Finds the callee.
    pub fn new(callee: Callee) -> Result<Self> {
        let (module, name) = callee.names();
        Ok(Self(Outliers::new(module, name)?))
    }

    /// Finds the callee, and keeps lists of at most `values` values.
    pub fn keeping(callee: Callee, values: usize) -> Result<Self> {
        Ok(Self(Self::new(callee)?.0.keep_up_to(values)))
    }
}

impl Run for Ours {
    fn time(&mut self, task: &Task<'_>) -> Result<Duration> {
        timed(task, |data| Ok(self.0.detect(data)?))
    }
}
