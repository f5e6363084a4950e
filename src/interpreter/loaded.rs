//! The libpython of this process.

use std::path::PathBuf;

use super::version::Version;
use crate::capi;

/// A libpython.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Library {
    /// Its version.
    pub version: Version,
    /// Where it is: a directory for `built_for`, a file for [`loaded`].
    pub path: PathBuf,
}

/// The libpython that is loaded; loads it first if needed. Its version is 0.0.0 if there is none.
pub fn loaded() -> Library {
    if capi::load().is_err() {
        return Library::default();
    }
    Library {
        version: version(capi::loaded_version()),
        path: capi::loaded_library().unwrap_or_default(),
    }
}

/// Python's versions always have three numbers.
pub(super) fn version(text: &str) -> Version {
    Version::parse(text).unwrap_or_default()
}
