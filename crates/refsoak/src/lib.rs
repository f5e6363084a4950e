//! Proves that a closure that uses Python leaks nothing, or names what it leaks.
//!
//! Resident memory is poor evidence: it hides small leaks, and it grows even if nothing leaks. A soak counts
//! everything that can leak instead. It calls the closure many times, reads exact counters between windows of
//! calls, and judges how they grew.
//!
//! ```standalone_crate
//! use pyoutliers::Outliers;
//! use refsoak::Soak;
//!
//! let detector = Outliers::new("pyoutliers", "detect")?;
//! let data = pyoutliers::gen_testdata()?;
//! let soak = Soak::new(1600).lend(&detector, &data);
//! soak.run(|| detector.detect(&data).map(drop))?.assert_clean();
//! # Ok::<_, refsoak::Error>(())
//! ```
//!
//! # What it counts
//!
//! - Python's blocks of memory; every object has at least one
//! - the objects that Python's cycle collector tracks: those that can hold others
//! - the references to every object that can be found, and the items in every container
//! - the heaps of C and Rust
//! - open files, mapped files, threads, child processes, and segments of shared memory
//! - resident memory that none of these explains, in pages
//!
//! If a closure leaks nothing, these counters do not change over any number of calls. The exceptions are C's
//! heap, which moves by some bytes, and the pages.
//!
//! # The protocol
//!
//! 1. *Find the objects*: everything that the collector tracks, and everything that these objects lead to,
//!    including the items of NumPy's arrays. The soak counts the references to each, and the items of
//!    containers. It leaves out immortal objects. It adds spare references to each object, so that the object
//!    stays alive if it is released too often.
//! 2. *Lend arguments*, if [`Soak::lend`] asks for it: four calls get lists whose references, and those of
//!    their items, are watched. One call is enough to show that the function keeps a list, releases a list or
//!    an item too often, or returns a list without adding a reference.
//! 3. *Warm up*: call until no counter moves in three readings in a row, or until some counter moves steadily.
//!    The first readings come after 1, 2, 4, 8 ... calls, because an object that is released too often soon
//!    crashes the process. An object whose reference count falls gets more spare references.
//! 4. *Prove the meter*: plant blocks of Python memory, a tracked object, references, an item, a block of C's
//!    heap, an open file, a mapped file and pages, and check that each counter rises and falls by that amount.
//!    Release a reference too often. Commit each fault with a lent argument. A counter that misses what was
//!    planted is not judged, and the report says so. Without Python's own counters, no verdict is clean.
//!    (With `PYTHONMALLOC=malloc`, for example, Python does not count its blocks.)
//! 5. *Make windows*, which are the calls between two readings: eight windows of n to 1.5n calls, then four
//!    of 2.3n to 2.8n.
//! 6. *Judge* the windows.
//!
//! # The judgement
//!
//! A leak grows in every window *and* with the calls: per call, it grows as much in the long windows as in the
//! short ones. If the references to an object fall in this way, the object is over-released. Growth that
//! continues in any other way gets no verdict: make more calls.
//!
//! A leak of one object in p calls happens c/p times in c consecutive calls, plus or minus one. So no period
//! p up to n looks different in the short and the long windows. No two windows have the same length:
//! otherwise a store that is emptied whenever it is full could be a little fuller at each reading.
//!
//! A store of fixed size (a cache, a ring, a pool) is clean: what it evicts is freed, and what it still holds
//! is counted.
//!
//! - Before each reading, the soak releases the objects to which nothing else refers any more. An object that
//!   was released too often is not among them, because its owner still refers to it.
//! - References that other objects hold are explained. Only unexplained ones can be a leak or an over-release.
//! - If older objects lead to the growth, it may be a store that fills. It is a leak if it continues for
//!   125,000 calls that each add an entry, or if a container holds more than 100,000 objects in the end. A
//!   store that gains less than one entry in 50 calls is judged by the calls that were requested.
//! - Growth of C's heap alone may be a cache of C code. It is judged like a store, after at least 25,600 calls.
//! - Without a time limit, the soak makes the calls that were requested, and judges by these. With one
//!   ([`Soak::within`]), it makes more calls if these can tell a store from a leak, and gives no verdict on a
//!   store that is still filling at the end.
//!
//! # When it ends
//!
//! A soak ends as soon as the verdict is certain. A leak of references alone is certain after 800 calls, and
//! a leak of blocks to which no older object leads after 26,400. References to types never end a soak early:
//! they take no memory, and must not hide a leak of memory. The shortest window has a twentieth of all calls,
//! so a leak that happens at least once in that many calls is seen. Make more calls to see a rarer one.
//!
//! A soak ends early if its time is up, if it has taken 256 MiB, or if nine tenths of the allowed files are
//! open. When its time is up, it judges the windows that are complete. In the other two cases, the verdict is
//! never clean. (The soak raises the soft limit of open files to the hard one.)
//!
//! For a leak, the report names
//!
//! - the objects whose references leak, and the containers that grow, each with the variable that leads to it
//! - the variables whose values become longer
//! - the lines that allocate, found by `tracemalloc`
//! - the lines that add to those containers, references and open files, or that call C code that leaks; a
//!   line is charged with what its calls add, if that explains the growth
//! - with [`Soak::native`], the C functions that take and release leaked references
//!
//! # How to read a report
//!
#![doc = include_str!("../reading.md")]
//!
//! # With PyO3, or any other way to Python
//!
//! The closure takes Python's lock in its own way, such as with PyO3's `Python::attach`. It may return any
//! error that converts into a boxed one. The soak uses the running interpreter, or starts one. The program must
//! contain only one libpython: build both sides for the same interpreter, which `PYTHON_SYS_EXECUTABLE` names
//! for this crate and `PYO3_PYTHON` for PyO3. The package in `examples/pyo3` is an example, and its test
//! `pyo3_is_clean_and_a_lost_reference_is_a_leak_that_is_named` runs it.
//!
//! # What it cannot see
//!
//! - A leak rarer than one in n calls: `a_rare_leak_is_found_by_enough_calls`.
//! - The difference between a leak and a store that is still filling:
//!   `a_store_that_still_fills_when_the_time_is_up_gets_no_verdict`. A store of more than 100,000 entries, or
//!   of more than 256 MiB, is called a leak, except a deque with a `maxlen`. So is a store of more than 20,000
//!   objects that C code hides from Python's collector.
//! - A leak behind a store that is emptied whenever it is full, if all calls together leak less than the store
//!   holds and leak no blocks. The tests `a_leak_behind_a_store_that_is_emptied_when_full_is_never_clean` and
//!   `a_leak_behind_a_store_shows_in_what_its_items_do_not_explain` show the other cases.
//! - References to objects that only C code holds: `references_to_objects_that_only_c_code_holds_are_not_seen`.
//! - References to immortal objects, which include `None` and small ints from Python 3.12 on:
//!   `references_to_immortal_objects_are_not_seen`.
//! - In a free-threaded Python, a str, bytes or tuple that is replaced by a longer one, below 4 MiB: one allocator serves
//!   blocks of all sizes there, and does not count their bytes. Also a reference to its type that an instance leaks:
//!   each thread counts the instances of a type separately. `native` names no function there, and [`Sweep`] takes minutes.
//! - Less than 4 MiB outside malloc: `memory_that_no_allocator_knows_of_is_seen_from_four_mebibytes_on`.
//! - The line of a leak in another thread, though the leak itself is counted:
//!   `references_that_another_thread_leaks_are_found_without_its_line`.
//!
//! Code that looks at reference counts sees the spare references. For example, `ndarray.resize` refuses:
//! `an_existing_array_refuses_to_be_resized`.
//!
//! # Tried on real leaks
//!
#![doc = include_str!("../real-leaks.md")]
//!
//! # When the process may die
//!
//! A soak cannot report after a crash. [`Progress::falling`] names objects whose references keep falling while
//! there is still time. A program that must always report runs the soak in a child process: [`child`].
//!
//! # Running out of memory
//!
//! [`starve`] fails chosen allocations of Python. Use it to soak the paths that code takes when memory runs
//! out. [`Sweep`] helps to fail each allocation in turn.
//!
//! # In a test
//!
//! Give each soak its own process, such as one `#[test]` in a file of `tests/`: a soak also counts what other
//! threads do. Rust's heap is counted if the test installs the allocator:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: refsoak::CountingAllocator = refsoak::CountingAllocator;
//! ```
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod allow;
mod blame;
mod calls;
pub mod child;
mod clock;
mod counter;
mod course;
mod decide;
mod error;
mod graph;
mod judge;
mod lent;
mod member;
mod memory;
mod meter;
mod native;
mod prepared;
mod process;
mod record;
mod reference;
mod report;
mod run;
mod series;
mod settings;
mod silence;
mod soak;
mod spare;
mod stage;
mod starve;
mod sweep;
mod universe;
mod verdict;

pub use calls::Progress;
pub use clock::Stopwatch;
pub use counter::Counter;
pub use error::{Error, Result};
pub use lent::{Lent, WatchedList};
pub use memory::{CBlock, CountingAllocator};
pub use prepared::{Prepared, Screened};
pub use record::{CounterRecord, Record, ReferenceRecord, Resident};
pub use reference::Reference;
pub use report::{Report, Sample};
pub use soak::Soak;
pub use spare::SpareReferences;
pub use stage::Ended;
pub use starve::{Allocation, Observer, observe, starve};
pub use sweep::Sweep;
pub use verdict::{Finding, Growth, Verdict};
