//! Chooses the Python to start.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{self, Path, PathBuf};

use super::asked::{ask, recorded_version};
use super::choice::{Choice, Rule};
use super::version::Version;
use crate::capi;

/// What `build.rs` recorded.
pub(super) struct Build<'a> {
    pub linked: &'a Version,
    pub python: &'a Path,
    /// Where Cargo's runner makes its environment; empty if there is no runner.
    pub development: &'a Path,
}

/// Chooses by the environment variables that `variable` reads. An error is one line with the reason.
pub(super) fn choose(
    variable: impl Fn(&str) -> Option<OsString>,
    build: &Build<'_>,
) -> Result<Choice, String> {
    let linked = build.linked;
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    let in_environment = |name| Some(Path::new(&variable(name)?).join("bin/python"));
    let choice = |python, rule| Choice {
        python,
        rule,
        version: linked.clone(),
    };
    if let Some(python) = variable("OUTLIERS_PYTHON") {
        return admit(choice(python.into(), Rule::OutliersPython), linked);
    }
    if let Some(python) = in_environment("VIRTUAL_ENV") {
        return admit(choice(python, Rule::VirtualEnv), linked);
    }
    if let Some(python) = in_environment("CONDA_PREFIX").filter(|python| python.exists()) {
        return admit(choice(python, Rule::CondaPrefix), linked);
    }
    if is_ours(build.development) {
        let python = build.development.join("bin/python");
        return Ok(choice(python, Rule::DevelopmentEnvironment));
    }
    if build.python.exists() {
        return Ok(choice(build.python.to_owned(), Rule::Linked));
    }
    let name = linked.directory();
    on_path(variable("PATH"), linked).ok_or_else(|| {
        format!(
            "the Python that this program was built with is gone from {}, and PATH has no {name}; \
             install it, for example with apt install {name}, or name one: OUTLIERS_PYTHON=/path/to/python",
            build.python.display(),
        )
    })
}

/// The first Python on `PATH` of the same minor version. The current directory is not searched.
fn on_path(path: Option<OsString>, linked: &Version) -> Option<Choice> {
    let directories: Vec<_> = env::split_paths(path.as_ref()?)
        .filter(|directory| directory.is_absolute())
        .collect();
    let name = linked.directory();
    let names = [&*name, "python3", "python"].map(Path::new);
    let mut files = names
        .iter()
        .flat_map(|name| {
            directories
                .iter()
                .map(move |directory| directory.join(name))
        })
        .filter(|file| file.is_file());
    files.find_map(|file| {
        let (version, python) = ask(&file).ok()?;
        let rule = Rule::Path;
        version.same_minor(linked).then_some(Choice {
            python,
            version,
            rule,
        })
    })
}

/// Whether Cargo's runner made this environment, and only this user and root could have replaced it.
fn is_ours(environment: &Path) -> bool {
    let user = capi::geteuid();
    let is_safe = |directory: &Path| {
        fs::symlink_metadata(directory).is_ok_and(|found| {
            // A group with the user's number has only this user in it.
            let others = if found.gid() == found.uid() {
                0o002
            } else {
                0o022
            };
            // In a sticky directory, such as /tmp, users cannot replace each other's files.
            let is_closed = found.mode() & others == 0 || found.mode() & 0o1000 != 0;
            found.is_dir() && [user, 0].contains(&found.uid()) && is_closed
        })
    };
    environment.ancestors().all(is_safe)
        && fs::read(environment.join("outliers-ready")).is_ok_and(|made_for| {
            let first = made_for.split(|&byte| byte == b'\n').next();
            first == Some(environment.as_os_str().as_bytes())
        })
}

/// Refuses a choice whose minor version is not the library's: Python would start, but not find its
/// modules.
fn admit(choice: Choice, linked: &Version) -> Result<Choice, String> {
    let Choice { python, rule, .. } = &choice;
    let shown = python.display();
    let other = match rule {
        Rule::OutliersPython => "name another",
        _ => "activate another or none, or name one: OUTLIERS_PYTHON=/path/to/python",
    };
    // The system looks up a bare name, such as python3, in PATH.
    if python.parent() != Some(Path::new("")) && !python.is_file() {
        let problem = match gone(python) {
            // An environment that was copied, as into an image: its link still leads to the Python that made it.
            Some(end) => format!("which is a link to {}, which does not exist", end.display()),
            None => "which does not exist".to_owned(),
        };
        return Err(format!("{rule} leads to {shown}, {problem}; {other}"));
    }
    let (version, python) = match recorded_version(python) {
        Some(version) => (
            version,
            path::absolute(python).map_err(|error| error.to_string())?,
        ),
        None => ask(python).map_err(|reason| {
            format!("{rule} leads to {shown}, which does not work as a Python: {reason}; {other}")
        })?,
    };
    if !version.same_minor(linked) {
        return Err(format!(
            "{rule} leads to Python {version} ({shown}), but this program is linked with Python \
             {linked}; {other}, or build with that one: PYTHON_SYS_EXECUTABLE={shown} cargo build",
        ));
    }
    Ok(Choice {
        python,
        version,
        rule: *rule,
    })
}

/// The end of a chain of symbolic links that leads nowhere.
fn gone(link: &Path) -> Option<PathBuf> {
    let mut end = link.to_owned();
    // A chain may lead to itself; the system follows 40 links.
    for _ in 0..40 {
        let Ok(next) = fs::read_link(&end) else { break };
        end = end.parent()?.join(next);
    }
    (end != link).then_some(end)
}

#[cfg(test)]
mod tests;
