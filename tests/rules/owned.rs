//! A reference itself: cloned, borrowed, kept without the lock, released.

use pyoutliers::capi::{Borrowed, Held};

use super::{Checks, fresh};

pub const CHECKS: Checks = &[
    ("Owned::clone", |py| {
        let object = fresh(py)?;
        let other = object.clone();
        assert_eq!((object.reference_count(), other.reference_count()), (2, 2));
        Ok(())
    }),
    ("Owned::drop", |py| {
        let object = fresh(py)?;
        drop(object.clone());
        assert_eq!(object.reference_count(), 1);
        let borrowed: Borrowed = object.as_borrowed();
        assert_eq!(borrowed.reference_count(), 1, "borrowing does not count");
        let held = Held::from(object.clone());
        assert_eq!(
            (
                object.reference_count(),
                held.as_borrowed(py).reference_count()
            ),
            (2, 2)
        );
        drop(held);
        assert_eq!(object.reference_count(), 1);
        Ok(())
    }),
];
