//! Turns before Python's lock, so that several threads make as many calls as one, and not half as many.
//!
//! NumPy gives the lock back within a call. Each time, a thread that waits for it is woken, comes too late and
//! sleeps again. So they wait here. Who comes back goes in at once; the first in line, *it*, has the turn soon:
//!
//! ```text
//!          take          it waits          too late, it naps          it waits
//!   FREE ────────▶ TAKEN ────────▶ WAITED ──────────────────▶ TAKEN ────────▶ WANTED
//!    ▲ give          │               │ and wake it              │              │  │ give, and wake it
//!    ├───────────────┴───────────────┴──────────────────────────┘              │  └──▶ HANDED ──▶ TAKEN
//!    └─ it takes the turn away, and has none ──────────────────────────────────┘
//! ```
//!
//! A turn gives speed, never correctness. It can be taken away: from a call that lasts, or waits for one that
//! waits here. Then, and where little is computed, as by sleepers, a function goes without turns for a while.
//! Nobody waits longer than `WAITS` for each one before it. Without others, a turn is two exchanges of a number.

use std::ffi::c_long;
#[cfg(not(loom))]
use std::sync;
use std::time::{Duration, Instant};

use crate::capi;
#[cfg(loom)]
use crate::sync;
use sync::atomic::{AtomicU32, Ordering::Relaxed};
use sync::{Condvar, Mutex, MutexGuard};

/// The lowest bits are the phase; the others are a number, another for each turn.
pub(super) static STATE: AtomicU32 = AtomicU32::new(FREE);
pub(super) const PHASE: u32 = 0b111;
const FREE: u32 = 0b000;
const TAKEN: u32 = 0b001;
const WAITED: u32 = 0b010;
const WANTED: u32 = HANDED | WAITED;
const HANDED: u32 = 0b100;
/// How many milliseconds the first in the line waits in a phase.
const WAITS: [(u32, u64); 3] = [(WAITED, 1), (TAKEN, 2), (WANTED, 3)];
/// How many calls of a function go without turns, when one was taken away.
const WITHOUT: u32 = 1000;
/// Held by the first in the line; the others wait for it.
static LINE: Mutex<()> = Mutex::new(());
/// Since when it waits, and how long the process had computed then.
static BELL: Mutex<Option<(Instant, c_long)>> = Mutex::new(None);
static RUNG: Condvar = Condvar::new();

/// A turn, or none, of a function of which so many calls go without. Given back when it is dropped.
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

/// Whether the process has computed for less than a quarter of the time.
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

/// Takes the turn, if it is free or handed over; otherwise goes to a phase. The bell is held.
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

/// None in a child of `fork`, which has the locks as they were, but not the threads that hold them.
fn lock<T>(mutex: &'static Mutex<T>) -> Option<MutexGuard<'static, T>> {
    static PROCESS: AtomicU32 = AtomicU32::new(0);
    let own = std::process::id();
    let first = PROCESS.compare_exchange(0, own, Relaxed, Relaxed);
    (first == Ok(0) || first == Err(own)).then(|| mutex.lock().ok())?
}
