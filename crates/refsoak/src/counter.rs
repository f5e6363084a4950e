//! What is counted, and what the counters show at one moment.

use std::fmt;

/// What a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counter {
    /// Blocks of memory that Python has in use: every object has at least one.
    Blocks,
    /// Objects that Python's cycle collector tracks: those that can hold others.
    Tracked,
    /// All references there are, in a debug build of Python.
    TotalReferences,
    /// References to the objects that were found before the windows. Each object is judged by itself.
    References,
    /// The same for objects that are types.
    Types,
    /// Items in the containers that were found before the windows. Each container is judged by itself.
    Items,
    /// Bytes of C's heap in use.
    CHeap,
    /// Bytes of Rust's heap in use, if [`CountingAllocator`](super::CountingAllocator) is installed.
    RustHeap,
    /// Bytes of resident memory, without that of files, that no other counter explains: other
    /// allocators took it from the system.
    OutsideMalloc,
    /// Mappings of files into memory.
    Mappings,
    /// Open files.
    Files,
    /// Threads.
    Threads,
    /// Child processes, those that ended and were not waited for included.
    Children,
    /// Segments of shared memory in `/dev/shm`, of the whole machine.
    SharedMemory,
}

/// Its name, as in JSON.
impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words().0)
    }
}

impl Counter {
    /// What one of it is.
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

    /// Whether it is judged object by object, not by its sum.
    pub(super) fn is_by_object(self) -> bool {
        matches!(self, Self::References | Self::Types | Self::Items)
    }

    /// Whether it counts what the system gives to a process, and limits.
    pub(super) fn is_resource(self) -> bool {
        matches!(
            self,
            Self::Mappings | Self::Files | Self::Threads | Self::Children | Self::SharedMemory
        )
    }
}

/// All counters, in their order.
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

/// What the counters show at one moment. Taking and keeping it allocates nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    counts: [Option<i64>; ALL.len()],
    /// Resident memory in bytes: for the picture, and to stop before it is all taken.
    pub resident: i64,
}

impl Reading {
    /// Of each counter its count, `None` if this system has no such counter.
    pub fn new(count: impl Fn(Counter) -> Option<i64>, resident: i64) -> Self {
        Self {
            counts: ALL.map(count),
            resident,
        }
    }

    /// The count, 0 if there is no such counter.
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
