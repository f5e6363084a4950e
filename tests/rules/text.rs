//! Text and bytes: the checks borrow, and a new string has only our reference.

use pyoutliers::capi;

use super::{Checks, borrows, builtin, call, fresh, int, one_item_list};

pub const CHECKS: Checks = &[
    ("unicode_check", |py| {
        let text = capi::unicode_from_str(py, "rules: a text")?;
        assert!(borrows(&text, capi::unicode_check));
        assert!(!borrows(&fresh(py)?, capi::unicode_check));
        Ok(())
    }),
    ("bytes_check", |py| {
        let bytes = call(&builtin(py, c"bytes")?, one_item_list(int(py, 7.0)?)?)?;
        assert!(
            capi::bytes_check(&bytes),
            "one byte is shared, so not counted"
        );
        assert!(!borrows(&fresh(py)?, capi::bytes_check));
        Ok(())
    }),
    ("byte_array_check", |py| {
        let bytes = call(&builtin(py, c"bytearray")?, one_item_list(int(py, 7.0)?)?)?;
        assert!(borrows(&bytes, capi::byte_array_check));
        assert!(!borrows(&fresh(py)?, capi::byte_array_check));
        Ok(())
    }),
    ("unicode_from_str", |py| {
        let text = capi::unicode_from_str(py, "rules: größer\0")?;
        assert_eq!(text.reference_count(), 1);
        Ok(())
    }),
    ("unicode_to_string", |py| {
        let text = capi::unicode_from_str(py, "rules: größer\0")?;
        assert_eq!(
            borrows(&text, capi::unicode_to_string).as_deref(),
            Some("rules: größer\0")
        );
        assert_eq!(borrows(&fresh(py)?, capi::unicode_to_string), None);
        Ok(())
    }),
];
