//! Which Python, and the reason.

use std::fmt;
use std::path::PathBuf;

use super::version::Version;

/// A Python, and why it is the one. Its environment decides where modules are found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// Its executable.
    pub python: PathBuf,
    /// Its version: always of the same minor version as the library.
    pub version: Version,
    /// The rule that chose it.
    pub rule: Rule,
}

/// The rules, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The environment variable `OUTLIERS_PYTHON` names an executable.
    OutliersPython,
    /// `VIRTUAL_ENV` names an activated environment.
    VirtualEnv,
    /// `CONDA_PREFIX` names an activated conda environment that has a Python.
    CondaPrefix,
    /// The private environment that Cargo's runner prepared in the checkout where this program was
    /// built, if only this user and root could have replaced it.
    DevelopmentEnvironment,
    /// The interpreter that the program was built with.
    Linked,
    /// The first on `PATH` of the same minor version, if the interpreter of the build is gone.
    Path,
    /// No rule: this library is an extension module, which the running Python has loaded.
    Host,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutliersPython => "OUTLIERS_PYTHON",
            Self::VirtualEnv => "VIRTUAL_ENV",
            Self::CondaPrefix => "CONDA_PREFIX",
            Self::DevelopmentEnvironment => "this checkout's development environment",
            Self::Linked => "the interpreter it was built with",
            Self::Path => "PATH",
            Self::Host => "the Python that runs this",
        })
    }
}

/// `/path/to/python (VIRTUAL_ENV)`.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.python.display(), self.rule)
    }
}
