//! The meter: exact counters of whatever can leak, and the proof that it sees them.

use std::ffi::CStr;
use std::fmt;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Read;

use crate::capi::probes::memory::{CBlock, CountingAllocator, c_heap};
use crate::capi::{self, Cushion, Held};
use crate::convert;
use crate::error::Result;
use crate::interpreter::{module, with_python};

/// What a counter counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counter {
    /// Blocks of memory that Python has in use: every object has one at least.
    Blocks,
    /// Objects that Python's collector of cycles tracks: those that can hold others.
    Tracked,
    /// All references there are, in a debug build of Python.
    TotalReferences,
    /// References to one object, a witness: `function`, its `module`, or `sentinel`, an object of the
    /// meter's own.
    References(String),
    /// Bytes of C's heap in use.
    CHeap,
    /// Bytes of Rust's heap in use, if [`CountingAllocator`](super::CountingAllocator) is there.
    RustHeap,
    /// Open files.
    Files,
    /// Threads.
    Threads,
}

/// Its name, as in JSON.
impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocks => f.write_str("blocks"),
            Self::Tracked => f.write_str("tracked"),
            Self::TotalReferences => f.write_str("total_references"),
            Self::References(witness) => write!(f, "references_{witness}"),
            Self::CHeap => f.write_str("c_heap"),
            Self::RustHeap => f.write_str("rust_heap"),
            Self::Files => f.write_str("files"),
            Self::Threads => f.write_str("threads"),
        }
    }
}

impl Counter {
    /// What one of it is.
    pub(super) fn unit(&self) -> &'static str {
        match self {
            Self::Blocks => "block",
            Self::Tracked => "tracked object",
            Self::TotalReferences | Self::References(_) => "reference",
            Self::CHeap | Self::RustHeap => "byte",
            Self::Files => "open file",
            Self::Threads => "thread",
        }
    }
}

/// An object whose references are counted.
#[derive(Debug)]
pub(super) struct Witness {
    pub name: String,
    pub object: Cushion,
}

/// Most counters that a reading can hold.
pub(super) const MOST: usize = 16;

/// What the counters show at one moment. Taking and keeping it allocates nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    counts: [i64; MOST],
    /// Resident memory in bytes: for the picture, never for the verdict.
    pub resident: i64,
}

impl Reading {
    /// How much each counter grew since an earlier reading.
    pub fn growth(&self, since: &Self) -> [i64; MOST] {
        let mut growth = self.counts;
        growth
            .iter_mut()
            .zip(since.counts)
            .for_each(|(count, before)| *count -= before);
        growth
    }

    pub fn counts(&self) -> &[i64] {
        &self.counts
    }
}

/// Everything is looked up and held before the first reading, so that all readings allocate alike.
#[derive(Debug)]
pub(super) struct Meter {
    read: Held,
    plant: Held,
    witnesses: Vec<Witness>,
    pub counters: Vec<Counter>,
}

impl Meter {
    /// A meter that also counts the references to some witnesses.
    pub fn new(mut witnesses: Vec<Witness>) -> Result<Self> {
        let (read, plant, sentinel) = with_python(|py| {
            let source = include_str!("meter.py");
            let meter = module(py, c"_outliers_meter", c"<outliers>/soak/meter.py", source)?;
            let find = |name: &CStr| capi::object_get_attr_string(&meter, name);
            let sentinel = Cushion::new(find(c"sentinel")?, 0);
            Ok((find(c"read")?.into(), find(c"plant")?.into(), sentinel))
        })?;
        witnesses.push(Witness {
            name: SENTINEL.into(),
            object: sentinel,
        });
        let mut meter = Self {
            read,
            plant,
            witnesses,
            counters: Vec::new(),
        };
        meter.counters = meter.available()?;
        Ok(meter)
    }

    /// The counters that this system has.
    fn available(&self) -> Result<Vec<Counter>> {
        let [_, _, total_references] = self.read_python()?;
        let before = CountingAllocator::in_use();
        let probe = black_box(Box::new([0_u64; 16]));
        let rust = CountingAllocator::in_use() - before;
        drop(probe);

        let mut counters = vec![Counter::Blocks, Counter::Tracked];
        counters.extend((total_references >= 0).then_some(Counter::TotalReferences));
        counters.extend(
            self.witnesses
                .iter()
                .map(|witness| Counter::References(witness.name.clone())),
        );
        counters.extend(c_heap().map(|_| Counter::CHeap));
        counters.extend((rust == 128).then_some(Counter::RustHeap));
        counters.extend(entries(OPEN_FILES).map(|_| Counter::Files));
        counters.extend(entries(THREADS).map(|_| Counter::Threads));
        Ok(counters)
    }

    fn read_python(&self) -> Result<[i64; 3]> {
        let counts = with_python(|py| {
            convert::ints(
                &capi::object_call_function_obj_args(&self.read.as_borrowed(py), [])?,
                3,
            )
        })?;
        Ok(counts.try_into().unwrap_or([-1; 3]))
    }

    /// Reads all counters, Python's first: the other readings shall not disturb them.
    pub fn read(&self) -> Result<Reading> {
        let [blocks, tracked, total_references] = self.read_python()?;
        let mut reading = Reading {
            counts: [0; MOST],
            resident: resident(),
        };
        with_python(|py| {
            let mut witnesses = self.witnesses.iter();
            for (counter, count) in self.counters.iter().zip(&mut reading.counts) {
                *count = match counter {
                    Counter::Blocks => Some(blocks),
                    Counter::Tracked => Some(tracked),
                    Counter::TotalReferences => Some(total_references),
                    Counter::References(_) => {
                        witnesses.next().map(|witness| witness.object.count(py))
                    }
                    Counter::CHeap => c_heap(),
                    Counter::RustHeap => Some(CountingAllocator::in_use()),
                    Counter::Files => entries(OPEN_FILES),
                    Counter::Threads => entries(THREADS),
                }
                .unwrap_or(-1);
            }
            Ok(())
        })?;
        Ok(reading)
    }

    /// The positive control: plants a known number of each, removes them, and tells which counter
    /// does not see both exactly. C's heap may take a while to settle, so there are ten attempts.
    pub fn prove(&self) -> Result<Option<String>> {
        let mut blind = None;
        for _ in 0..10 {
            blind = self.try_to_prove()?;
            if blind.is_none() {
                break;
            }
        }
        Ok(blind)
    }

    fn try_to_prove(&self) -> Result<Option<String>> {
        let before = self.read()?;
        let planted = (
            with_python(|py| {
                Ok(Held::from(capi::object_call_function_obj_args(
                    &self.plant.as_borrowed(py),
                    [],
                )?))
            })?,
            with_python(|py| {
                let sentinel = self.witnesses.last();
                Ok(sentinel.map(|sentinel| sentinel.object.reference(py)))
            })?,
            CBlock::new(),
            File::open("/dev/null"),
        );
        let chunk = planted.2.as_ref().map_or(0, CBlock::chunk);
        let between = self.read()?;
        drop(planted);
        let after = self.read()?;
        let seen = between
            .growth(&before)
            .into_iter()
            .zip(after.growth(&before));
        for (counter, (planted, left)) in self.counters.iter().zip(seen) {
            let expected = match counter {
                Counter::Blocks => 7,
                Counter::Tracked => 1,
                Counter::References(name) if name == SENTINEL => 1,
                Counter::CHeap => chunk,
                Counter::Files => 1,
                Counter::References(_) | Counter::RustHeap | Counter::Threads => 0,
                // Its other references are Python's own business.
                Counter::TotalReferences => planted,
            };
            if planted != expected || left != 0 {
                return Ok(Some(format!(
                    "{counter} should have seen {expected} come and go, but saw {planted} come \
                     and {left} stay"
                )));
            }
        }
        Ok(None)
    }
}

const SENTINEL: &str = "sentinel";
const OPEN_FILES: &str = "/proc/self/fd";
const THREADS: &str = "/proc/self/task";

/// How many entries a directory has; `None` where there is none of that name.
fn entries(directory: &str) -> Option<i64> {
    i64::try_from(fs::read_dir(directory).ok()?.count()).ok()
}

/// Resident memory in bytes, as Linux tells; 0 elsewhere.
fn resident() -> i64 {
    // On the stack: a text that grows is moved about C's heap, which glibc 2.43 counts differently
    // after each move.
    let mut status = [0; 8192];
    let length = File::open("/proc/self/status").and_then(|mut file| file.read(&mut status));
    let status = status.get(..length.unwrap_or(0)).unwrap_or_default();
    let line = str::from_utf8(status)
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<i64>().ok())
        .map_or(0, |kib| kib * 1024)
}
