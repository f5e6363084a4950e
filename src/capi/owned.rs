//! References, owned and borrowed, for as long as the lock is held.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;

use python3_sys as ffi;

use crate::capi::library::c;
use crate::capi::lock::Python;
use crate::capi::object::{count, is_unique};

/// A reference that your code owns, released when it is dropped.
///
/// A function that returns an `Owned` returns a *new* reference. A function that takes one by value
/// *steals* it. A function that takes `&Owned` *borrows* it.
///
/// It carries the proof that the lock is held, so dropping it takes no lock.
///
/// After a reference was stolen, using it does not compile:
///
/// ```compile_fail
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let mut list = capi::list_new(py, 1)?;
/// let item = capi::float_from_double(py, 1.5)?;
/// capi::list_set_item(&mut list, 0, item)?; // steals the item
/// item.reference_count(); // use after steal
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
///
/// The twin that compiles keeps its own reference:
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let mut list = capi::list_new(py, 1)?;
/// let item = capi::float_from_double(py, 1.5)?;
/// capi::list_set_item(&mut list, 0, item.clone())?; // steals the clone
/// assert_eq!(item.reference_count(), 2); // ours and the list's
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
///
/// Keeping a reference for longer than the lock does not compile either:
///
/// ```compile_fail
/// # use pyoutliers::{capi, with_python};
/// let kept = with_python(|py| Ok(capi::float_from_double(py, 1.5)?))?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// Copy out the value that you need instead:
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// let kept = with_python(|py| Ok(capi::float_as_double(&capi::float_from_double(py, 1.5)?)?))?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// Using it on another thread, which does not hold the lock, does not compile:
///
/// ```compile_fail
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let item = capi::float_from_double(py, 1.5)?;
/// std::thread::scope(|threads| {
///     threads.spawn(|| item.reference_count());
/// });
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
///
/// A number can move to another thread:
///
/// ```
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let item = capi::float_from_double(py, 1.5)?;
/// let count = item.reference_count();
/// std::thread::scope(|threads| {
///     threads.spawn(|| assert_eq!(count, 1));
/// });
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
#[derive(Debug)] // the address: `repr` may run code, raise, or never return
pub struct Owned<'p> {
    pub(super) object: NonNull<ffi::PyObject>,
    py: Python<'p>,
}

impl<'p> Owned<'p> {
    /// Takes over a reference. For the result of a C call, see
    /// [`from_owned_ptr_or_err`](Self::from_owned_ptr_or_err).
    ///
    /// # Safety
    ///
    /// - `object` points to a live object.
    /// - The caller owns a reference to it, and hands it over.
    #[inline]
    pub unsafe fn from_owned_ptr(py: Python<'p>, object: NonNull<ffi::PyObject>) -> Self {
        Self { object, py }
    }

    /// The pointer, for a C call that borrows. It does not keep the object alive.
    #[inline]
    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.object.as_ptr()
    }

    /// The pointer, with the reference, for a C call that steals. If no call steals it, it leaks.
    #[inline]
    pub fn into_ptr(self) -> *mut ffi::PyObject {
        ManuallyDrop::new(self).as_ptr()
    }

    /// The object's address: no other object has it as long as this reference exists.
    pub fn address(&self) -> usize {
        self.object.addr().get()
    }

    /// The proof that the lock is held.
    #[inline]
    pub fn py(&self) -> Python<'p> {
        self.py
    }

    /// Borrows this reference, for as long as it exists.
    ///
    /// ```compile_fail
    /// # use pyoutliers::capi; pyoutliers::with_python(|py| {
    /// let item = capi::float_from_double(py, 1.5)?;
    /// let borrowed = item.as_borrowed();
    /// drop(item); // the owner is gone
    /// borrowed.reference_count(); // use after its owner
    /// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
    /// ```
    ///
    /// ```
    /// # use pyoutliers::capi; pyoutliers::with_python(|py| {
    /// let item = capi::float_from_double(py, 1.5)?;
    /// let borrowed = item.as_borrowed();
    /// assert_eq!(borrowed.reference_count(), 1); // the owner's only
    /// drop(item);
    /// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
    /// ```
    pub fn as_borrowed(&self) -> Borrowed<'_, 'p> {
        // SAFETY: live, because `self` owns a reference, and is borrowed for as long as the result.
        unsafe { Borrowed::from_ptr(self.py, self.object) }
    }

    /// The number of references to the object.
    ///
    /// From Python 3.12 on some objects, such as `None` and small ints, are immortal: they are never freed,
    /// and their references are not counted. Their number is large and does not change.
    ///
    /// ```
    /// # use pyoutliers::capi; pyoutliers::with_python(|py| {
    /// let item = capi::float_from_double(py, 1.5)?;
    /// let other = item.clone();
    /// assert_eq!(item.reference_count(), 2);
    /// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
    /// ```
    #[doc(alias = "Py_REFCNT")]
    pub fn reference_count(&self) -> usize {
        // SAFETY: the object is live because `self` owns a reference to it; the lock is held.
        unsafe { count(self.as_ptr()) }
    }

    /// Whether this is the only reference to the object.
    #[inline]
    pub(crate) fn is_unique(&self) -> bool {
        // SAFETY: the object is live because `self` owns a reference to it; the lock is held.
        unsafe { is_unique(self.as_ptr()) }
    }

    /// Whether the object is immortal, as `None` is from 3.12 on: then its count is very large.
    pub fn is_immortal(&self) -> bool {
        self.reference_count() >= 1 << 29
    }
}

/// Makes another reference to the same object.
impl Clone for Owned<'_> {
    #[doc(alias = "Py_IncRef")]
    fn clone(&self) -> Self {
        // SAFETY: the object is live because `self` owns a reference to it; the lock is held.
        unsafe { c!(Py_IncRef(self.as_ptr())) };
        Self {
            object: self.object,
            py: self.py,
        }
    }
}

/// Releases the reference.
impl Drop for Owned<'_> {
    #[doc(alias = "Py_DecRef")]
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is ours and released this once; the lock is held. The exported function
        // knows immortal objects, unlike the arithmetic of python3-sys.
        unsafe { c!(Py_DecRef(self.as_ptr())) };
    }
}

/// A reference that another owner keeps for `'a`.
///
/// It can be used wherever `&Owned` can. Dropping it releases nothing, and releasing it does not compile:
///
/// ```compile_fail
/// # use pyoutliers::capi; pyoutliers::with_python(|py| {
/// let owner = capi::float_from_double(py, 1.5)?;
/// let item = owner.as_borrowed();
/// drop(*item); // would release the owner's reference
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
///
/// The twin that compiles makes its own reference, and releases that:
///
/// ```
/// # use pyoutliers::capi::{self, Owned}; pyoutliers::with_python(|py| {
/// let owner = capi::float_from_double(py, 1.5)?;
/// let item = owner.as_borrowed();
/// drop(Owned::clone(&item));
/// assert_eq!(owner.reference_count(), 1);
/// # Ok(()) })?; Ok::<_, pyoutliers::Error>(())
/// ```
pub struct Borrowed<'a, 'p> {
    object: ManuallyDrop<Owned<'p>>,
    owner: PhantomData<&'a Owned<'p>>,
}

impl<'p> Borrowed<'_, 'p> {
    /// Borrows a reference. For the result of a C call, see [`from_ptr_or_err`](Self::from_ptr_or_err).
    ///
    /// # Safety
    ///
    /// - `object` points to a live object.
    /// - Its owner keeps it for the first lifetime.
    #[inline]
    pub unsafe fn from_ptr(py: Python<'p>, object: NonNull<ffi::PyObject>) -> Self {
        Self {
            object: ManuallyDrop::new(Owned { object, py }),
            owner: PhantomData,
        }
    }
}

impl<'p> Deref for Borrowed<'_, 'p> {
    type Target = Owned<'p>;

    #[inline]
    fn deref(&self) -> &Owned<'p> {
        &self.object
    }
}
