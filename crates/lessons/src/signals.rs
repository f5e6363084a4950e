//! Signals: work to do before one ends the process, and a signal after each machine instruction.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{c_int, c_long};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed};

use pyoutliers::capi::Owned;

use super::Doomed;

// Every libc of a Unix has these. Declaring them here avoids a dependency.
unsafe extern "C" {
    /// Sets the function that handles a signal. `None` restores the default, which usually ends the process.
    safe fn signal(number: c_int, handler: Option<extern "C" fn(c_int)>) -> *const ();
    safe fn raise(number: c_int) -> c_int;
    /// The processor time of this process, in microseconds.
    safe fn clock() -> c_long;
    /// As `signal`, with more choices. The last argument may be null.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn sigaction(number: c_int, action: *const trap::Action, before: *mut trap::Action) -> c_int;
}

/// Handles signals that end the process: calls a function with the number before the process ends.
///
/// The signal may interrupt anything, such as an allocation, so most code is forbidden in the function. That is why the
/// process must be doomed.
pub(crate) fn before_end(numbers: &[i32], function: fn(i32), _: Doomed) {
    static FUNCTION: OnceLock<fn(i32)> = OnceLock::new();
    extern "C" fn handle(number: c_int) {
        signal(number, None);
        if let Some(function) = FUNCTION.get() {
            function(number);
        }
        // It is blocked until this function returns.
        raise(number);
    }
    FUNCTION.get_or_init(|| function);
    for &number in numbers {
        signal(number, Some(handle));
    }
}

/// The reference count that is watched, its last value, and the function that each change is reported to.
static COUNT: AtomicPtr<u32> = AtomicPtr::new(ptr::null_mut());
static LAST: AtomicU32 = AtomicU32::new(0);
static CHANGED: OnceLock<fn(i32)> = OnceLock::new();
/// For how much processor time a closure is watched. A call of half a minute counts as one that does not return.
const LONGEST: c_long = 15_000_000;

thread_local! {
    /// When to stop watching.
    static END: Cell<c_long> = const { Cell::new(0) };
}

/// Runs a closure one instruction at a time. After an instruction that changes the reference count of the object, calls
/// `changed` with the difference: its stack says which code did it. Every call in a process has the same `changed`.
///
/// Each instruction takes 2 to 25 microseconds. `None` means that the closure took too long to be watched to its end.
/// Only Linux on x86-64 can do this: elsewhere `changed` is never called.
pub(crate) fn watch_count<R>(
    object: &Owned<'_>,
    changed: fn(i32),
    closure: impl FnOnce() -> R,
) -> Option<R> {
    CHANGED.get_or_init(|| changed);
    // In every version, the first 32 bits of an object are its count, or the low half of it.
    let count = object.as_ptr().cast::<u32>();
    // SAFETY: the object is live, because there is a reference to it.
    LAST.store(unsafe { count.read_volatile() }, Relaxed);
    END.set(clock() + LONGEST);
    COUNT.store(count, Relaxed);
    trap::after_each_instruction(true);
    let result = closure();
    trap::after_each_instruction(false);
    COUNT.store(ptr::null_mut(), Relaxed);
    (!is_late()).then_some(result)
}

/// Whether it is too late to watch the next instruction.
fn is_late() -> bool {
    clock() > END.get()
}

/// The trap flag of the processor: with it, each instruction is followed by a `SIGTRAP`.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod trap {
    use std::ffi::c_void;

    use super::{CHANGED, COUNT, LAST, Relaxed, c_int, is_late, ptr, sigaction, signal};

    const SIGTRAP: c_int = 5;
    const SA_SIGINFO: c_int = 4;
    const FLAG: u64 = 0x100;

    /// C's `struct sigaction`.
    #[repr(C)]
    pub(super) struct Action {
        handler: extern "C" fn(c_int, *const c_void, *mut Context),
        blocked: [u64; 16],
        flags: c_int,
        restorer: *const c_void,
    }

    /// The start of C's `ucontext_t`: the state that the interrupted code goes on with.
    #[repr(C)]
    struct Context {
        others: [u64; 22],
        flags: u64,
    }

    extern "C" fn step(_: c_int, _: *const c_void, context: *mut Context) {
        let count = COUNT.load(Relaxed);
        if count.is_null() {
            return;
        }
        // SAFETY: the count of an object that is live, because `watch_count` borrows a reference to it until it has
        // reset the pointer. Python writes the count only with the lock, which this thread holds.
        let now = unsafe { count.read_volatile() };
        let before = LAST.swap(now, Relaxed);
        if let Some(changed) = CHANGED.get().filter(|_| now != before) {
            changed(now.wrapping_sub(before).cast_signed());
        }
        if is_late() {
            // SAFETY: the system passes this to a handler with SA_SIGINFO, and nothing else has it.
            unsafe { (*context).flags &= !FLAG };
        }
    }

    /// Sets or clears the trap flag.
    pub(super) fn after_each_instruction(stop: bool) {
        if stop {
            let action = Action {
                handler: step,
                blocked: [0; 16],
                flags: SA_SIGINFO,
                restorer: ptr::null(),
            };
            // SAFETY: the action is complete, and the earlier one is not asked for.
            unsafe { sigaction(SIGTRAP, &raw const action, ptr::null_mut()) };
            // SAFETY: changes only the trap flag, whose signal is handled.
            unsafe { std::arch::asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") };
        } else {
            // SAFETY: as above.
            unsafe { std::arch::asm!("pushfq", "and qword ptr [rsp], -0x101", "popfq") };
            signal(SIGTRAP, None);
        }
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod trap {
    pub(super) fn after_each_instruction(_: bool) {}
}
