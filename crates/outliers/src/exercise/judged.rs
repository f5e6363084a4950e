//! Judges a file, and shows how far the judge is.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow};
use lessons::{Compiled, JudgeError, Judgement, Trial};
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use signal_hook::low_level::emulate_default_handler;

use super::super::bar::Bar;
use super::super::{called, output};

/// Compiles a file and judges it. Prints the compiler's messages and, in a terminal, the current trial.
pub fn judged(file: &Path) -> Result<Judgement, JudgeError> {
    Compiled::new(file).and_then(|compiled| {
        compiled.warnings().lines().for_each(output::say);
        let interrupted = Arc::new(AtomicBool::new(false));
        let listens = flag::register(SIGINT, Arc::clone(&interrupted));
        listens
            .map_err(|error| JudgeError::Refused(format!("cannot listen for Ctrl-C: {error}")))?;
        let child = |library: &Path, trial| {
            let mut command = called::again();
            command.arg("exercise").arg(file);
            command.arg("--doomed").arg(library);
            if trial == Trial::Growth {
                command.arg("--soak");
            }
            Ok(command)
        };
        let mut bar = Bar::new();
        let judgement = compiled.judge(child, |what| {
            bar.note(format_args!("{what}"));
            if interrupted.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        bar.clear();
        judgement
    })
}

/// Prints what a tool says in an error, and ends the process if the user interrupted it.
pub fn explained<T>(judged: Result<T, JudgeError>) -> Result<T> {
    match &judged {
        Err(JudgeError::Interrupted) => emulate_default_handler(SIGINT)?,
        Err(JudgeError::Tool { output, .. }) => output.lines().for_each(output::say),
        _ => {}
    }
    judged.map_err(|error| match error {
        JudgeError::Python(error) => error.into(),
        error => anyhow!(error),
    })
}
