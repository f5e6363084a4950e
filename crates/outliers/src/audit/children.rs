//! The child processes of an audit, one after another.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::{self, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use lessons::TemporaryDirectory;
use refsoak::child::{Child, Heard};
use signal_hook::consts::SIGINT;
use signal_hook::flag;

use super::super::bar::Bar;
use super::super::called;
use super::state::Message;

/// How long a child may take to end after its last message.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a child process ended.
pub enum Ended {
    /// By itself; or after its last message, because this process killed it.
    Itself(Option<ExitStatus>),
    Late,
    Interrupted,
}

/// Runs child processes, one after another.
pub struct Children {
    interrupted: Arc<AtomicBool>,
    pub bar: Bar,
    /// For files that this process and a child exchange.
    pub output: TemporaryDirectory,
}

impl Children {
    pub fn new() -> Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        flag::register(SIGINT, Arc::clone(&interrupted)).context("cannot listen for Ctrl-C")?;
        let (bar, output) = (Bar::new(), TemporaryDirectory::new("outliers-audit")?);
        Ok(Self {
            interrupted,
            bar,
            output,
        })
    }

    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Runs a command in an empty directory until it ends, or until it takes too long to say something at first, or
    /// later. Ends all processes that it has started.
    pub fn run(
        &mut self,
        command: &mut Command,
        [mut limit, later]: [Duration; 2],
        mut hear: impl FnMut(Message, &mut Bar),
    ) -> Result<Ended> {
        let directory = TemporaryDirectory::new("outliers-audit")?;
        command.current_dir(directory.path()).stderr(Stdio::null());
        command.process_group(0);
        find_modules_from_there(command)?;
        let mut child = Child::start(command)?;
        let is_over = loop {
            match child.receive() {
                Heard::Message(message) => {
                    limit = later;
                    hear(message, &mut self.bar);
                }
                Heard::Silence if child.silence() > limit => break true,
                Heard::Silence => {}
                Heard::End => break false,
            }
            if self.is_interrupted() {
                break true;
            }
        };
        let status = child.end(if is_over { Duration::ZERO } else { PATIENCE })?;
        Ok(match is_over {
            _ if self.is_interrupted() => Ended::Interrupted,
            true => Ended::Late,
            false => Ended::Itself(status),
        })
    }
}

/// Makes paths in the environment absolute, because the command will start in another directory.
fn find_modules_from_there(command: &mut Command) -> Result<()> {
    for name in ["OUTLIERS_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"] {
        if let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) {
            command.env(name, path::absolute(value)?);
        }
    }
    let paths = env::var_os("PYTHONPATH").unwrap_or_default();
    // `python -m` searches the current directory first.
    let here = called::is_in_python().then(PathBuf::new);
    let paths = here
        .into_iter()
        .chain(env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()));
    let paths: Vec<_> = paths
        .map(|path| env::current_dir().map(|here| here.join(path)))
        .collect::<Result<_, _>>()?;
    command.env("PYTHONPATH", env::join_paths(paths)?);
    Ok(())
}
