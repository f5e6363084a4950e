//! Versions of Python.

use std::fmt;

/// A version such as 3.11.7, or 3.14.2t of a free-threaded Python. Other text after the numbers (`rc1`, `+`) is ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    major: u32,
    minor: u32,
    micro: u32,
    is_free_threaded: bool,
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
            is_free_threaded: text.ends_with('t'),
        })
    }

    /// Whether both have the same minor version, and both or none is free-threaded, so the modules and environments
    /// of one work with the other.
    #[cfg(not(feature = "extension-module"))]
    pub(super) fn same_minor(&self, other: &Self) -> bool {
        let minor = |version: &Self| (version.major, version.minor, version.is_free_threaded);
        minor(self) == minor(other)
    }

    /// Whether it is that minor version, or a newer one.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// Whether several threads can run Python code at the same time: a build without the lock.
    pub fn is_free_threaded(&self) -> bool {
        self.is_free_threaded
    }

    /// `python3.11`, or `python3.14t`: the name of its directories, and of its executable.
    #[cfg(not(feature = "extension-module"))]
    pub(super) fn directory(&self) -> String {
        format!("python{}.{}{}", self.major, self.minor, self.flag())
    }

    /// The same version of a free-threaded Python.
    #[cfg(not(feature = "extension-module"))]
    pub(super) fn free_threaded(self) -> Self {
        let is_free_threaded = true;
        Self {
            is_free_threaded,
            ..self
        }
    }

    fn flag(&self) -> &'static str {
        if self.is_free_threaded { "t" } else { "" }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = self.flag();
        write!(f, "{}.{}.{}{flag}", self.major, self.minor, self.micro)
    }
}
