//! Floats and ints: converting an object borrows it, and the result is new.

use pyoutliers::capi::{self, Owned};
use pyoutliers::{Exception, Python};

use super::{Checks, borrows, builtin, call, fresh, int};

pub const CHECKS: Checks = &[
    ("float_from_double", |py| {
        assert_eq!(capi::float_from_double(py, 1.5)?.reference_count(), 1);
        Ok(())
    }),
    ("float_as_double", |py| {
        let float = capi::float_from_double(py, -1.0)?;
        assert_eq!(borrows(&float, capi::float_as_double)?, -1.0);
        let object = fresh(py)?;
        assert!(borrows(&object, capi::float_as_double).is_err());
        Ok(())
    }),
    ("float_check", |py| {
        let float = capi::float_from_double(py, 1.5)?;
        assert!(borrows(&float, capi::float_check));
        assert!(!borrows(&large_int(py)?, capi::float_check));
        Ok(())
    }),
    ("bool_from_long", |py| {
        // Unless `True` and `False` are immortal, each result is exactly one more reference.
        for value in [false, true] {
            let truth = capi::bool_from_long(py, value)?;
            assert!(capi::bool_check(&truth));
            assert_eq!(capi::long_as_long_long(&truth)?, value.into());
            let before = truth.reference_count();
            let more: Vec<_> = (0..100).map(|_| capi::bool_from_long(py, value)).collect();
            let clones: Vec<_> = (0..100).map(|_| truth.clone()).collect();
            let both = truth.reference_count() - before;
            drop(more);
            assert_eq!((truth.reference_count() - before) * 2, both);
            drop(clones);
            assert_eq!(truth.reference_count(), before);
        }
        Ok(())
    }),
    ("long_from_long_long", |py| {
        let int = capi::long_from_long_long(py, i64::MIN)?;
        assert_eq!(int.reference_count(), 1, "new");
        assert_eq!(capi::long_as_long_long(&int)?, i64::MIN);
        Ok(())
    }),
    ("long_check", |py| {
        let int = large_int(py)?;
        assert!(borrows(&int, capi::long_check));
        assert!(!borrows(&fresh(py)?, capi::long_check));
        Ok(())
    }),
    ("bool_check", |py| {
        let truth = call(&builtin(py, c"bool")?, fresh(py)?)?;
        assert!(capi::bool_check(&truth), "True is immortal, so not counted");
        assert!(!borrows(&fresh(py)?, capi::bool_check));
        Ok(())
    }),
    ("number_index", |py| {
        let int = large_int(py)?;
        let index = capi::number_index(&int)?;
        assert_eq!(
            int.reference_count(),
            2,
            "ours and the new one, because an int is its own index"
        );
        drop(index);
        assert_eq!(int.reference_count(), 1);
        let float = capi::float_from_double(py, 1.0)?;
        assert_eq!(
            borrows(&float, capi::number_index).unwrap_err().type_name(),
            "TypeError"
        );
        Ok(())
    }),
    ("long_as_long_long", |py| {
        let int = large_int(py)?;
        assert_eq!(borrows(&int, capi::long_as_long_long)?, 1 << 40);
        let object = fresh(py)?;
        assert!(borrows(&object, capi::long_as_long_long).is_err());
        Ok(())
    }),
];

/// 2 to the power of 40, which is neither shared nor immortal.
fn large_int(py: Python<'_>) -> Result<Owned<'_>, Exception> {
    int(py, 2_f64.powi(40))
}
