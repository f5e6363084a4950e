//! Finds the symbols of libpython. Loads it when it is first needed, so a program can start without it and report
//! what is missing.

use std::ffi::{CStr, OsStr, c_void};
use std::mem::{self, MaybeUninit};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::capi::libc::{DlInfo, FLAGS, dladdr, dlopen, dlsym};
#[cfg(not(feature = "extension-module"))]
use crate::capi::search::search;

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
    /// One or more names, each with a NUL at its end. The first one that exists is looked up.
    names: &'static str,
    address: AtomicPtr<c_void>,
}

impl Symbol {
    /// # Safety
    ///
    /// - `names` is one name or several, each with a NUL at its end.
    /// - [`get`](Self::get) is called for the pointer type of the symbols of these names.
    pub const unsafe fn new(names: &'static str) -> Self {
        let address = AtomicPtr::new(ptr::null_mut());
        Self { names, address }
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
        let names = self.names.split_inclusive('\0');
        let found = load().ok().and_then(|library| {
            let library = ptr::with_exposed_provenance_mut(library.0);
            // SAFETY: a loaded library; the name ends in NUL.
            let mut found = names.map(|name| unsafe { dlsym(library, name.as_ptr().cast()) });
            found.find(|address| !address.is_null())
        });
        let Some(address) = found else {
            // No caller could continue without it.
            let names = self.names.trim_end_matches('\0').replace('\0', " or ");
            eprintln!("libpython has no {names}");
            process::abort();
        };
        self.address.store(address, Ordering::Release);
        address
    }
}

/// The handle of a library, which any thread may use, and which is never closed.
#[derive(Clone, Copy)]
pub(crate) struct Library(usize);

/// Loads libpython, unless it is in the process already.
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
    #[cfg(feature = "extension-module")]
    return Err("this library works only in a process that runs Python".into());
    #[cfg(not(feature = "extension-module"))]
    search().map(Library)
}

/// The version of the loaded library, such as `3.11.7`, or `3.14.2t` if it is free-threaded. Python need not be started.
///
/// The library is asked only once: it writes each answer into the same buffer, so two threads must not
/// ask at the same time.
#[doc(alias = "Py_GetVersion")]
pub(crate) fn loaded_version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        // SAFETY: may be called before Python is started; here by one thread only.
        let version = unsafe { c!(Py_GetVersion()) };
        // SAFETY: a static string that ends in NUL, and that nothing here writes meanwhile.
        let version = unsafe { CStr::from_ptr(version) };
        let version = version.to_string_lossy();
        let number = version.split(' ').next().unwrap_or_default();
        let is_free_threaded = version.contains(" free-threading build ");
        format!("{number}{}", if is_free_threaded { "t" } else { "" })
    })
}

/// The file of the loaded library, if the loader knows it.
pub(crate) fn loaded_library() -> Option<PathBuf> {
    let mut info = MaybeUninit::<DlInfo>::uninit();
    // SAFETY: `info` has room for the four pointers of a `Dl_info`; any address may be asked about.
    let known = unsafe { dladdr(c!(fn Py_GetVersion()) as *const c_void, info.as_mut_ptr()) };
    if known == 0 {
        return None;
    }
    // SAFETY: a result other than 0 says that all four fields were written.
    let file = unsafe { info.assume_init() }.file;
    // SAFETY: ends in NUL, and lives as long as the library, which is never unloaded.
    let file = unsafe { CStr::from_ptr(file) };
    Some(OsStr::from_bytes(file.to_bytes()).into())
}
