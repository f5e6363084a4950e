//! Memory outside Python: how much of C's and Rust's heap is in use, and blocks to test the counters.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::array;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

// Every libc of a Unix has these. Declaring them here avoids a dependency.
unsafe extern "C" {
    fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
    fn malloc_usable_size(block: *mut c_void) -> usize;
}

/// Bytes of C's heap in use, if the C library counts them: glibc does from 2.33 on.
///
/// It counts whole chunks: each block with its header.
#[doc(alias = "mallinfo2")]
pub(crate) fn c_heap() -> Option<i64> {
    /// glibc's `struct mallinfo2`.
    #[repr(C)]
    struct MallInfo2 {
        before: [usize; 4],
        /// Bytes in blocks that have their own pages.
        hblkhd: usize,
        between: [usize; 2],
        /// Bytes in use in glibc's arenas, from which all other blocks are taken.
        uordblks: usize,
        after: [usize; 2],
    }
    let function = loaded(c"mallinfo2")?.as_ptr();
    // SAFETY: only glibc has a function of this name, and it has this type. Function and data pointers
    // have the same representation on every system that has `dlsym`.
    let function: extern "C" fn() -> MallInfo2 = unsafe { std::mem::transmute(function) };
    fill_thread_cache();
    let info = function();
    i64::try_from(info.uordblks + info.hblkhd).ok()
}

/// The address of a C function that returns [`c_heap`].
pub(crate) fn c_heap_function() -> i64 {
    extern "C" fn in_use() -> i64 {
        c_heap().unwrap_or(0)
    }
    let function: extern "C" fn() -> i64 = in_use;
    (function as usize).cast_signed() as i64
}

/// Fills glibc's cache of this thread, so that the cache counts the same each time. The cache holds freed
/// blocks, 7 of each small size (16 in newer versions), and `mallinfo2` counts them as in use.
fn fill_thread_cache() {
    for size in (24..=1032).step_by(16) {
        drop::<[_; 16]>(array::from_fn(|_| CBlock::of_size(size)));
    }
}

/// The address of a function that not every C library has.
fn loaded(name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: the null handle searches all loaded libraries; the name ends in NUL.
    NonNull::new(unsafe { dlsym(std::ptr::null_mut(), name.as_ptr()) })
}

/// A block of C's heap that only the counter of C's heap sees; freed when dropped. Forget one to plant a leak.
///
/// ```
/// let block = refsoak::CBlock::new();
/// assert!(block.is_some(), "memory has run out");
/// ```
#[derive(Debug)]
pub struct CBlock(NonNull<u8>, Layout);

impl CBlock {
    /// Allocates a block of 4,088 bytes, which is too large for a thread's cache. `None` if memory has run out.
    pub fn new() -> Option<Self> {
        Self::of_size(4088)
    }

    /// The size must not be zero.
    fn of_size(size: usize) -> Option<Self> {
        let layout = Layout::from_size_align(size, 8).ok()?;
        // SAFETY: the callers, both in this file, ask for 24 bytes at least.
        let block = unsafe { System.alloc(layout) };
        Some(Self(NonNull::new(block)?, layout))
    }

    /// How many bytes the block adds to [`c_heap`]: its usable size and its header.
    pub(crate) fn chunk(&self) -> i64 {
        // SAFETY: a live block, which `System` allocated by malloc.
        let usable = unsafe { malloc_usable_size(self.0.as_ptr().cast()) };
        i64::try_from(usable + size_of::<usize>()).unwrap_or(i64::MAX)
    }
}

impl Drop for CBlock {
    fn drop(&mut self) {
        // SAFETY: `System` allocated it with this layout, and it is freed only here.
        unsafe { System.dealloc(self.0.as_ptr(), self.1) };
    }
}

/// Bytes of Rust's heap in use that [`CountingAllocator`] has allocated.
static IN_USE: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, which also counts: with it, a soak sees Rust's heap.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: refsoak::CountingAllocator = refsoak::CountingAllocator;
/// ```
#[derive(Debug)]
pub struct CountingAllocator;

impl CountingAllocator {
    pub(crate) fn in_use() -> i64 {
        IN_USE.load(Relaxed)
    }

    fn count(size: usize, sign: i64) {
        // No allocation is larger than `isize::MAX`.
        IN_USE.fetch_add(sign * size.cast_signed() as i64, Relaxed);
    }
}

// SAFETY: passes every call on to `System`, which keeps the contract; the counting allocates nothing.
// `alloc_zeroed` is the trait's own, which calls `alloc`.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            Self::count(layout.size(), 1);
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        Self::count(layout.size(), -1);
        // SAFETY: the caller keeps the contract of `dealloc`; the block came from `System`.
        unsafe { System.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`; the block came from `System`.
        let moved = unsafe { System.realloc(block, layout, size) };
        if !moved.is_null() {
            Self::count(layout.size(), -1);
            Self::count(size, 1);
        }
        moved
    }
}
