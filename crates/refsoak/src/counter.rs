//! The counters, and their values at one moment.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Counter {
    /// Blocks of memory that Python has in use: every object has at least one.
    Blocks,
    /// Objects that Python's cycle collector tracks: those that can hold others.
    Tracked,
    /// All references to all objects: only a debug build of Python counts them.
    TotalReferences,
    /// References to the objects that existed before the windows. Each object is judged separately.
    References,
    /// The same for objects that are types.
    Types,
    /// Items in the containers that existed before the windows. Each container is judged separately.
    Items,
    /// Bytes of C's heap in use.
    CHeap,
    /// Bytes of Rust's heap in use, if [`CountingAllocator`](super::CountingAllocator) is installed.
    RustHeap,
    /// Bytes of resident memory (without files) that no other counter explains: other allocators took
    /// them from the system.
    OutsideMalloc,
    /// Mappings of files into memory.
    Mappings,
    /// Open files.
    Files,
    /// Threads.
    Threads,
    /// Child processes, including those that have ended and that nobody has waited for.
    Children,
    /// Segments of shared memory in `/dev/shm`, of the whole machine.
    SharedMemory,
}

/// The name, as in JSON: `total_references`.
impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words().0)
    }
}

impl Counter {
    /// What one unit of it is called: `block`, `byte`, `open file`.
    pub fn unit(self) -> &'static str {
        self.words().1
    }

    /// The singular and the plural: `child process` and `child processes`.
    pub(super) fn units(self) -> (&'static str, &'static str) {
        let (_, unit, units) = self.words();
        (unit, units)
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Blocks => ("blocks", "block", "blocks"),
            Self::Tracked => ("tracked", "tracked object", "tracked objects"),
            Self::TotalReferences => ("total_references", "reference", "references"),
            Self::References => ("references", "reference", "references"),
            Self::Types => ("types", "reference to a type", "references to types"),
            Self::Items => ("items", "item", "items"),
            Self::CHeap => ("c_heap", "byte", "bytes"),
            Self::RustHeap => ("rust_heap", "byte", "bytes"),
            Self::OutsideMalloc => ("outside_malloc", "byte", "bytes"),
            Self::Mappings => ("mappings", "mapped file", "mapped files"),
            Self::Files => ("files", "open file", "open files"),
            Self::Threads => ("threads", "thread", "threads"),
            Self::Children => ("children", "child process", "child processes"),
            Self::SharedMemory => ("shared_memory", "segment", "segments"),
        }
    }

    /// Whether each object is judged separately, instead of the sum.
    pub(super) fn is_by_object(self) -> bool {
        matches!(self, Self::References | Self::Types | Self::Items)
    }

    /// Whether it counts something that the system limits for each process.
    pub(super) fn is_resource(self) -> bool {
        matches!(
            self,
            Self::Mappings | Self::Files | Self::Threads | Self::Children | Self::SharedMemory
        )
    }
}

/// A count as a float, exact below 2 to the power of 53.
#[allow(clippy::cast_precision_loss)]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// All counters, in the order of the report and of the enum: a reading finds a count by this order.
pub(super) const ALL: [Counter; 14] = [
    Counter::Blocks,
    Counter::Tracked,
    Counter::TotalReferences,
    Counter::References,
    Counter::Types,
    Counter::Items,
    Counter::CHeap,
    Counter::RustHeap,
    Counter::OutsideMalloc,
    Counter::Mappings,
    Counter::Files,
    Counter::Threads,
    Counter::Children,
    Counter::SharedMemory,
];

/// The values of the counters at one moment. Taking and keeping a reading allocates nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    counts: [Option<i64>; ALL.len()],
    /// Resident memory in bytes, for the report and its picture.
    pub resident: i64,
}

impl Reading {
    /// Reads each counter by `count`, which returns `None` if this system has no such counter.
    pub fn new(count: impl Fn(Counter) -> Option<i64>, resident: i64) -> Self {
        Self {
            counts: ALL.map(count),
            resident,
        }
    }

    /// The count, or 0 if this system has no such counter.
    pub fn count(&self, counter: Counter) -> i64 {
        let count = self.counts.get(counter as usize).copied();
        count.flatten().unwrap_or(0)
    }

    /// How much each counter has grown since an earlier reading.
    pub fn growth(&self, since: &Self) -> impl Iterator<Item = (Counter, i64)> {
        let grown = |counter| self.count(counter) - since.count(counter);
        // A small block has at most 512 bytes; larger ones are on C's heap.
        let explained = grown(Counter::CHeap).max(0) + grown(Counter::Blocks).max(0) * 512;
        let counters = ALL.into_iter().zip(self.counts);
        counters.filter_map(move |(counter, count)| {
            count?;
            Some(match (counter, grown(counter)) {
                (Counter::OutsideMalloc, growth @ 1..) => (counter, (growth - explained).max(0)),
                counted => counted,
            })
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{ALL, Counter};

    /// The error of serde lists the names of all variants.
    #[test]
    fn all_counters_are_listed_in_the_order_of_the_enum() {
        let error = serde_json::from_str::<Counter>(r#""none""#)
            .unwrap_err()
            .to_string();
        let names = ALL.map(|counter| format!("`{counter}`")).join(", ");
        assert!(
            error.contains(&format!("expected one of {names} at line")),
            "{error}"
        );
    }
}
