//! What lies inside an object: its reference count, its type, and the slots of a list.
//!
//! `python3-sys` declares objects as they are with the lock. A free-threaded Python has larger ones. There, functions
//! of the library look inside, except into lists.

#[cfg(free_threaded)]
use std::ffi::c_int;
use std::ffi::c_ulong;
#[cfg(free_threaded)]
use std::sync::atomic::{Ordering, fence};

use python3_sys as ffi;

#[cfg(free_threaded)]
use crate::capi::library::Symbol;
use crate::capi::library::c;

/// What every object with a length begins with.
#[cfg(not(free_threaded))]
pub(super) type Head = ffi::PyVarObject;
/// What every object with a length begins with: 32 bytes that every object has, and the length.
#[cfg(free_threaded)]
pub(super) type Head = [usize; 5];

/// The start of a `PyListObject`.
#[repr(C)]
pub(super) struct ListObject {
    ob_base: Head,
    pub(super) ob_item: *mut *mut ffi::PyObject,
}

/// The number of references to an object.
///
/// # Safety
///
/// The lock is held; the object is live.
#[inline]
pub(super) unsafe fn count(object: *mut ffi::PyObject) -> usize {
    #[cfg(not(free_threaded))]
    // SAFETY: the caller guarantees a live object, and the lock, so nobody writes the field meanwhile.
    let count = unsafe { (*object).ob_refcnt };
    #[cfg(free_threaded)]
    let count = {
        // SAFETY: the name ends in NUL, and the next line has its type.
        static COUNT: Symbol = unsafe { Symbol::new("Py_REFCNT\0") };
        let function: unsafe extern "C" fn(*mut ffi::PyObject) -> isize = COUNT.get();
        // SAFETY: the caller guarantees a live object.
        let count = unsafe { function(object) };
        // Added to the count of each function and type, because references on Python's own stack are not counted.
        const DEFERRED: isize = isize::MAX / 8;
        if count < DEFERRED {
            count
        } else {
            count - DEFERRED
        }
    };
    // From 3.14 on the upper half of the field holds flags.
    count.cast_unsigned() & 0xFFFF_FFFF
}

/// Whether there is only one reference to an object, and so no other code that could use the object. The count is not
/// enough for that in a free-threaded Python, because another thread may change it while it is read.
///
/// # Safety
///
/// The lock is held; the object is live.
#[inline]
pub(super) unsafe fn is_unique(object: *mut ffi::PyObject) -> bool {
    #[cfg(not(free_threaded))]
    // SAFETY: the caller guarantees a live object, and the lock.
    return unsafe { count(object) } == 1;
    #[cfg(free_threaded)]
    {
        const NAME: &str = "PyUnstable_Object_IsUniquelyReferenced\0";
        // SAFETY: the name ends in NUL, and the next line has its type.
        static UNIQUE: Symbol = unsafe { Symbol::new(NAME) };
        let function: unsafe extern "C" fn(*mut ffi::PyObject) -> c_int = UNIQUE.get();
        // SAFETY: the caller guarantees a live object.
        let is_unique = unsafe { function(object) != 0 };
        // Python reads the count without this. What another thread did before it released its reference comes first.
        fence(Ordering::Acquire);
        is_unique
    }
}

/// The type of an object, borrowed from the object.
///
/// # Safety
///
/// The lock is held; the object is live.
#[inline]
pub(super) unsafe fn kind(object: *mut ffi::PyObject) -> *mut ffi::PyTypeObject {
    #[cfg(not(free_threaded))]
    // SAFETY: the caller guarantees a live object; only reads a pointer.
    return unsafe { ffi::Py_TYPE(object) };
    #[cfg(free_threaded)]
    {
        // SAFETY: the name ends in NUL, and the next line has its type.
        static TYPE: Symbol = unsafe { Symbol::new("Py_TYPE\0") };
        let function: unsafe extern "C" fn(*mut ffi::PyObject) -> *mut ffi::PyTypeObject =
            TYPE.get();
        // SAFETY: the caller guarantees a live object.
        unsafe { function(object) }
    }
}

/// Whether an object is of that type, or of a subclass.
///
/// # Safety
///
/// The lock is held; the object is live.
#[inline]
pub(super) unsafe fn is_a(object: *mut ffi::PyObject, other: *mut ffi::PyTypeObject) -> bool {
    // SAFETY: the caller guarantees a live object, and the lock.
    let own = unsafe { kind(object) };
    // SAFETY: the lock is held; both are types, and live as long as the object and the library.
    own == other || unsafe { c!(PyType_IsSubtype(own, other)) } != 0
}

/// Whether the type of an object has a flag: how Python checks for its most used types and their subclasses.
///
/// # Safety
///
/// The lock is held; the object is live.
#[inline]
pub(super) unsafe fn has_flag(object: *mut ffi::PyObject, flag: c_ulong) -> bool {
    // SAFETY: the caller guarantees a live object, and the lock.
    let kind = unsafe { kind(object) };
    #[cfg(not(free_threaded))]
    // SAFETY: a type, live because the object is.
    let flags = unsafe { (*kind).tp_flags };
    #[cfg(free_threaded)]
    // SAFETY: as above.
    let flags = unsafe { c!(PyType_GetFlags(kind)) };
    flags & flag != 0
}

/// The slots of a list.
///
/// # Safety
///
/// The object is a live list, and nobody else has a reference to it.
#[inline]
pub(super) unsafe fn slots(list: *mut ffi::PyObject) -> *mut *mut ffi::PyObject {
    // SAFETY: the caller guarantees a live list, and this is how one begins.
    unsafe { (*list.cast::<ListObject>()).ob_item }
}
