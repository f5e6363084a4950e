//! Text and boxes that may fail: an error is made when memory may have run out, and asking for it as
//! `format!` and `Box::new` do would end the process.

use std::fmt::{self, Write};

/// Memory ran out while an error was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutOfMemory;

/// `format!` that can fail.
///
/// ```text
/// format(format_args!("{module}.{name}"))?
/// ```
pub(crate) fn format(text: fmt::Arguments<'_>) -> Result<String, OutOfMemory> {
    struct Fallible(String);

    impl Write for Fallible {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.try_reserve(text.len()).map_err(|_| fmt::Error)?;
            self.0.push_str(text);
            Ok(())
        }
    }

    let mut written = Fallible(String::new());
    // What is written here fails by itself in no case.
    written.write_fmt(text).map_err(|_| OutOfMemory)?;
    Ok(written.0)
}

/// `Box::new` that can fail. It is one of an array, as a vector can become that and no other.
pub(super) fn boxed<T>(value: T) -> Option<Box<[T; 1]>> {
    let mut one = Vec::new();
    one.try_reserve_exact(1).ok()?;
    one.push(value);
    one.try_into().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn as_format_and_box() {
        let (a, b) = ("é", 7);
        assert_eq!(format(format_args!("{a}: {b:>3}\n")).unwrap(), "é:   7\n");
        assert_eq!(*boxed(7).unwrap(), [7]);
    }
}
