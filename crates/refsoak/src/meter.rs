//! The meter: exact counters of whatever can leak, and the proof that each sees it.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::Read;
use std::thread;
use std::time::Duration;

use super::counter::{Counter, Reading};
use super::graph::Finder;
use super::universe::{Counts, Universe, Window};
use crate::memory::{CBlock, CountingAllocator, c_heap};
use crate::spare::SpareReferences;
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;
use pyoutliers::{interpreter::module, with_python};

/// How often objects are let go of at a reading.
const MOST_ROUNDS: u32 = 3;

/// A counter that could not be proven, and what it saw instead of what was planted.
pub(super) type Blind = (Counter, String);

/// Everything is looked up and held before the first reading, so that all readings allocate alike.
#[derive(Debug)]
pub(super) struct Meter {
    read: Held,
    kinds: Held,
    planters: Planters,
    disturbers: Held,
    sentinel: SpareReferences,
    sentinel_type: SpareReferences,
    store: Held,
    pub finder: Finder,
    pub universe: Universe,
    counts_rust: bool,
    /// Whether anything was let go of at the last reading.
    has_let_go: bool,
    /// The most files that may be open.
    most_files: Option<i64>,
}

#[derive(Debug)]
struct Planters {
    objects: Held,
    item: Held,
    remove_item: Held,
    pages: Held,
    mapping: Held,
}

impl Meter {
    pub fn new() -> Result<Self> {
        with_python(|py| {
            let source = include_str!("meter.py");
            let meter = module(
                py,
                c"_refsoak_meter",
                c"<outliers>/refsoak/meter.py",
                source,
            )?;
            let find = |name: &CStr| capi::object_get_attr_string(&meter, name);
            let held = |name: &CStr| find(name).map(Held::from);
            let most_files = convert::ints(&call(py, &held(c"raise_file_limit")?)?, 1)?;
            Ok(Self {
                read: held(c"read")?,
                kinds: held(c"kinds")?,
                planters: Planters {
                    objects: held(c"plant")?,
                    item: held(c"plant_item")?,
                    remove_item: held(c"remove_item")?,
                    pages: held(c"plant_pages")?,
                    mapping: held(c"plant_mapping")?,
                },
                disturbers: held(c"disturbers")?,
                sentinel: SpareReferences::new(find(c"sentinel")?, 16),
                sentinel_type: SpareReferences::new(find(c"Sentinel")?, 16),
                store: held(c"store")?,
                finder: Finder {
                    roots: held(c"roots")?,
                    referents: held(c"referents")?,
                },
                universe: Universe::default(),
                counts_rust: CountingAllocator::in_use() != 0, // no program has no Rust in use
                has_let_go: false,
                most_files: most_files.first().copied().filter(|&most| most > 0),
            })
        })
    }

    /// From now on the references to the objects are counted that are there now.
    pub fn find_objects(&mut self) -> Result<()> {
        with_python(|py| self.universe.find(py, &self.finder, &self.kinds))
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
        with_python(|py| self.universe.begin(py))
    }

    /// A function that collects garbage.
    pub fn collector(&self) -> &Held {
        &self.read
    }

    /// Whether almost as many files are open as may be, or so many that they cannot be counted.
    pub fn is_near_limit(&self) -> bool {
        let open = entries(OPEN_FILES).unwrap_or(i64::MAX);
        self.most_files.is_some_and(|most| open > most / 10 * 9)
    }

    /// Whether there are more segments of shared memory after a while in which nothing was called: then
    /// other processes make them.
    pub fn is_shared_memory_others(&self) -> bool {
        let before = entries(SHARED_MEMORY);
        (0..10).any(|_| {
            thread::sleep(Duration::from_millis(100));
            entries(SHARED_MEMORY) != before
        })
    }

    /// Whether nothing was let go of at the last reading, and nothing is still to be.
    pub fn is_settled(&self) -> bool {
        !self.has_let_go && !self.universe.is_waiting()
    }

    /// Reads all counters, without what the function has let go of.
    pub fn read(&mut self, window: Option<Window>) -> Result<Reading> {
        let mut python = self.read_python()?;
        self.has_let_go = false;
        // What is let go of may have held others that nobody sees.
        for _ in 0..MOST_ROUNDS {
            let finder = &self.finder;
            let Some(has_let_go) = with_python(|py| self.universe.let_go(py, finder))? else {
                break;
            };
            // The first ones are freed here, as Rust's heap is counted too; and looking filled caches.
            python = self.read_python()?;
            if !has_let_go {
                break;
            }
            self.has_let_go = true;
        }
        self.count(python, window)
    }

    /// Python's own counters. First of all: the other readings must not disturb them.
    fn read_python(&self) -> Result<Vec<i64>> {
        with_python(|py| convert::ints(&call(py, &self.read)?, 3))
    }

    /// All counters, with those of Python.
    fn count(&mut self, python: Vec<i64>, window: Option<Window>) -> Result<Reading> {
        let [blocks, tracked, total_references] = python.try_into().unwrap_or([-1; 3]);
        let counts = with_python(|py| self.universe.read(py, window))?;
        let ours = self.universe.ours();
        let (resident, anonymous) = resident();
        let count = |counter| match counter {
            Counter::Blocks => Some(blocks),
            Counter::Tracked => Some(tracked),
            Counter::TotalReferences => (total_references >= 0).then_some(total_references - ours),
            Counter::References => Some(counts.references),
            Counter::Types => Some(counts.types),
            Counter::Items => Some(counts.items),
            Counter::CHeap => c_heap(),
            Counter::RustHeap => self.counts_rust.then(CountingAllocator::in_use),
            Counter::OutsideMalloc => Some(anonymous).filter(|&bytes| bytes > 0),
            Counter::Mappings => mappings(),
            Counter::Files => entries(OPEN_FILES),
            Counter::Threads => entries(THREADS),
            Counter::Children => children(),
            Counter::SharedMemory => entries(SHARED_MEMORY),
        };
        Ok(Reading::new(count, resident))
    }

    /// The positive control: plants a known number of each, removes them, and returns the counters that
    /// do not see both exactly. Other threads may disturb some, so there are ten attempts; each counter
    /// has to see it in one of them.
    pub fn prove(&mut self) -> Result<Vec<Blind>> {
        let mut blind = self.try_to_prove()?;
        for _ in 1..10 {
            if blind.is_empty() {
                break;
            }
            let again = self.try_to_prove()?;
            blind.retain(|(counter, _)| again.iter().any(|(other, _)| other == counter));
        }
        Ok(blind)
    }

    /// What may be the reason that counters move by themselves.
    pub fn disturbers(&self) -> Result<Vec<String>> {
        with_python(|py| {
            let found = call(py, &self.disturbers)?;
            convert::vec_from_iterable(&found, usize::MAX, |_, text| {
                Ok(capi::unicode_to_string(text).unwrap_or_default())
            })
        })
    }

    fn try_to_prove(&mut self) -> Result<Vec<Blind>> {
        let (before, objects_before) = self.read_planted()?;
        let planted = with_python(|py| {
            let objects = call(py, &self.planters.objects)?;
            call(py, &self.planters.item)?;
            let reference = self.sentinel.object(py).clone();
            let of_type = self.sentinel_type.object(py).clone();
            Ok([objects, reference, of_type].map(Held::from))
        })?;
        let (block, file) = (CBlock::new(), File::open("/dev/null"));
        let chunk = block.as_ref().map_or(0, CBlock::chunk);
        let (between, objects_between) = self.read_planted()?;
        // With the lock held they are released at once.
        with_python(|py| {
            drop(planted);
            call(py, &self.planters.remove_item).map(drop)
        })?;
        drop((block, file));
        let (after, objects_after) = self.read_planted()?;
        let mut blind = Vec::new();
        for (counter, planted) in between.growth(&before) {
            let expected = match counter {
                Counter::Blocks => 7,
                Counter::CHeap => chunk,
                Counter::Tracked | Counter::Types | Counter::Items | Counter::Files => 1,
                // One is planted by itself, and one is the item.
                Counter::References => 2,
                Counter::RustHeap | Counter::Threads => 0,
                // Other references are Python's own business, and child processes and shared memory
                // are not planted in a program; pages and mappings are planted below.
                Counter::TotalReferences
                | Counter::OutsideMalloc
                | Counter::Mappings
                | Counter::Children
                | Counter::SharedMemory => continue,
            };
            let (planted, left) = if counter.is_by_object() {
                let [before, between, after] = [objects_before, objects_between, objects_after]
                    .map(|counts| counts.of(counter));
                (between - before, after - before)
            } else {
                (planted, after.count(counter) - before.count(counter))
            };
            if (planted, left) != (expected, 0) {
                blind.push((counter, unseen(expected, planted, left)));
            }
        }
        let anonymous = || Some(resident().1).filter(|&bytes| bytes > 0);
        let pages = try_to_map(&self.planters.pages, anonymous, 2 << 20)?;
        blind.extend(pages.map(|saw| (Counter::OutsideMalloc, saw)));
        let mapping = try_to_map(&self.planters.mapping, mappings, 1)?;
        blind.extend(mapping.map(|saw| (Counter::Mappings, saw)));
        blind.extend(self.try_to_release()?);
        Ok(blind)
    }

    /// A reading, and what it says of the objects that are planted with.
    fn read_planted(&mut self) -> Result<(Reading, Counts)> {
        // What is planted is not let go of.
        let python = self.read_python()?;
        let reading = self.count(python, None)?;
        let counts = with_python(|py| {
            let last = |object| self.universe.last(object).unwrap_or_default();
            Ok(Counts {
                references: last(&self.sentinel.object(py)).0,
                types: last(&self.sentinel_type.object(py)).0,
                items: last(&self.store.as_borrowed(py)).1,
            })
        })?;
        Ok((reading, counts))
    }

    /// Releases a reference too often, and takes it again.
    fn try_to_release(&mut self) -> Result<Option<Blind>> {
        let (_, before) = self.read_planted()?;
        with_python(|py| {
            self.sentinel.lose_one(py);
            Ok(())
        })?;
        let (_, between) = self.read_planted()?;
        with_python(|py| {
            // A reference that nobody owns is this one's.
            std::mem::forget(self.sentinel.object(py).clone());
            Ok(())
        })?;
        let (_, after) = self.read_planted()?;
        let [lost, left] = [between, after].map(|counts| counts.references - before.references);
        Ok(((lost, left) != (-1, 0)).then(|| (Counter::References, unseen(-1, lost, left))))
    }
}

/// Has a function map something into memory, and unmaps it; what a count saw of it if that is not at least
/// half of what it should have seen.
fn try_to_map(
    function: &Held,
    count: impl Fn() -> Option<i64>,
    expected: i64,
) -> Result<Option<String>> {
    let before = count();
    let mapped = with_python(|py| call(py, function).map(Held::from))?;
    let between = count();
    // With the lock held it is released at once.
    with_python(|_| {
        drop(mapped);
        Ok(())
    })?;
    let Some(((before, between), after)) = before.zip(between).zip(count()) else {
        return Ok(None);
    };
    let (mapped, left) = (between - before, after - before);
    let is_blind = 2 * mapped < expected || 2 * left > expected;
    Ok(is_blind.then(|| unseen(expected, mapped, left)))
}

fn unseen(expected: i64, planted: i64, left: i64) -> String {
    format!("should have seen {expected} come and go, but saw {planted} come and {left} stay")
}

/// Calls a function without arguments.
fn call<'p>(py: Python<'p>, function: &Held) -> Result<Owned<'p>> {
    Ok(capi::object_call_function_obj_args(
        &function.as_borrowed(py),
        [],
    )?)
}

const OPEN_FILES: &str = "/proc/self/fd";
const THREADS: &str = "/proc/self/task";
const SHARED_MEMORY: &str = "/dev/shm";

/// How many entries a directory has; `None` where there is none of that name.
fn entries(directory: &str) -> Option<i64> {
    i64::try_from(fs::read_dir(directory).ok()?.count()).ok()
}

/// The child processes of all threads, as Linux tells them.
fn children() -> Option<i64> {
    let mut children = 0;
    for thread in fs::read_dir(THREADS).ok()? {
        let file = File::open(thread.ok()?.path().join("children"));
        let mut was_space = true;
        // A thread may have ended.
        let bytes = file.ok().into_iter().flat_map(pieces);
        bytes.for_each(|piece| {
            for byte in piece {
                children += i64::from(was_space && byte != b' ');
                was_space = byte == b' ';
            }
        });
    }
    Some(children)
}

/// The mappings of files: those with an inode.
fn mappings() -> Option<i64> {
    let file = File::open("/proc/self/maps").ok()?;
    let (mut mapped, mut column, mut has_inode) = (0, 0, false);
    for byte in pieces(file).flatten() {
        match byte {
            b'\n' => {
                mapped += i64::from(has_inode);
                (column, has_inode) = (0, false);
            }
            b' ' => column += 1,
            // start-end, permissions, offset, device, inode, file
            _ => has_inode |= column == 4 && byte != b'0',
        }
    }
    Some(mapped)
}

/// A file in pieces on the stack: a text that grows is moved about C's heap, which glibc 2.43 counts
/// differently after each move.
fn pieces(mut file: File) -> impl Iterator<Item = impl Iterator<Item = u8>> {
    std::iter::from_fn(move || {
        let mut piece = [0; 4096];
        let length = file.read(&mut piece).ok().filter(|&length| length > 0)?;
        Some(piece.into_iter().take(length))
    })
}

/// Resident memory in bytes, all of it and that without files, as Linux tells; 0 elsewhere.
pub(super) fn resident() -> (i64, i64) {
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
