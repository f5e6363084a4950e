//! libpython, loaded when it is first needed: a program starts without it too, and hears what is missing.

use std::env;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::capi::ffi;

// In every libc of a Unix; declared here so that the library needs no crate for them.
unsafe extern "C" {
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    safe fn dlerror() -> *const c_char;
}

/// `RTLD_NOW | RTLD_GLOBAL`: compiled modules find Python's symbols, as they do where it is linked.
const FLAGS: c_int = if cfg!(target_vendor = "apple") {
    0xa
} else {
    0x102
};

/// Any call of Python's C API, for what has no function here: `c!(PyList_New(length))`.
///
/// The types are those that [`ffi`](crate::capi::ffi), the crate `python3-sys`, declares. The function is
/// looked up in the libpython that was loaded, once for each place in the code. `c!(fn NAME(_))` is the
/// function itself, with as many `_` as it has arguments, and `c!(static NAME)` the address of an object.
///
/// ```
/// use pyoutliers::capi::{self, Owned, c};
/// use pyoutliers::with_python;
///
/// let length = with_python(|py| {
///     let text = capi::unicode_from_str(py, "a text")?;
///     // SAFETY: the lock is held; `text` is a live string.
///     let repr = unsafe { c!(PyObject_Repr(text.as_ptr())) };
///     // SAFETY: the result of a call that returns a new reference, or NULL with an exception set.
///     let repr = unsafe { Owned::from_owned_ptr_or_err(py, repr) }?;
///     Ok(capi::object_size(&repr)?)
/// })?;
/// assert_eq!(length, 8);
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// # Safety
///
/// That of the C function. The lock has to be held for almost all of them.
#[macro_export]
#[doc(hidden)]
macro_rules! __c {
    (@any $argument:expr) => { _ };
    (@find $name:ident: $declared:ty = $value:expr) => {{
        // SAFETY: used below alone, with the type that is declared for this name.
        static SYMBOL: $crate::capi::Symbol =
            unsafe { $crate::capi::Symbol::new(concat!(stringify!($name), "\0")) };
        if false {
            // Never reached, so that nothing is linked: only its type is used.
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
    // One that takes any number of arguments.
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
    /// - [`get`](Self::get) is asked for the pointer type that the symbol of that name has.
    pub const unsafe fn new(name: &'static str) -> Self {
        let address = AtomicPtr::new(ptr::null_mut());
        Self { name, address }
    }

    /// Its address, as a pointer of its type.
    #[inline(always)]
    pub fn get<P: Copy>(&self) -> P {
        const { assert!(size_of::<P>() == size_of::<*mut c_void>()) };
        let mut address = self.address.load(Ordering::Acquire);
        if address.is_null() {
            address = self.find();
        }
        // SAFETY: as large, and a pointer of the symbol's type, by the word of whoever called `new`.
        unsafe { mem::transmute_copy(&address) }
    }

    /// Patch releases of one minor version have the same symbols.
    #[cold]
    fn find(&self) -> *mut c_void {
        let name = self.name.as_ptr().cast();
        let found = load().map(|library| {
            // SAFETY: a loaded library; the name ends in NUL.
            unsafe { dlsym(library.0, name) }
        });
        let address = found.unwrap_or(ptr::null_mut());
        if address.is_null() {
            // No caller could go on.
            eprintln!("libpython has no {}", self.name.trim_end_matches('\0'));
            process::abort();
        }
        self.address.store(address, Ordering::Release);
        address
    }
}

/// What `dlopen` returned.
#[derive(Clone, Copy)]
pub(crate) struct Library(*mut c_void);

// SAFETY: a handle that any thread may use, and nobody closes.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

/// Loads libpython, unless that was done or it is in the process already; says what to do if there is none.
///
/// What `LD_LIBRARY_PATH` names comes first, then the library of the build, then the system's.
pub(crate) fn load() -> Result<Library, String> {
    static LOADED: OnceLock<Result<Library, String>> = OnceLock::new();
    LOADED.get_or_init(find).clone()
}

fn find() -> Result<Library, String> {
    // SAFETY: NULL means all that was loaded with the program.
    let program = unsafe { dlopen(ptr::null(), FLAGS) };
    // SAFETY: a handle, if it is not NULL, which means the same; the name ends in NUL.
    let known = unsafe { dlsym(program, c"Py_GetVersion".as_ptr()) };
    if !known.is_null() {
        return Ok(Library(program));
    }
    let name = env!("OUTLIERS_BUILD_LIBRARY");
    // Not left to `dlopen`, as Cargo sets it too, for libraries of its own: then the system's would come
    // before that of the build.
    let named = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let named: Vec<_> = env::split_paths(&named).collect();
    let built = PathBuf::from(env!("OUTLIERS_BUILD_LIBDIR"));
    let directories = named.into_iter().chain([built]);
    let files = directories.filter(|directory| directory.is_absolute());
    let files = files.map(|directory| directory.join(name));
    for file in files.filter(|file| file.exists()).chain([name.into()]) {
        let file = file.as_os_str();
        let file = CString::new(file.as_bytes()).map_err(|error| error.to_string())?;
        // SAFETY: ends in NUL. What a libpython runs when it is loaded does no harm.
        let library = unsafe { dlopen(file.as_ptr(), FLAGS) };
        if !library.is_null() {
            return Ok(Library(library));
        }
    }
    let reason = dlerror();
    // SAFETY: the last call failed on this thread, so that there is text, until the next one.
    let reason = unsafe { CStr::from_ptr(reason) }.to_string_lossy();
    let package = name.split(".so").next().unwrap_or(name);
    Err(format!(
        "{reason}; install it, such as by apt install {package}, or name its directory: \
         LD_LIBRARY_PATH=/path/to/lib"
    ))
}

/// Whether an object is of that type, or of one derived from it.
///
/// # Safety
///
/// The lock is held; the object is live.
#[inline]
pub(in crate::capi) unsafe fn is_a(
    object: *mut ffi::PyObject,
    kind: *mut ffi::PyTypeObject,
) -> bool {
    // SAFETY: live, by the caller's word; only reads a pointer.
    let own = unsafe { ffi::Py_TYPE(object) };
    // SAFETY: the lock is held; both are types, and live as long as the object and the library.
    own == kind || unsafe { c!(PyType_IsSubtype(own, kind)) } != 0
}
