//! Text and boxes that may fail: an error is made when memory may have run out, and asking for it as
//! `format!` and `Box::new` do would end the process.

use std::fmt::{self, Write};

/// Memory ran out while an error was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutOfMemory;

/// `format!` that can fail: `text!("{module}.{name}")?`.
macro_rules! text {
    ($($arguments:tt)*) => {
        $crate::error::try_format(format_args!($($arguments)*))
    };
}
pub(crate) use text;

pub(crate) fn try_format(text: fmt::Arguments<'_>) -> Result<String, OutOfMemory> {
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

/// A box that is empty where there was no memory for it.
// Of an array, as a vector, which can fail, becomes that and no other box.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct TryBox<T>(Option<Box<[T; 1]>>);

impl<T> TryBox<T> {
    pub const EMPTY: Self = Self(None);

    pub fn new(value: T) -> Self {
        let mut one = Vec::new();
        if one.try_reserve_exact(1).is_err() {
            return Self::EMPTY;
        }
        one.push(value);
        Self(one.try_into().ok())
    }

    pub fn get(&self) -> Option<&T> {
        self.0.as_deref().map(|[value]| value)
    }

    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut().map(|[value]| value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn as_format_and_box() {
        let (a, b) = ("é", 7);
        assert_eq!(text!("{a}: {b:>3}\n").unwrap(), "é:   7\n");
        assert_eq!(TryBox::new(7).get(), Some(&7));
    }
}
