//! `outliers audit`: calls what a compiled module offers, and soaks the calls that look suspicious.
//!
//! A child process, which runs `audit.py`, tries calls and screens them. If a call ends or hangs it, another child goes
//! on after that. Each suspicious call is then soaked by the ordinary `outliers soak STATEMENT`. Only the verdict of
//! that counts.

mod children;
mod probe;
mod row;
mod state;
mod table;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{self, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use refsoak::Record;
use refsoak::child::signal_name;
use serde_json::json;

use super::argument::text;
use super::called;
use children::{Children, Ended};
use probe::probe;
use row::{Call, Row};
use state::Audit;

/// How long the import and a call may take.
const IMPORT: Duration = Duration::from_secs(120);
const CALL: Duration = Duration::from_secs(10);
/// If a call takes longer, it is soaked for a second. It hangs if that has not ended after this time.
const HANG: Duration = Duration::from_secs(20);
/// How long any other soak may take: it may take ten seconds, and more if the machine is busy.
const SOAK: Duration = Duration::from_secs(180);

#[derive(Args)]
pub struct Arguments {
    /// A module or a package, with its compiled submodules
    #[arg(value_parser = text::<String>())]
    module: String,
    /// Call functions and types that are written in Python too
    #[arg(long)]
    python: bool,
    /// Name the C functions that take and release leaked references; it
    /// needs gdb
    #[arg(long, verbatim_doc_comment)]
    native: bool,
    /// For each finding, write a script that shows it to this directory
    #[arg(long, value_name = "DIR")]
    reproducer: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// In a child process: the file of what earlier ones found out
    #[arg(long, hide = true)]
    known: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(known) = &arguments.known {
        return probe(
            &arguments.module,
            arguments.python,
            &fs::read_to_string(known)?,
        );
    }
    let (module, begun) = (&*arguments.module, Instant::now());
    let mut children = Children::new()?;
    if let Some(directory) = &arguments.reproducer {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    let mut audit = Audit::default();
    let done = search(&mut audit, arguments, &mut children);
    let done = done.and_then(|()| soak(&mut audit, arguments, &mut children));
    children.bar.clear();
    done?;
    let is_interrupted = children.is_interrupted();
    if audit.called.values().sum::<u64>() == 0 && !is_interrupted {
        super::output::say(&audit.why_nothing(module));
        return Ok(ExitCode::from(3));
    }
    super::output::print(&if arguments.json {
        audit.to_json(module, begun.elapsed(), is_interrupted)
    } else {
        audit.to_text(module, begun.elapsed(), is_interrupted)
    })?;
    Ok(match (is_interrupted, audit.rows.is_empty()) {
        (true, _) => ExitCode::from(130),
        (false, false) => ExitCode::FAILURE,
        (false, true) => ExitCode::SUCCESS,
    })
}

/// Tries and screens all calls, in as many child processes as it takes.
fn search(audit: &mut Audit, arguments: &Arguments, children: &mut Children) -> Result<()> {
    let module = &*arguments.module;
    let known = children.output.path().join("known");
    loop {
        fs::write(&known, json!(audit.known).to_string())?;
        let mut command = called::again();
        command.args(["audit", module, "--known"]).arg(&known);
        command.stdout(Stdio::null());
        if arguments.python {
            command.arg("--python");
        }
        let ended = children.run(&mut command, [IMPORT, CALL], |message, bar| {
            audit.hear(message);
            let (count, name) = (audit.called.len(), &audit.trying.0);
            bar.note(format_args!("{count} called, {name}"));
        })?;
        if let Some(text) = &audit.refused {
            bail!("cannot import {module}: {text}")
        }
        let is_late = matches!(ended, Ended::Late);
        let how = match ended {
            Ended::Interrupted => return Ok(()),
            Ended::Itself(_) if audit.is_done => return Ok(()),
            Ended::Itself(Some(status)) => match status.signal() {
                Some(signal) => format!("died by {}", signal_name(signal)),
                None => format!("ended with {status}"),
            },
            Ended::Itself(None) | Ended::Late => "took too long".into(),
        };
        if !audit.is_imported {
            bail!("while it imported {module}, the process {how}")
        }
        if !audit.pass_over(is_late) {
            bail!("after it imported {module}, the process {how}")
        }
    }
}

/// Soaks what is suspicious.
fn soak(audit: &mut Audit, arguments: &Arguments, children: &mut Children) -> Result<()> {
    let suspects = std::mem::take(&mut audit.suspects);
    let (all, mut found) = (suspects.len(), BTreeSet::new());
    for (number, (name, call, is_late)) in (1..).zip(&suspects) {
        // One row for each callable, and one for its errors.
        if found.contains(&(name, call.raises)) {
            continue;
        }
        let bar = &mut children.bar;
        bar.note(format_args!(
            "soaking {number} of {all}, {}",
            call.statement
        ));
        let file = format!("{name}{}.py", if call.raises { "-raises" } else { "" });
        let file = file.replace(" =", "-set");
        let directory = arguments.reproducer.as_ref();
        let file = directory.map(|directory| path::absolute(directory.join(file)));
        match soak_one(
            call,
            *is_late,
            file.transpose()?,
            arguments.native,
            children,
        )? {
            Soaked::Clean => {}
            Soaked::Bad(row) => {
                found.insert((name, call.raises));
                audit.rows.push(*row);
            }
            Soaked::Undecided => audit.undecided.push(call.command()),
            Soaked::Interrupted => break,
        }
    }
    audit.rows.sort_by(Row::compare);
    Ok(())
}

/// What the soak of a call found.
enum Soaked {
    Clean,
    Bad(Box<Row>),
    Undecided,
    Interrupted,
}

fn soak_one(
    call: &Call,
    is_late: bool,
    reproducer: Option<PathBuf>,
    native: bool,
    children: &mut Children,
) -> Result<Soaked> {
    let mut command = called::again();
    command.args(call.arguments());
    let (seconds, limit) = if is_late { ("1", HANG) } else { ("10", SOAK) };
    command.args(["--calls", "1600", "--seconds", seconds, "--json"]);
    if native {
        command.arg("--native");
    }
    if let Some(file) = &reproducer {
        command.arg("--reproducer").arg(file);
    }
    let output = children.output.path().join("output");
    command.stdout(File::create(&output)?);
    let ended = children.run(&mut command, [limit; 2], |_, _| {})?;
    let report = serde_json::from_slice::<Record>(&fs::read(output)?).ok();
    Ok(match (ended, report) {
        (Ended::Interrupted, _) => Soaked::Interrupted,
        (Ended::Late, _) if is_late => Soaked::Bad(Box::new(Row::hangs(call, HANG))),
        (_, Some(report)) if report.verdict == "clean" => Soaked::Clean,
        (_, Some(report)) if report.verdict != "none" => {
            Soaked::Bad(Box::new(Row::new(call, report)))
        }
        _ => Soaked::Undecided,
    })
}
