//! Instructions per call, counted by callgrind. They show a regression even on a noisy machine.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::data;
use crate::ways::{Callee, Caller, Task, Way, open, start_python};

/// The argument that makes this program make the calls that are counted.
pub const ARGUMENT: &str = "--calls";

const CALLERS: [(&str, Caller); 2] = [("ours", Caller::Ours), ("c", Caller::C)];

/// Instructions per call with a callee that does nothing.
#[derive(Debug)]
pub struct Instructions {
    pub size: usize,
    pub ours: u64,
    pub c: u64,
}

/// Counts at both sizes. Without valgrind, reports that and counts nothing.
pub fn count() -> Result<Option<Vec<Instructions>>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("SKIPPED: instructions are not counted, as there is no valgrind here");
        return Ok(None);
    }
    let mut counted = Vec::new();
    for (size, calls) in [(1, 4_000), (1_000, 200)] {
        eprintln!("instructions of {calls} calls with {size} values");
        let [ours, c] = CALLERS.map(|(name, _)| per_call(name, size, calls));
        counted.push(Instructions {
            size,
            ours: ours?,
            c: c?,
        });
    }
    Ok(Some(counted))
}

/// The difference between `calls` calls and twice as many. It leaves out the start and the first calls, in
/// which Python specialises its code.
fn per_call(name: &str, size: usize, calls: u64) -> Result<u64> {
    let (once, twice) = (total(name, size, calls)?, total(name, size, 2 * calls)?);
    let difference = twice
        .checked_sub(once)
        .context("twice as many calls took fewer instructions")?;
    Ok(difference / calls)
}

fn total(name: &str, size: usize, calls: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([ARGUMENT, name, &size.to_string(), &calls.to_string()])
        .env("PYTHONHASHSEED", "0") // another seed takes another path through Python's dicts
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind: {said}");
    let total = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let (_, total) = total.with_context(|| format!("no total from valgrind: {said}"))?;
    Ok(total.trim().parse()?)
}

/// Makes the calls that callgrind counts.
pub fn make_calls(name: &str, size: &str, calls: &str) -> Result<()> {
    let Some(&(_, caller)) = CALLERS.iter().find(|(other, _)| *other == name) else {
        bail!("unknown: {name}");
    };
    start_python()?;
    let data = data::numbers(size.parse()?);
    let mut run = open(Way(caller, Callee::Nothing))?;
    run.time(&Task {
        data: &data,
        expected: &[],
        calls: calls.parse()?,
    })?;
    Ok(())
}
