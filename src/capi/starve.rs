//! Failing Python's allocations on purpose.

use std::ffi::c_void;
use std::ops::{Bound, RangeBounds};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use python3_sys as ffi;

use super::lock::Python;

/// How many allocations were made since the count began.
static MADE: AtomicU64 = AtomicU64::new(0);
/// The first one that fails, and the last.
static FIRST: AtomicU64 = AtomicU64::new(u64::MAX);
static LAST: AtomicU64 = AtomicU64::new(u64::MAX);

/// Runs a closure while those of Python's allocations fail that are in a range, counted from 1.
/// Returns what the closure returned, and how many there were.
///
/// See [`starve`](crate::soak::starve).
pub(crate) fn starve<R>(range: impl RangeBounds<u64>, closure: impl FnOnce() -> R) -> (R, u64) {
    struct EndOfStarvation;
    impl Drop for EndOfStarvation {
        fn drop(&mut self) {
            FIRST.store(u64::MAX, Relaxed);
        }
    }
    let first = match range.start_bound() {
        Bound::Included(&first) => first,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 1,
    };
    LAST.store(
        match range.end_bound() {
            Bound::Included(&last) => last,
            Bound::Excluded(&behind) => behind.saturating_sub(1),
            Bound::Unbounded => u64::MAX,
        },
        Relaxed,
    );
    MADE.store(0, Relaxed);
    let _end = EndOfStarvation;
    FIRST.store(first, Relaxed);
    let result = closure();
    (result, MADE.load(Relaxed))
}

fn fails() -> bool {
    let number = MADE.fetch_add(1, Relaxed).saturating_add(1);
    FIRST.load(Relaxed) <= number && number <= LAST.load(Relaxed)
}

/// One of Python's allocators, as it was.
struct Allocator(ffi::PyMemAllocatorEx);

// SAFETY: of Python's allocators one may be called without the lock, on any thread; the two others
// are called by Python alone, which holds it.
unsafe impl Send for Allocator {}
// SAFETY: as above; the record is only read.
unsafe impl Sync for Allocator {}

/// Puts an allocator that can fail around each of Python's three; once, and for good.
#[doc(alias = "PyMem_SetAllocator")]
pub(crate) fn prepare_starving(_: Python<'_>) {
    use ffi::PyMemAllocatorDomain::{PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ, PYMEM_DOMAIN_RAW};
    static ORIGINALS: OnceLock<[Allocator; 3]> = OnceLock::new();
    const DOMAINS: [ffi::PyMemAllocatorDomain; 3] =
        [PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ];
    if ORIGINALS.get().is_some() {
        return;
    }
    let originals = ORIGINALS.get_or_init(|| {
        DOMAINS.map(|domain| {
            let mut original = allocator(ptr::null_mut());
            // SAFETY: the lock is held; fills the record in.
            unsafe { ffi::PyMem_GetAllocator(domain, &raw mut original) };
            Allocator(original)
        })
    });
    for (domain, original) in DOMAINS.into_iter().zip(originals) {
        let mut around = allocator(ptr::from_ref(original).cast_mut().cast());
        // SAFETY: the lock is held; the record is copied. The new allocator passes on to the old,
        // so that blocks of before are freed where they came from; the old one's record is static.
        unsafe { ffi::PyMem_SetAllocator(domain, &raw mut around) };
    }
}

/// The allocator that can fail, around the one behind `original`.
fn allocator(original: *mut c_void) -> ffi::PyMemAllocatorEx {
    extern "C" fn malloc(original: *mut c_void, size: usize) -> *mut c_void {
        around(original, |it| Some(it.malloc?(it.ctx, size)))
    }
    extern "C" fn calloc(original: *mut c_void, count: usize, size: usize) -> *mut c_void {
        around(original, |it| Some(it.calloc?(it.ctx, count, size)))
    }
    extern "C" fn realloc(original: *mut c_void, block: *mut c_void, size: usize) -> *mut c_void {
        around(original, |it| Some(it.realloc?(it.ctx, block, size)))
    }
    extern "C" fn free(original: *mut c_void, block: *mut c_void) {
        let Allocator(it) = original_of(original);
        if let Some(free) = it.free {
            free(it.ctx, block);
        }
    }
    ffi::PyMemAllocatorEx {
        ctx: original,
        malloc: Some(malloc),
        calloc: Some(calloc),
        realloc: Some(realloc),
        free: Some(free),
    }
}

fn around(
    original: *mut c_void,
    pass_on: impl FnOnce(&ffi::PyMemAllocatorEx) -> Option<*mut c_void>,
) -> *mut c_void {
    if fails() {
        return ptr::null_mut();
    }
    pass_on(&original_of(original).0).unwrap_or(ptr::null_mut())
}

fn original_of<'a>(original: *mut c_void) -> &'a Allocator {
    // SAFETY: the only pointer that Python has for these functions, to one of the static records.
    unsafe { &*original.cast() }
}
