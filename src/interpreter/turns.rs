//! Turns for Python's lock: with them, several threads make about as many calls as one, instead of half as many.
//!
//! NumPy releases Python's lock for a moment within a call. Each time, a thread that waits for the lock wakes
//! up too late and sleeps again, which slows both threads down. So threads wait for their turn here instead, in a
//! line. While a thread has the turn, the first thread in the line, F, waits in steps:
//!
//! | F | phase | at the end of its call, the thread that has the turn |
//! |---|---|---|
//! | sleeps for at most 1 ms | `WAITED` | makes the turn `FREE`, and wakes F |
//! | woke too late: the turn is `TAKEN` again; sleeps for 2 ms | `TAKEN` | makes the turn `FREE`, and lets F sleep |
//! | sleeps for at most 3 ms | `WANTED` | hands the turn to F (`HANDED`), and wakes F |
//! | has waited in vain: takes the turn away, and calls without one | `FREE` | finds that it has lost its turn |
//!
//! So a thread makes several short calls in a row, without waking another thread, before it hands over its turn.
//! A call loses its turn if it is slow, or if it waits for a thread in the line.
//!
//! Turns only make calls faster: calls are right without them. When a thread takes a turn away, the functions of both
//! threads make their next `WITHOUT` calls without turns. So does a function that sleeps and leaves the process mostly
//! idle. For each thread before it in the line, a thread waits at most the sum of `WAITS`. With a single thread, a turn
//! costs two atomic operations.

use std::ffi::c_long;
#[cfg(not(loom))]
use std::sync;
use std::time::{Duration, Instant};

use crate::capi;
#[cfg(loom)]
use crate::sync;
use sync::atomic::{AtomicU32, Ordering::Relaxed};
use sync::{Condvar, Mutex, MutexGuard};

/// The lowest bits are the phase. The other bits are a number that changes with each turn.
pub(super) static STATE: AtomicU32 = AtomicU32::new(FREE);
pub(super) const PHASE: u32 = 0b111;
const FREE: u32 = 0b000;
const TAKEN: u32 = 0b001;
const WAITED: u32 = 0b010;
const WANTED: u32 = HANDED | WAITED;
const HANDED: u32 = 0b100;
/// How many milliseconds the first thread in the line waits in each phase.
const WAITS: [(u32, u64); 3] = [(WAITED, 1), (TAKEN, 2), (WANTED, 3)];
/// The number of calls that a function makes without turns after a turn was taken away.
const WITHOUT: u32 = 1000;
/// Held by the first thread in the line; the other threads in the line wait for it.
static LINE: Mutex<()> = Mutex::new(());
/// When the first thread in the line began to wait, and the processor time of the process then.
static BELL: Mutex<Option<(Instant, c_long)>> = Mutex::new(None);
static RUNG: Condvar = Condvar::new();

/// A turn, which ends when it is dropped; or no turn, if the call does not take one. It also holds the number of
/// calls that the function still makes without turns.
pub(crate) struct Turn<'a>(&'a AtomicU32, pub(super) Option<u32>);

impl<'a> Turn<'a> {
    #[inline]
    pub(crate) fn take(without: &'a AtomicU32) -> Self {
        let free = |state| (state & PHASE == FREE).then_some(next(state));
        if goes_without(without) {
            return Self(without, None);
        }
        let taken = STATE.fetch_update(Relaxed, Relaxed, free);
        Self(without, taken.map_or_else(|_| wait(without), free))
    }
}

impl Drop for Turn<'_> {
    #[inline]
    fn drop(&mut self) {
        let Some(taken) = self.1 else { return };
        let given = STATE.compare_exchange(taken, taken ^ TAKEN, Relaxed, Relaxed);
        let Err(_) = given else { return };
        let Some(bell) = lock(&BELL) else { return };
        let state = STATE.load(Relaxed);
        let lost = state & PHASE == FREE || state ^ taken > PHASE;
        if lost || state & PHASE == WANTED && bell.is_some_and(is_idle) {
            self.0.store(WITHOUT, Relaxed);
        }
        if !lost {
            STATE.store(state & !(TAKEN | WAITED), Relaxed);
            RUNG.notify_one();
        }
    }
}

/// Whether the process has used a processor for less than a quarter of the time after `since`.
fn is_idle((since, computed): (Instant, c_long)) -> bool {
    let computed = capi::clock().wrapping_sub(computed).unsigned_abs();
    4 * u128::from(computed) <= since.elapsed().as_micros()
}

#[cold]
fn wait(without: &AtomicU32) -> Option<u32> {
    let _line = (!capi::is_held()).then(|| lock(&LINE))??;
    if goes_without(without) {
        return None;
    }
    let mut bell = lock(&BELL)?;
    *bell = Some((Instant::now(), capi::clock()));
    for (phase, time) in WAITS {
        if let Some(taken) = take_or(phase) {
            return Some(taken);
        }
        let time = Duration::from_millis(time);
        bell = RUNG.wait_timeout(bell, time).ok()?.0;
    }
    take_or(FREE).or_else(|| {
        without.store(WITHOUT, Relaxed);
        None
    })
}

/// Takes the turn if it is free or handed over, else goes to a phase. The caller has locked the bell.
fn take_or(phase: u32) -> Option<u32> {
    let mine = |state| matches!(state & PHASE, FREE | HANDED).then_some(next(state));
    let go = |state| Some(mine(state).unwrap_or(state & !PHASE | phase));
    STATE.fetch_update(Relaxed, Relaxed, go).ok().and_then(mine)
}

fn next(state: u32) -> u32 {
    (state | PHASE).wrapping_add(1 + TAKEN)
}

fn goes_without(without: &AtomicU32) -> bool {
    let one_less = |calls: u32| calls.checked_sub(1);
    without.fetch_update(Relaxed, Relaxed, one_less).is_ok()
}

/// `None` in a child of `fork`: a thread that the child does not have may hold the lock there.
fn lock<T>(mutex: &'static Mutex<T>) -> Option<MutexGuard<'static, T>> {
    static PROCESS: AtomicU32 = AtomicU32::new(0);
    let own = std::process::id();
    let first = PROCESS.compare_exchange(0, own, Relaxed, Relaxed);
    (first == Ok(0) || first == Err(own)).then(|| mutex.lock().ok())?
}
