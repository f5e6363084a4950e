//! Loads libpython when it is first needed, so a program can start without it and report what is missing.

use std::env;
use std::ffi::{CStr, CString, c_int, c_void};
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use python3_sys as ffi;

use crate::capi::libc::{dlerror, dlopen, dlsym};

/// `RTLD_NOW | RTLD_GLOBAL`: compiled modules find Python's symbols, as in a program that is linked with it.
const FLAGS: c_int = 0x102;

/// Calls any function of Python's C API: `c!(PyList_New(length))`.
///
/// The types are those that [`ffi`](crate::capi::ffi), the crate `python3-sys`, declares. The function is
/// looked up in the libpython that was loaded, once for each place in the code.
///
/// | form | meaning |
/// |---|---|
/// | `c!(NAME(a, b))` | a call |
/// | `c!(NAME(a; b, c))` | a call of a function that takes any number of arguments after the first |
/// | `c!(fn NAME(_, _))` | the function itself, with a `_` for each argument |
/// | `c!(static NAME)` | the address of an object |
///
/// For an example see [`capi`](crate::capi#any-other-c-call).
///
/// # Safety
///
/// That of the C function. Almost all of them need the lock.
#[macro_export]
#[doc(hidden)]
macro_rules! __c {
    (@any $argument:expr) => { _ };
    (@find $name:ident: $declared:ty = $value:expr) => {{
        static SYMBOL: $crate::capi::Symbol =
            // SAFETY: only used below, with the type that is declared for this name.
            unsafe { $crate::capi::Symbol::new(concat!(stringify!($name), "\0")) };
        if false {
            // Never reached, so nothing is linked: only the type is used.
            let declared: $declared = $value;
            declared
        } else {
            SYMBOL.get()
        }
    }};
    (static $name:ident) => { $crate::capi::c!(@find $name: *mut _ = &raw mut $crate::capi::ffi::$name) };
    (fn $name:ident($($any:ty),*)) => {
        $crate::capi::c!(@find $name: unsafe extern "C" fn($($any),*) -> _ = $crate::capi::ffi::$name)
    };
    ($name:ident($($argument:expr),* $(,)?)) => {
        $crate::capi::c!(
            @find $name: unsafe extern "C" fn($($crate::capi::c!(@any $argument)),*) -> _
                = $crate::capi::ffi::$name
        )($($argument),*)
    };
    ($name:ident($first:expr; $($argument:expr),*)) => {
        $crate::capi::c!(
            @find $name: unsafe extern "C" fn(_, ...) -> _ = $crate::capi::ffi::$name
        )($first, $($argument),*)
    };
}
pub use __c as c;

/// A function or an object of libpython, looked up at its first use.
#[doc(hidden)]
#[derive(Debug)]
pub struct Symbol {
    /// Ends in NUL.
    name: &'static str,
    address: AtomicPtr<c_void>,
}

impl Symbol {
    /// # Safety
    ///
    /// - `name` ends in NUL.
    /// - [`get`](Self::get) is called for the pointer type of the symbol of that name.
    pub const unsafe fn new(name: &'static str) -> Self {
        let address = AtomicPtr::new(ptr::null_mut());
        Self { name, address }
    }

    /// Its address, as a pointer of type `P`.
    #[inline(always)]
    pub fn get<P: Copy>(&self) -> P {
        const { assert!(size_of::<P>() == size_of::<*mut c_void>()) };
        let mut address = self.address.load(Ordering::Acquire);
        if address.is_null() {
            address = self.find();
        }
        // SAFETY: of the same size; the caller of `new` guarantees that it is a pointer of the symbol's type.
        unsafe { mem::transmute_copy(&address) }
    }

    /// Ends the process if there is no such symbol: patch releases of one minor version have the same symbols.
    #[cold]
    fn find(&self) -> *mut c_void {
        let name = self.name.as_ptr().cast();
        let found = load().map(|library| {
            // SAFETY: a loaded library; the name ends in NUL.
            unsafe { dlsym(ptr::with_exposed_provenance_mut(library.0), name) }
        });
        let address = found.unwrap_or(ptr::null_mut());
        if address.is_null() {
            // No caller could continue without it.
            eprintln!("libpython has no {}", self.name.trim_end_matches('\0'));
            process::abort();
        }
        self.address.store(address, Ordering::Release);
        address
    }
}

/// The handle of a library, which any thread may use, and which is never closed.
#[derive(Clone, Copy)]
pub(crate) struct Library(usize);

/// Loads libpython, unless it is in the process already.
///
/// Searches `LD_LIBRARY_PATH`, then its directory at build time, then the system's library directories.
///
/// # Errors
///
/// Says what to do if there is none.
pub(crate) fn load() -> Result<Library, String> {
    static LOADED: OnceLock<Result<Library, String>> = OnceLock::new();
    LOADED.get_or_init(find).clone()
}

fn find() -> Result<Library, String> {
    // SAFETY: NULL means everything that was loaded with the program.
    let program = unsafe { dlopen(ptr::null(), FLAGS) };
    // SAFETY: a handle, or NULL, which means the same; the name ends in NUL.
    let known = unsafe { dlsym(program, c"Py_GetVersion".as_ptr()) };
    if !known.is_null() {
        return Ok(Library(program.expose_provenance()));
    }
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
            return Ok(Library(library.expose_provenance()));
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

/// Whether an object is of that type, or of a subclass.
///
/// # Safety
///
/// The lock is held; the object is live.
#[inline]
pub(in crate::capi) unsafe fn is_a(
    object: *mut ffi::PyObject,
    kind: *mut ffi::PyTypeObject,
) -> bool {
    // SAFETY: the caller guarantees a live object; only reads a pointer.
    let own = unsafe { ffi::Py_TYPE(object) };
    // SAFETY: the lock is held; both are types, and live as long as the object and the library.
    own == kind || unsafe { c!(PyType_IsSubtype(own, kind)) } != 0
}
