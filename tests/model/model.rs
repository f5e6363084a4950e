//! The turns for Python's lock, in every order that two or three threads can take. loom tries them.
//!
//! No time passes here. A script for each thread says which of its waits end by themselves, and whether the process
//! is idle meanwhile; every script is tried. Any other wait must be ended by a wake-up: without one, loom reports
//! that all threads wait.
#![cfg(test)]

use std::cell::Cell;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32 as Counter, Ordering::Relaxed, Ordering::SeqCst};

use loom::thread;

#[path = "../../src/interpreter/turns.rs"]
mod turns;
use sync::atomic::AtomicU32;
use turns::Turn;

/// What happens to a thread that has to wait for its turn.
#[derive(Clone, Copy, Debug, Default)]
struct Script {
    /// The process is idle, so the turn is taken away early.
    idle: bool,
    /// Which of its waits end without a wake-up: in the phases `WAITED`, `TAKEN` and `WANTED`.
    ends: [bool; 3],
}

const WOKEN: Script = Script {
    idle: false,
    ends: [false, true, false],
};

fn scripts() -> impl Iterator<Item = Script> {
    let bit = |number: u32, bit: u32| number >> bit & 1 == 1;
    (0..8).map(move |number| Script {
        idle: bit(number, 0),
        ends: [bit(number, 1), true, bit(number, 2)],
    })
}

loom::thread_local! {
    static SCRIPT: Cell<(Script, usize)> = Default::default();
}

/// The part of `capi` that the turns use.
mod capi {
    use super::{Cell, Counter, SCRIPT, SeqCst};

    /// A thread that waits calls this first.
    pub fn is_held() -> bool {
        SCRIPT.with(|script| script.set((script.get().0, 0)));
        false
    }

    pub fn clock() -> i64 {
        static AGES: Counter = Counter::new(0);
        let idle = SCRIPT.with(Cell::get).0.idle;
        if idle {
            0
        } else {
            i64::from(AGES.fetch_add(1, SeqCst)) << 30
        }
    }
}

/// The part of `std::sync` that the turns use: the types of loom, with new values for each order.
mod sync {
    use std::marker::PhantomData;
    use std::ops::{Deref, DerefMut};
    use std::sync::LockResult;
    use std::time::Duration;

    use loom::lazy_static::Lazy;

    use super::{Cell, SCRIPT};

    const fn lazy<T>(init: fn() -> T) -> Lazy<T> {
        Lazy {
            init,
            _p: PhantomData,
        }
    }

    pub mod atomic {
        use std::collections::HashMap;
        use std::sync::{Arc, Mutex};

        use loom::lazy_static::Lazy;
        use loom::sync::atomic;
        pub use loom::sync::atomic::Ordering;

        /// Known by its address; all are 0 at first.
        pub struct AtomicU32(u8);

        impl AtomicU32 {
            pub const fn new(_: u32) -> Self {
                Self(0)
            }

            fn get(&self) -> Arc<atomic::AtomicU32> {
                static ALL: Lazy<Mutex<HashMap<usize, Arc<atomic::AtomicU32>>>> =
                    super::lazy(Default::default);
                let mut all = ALL.get().lock().unwrap();
                all.entry(&raw const self.0 as usize).or_default().clone()
            }

            pub fn load(&self, order: Ordering) -> u32 {
                self.get().load(order)
            }

            pub fn store(&self, value: u32, order: Ordering) {
                self.get().store(value, order);
            }

            pub fn compare_exchange(
                &self,
                old: u32,
                new: u32,
                order: Ordering,
                failure: Ordering,
            ) -> Result<u32, u32> {
                self.get().compare_exchange(old, new, order, failure)
            }

            pub fn fetch_update(
                &self,
                order: Ordering,
                failure: Ordering,
                change: impl FnMut(u32) -> Option<u32>,
            ) -> Result<u32, u32> {
                self.get().fetch_update(order, failure, change)
            }
        }
    }

    pub struct Mutex<T>(Lazy<loom::sync::Mutex<T>>);

    pub struct MutexGuard<'a, T>(&'a Mutex<T>, loom::sync::MutexGuard<'a, T>);

    impl<T: Default + Copy> Mutex<T> {
        /// Each starts with the default value.
        pub const fn new(_: T) -> Self {
            Self(lazy(Default::default))
        }
    }

    impl<T> Mutex<T> {
        pub fn lock(&'static self) -> LockResult<MutexGuard<'static, T>> {
            Ok(MutexGuard(self, self.0.get().lock().unwrap()))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.1
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.1
        }
    }

    pub struct Condvar(Lazy<loom::sync::Condvar>);

    impl Condvar {
        pub const fn new() -> Self {
            Self(lazy(Default::default))
        }

        pub fn notify_one(&'static self) {
            self.0.get().notify_one();
        }

        pub fn wait_timeout<T>(
            &'static self,
            MutexGuard(mutex, guard): MutexGuard<'static, T>,
            _: Duration,
        ) -> LockResult<(MutexGuard<'static, T>, ())> {
            let (script, wait) = SCRIPT.with(Cell::get);
            SCRIPT.with(|own| own.set((script, wait + 1)));
            if script.ends[wait] {
                drop(guard);
                return Ok((mutex.lock().unwrap(), ()));
            }
            Ok((MutexGuard(mutex, self.0.get().wait(guard).unwrap()), ()))
        }
    }
}

static FIRST: AtomicU32 = AtomicU32::new(0);
/// The number of calls that the function still makes without turns. Here there is only one function.
static WITHOUT: AtomicU32 = AtomicU32::new(0);

/// Makes everything that is made lazily, before other threads start.
fn make_all() {
    SCRIPT.with(|own| {
        own.set((
            Script {
                idle: true,
                ends: [true; 3],
            },
            0,
        ))
    });
    let turn = Turn::take(&FIRST);
    assert!(turn.1.is_some());
    assert!(Turn::take(&FIRST).1.is_none());
    drop(turn);
    WITHOUT.load(Relaxed);
}

/// Whether the turn is free, and no thread waits for it.
fn is_free() -> bool {
    turns::STATE.load(Relaxed) & turns::PHASE == 0
}

/// Makes that many calls on each thread, in every order. `check` gets the largest number of threads that had a turn
/// at once, and whether one was taken away.
fn in_every_order(scripts: &[Script], calls: u32, check: fn(most: u32, taken_away: bool)) {
    let scripts = scripts.to_vec();
    let mut model = loom::model::Builder::new();
    // Enough to interrupt each call, and few enough to finish within minutes.
    model.preemption_bound = Some(calls.max(2) as usize);
    model.check(move || {
        make_all();
        // Not loom's types, because the check does not cover these.
        let (now, most) = (Arc::default(), Arc::default());
        let threads = scripts.clone().into_iter().map(|script| {
            let (now, most): (Arc<Counter>, Arc<Counter>) = (Arc::clone(&now), Arc::clone(&most));
            thread::spawn(move || {
                SCRIPT.with(|own| own.set((script, 0)));
                for _ in 0..calls {
                    let turn = Turn::take(&WITHOUT);
                    let turns = u32::from(turn.1.is_some());
                    most.fetch_max(now.fetch_add(turns, SeqCst) + turns, SeqCst);
                    WITHOUT.load(Relaxed); // Here another thread may go on.
                    now.fetch_sub(turns, SeqCst);
                }
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
        assert!(is_free());
        check(most.load(SeqCst), WITHOUT.load(Relaxed) > 0);
    });
}

/// A thread that is woken in time has a turn; no thread is forgotten.
fn one_at_a_time(most: u32, taken_away: bool) {
    assert_eq!((most, taken_away), (1, false));
}

fn one_at_a_time_unless_taken_away(most: u32, taken_away: bool) {
    assert!(most == 1 || taken_away);
}

#[test]
fn two_threads_that_are_woken_in_time_have_one_turn_at_a_time() {
    in_every_order(&[WOKEN; 2], 3, one_at_a_time);
}

#[test]
fn three_threads_that_are_woken_in_time_have_one_turn_at_a_time() {
    in_every_order(&[WOKEN; 3], 1, one_at_a_time);
}

#[test]
fn the_turn_is_free_in_the_end_whichever_thread_takes_it_away() {
    for (number, one) in scripts().enumerate() {
        for other in scripts().skip(number) {
            in_every_order(&[one, other], 2, one_at_a_time_unless_taken_away);
        }
        in_every_order(&[one, WOKEN, one], 1, one_at_a_time_unless_taken_away);
    }
}

#[test]
fn a_call_that_panics_ends_its_turn() {
    loom::model(|| {
        let panicked = panic::catch_unwind(|| {
            let turn = Turn::take(&WITHOUT);
            assert!(turn.1.is_some() && !is_free());
            panic::resume_unwind(Box::new("planned"));
        });
        assert!(panicked.unwrap_err().is::<&str>() && is_free());
    });
}
