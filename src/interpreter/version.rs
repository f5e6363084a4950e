//! Versions of Python.

use std::fmt;

/// A version such as 3.11.7. Text after the numbers (`rc1`, `+`) is ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    major: u32,
    minor: u32,
    micro: u32,
}

impl Version {
    /// Reads `3.11.7`, also with something after it: `3.11.7.final.0`, `3.15.0a1+`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|part| {
            let digits = part
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(part.len());
            part.get(..digits)?.parse().ok()
        });
        let mut next = || numbers.next().flatten();
        Some(Self {
            major: next()?,
            minor: next()?,
            micro: next()?,
        })
    }

    /// Whether both have the same minor version, so the modules and environments of one work with the other.
    #[cfg(not(feature = "extension-module"))]
    pub(super) fn same_minor(&self, other: &Self) -> bool {
        (self.major, self.minor) == (other.major, other.minor)
    }

    /// Whether it is that minor version, or a newer one.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// `python3.11`: the name of its directories, and of its executable.
    #[cfg(not(feature = "extension-module"))]
    pub(super) fn directory(&self) -> String {
        format!("python{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}
