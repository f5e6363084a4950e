//! An object that the soak counts: its references, and its length if it is a container.

use std::sync::Arc;

use crate::counter::Counter;
use crate::series::Series;
use crate::spare::SpareReferences;
use crate::verdict::Finding;
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};

/// Bytes of the smallest record in a buffer.
const RECORD: i64 = 8;

/// An object that the soak counts, and what it did in the windows.
#[derive(Debug)]
pub(super) struct Member {
    pub object: SpareReferences,
    /// The references to it at the last reading, without the soak's own.
    pub count: i64,
    pub series: Series,
    /// How many references to it other objects held when the windows began.
    pub explained: i64,
    /// Whether there were other references too, such as those of C code.
    pub is_held_outside: bool,
    pub is_type: bool,
    pub length: Option<Box<Length>>,
    /// The references that it lost per call in the last window; `None` if it never lost any.
    pub fall: Option<f64>,
}

/// The length of a container.
#[derive(Debug)]
pub(super) struct Length {
    /// The Python function that returns the length; `None` stands for `len`.
    pub reader: Option<Held>,
    /// The length at the last reading.
    pub items: i64,
    pub series: Series,
}

impl Member {
    pub fn address(&self, py: Python<'_>) -> usize {
        self.object.object(py).address()
    }

    /// The references to the object, without the soak's own.
    pub fn count(&self, py: Python<'_>) -> i64 {
        self.object.count(py) - 1
    }

    pub fn counter(&self) -> Counter {
        if self.is_type {
            Counter::Types
        } else {
            Counter::References
        }
    }

    /// Describes how its references moved.
    pub fn moved(&self, py: Python<'_>, finding: Finding, total: i64) -> Moved {
        Moved {
            counter: self.counter(),
            finding,
            total,
            items: 0,
            are_objects: false,
            object: Arc::new(Owned::clone(&self.object.object(py)).into()),
        }
    }
}

impl Length {
    /// Starts to count the items of a container. `reader` is the Python function that returns its length.
    pub fn new(reader: &Owned<'_>) -> Self {
        Self {
            reader: (!is_len(reader)).then(|| reader.clone().into()),
            items: 0,
            series: Series::default(),
        }
    }

    pub fn read(&self, container: &Owned<'_>) -> Result<i64> {
        let Some(reader) = &self.reader else {
            return Ok(i64::try_from(capi::object_size(container)?).unwrap_or(i64::MAX));
        };
        let reader = reader.as_borrowed(container.py());
        let items = capi::object_call_function_obj_args(&reader, [container])?;
        Ok(capi::long_as_long_long(&items)?)
    }
}

/// Whether a function is `len`: a direct call is faster.
fn is_len(reader: &Owned<'_>) -> bool {
    let name = capi::object_get_attr_string(reader, c"__name__");
    name.is_ok_and(|name| capi::unicode_to_string(&name).as_deref() == Some("len"))
}

/// An object whose references moved, or a container whose length did.
#[derive(Debug)]
pub(super) struct Moved {
    pub counter: Counter,
    pub finding: Finding,
    /// By how many references or items.
    pub total: i64,
    /// For a container, how many items it has now, and whether they are objects.
    pub items: i64,
    pub are_objects: bool,
    pub object: Arc<Held>,
}

impl Moved {
    /// How many entries a container has gained. An entry of a buffer is a record of some bytes.
    pub fn entries(&self) -> i64 {
        if self.are_objects {
            self.total
        } else {
            self.total / RECORD
        }
    }

    /// Whether the length of the container is limited, as by the `maxlen` of a deque.
    pub fn is_bounded(&self, py: Python<'_>) -> bool {
        let most = capi::object_get_attr_string(&self.object.as_borrowed(py), c"maxlen");
        self.are_objects && most.is_ok_and(|most| capi::long_check(&most))
    }
}
