//! One object whose references or items moved, as the report names it.

use std::fmt;
use std::sync::Arc;

use pyoutliers::capi::Held;

use crate::counter::Counter;
use crate::verdict::{Finding, Rate};

/// What happened to the references to one object, or to the items in one container.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reference {
    /// [`References`](Counter::References) or [`Types`](Counter::Types); [`Items`](Counter::Items) for a container.
    pub counter: Counter,
    /// Its type and its `repr`, shortened.
    pub object: String,
    /// The variable that leads to it. Empty if there is none, and for plain values, which many variables
    /// may share.
    pub variable: String,
    /// Python source that gives this object in a new process, such as `module.name['key']`. Empty if there is none.
    pub expression: String,
    /// What its references or items did.
    pub finding: Finding,
    /// How much they grew in all windows together.
    pub total: i64,
    /// How much they grew per call.
    pub per_call: f64,
    pub(super) held: Arc<Held>,
}

impl Reference {
    /// A reference to the object.
    pub fn held(&self) -> &Held {
        &self.held
    }
}

/// `1 reference per call to list [1, 2], which is module.name`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.finding {
            Finding::OverRelease => "released too often: ",
            Finding::Rare => "not evenly: ",
            _ => "",
        };
        let rate = Rate(self.per_call, ("reference", "references"));
        write!(f, "{prefix}{rate} to {}", self.object)?;
        match self.variable.as_str() {
            "" => Ok(()),
            variable => write!(f, ", which is {variable}"),
        }
    }
}
