//! The functions of the C library that this crate needs: too few to depend on a crate for them.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::fs;

/// `RTLD_NOW | RTLD_GLOBAL`: compiled modules find Python's symbols, as in a program that is linked with it.
pub(super) const FLAGS: c_int = 0x102;

/// What `dladdr` finds out about an address.
#[repr(C)]
pub(super) struct DlInfo {
    pub file: *const c_char,
    pub base: *mut c_void,
    pub symbol: *const c_char,
    pub address: *mut c_void,
}

unsafe extern "C" {
    pub(super) fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    pub(super) fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    #[cfg(not(feature = "extension-module"))]
    pub(super) safe fn dlerror() -> *const c_char;
    pub(super) fn dladdr(address: *const c_void, info: *mut DlInfo) -> c_int;

    /// The effective user of this process.
    #[cfg(not(feature = "extension-module"))]
    pub(crate) safe fn geteuid() -> u32;
    /// The processor time that this process has used, in microseconds.
    pub(crate) safe fn clock() -> c_long;
}

/// Whether this is the main thread, whose end is the end of the process.
pub(super) fn is_main_thread() -> bool {
    // A link to PROCESS/task/THREAD. glibc has `gettid` only from 2.30 on.
    let thread = fs::read_link("/proc/thread-self").unwrap_or_default();
    thread.file_name() == Some(std::process::id().to_string().as_ref())
}
