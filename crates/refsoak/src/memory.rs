//! Memory outside Python: what C's heap and Rust's hold, and blocks to try the counting on.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::array;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

// In every libc of a Unix; declared here so that the library needs no crate for some functions.
unsafe extern "C" {
    fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
    #[cfg(target_os = "linux")]
    fn malloc_usable_size(block: *mut c_void) -> usize;
}

/// Bytes of C's heap in use, where the C library tells: glibc from 2.33 on.
///
/// Counts whole chunks: a block and its header.
#[doc(alias = "mallinfo2")]
pub(crate) fn c_heap() -> Option<i64> {
    /// glibc's `struct mallinfo2`.
    #[repr(C)]
    struct MallInfo2 {
        before: [usize; 4],
        /// Bytes in blocks of their own pages.
        hblkhd: usize,
        between: [usize; 2],
        /// Bytes in use in glibc's arenas, the areas that all other blocks are cut from.
        uordblks: usize,
        after: [usize; 2],
    }
    let function = loaded(c"mallinfo2")?.as_ptr();
    // SAFETY: of that name there is only glibc's function, which has this type. Function and data
    // pointers are alike on every system that has `dlsym`.
    let function: extern "C" fn() -> MallInfo2 = unsafe { std::mem::transmute(function) };
    fill_thread_cache();
    let info = function();
    i64::try_from(info.uordblks + info.hblkhd).ok()
}

/// The address of [`c_heap`] as a function of C.
pub(crate) fn c_heap_function() -> i64 {
    extern "C" fn in_use() -> i64 {
        c_heap().unwrap_or(0)
    }
    let function: extern "C" fn() -> i64 = in_use;
    (function as usize).cast_signed() as i64
}

/// Fills glibc's cache of this thread, so that what is in it counts the same each time: freed blocks,
/// 7 of each small size (16 in newer ones), which `mallinfo2` takes for blocks in use.
fn fill_thread_cache() {
    for size in (24..=1032).step_by(16) {
        drop::<[_; 16]>(array::from_fn(|_| CBlock::of_size(size)));
    }
}

/// A function that not every C library has.
fn loaded(name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: the null handle searches all that is loaded; the name ends in NUL.
    NonNull::new(unsafe { dlsym(std::ptr::null_mut(), name.as_ptr()) })
}

/// A block of C's heap that neither Python nor Rust's count knows of; freed when dropped.
#[derive(Debug)]
pub struct CBlock(NonNull<u8>, Layout);

impl CBlock {
    /// Allocates a block of 4,088 bytes, unless memory has run out: too large for the cache of a thread.
    pub fn new() -> Option<Self> {
        Self::of_size(4088)
    }

    /// The size is not zero.
    fn of_size(size: usize) -> Option<Self> {
        let layout = Layout::from_size_align(size, 8).ok()?;
        // SAFETY: the callers, both in this file, ask for 24 bytes at least.
        let block = unsafe { System.alloc(layout) };
        Some(Self(NonNull::new(block)?, layout))
    }

    /// What the block adds to [`c_heap`]: what is usable of it, and its header.
    #[cfg(target_os = "linux")]
    pub(crate) fn chunk(&self) -> i64 {
        // SAFETY: a live block of malloc's, which is what `System` allocates by.
        let usable = unsafe { malloc_usable_size(self.0.as_ptr().cast()) };
        i64::try_from(usable + size_of::<usize>()).unwrap_or(i64::MAX)
    }

    /// Elsewhere there is no `mallinfo2` to see it.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn chunk(&self) -> i64 {
        0
    }
}

impl Drop for CBlock {
    fn drop(&mut self) {
        // SAFETY: allocated by `System` with this layout, and freed this once.
        unsafe { System.dealloc(self.0.as_ptr(), self.1) };
    }
}

/// Bytes of Rust's heap in use, as far as [`CountingAllocator`] saw them come.
static IN_USE: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, counting: lets a soak see Rust's heap.
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

// SAFETY: passes everything on to `System`, which keeps the contract; the counting allocates nothing.
// `alloc_zeroed` is that of the trait, by way of `alloc`.
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
