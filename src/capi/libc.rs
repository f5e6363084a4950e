//! The functions of the C library that this crate needs: too few to depend on a crate for them.

use std::ffi::{c_char, c_int, c_long, c_void};

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
    pub(super) safe fn dlerror() -> *const c_char;
    pub(super) fn dladdr(address: *const c_void, info: *mut DlInfo) -> c_int;

    safe fn gettid() -> c_int;
    /// The effective user of this process.
    pub(crate) safe fn geteuid() -> u32;
    /// The processor time that this process has used, in microseconds.
    pub(crate) safe fn clock() -> c_long;
}

/// Whether this is the main thread, whose end is the end of the process.
pub(super) fn is_main_thread() -> bool {
    gettid().cast_unsigned() == std::process::id()
}
