//! References: owned and borrowed.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;

use crate::capi::{c, ffi};

use crate::capi::Python;
use crate::error::Exception;

/// A reference of our own, given back when dropped.
///
/// A function that returns it returned a *new* reference. A function that takes it by value
/// *steals* it. A function that takes `&Owned` *borrows* it.
///
/// It carries the proof that the lock is held, so that dropping it needs no lock. A stolen
/// reference is gone:
///
/// ```compile_fail
/// # use pyoutliers::{capi, with_python};
/// with_python(|py| {
///     let mut list = capi::list_new(py, 1)?;
///     let item = capi::float_from_double(py, 1.5)?;
///     capi::list_set_item(&mut list, 0, item)?; // steals the item
///     item.reference_count(); // use after steal
///     Ok(())
/// })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// The twin that compiles keeps a reference of its own:
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// with_python(|py| {
///     let mut list = capi::list_new(py, 1)?;
///     let item = capi::float_from_double(py, 1.5)?;
///     capi::list_set_item(&mut list, 0, item.clone())?; // steals the clone
///     assert_eq!(item.reference_count(), 2); // ours and the list's
///     Ok(())
/// })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// Nor can it outlive the lock:
///
/// ```compile_fail
/// # use pyoutliers::{capi, with_python};
/// let kept = with_python(|py| Ok(capi::float_from_double(py, 1.5)?))?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// Take what you need out of it instead:
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// let kept = with_python(|py| Ok(capi::float_as_double(&capi::float_from_double(py, 1.5)?)?))?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// Nor go to another thread, which does not hold the lock:
///
/// ```compile_fail
/// # use pyoutliers::{capi, with_python};
/// with_python(|py| {
///     let item = capi::float_from_double(py, 1.5)?;
///     std::thread::scope(|threads| {
///         threads.spawn(|| item.reference_count());
///     });
///     Ok(())
/// })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// A plain number can:
///
/// ```
/// # use pyoutliers::{capi, with_python};
/// with_python(|py| {
///     let item = capi::float_from_double(py, 1.5)?;
///     let count = item.reference_count();
///     std::thread::scope(|threads| {
///         threads.spawn(|| assert_eq!(count, 1));
///     });
///     Ok(())
/// })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
pub struct Owned<'p> {
    pub(super) object: NonNull<ffi::PyObject>,
    py: Python<'p>,
}

impl<'p> Owned<'p> {
    /// Takes over a reference that C code owns.
    ///
    /// # Safety
    ///
    /// - `object` points to a live object.
    /// - The caller owns one reference to it, and hands it over.
    #[inline]
    pub unsafe fn from_owned_ptr(py: Python<'p>, object: NonNull<ffi::PyObject>) -> Self {
        Self { object, py }
    }

    /// Takes what a C call returned that returns a new reference, or NULL with an exception set.
    ///
    /// # Errors
    ///
    /// The exception, for NULL.
    ///
    /// # Safety
    ///
    /// `object` is the result of such a call, made just now.
    ///
    /// ```
    /// use pyoutliers::capi::{self, Owned, c};
    ///
    /// # pyoutliers::with_python(|py| {
    /// let number = capi::float_from_double(py, 1.5)?;
    /// // SAFETY: the lock is held; a live object.
    /// let repr = unsafe { c!(PyObject_Repr(number.as_ptr())) };
    /// // SAFETY: `PyObject_Repr` returns new, or NULL with an exception set.
    /// let repr = unsafe { Owned::from_owned_ptr_or_err(py, repr) }?;
    /// assert_eq!(capi::unicode_to_string(&repr).as_deref(), Some("1.5"));
    /// # Ok(())
    /// # })?;
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    #[inline]
    pub unsafe fn from_owned_ptr_or_err(
        py: Python<'p>,
        object: *mut ffi::PyObject,
    ) -> Result<Self, Exception> {
        match NonNull::new(object) {
            // SAFETY: not NULL, so by the caller's word a new reference, and nobody else's.
            Some(object) => Ok(unsafe { Self::from_owned_ptr(py, object) }),
            None => Err(Exception::take(py)),
        }
    }

    /// The pointer, for a call that borrows. It says nothing of how long the object lives.
    #[inline]
    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.object.as_ptr()
    }

    /// The pointer and its reference, for a call that steals. Dropping the pointer releases nothing.
    #[inline]
    pub fn into_ptr(self) -> *mut ffi::PyObject {
        ManuallyDrop::new(self).as_ptr()
    }

    /// Which object it is: no other one has this address while this reference is there.
    pub fn address(&self) -> usize {
        self.object.addr().get()
    }

    /// The proof that the lock is held.
    #[inline]
    pub fn py(&self) -> Python<'p> {
        self.py
    }

    /// A borrowed reference, for as long as this one is there.
    ///
    /// ```compile_fail
    /// # use pyoutliers::{capi, with_python};
    /// with_python(|py| {
    ///     let item = capi::float_from_double(py, 1.5)?;
    ///     let borrowed = item.as_borrowed();
    ///     drop(item); // the owner goes
    ///     borrowed.reference_count(); // the borrow outlives it
    ///     Ok(())
    /// })?;
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    ///
    /// ```
    /// # use pyoutliers::{capi, with_python};
    /// with_python(|py| {
    ///     let item = capi::float_from_double(py, 1.5)?;
    ///     let borrowed = item.as_borrowed();
    ///     assert_eq!(borrowed.reference_count(), 1); // the owner's only
    ///     drop(item);
    ///     Ok(())
    /// })?;
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    pub fn as_borrowed(&self) -> Borrowed<'_, 'p> {
        // SAFETY: live, because `self` owns a reference, and is borrowed for as long as the result.
        unsafe { Borrowed::from_ptr(self.py, self.object) }
    }

    /// How many references there are to the object.
    ///
    /// From Python 3.12 on some objects, such as `None` and small ints, are immortal: never freed, and
    /// so not counted. Theirs is a large number that stands still.
    ///
    /// ```
    /// # use pyoutliers::{capi, with_python};
    /// # with_python(|py| {
    /// let item = capi::float_from_double(py, 1.5)?;
    /// let other = item.clone();
    /// assert_eq!(item.reference_count(), 2);
    /// # Ok(())
    /// # })?;
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    #[doc(alias = "Py_REFCNT")]
    pub fn reference_count(&self) -> usize {
        // SAFETY: the object is live because `self` owns a reference to it, and the lock is held,
        // so nobody writes the field meanwhile.
        let count = unsafe { (*self.as_ptr()).ob_refcnt };
        // From 3.14 on the upper half of the field holds flags.
        count.cast_unsigned() & 0xFFFF_FFFF
    }

    /// Whether the object is immortal, as `None` is from 3.12 on: its count is so large, and stays.
    pub fn is_immortal(&self) -> bool {
        self.reference_count() >= 1 << 29
    }
}

/// One more reference to the same object.
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

/// Gives the reference back.
impl Drop for Owned<'_> {
    #[doc(alias = "Py_DecRef")]
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is ours and given back this once; the lock is held. The exported
        // function, unlike the crate's own arithmetic, knows immortal objects.
        unsafe { c!(Py_DecRef(self.as_ptr())) };
    }
}

impl fmt::Debug for Owned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No call of `repr`: it may run code, raise, or never end.
        f.debug_tuple("Owned").field(&self.object).finish()
    }
}

/// Somebody else's reference, usable while they keep it: for `'a`.
///
/// Can be used wherever `&Owned` can; never gives a reference back, and cannot be made to:
///
/// ```compile_fail
/// # use pyoutliers::{capi, with_python};
/// with_python(|py| {
///     let owner = capi::float_from_double(py, 1.5)?;
///     let item = owner.as_borrowed();
///     drop(*item); // would give back what is the owner's
///     Ok(())
/// })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
///
/// The twin that compiles adds a reference of its own, and gives that back:
///
/// ```
/// # use pyoutliers::{capi, capi::Owned, with_python};
/// with_python(|py| {
///     let owner = capi::float_from_double(py, 1.5)?;
///     let item = owner.as_borrowed();
///     drop(Owned::clone(&item));
///     assert_eq!(owner.reference_count(), 1);
///     Ok(())
/// })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
pub struct Borrowed<'a, 'p> {
    object: ManuallyDrop<Owned<'p>>,
    owner: PhantomData<&'a Owned<'p>>,
}

impl<'p> Borrowed<'_, 'p> {
    /// Somebody else's reference, of which C code has the pointer.
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

    /// Takes what a C call returned that returns a borrowed reference, or NULL with an exception set.
    ///
    /// # Errors
    ///
    /// The exception, for NULL.
    ///
    /// # Safety
    ///
    /// - `object` is the result of such a call, made just now.
    /// - Its owner keeps it for the first lifetime.
    pub unsafe fn from_ptr_or_err(
        py: Python<'p>,
        object: *mut ffi::PyObject,
    ) -> Result<Self, Exception> {
        match NonNull::new(object) {
            // SAFETY: not NULL, so by the caller's word a live object, which its owner keeps.
            Some(object) => Ok(unsafe { Self::from_ptr(py, object) }),
            None => Err(Exception::take(py)),
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
