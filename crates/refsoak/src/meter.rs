//! The meter: exact counters of everything that can leak, and a proof that each of them works.

use std::ffi::CStr;
use std::fs::File;
use std::thread;
use std::time::Duration;

use crate::counter::{Counter, Reading};
use crate::graph::Finder;
use crate::memory::{CBlock, CountingAllocator, c_heap};
use crate::process::{OPEN_FILES, SHARED_MEMORY, THREADS, children, entries, mappings, resident};
use crate::spare::SpareReferences;
use crate::universe::{Counts, Universe, Window};
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;
use pyoutliers::{interpreter::module, with_python};

/// How many times a reading releases objects to which nothing else refers.
const MOST_ROUNDS: u32 = 3;

/// A counter that missed what was planted, and what it saw instead.
pub(super) type Unproven = (Counter, String);

/// Reads all counters. Everything is looked up before the first reading, so that each reading allocates
/// the same amount.
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
    /// Whether the last reading released an object.
    has_released: bool,
    raise_file_limit: Held,
    restore_file_limit: Held,
    /// The limit of open files, if it was raised.
    most_files: Option<i64>,
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.most_files.is_some() {
            let _ = with_python(|py| call(py, &self.restore_file_limit).map(drop));
        }
    }
}

/// The functions of `meter.py` that plant something to be counted.
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
                counts_rust: CountingAllocator::in_use() != 0, // 0 only if it is not installed
                has_released: false,
                raise_file_limit: held(c"raise_file_limit")?,
                restore_file_limit: held(c"restore_file_limit")?,
                most_files: None,
            })
        })
    }

    /// Finds all objects that exist now, and counts their references from now on.
    pub fn find_objects(&mut self) -> Result<()> {
        with_python(|py| self.universe.find(py, &self.finder, &self.kinds))
    }

    /// Raises the limit of open files, until the meter is dropped.
    pub fn raise_file_limit(&mut self) -> Result<()> {
        let most = with_python(|py| convert::ints(&call(py, &self.raise_file_limit)?, 1))?;
        self.most_files = most.first().copied().filter(|&most| most > 0);
        Ok(())
    }

    /// Adds the spare references that the next calls may need.
    pub fn prepare(&mut self, calls: u64) -> Result<()> {
        with_python(|py| {
            self.universe.add_spares(py, calls);
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

    /// Whether the limit of open files is nearly reached. If it is reached, the files cannot even be counted.
    pub fn is_near_limit(&self) -> bool {
        let open = entries(OPEN_FILES).unwrap_or(i64::MAX);
        self.most_files.is_some_and(|most| open > most / 10 * 9)
    }

    /// Whether the number of shared memory segments changes within a second without calls, because other
    /// processes create them.
    pub fn is_shared_memory_others(&self) -> bool {
        let before = entries(SHARED_MEMORY);
        (0..10).any(|_| {
            thread::sleep(Duration::from_millis(100));
            entries(SHARED_MEMORY) != before
        })
    }

    /// Whether the last reading released no object, and no object waits to be released.
    pub fn is_settled(&self) -> bool {
        !self.has_released && !self.universe.is_waiting()
    }

    /// Reads all counters, after releasing the objects that only the soak still refers to.
    pub fn read(&mut self, window: Option<Window>) -> Result<Reading> {
        let mut python = self.read_python()?;
        self.has_released = false;
        // A released object may have been the last owner of objects that the collector does not see.
        for _ in 0..MOST_ROUNDS {
            let finder = &self.finder;
            let Some(has_released) = with_python(|py| self.universe.release_dropped(py, finder))?
            else {
                break;
            };
            // Read again: the search fills caches. The earlier vector is freed here, because Rust's heap is
            // counted too.
            python = self.read_python()?;
            if !has_released {
                break;
            }
            self.has_released = true;
        }
        self.count(python, window)
    }

    /// Reads all counters, without releasing anything.
    pub fn read_quickly(&mut self, window: Option<Window>) -> Result<Reading> {
        let python = self.read_python()?;
        self.count(python, window)
    }

    /// Python's own counters. They come first, because the other readings would disturb them.
    fn read_python(&self) -> Result<Vec<i64>> {
        with_python(|py| convert::ints(&call(py, &self.read)?, 3))
    }

    /// Reads the other counters, and adds Python's.
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

    /// The positive control: plants a known amount for each counter, removes it, and returns the counters that
    /// do not see both exactly. Other threads may disturb a counter, so one success in ten attempts is enough.
    pub fn prove(&mut self) -> Result<Vec<Unproven>> {
        let mut unproven = self.try_to_prove()?;
        for _ in 1..10 {
            if unproven.is_empty() {
                break;
            }
            let again = self.try_to_prove()?;
            unproven.retain(|(counter, _)| again.iter().any(|(other, _)| other == counter));
        }
        Ok(unproven)
    }

    /// Possible reasons why counters move without calls.
    pub fn disturbers(&self) -> Result<Vec<String>> {
        with_python(|py| {
            let found = call(py, &self.disturbers)?;
            convert::vec_from_iterable(&found, usize::MAX, |_, text| {
                Ok(capi::unicode_to_string(text).unwrap_or_default())
            })
        })
    }

    fn try_to_prove(&mut self) -> Result<Vec<Unproven>> {
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
        // They are released at once only while the lock is held.
        with_python(|py| {
            drop(planted);
            call(py, &self.planters.remove_item).map(drop)
        })?;
        drop((block, file));
        let (after, objects_after) = self.read_planted()?;
        let mut unproven = Vec::new();
        for (counter, planted) in between.growth(&before) {
            let expected = match counter {
                Counter::Blocks => 7,
                Counter::CHeap => chunk,
                Counter::Tracked | Counter::Types | Counter::Items | Counter::Files => 1,
                // One is planted directly, the other is the item.
                Counter::References => 2,
                Counter::RustHeap | Counter::Threads => 0,
                // The total changes with Python's own references. Child processes and shared memory are
                // not planted: that would disturb the program. Pages and mappings are planted below.
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
                unproven.push((counter, unseen(expected, planted, left)));
            }
        }
        let anonymous = || Some(resident().1).filter(|&bytes| bytes > 0);
        let pages = try_to_map(&self.planters.pages, anonymous, 2 << 20)?;
        unproven.extend(pages.map(|saw| (Counter::OutsideMalloc, saw)));
        let mapping = try_to_map(&self.planters.mapping, mappings, 1)?;
        unproven.extend(mapping.map(|saw| (Counter::Mappings, saw)));
        unproven.extend(self.try_to_release()?);
        Ok(unproven)
    }

    /// Takes a reading, and counts the objects that are used for planting.
    fn read_planted(&mut self) -> Result<(Reading, Counts)> {
        // This releases nothing, because the planted objects must stay.
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

    /// Releases one reference too often, and then adds it again.
    fn try_to_release(&mut self) -> Result<Option<Unproven>> {
        let (_, before) = self.read_planted()?;
        with_python(|py| {
            self.sentinel.lose_one(py);
            Ok(())
        })?;
        let (_, between) = self.read_planted()?;
        with_python(|py| {
            // This reference replaces the one that was lost.
            std::mem::forget(self.sentinel.object(py).clone());
            Ok(())
        })?;
        let (_, after) = self.read_planted()?;
        let [lost, left] = [between, after].map(|counts| counts.references - before.references);
        Ok(((lost, left) != (-1, 0)).then(|| (Counter::References, unseen(-1, lost, left))))
    }
}

/// Calls a function that maps memory, then unmaps it. Returns what `count` saw, if that is less than half
/// of what was expected.
fn try_to_map(
    function: &Held,
    count: impl Fn() -> Option<i64>,
    expected: i64,
) -> Result<Option<String>> {
    let before = count();
    let mapped = with_python(|py| call(py, function).map(Held::from))?;
    let between = count();
    // It is released at once only while the lock is held.
    with_python(|_| {
        drop(mapped);
        Ok(())
    })?;
    let Some(((before, between), after)) = before.zip(between).zip(count()) else {
        return Ok(None);
    };
    let (mapped, left) = (between - before, after - before);
    let is_unseen = 2 * mapped < expected || 2 * left > expected;
    Ok(is_unseen.then(|| unseen(expected, mapped, left)))
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
