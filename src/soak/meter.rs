//! The meter: exact counters of whatever can leak, and the proof that it sees them.

use std::ffi::CStr;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;

use super::universe::{Universe, Window};
use crate::capi::probes::memory::{CBlock, CountingAllocator, c_heap};
use crate::capi::{self, Held, SpareReferences};
use crate::convert;
use crate::error::Result;
use crate::interpreter::{module, with_python};

/// What a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counter {
    /// Blocks of memory that Python has in use: every object has one at least.
    Blocks,
    /// Objects that Python's collector of cycles tracks: those that can hold others.
    Tracked,
    /// All references there are, in a debug build of Python.
    TotalReferences,
    /// References to all objects that were found before the windows, each judged by itself.
    References,
    /// Bytes of C's heap in use.
    CHeap,
    /// Bytes of Rust's heap in use, if [`CountingAllocator`](super::CountingAllocator) is there.
    RustHeap,
    /// Bytes of resident memory, that of files left out, that none of the other counters explains:
    /// taken from the system by other allocators.
    OutsideMalloc,
    /// Open files.
    Files,
    /// Threads.
    Threads,
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

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Blocks => ("blocks", "block"),
            Self::Tracked => ("tracked", "tracked object"),
            Self::TotalReferences => ("total_references", "reference"),
            Self::References => ("references", "reference"),
            Self::CHeap => ("c_heap", "byte"),
            Self::RustHeap => ("rust_heap", "byte"),
            Self::OutsideMalloc => ("outside_malloc", "byte"),
            Self::Files => ("files", "open file"),
            Self::Threads => ("threads", "thread"),
        }
    }
}

/// All counters there are, in their order.
const ALL: [Counter; 9] = [
    Counter::Blocks,
    Counter::Tracked,
    Counter::TotalReferences,
    Counter::References,
    Counter::CHeap,
    Counter::RustHeap,
    Counter::OutsideMalloc,
    Counter::Files,
    Counter::Threads,
];

/// What the counters show at one moment. Taking and keeping it allocates nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// Of [`ALL`]; none if this system has no such counter.
    counts: [Option<i64>; ALL.len()],
    /// Resident memory in bytes: for the picture, and to stop before it is all taken.
    pub resident: i64,
}

impl Reading {
    /// The count, 0 if there is no such counter.
    pub fn count(&self, counter: Counter) -> i64 {
        let count = self.counts.get(counter as usize).copied();
        count.flatten().unwrap_or(0)
    }

    /// How much each counter grew since an earlier reading, of those that this system has.
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

/// Everything is looked up and held before the first reading, so that all readings allocate alike.
#[derive(Debug)]
pub(super) struct Meter {
    read: Held,
    plant: Held,
    plant_pages: Held,
    objects: Held,
    sentinel: SpareReferences,
    pub universe: Universe,
    counts_rust: bool,
}

impl Meter {
    pub fn new() -> Result<Self> {
        with_python(|py| {
            let source = include_str!("meter.py");
            let meter = module(py, c"_outliers_meter", c"<outliers>/soak/meter.py", source)?;
            let find = |name: &CStr| capi::object_get_attr_string(&meter, name);
            Ok(Self {
                read: find(c"read")?.into(),
                plant: find(c"plant")?.into(),
                plant_pages: find(c"plant_pages")?.into(),
                objects: find(c"universe")?.into(),
                sentinel: SpareReferences::new(find(c"sentinel")?, 16),
                universe: Universe::default(),
                counts_rust: CountingAllocator::in_use() != 0, // no program has no Rust in use
            })
        })
    }

    /// From now on the references to the objects are counted that are there now.
    pub fn find_objects(&mut self) -> Result<()> {
        with_python(|py| self.universe.extend(py, &self.objects))
    }

    /// Before so many calls.
    pub fn prepare(&mut self, calls: u64) -> Result<()> {
        with_python(|py| {
            self.universe.lend(py, calls);
            Ok(())
        })
    }

    /// Begins a new series of windows.
    pub fn begin(&mut self) -> Result<()> {
        with_python(|py| {
            self.universe.begin(py);
            Ok(())
        })
    }

    /// A function that collects garbage.
    pub fn collector(&self) -> &Held {
        &self.read
    }

    /// Reads all counters, Python's first: the other readings shall not disturb them.
    pub fn read(&mut self, window: Option<Window>) -> Result<Reading> {
        let python = with_python(|py| {
            convert::ints(
                &capi::object_call_function_obj_args(&self.read.as_borrowed(py), [])?,
                3,
            )
        })?;
        let [blocks, tracked, total_references] = python.try_into().unwrap_or([-1; 3]);
        let references = with_python(|py| Ok(self.universe.read(py, window)))?;
        let spare = self.universe.spare();
        let (resident, anonymous) = resident();
        let count = |counter| match counter {
            Counter::Blocks => Some(blocks),
            Counter::Tracked => Some(tracked),
            Counter::TotalReferences => (total_references >= 0).then_some(total_references - spare),
            Counter::References => Some(references),
            Counter::CHeap => c_heap(),
            Counter::RustHeap => self.counts_rust.then(CountingAllocator::in_use),
            Counter::OutsideMalloc => Some(anonymous).filter(|&bytes| bytes > 0),
            Counter::Files => entries(OPEN_FILES),
            Counter::Threads => entries(THREADS),
        };
        Ok(Reading {
            counts: ALL.map(count),
            resident,
        })
    }

    /// The positive control: plants a known number of each, removes them, and tells which counter
    /// does not see both exactly. Other threads may disturb C's heap, so there are ten attempts.
    pub fn prove(&mut self) -> Result<Option<String>> {
        let mut blind = None;
        for _ in 0..10 {
            blind = self.try_to_prove()?;
            if blind.is_none() {
                break;
            }
        }
        Ok(blind)
    }

    fn try_to_prove(&mut self) -> Result<Option<String>> {
        let before = self.read(None)?;
        let planted = with_python(|py| {
            let objects = capi::object_call_function_obj_args(&self.plant.as_borrowed(py), [])?;
            let reference = self.sentinel.object(py).clone();
            Ok((Held::from(objects), Held::from(reference)))
        })?;
        let (block, file) = (CBlock::new(), File::open("/dev/null"));
        let chunk = block.as_ref().map_or(0, CBlock::chunk);
        let between = self.read(None)?;
        drop((planted, block, file));
        let after = self.read(None)?;
        let seen = between.growth(&before).zip(after.growth(&before));
        for ((counter, planted), (_, left)) in seen {
            let expected = match counter {
                Counter::Blocks => 7,
                Counter::CHeap => chunk,
                Counter::Tracked | Counter::References | Counter::Files => 1,
                Counter::RustHeap | Counter::Threads => 0,
                // Other references are Python's own business; pages are planted below.
                Counter::TotalReferences | Counter::OutsideMalloc => continue,
            };
            if planted != expected || left != 0 {
                return Ok(Some(format!(
                    "{counter} should have seen {expected} come and go, but saw {planted} come \
                     and {left} stay"
                )));
            }
        }
        self.try_to_prove_the_rest()
    }

    /// Plants pages; and gives a reference back too often, and again.
    fn try_to_prove_the_rest(&mut self) -> Result<Option<String>> {
        const PLANTED: i64 = 2 << 20;
        let (_, before) = resident();
        let pages = with_python(|py| {
            let plant = self.plant_pages.as_borrowed(py);
            Ok(Held::from(capi::object_call_function_obj_args(&plant, [])?))
        })?;
        let (_, between) = resident();
        // With the lock held it is given back at once.
        with_python(|_| {
            drop(pages);
            Ok(())
        })?;
        let (_, after) = resident();
        let (planted, left) = (between - before, after - before);
        if before > 0 && (planted < PLANTED / 2 || left > PLANTED / 2) {
            return Ok(Some(format!(
                "outside_malloc should have seen {PLANTED} come and go, but saw {planted} come \
                 and {left} stay"
            )));
        }
        let lost = with_python(|py| {
            let before = self.universe.read(py, None);
            self.sentinel.lose_one(py);
            let lost = before - self.universe.read(py, None);
            // It is given back: a reference that nobody owns is this one's.
            std::mem::forget(self.sentinel.object(py).clone());
            Ok(lost)
        })?;
        Ok((lost != 1).then(|| format!("references should have seen 1 go, but saw {lost}")))
    }
}

const OPEN_FILES: &str = "/proc/self/fd";
const THREADS: &str = "/proc/self/task";

/// How many entries a directory has; `None` where there is none of that name.
fn entries(directory: &str) -> Option<i64> {
    i64::try_from(fs::read_dir(directory).ok()?.count()).ok()
}

/// Resident memory in bytes, all of it and that without files, as Linux tells; 0 elsewhere.
pub(super) fn resident() -> (i64, i64) {
    // On the stack: a text that grows is moved about C's heap, which glibc 2.43 counts differently
    // after each move.
    let mut status = [0; 8192];
    let length = File::open("/proc/self/status").and_then(|mut file| file.read(&mut status));
    let status = status.get(..length.unwrap_or(0)).unwrap_or_default();
    let bytes = |name| {
        let mut lines = str::from_utf8(status).unwrap_or_default().lines();
        let line = lines.find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<i64>().ok());
        kib.map_or(0, |kib| kib * 1024)
    };
    (bytes("VmRSS:"), bytes("RssAnon:") + bytes("RssShmem:"))
}
