//! Searches for libpython and loads it.

use std::env;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::capi::libc::{FLAGS, dlerror, dlopen};

/// Searches `LD_LIBRARY_PATH`, then the directory of the library at build time, then the system's directories.
///
/// Returns the handle of the library.
///
/// # Errors
///
/// Says what to do if there is no libpython.
pub(super) fn search() -> Result<usize, String> {
    let name = env!("OUTLIERS_BUILD_LIBRARY");
    // `dlopen` alone would be wrong: Cargo sets this variable for its own libraries, and then the system's
    // libpython would come before the one of the build.
    let search_path = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let files = env::split_paths(&search_path)
        .chain([PathBuf::from(env!("OUTLIERS_BUILD_LIBDIR"))])
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .filter(|file| file.exists());
    for file in files.chain([name.into()]) {
        let file = file.as_os_str();
        let file = CString::new(file.as_bytes()).map_err(|error| error.to_string())?;
        // SAFETY: ends in NUL. The code that a libpython runs when it is loaded does no harm.
        let library = unsafe { dlopen(file.as_ptr(), FLAGS) };
        if !library.is_null() {
            return Ok(library.expose_provenance());
        }
    }
    let reason = dlerror();
    // SAFETY: the last call failed on this thread, so there is text, until the next call.
    let reason = unsafe { CStr::from_ptr(reason) }.to_string_lossy();
    let package = name.split(".so").next().unwrap_or(name);
    Err(format!(
        "{reason}; install it, for example with apt install {package}, or name its directory: \
         LD_LIBRARY_PATH=/path/to/lib"
    ))
}
