//! Failing Python's allocations on purpose.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_void;
use std::ops::{Bound, RangeBounds, RangeInclusive};
use std::ptr;
use std::sync::OnceLock;

use pyoutliers::capi::{ROOM_FOR_TRACEBACK, c, ffi};
use pyoutliers::{Exception, Python, Result, with_python};

thread_local! {
    /// How many allocations this thread has made since the count began.
    static MADE: Cell<u64> = const { Cell::new(0) };
    /// The first and the last allocation that fail; none if the first is 0.
    static FAILING: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    /// What observes the allocations of this thread.
    static OBSERVER: Cell<Option<Observer>> = const { Cell::new(None) };
}

/// A function that [`observe`] calls. It must not use Python.
pub type Observer = fn(Allocation);

/// What happens to a block of Python's memory.
#[derive(Clone, Copy, Debug)]
pub enum Allocation {
    /// It was allocated at this address.
    Made(usize),
    /// It is about to be freed.
    Freed(usize),
    /// [`starve`] makes its allocation fail.
    Failed,
}

/// Runs a closure, and fails some of Python's allocations on this thread: those whose number, counted from
/// 1, is in the range. Returns the closure's result, and the number of allocations.
///
/// `3..=3` fails only the third allocation, `3..` the third and all that follow. A loop fails each in turn:
///
/// ```standalone_crate
/// use pyoutliers::{ErrorKind, capi, with_python};
/// use refsoak::starve;
///
/// for number in 1.. {
///     let call = || with_python(|py| Ok(drop(capi::unicode_from_str(py, "a string")?)));
///     let (result, allocations) = starve(number..=number, call)?;
///     if allocations < number {
///         break; // each has failed once
///     }
///     assert!(matches!(result.unwrap_err().kind(), ErrorKind::OutOfMemory(_)));
/// }
/// # Ok::<_, refsoak::Error>(())
/// ```
///
/// Python's allocations are those of its [three
/// allocators](https://docs.python.org/3/c-api/memory.html#allocator-domains). Memory that C code or NumPy
/// takes from elsewhere does not count. The first call wraps the three allocators. Make it before other
/// threads use Python.
///
/// Python itself has faults when memory runs out. Before 3.14, a function that makes closures, generators,
/// classes or threads may leak or end the process. In every version, the compiler may end the process. So
/// starve calls of functions that exist already, and nothing that compiles: `eval`, `exec`, an `import` of a
/// module that is not cached as byte code, [`Outliers::from_source`](pyoutliers::Outliers::from_source).
///
/// During the call, exceptions have no traceback: the room for one
/// ([`ROOM_FOR_TRACEBACK`](pyoutliers::capi::ROOM_FOR_TRACEBACK)) is always refused. The Python code that makes
/// tracebacks uses generators.
///
/// # Errors
///
/// If Python cannot be started; or a `RuntimeError` if something has changed Python's allocators since the
/// first call, as `tracemalloc` does.
pub fn starve<R>(range: impl RangeBounds<u64>, closure: impl FnOnce() -> R) -> Result<(R, u64)> {
    wrap()?;
    /// Restores the range of an outer call, even if the closure panics.
    struct Outer(u64, (u64, u64));
    impl Drop for Outer {
        fn drop(&mut self) {
            MADE.set(self.0);
            FAILING.set(self.1);
        }
    }
    let range = inclusive(&range);
    let _outer = Outer(
        MADE.replace(0),
        FAILING.replace((*range.start(), *range.end())),
    );
    let result = closure();
    Ok((result, MADE.get()))
}

/// Runs a closure, and calls `observer` for each of Python's allocations on this thread: inside of the allocator, so its
/// stack says who allocates. The first call wraps Python's allocators, as that of [`starve`] does.
///
/// # Errors
///
/// As for [`starve`].
pub fn observe<R>(observer: Observer, closure: impl FnOnce() -> R) -> Result<R> {
    wrap()?;
    /// Restores the outer observer, even if the closure panics.
    struct Outer(Option<Observer>);
    impl Drop for Outer {
        fn drop(&mut self) {
            OBSERVER.set(self.0);
        }
    }
    let _outer = Outer(OBSERVER.replace(Some(observer)));
    Ok(closure())
}

fn happens(allocation: Allocation) {
    if let Some(observer) = OBSERVER.get() {
        observer(allocation);
    }
}

/// Wraps the allocators, unless the first call did.
fn wrap() -> Result<()> {
    with_python(|py| match prepare(py) {
        true => Ok(()),
        false => Err(changed(py).into()),
    })
}

fn inclusive(range: &impl RangeBounds<u64>) -> RangeInclusive<u64> {
    let first = match range.start_bound() {
        Bound::Included(&first) => first.max(1),
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 1,
    };
    let last = match range.end_bound() {
        Bound::Included(&last) => last,
        Bound::Excluded(&behind) => behind.saturating_sub(1),
        Bound::Unbounded => u64::MAX,
    };
    first..=last
}

fn fails() -> bool {
    let number = MADE.get().saturating_add(1);
    MADE.set(number);
    let (first, last) = FAILING.get();
    first != 0 && (first..=last).contains(&number)
}

/// Python's three allocators as they were, and the ones that wrap them.
struct Allocators {
    originals: [ffi::PyMemAllocatorEx; 3],
    ours: [ffi::PyMemAllocatorEx; 3],
}

// SAFETY: the raw allocator may be called on any thread; Python calls the two others only with the lock
// held. Their `ctx` belongs to Python, and is only passed back to them.
unsafe impl Send for Allocators {}
// SAFETY: as above; the record is only read.
unsafe impl Sync for Allocators {}

static ALLOCATORS: OnceLock<Allocators> = OnceLock::new();

/// Wraps each of Python's three allocators in one that can fail, once and for good. Returns whether they are
/// in place: other code may have wrapped or replaced them.
#[doc(alias = "PyMem_SetAllocator")]
fn prepare(_: Python<'_>) -> bool {
    use ffi::PyMemAllocatorDomain::{PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ, PYMEM_DOMAIN_RAW};
    const DOMAINS: [ffi::PyMemAllocatorDomain; 3] =
        [PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ];
    let current = DOMAINS.map(|domain| {
        let mut allocator = around::<0>(ptr::null_mut());
        // SAFETY: the lock is held; fills the record in.
        unsafe { c!(PyMem_GetAllocator(domain, &raw mut allocator)) };
        allocator
    });
    if let Some(Allocators { ours, .. }) = ALLOCATORS.get() {
        return current
            .iter()
            .zip(ours)
            .all(|(current, ours)| same(current, ours));
    }
    let [raw, mem, obj] = current.map(|allocator| allocator.ctx);
    let ours = [around::<0>(raw), around::<1>(mem), around::<2>(obj)];
    let originals = current;
    ALLOCATORS.get_or_init(|| Allocators { originals, ours });
    for (domain, mut allocator) in DOMAINS.into_iter().zip(ours) {
        // SAFETY: the lock is held; the record is copied. The new allocator passes calls on to the old
        // one, so that older blocks are freed where they came from. `ctx` does not change: a thread
        // without the lock reads `ctx` and the function separately, and any such pair works.
        unsafe { c!(PyMem_SetAllocator(domain, &raw mut allocator)) };
    }
    true
}

/// The error if other code has changed the allocators.
fn changed(py: Python<'_>) -> Exception {
    let message = c"cannot make allocations fail: something (tracemalloc?) has changed Python's \
                    allocators since the first call of starve";
    let error = c!(static PyExc_RuntimeError);
    // SAFETY: a static that Python set when it started; read with the lock held.
    let error = unsafe { *error };
    // SAFETY: the lock is held; a type, and a text that ends in NUL.
    unsafe { c!(PyErr_SetString(error, message.as_ptr())) };
    Exception::take(py)
}

fn same(one: &ffi::PyMemAllocatorEx, other: &ffi::PyMemAllocatorEx) -> bool {
    match (one.malloc, other.malloc) {
        (Some(one), Some(other)) => ptr::fn_addr_eq(one, other),
        _ => false,
    }
}

/// An allocator that can fail, which wraps the original one of a domain and gets its `ctx`.
fn around<const DOMAIN: usize>(ctx: *mut c_void) -> ffi::PyMemAllocatorEx {
    extern "C" fn malloc<const DOMAIN: usize>(ctx: *mut c_void, size: usize) -> *mut c_void {
        if size == ROOM_FOR_TRACEBACK && FAILING.get().0 != 0 {
            return ptr::null_mut();
        }
        pass_on::<DOMAIN>(|original| Some(original.malloc?(ctx, size)))
    }
    extern "C" fn calloc<const DOMAIN: usize>(
        ctx: *mut c_void,
        count: usize,
        size: usize,
    ) -> *mut c_void {
        pass_on::<DOMAIN>(|original| Some(original.calloc?(ctx, count, size)))
    }
    extern "C" fn realloc<const DOMAIN: usize>(
        ctx: *mut c_void,
        block: *mut c_void,
        size: usize,
    ) -> *mut c_void {
        pass_on::<DOMAIN>(|original| {
            let moved = original.realloc?(ctx, block, size);
            // If it fails, the block stays as it was.
            if !moved.is_null() {
                happens(Allocation::Freed(block.addr()));
            }
            Some(moved)
        })
    }
    extern "C" fn free<const DOMAIN: usize>(ctx: *mut c_void, block: *mut c_void) {
        happens(Allocation::Freed(block.addr()));
        if let Some(free) = original::<DOMAIN>().and_then(|original| original.free) {
            free(ctx, block);
        }
    }
    ffi::PyMemAllocatorEx {
        ctx,
        malloc: Some(malloc::<DOMAIN>),
        calloc: Some(calloc::<DOMAIN>),
        realloc: Some(realloc::<DOMAIN>),
        free: Some(free::<DOMAIN>),
    }
}

fn pass_on<const DOMAIN: usize>(
    call: impl FnOnce(&ffi::PyMemAllocatorEx) -> Option<*mut c_void>,
) -> *mut c_void {
    if fails() {
        happens(Allocation::Failed);
        return ptr::null_mut();
    }
    let block = original::<DOMAIN>()
        .and_then(call)
        .unwrap_or(ptr::null_mut());
    if !block.is_null() {
        happens(Allocation::Made(block.addr()));
    }
    block
}

fn original<const DOMAIN: usize>() -> Option<&'static ffi::PyMemAllocatorEx> {
    ALLOCATORS.get()?.originals.get(DOMAIN)
}
