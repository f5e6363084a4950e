//! `outliers soak`: runs a function or a statement many times and reports leaks, with the package refsoak.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::Args;
use clap::error::ErrorKind;
use pyoutliers::Outliers;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use refsoak::{Ended, Record, Soak, Verdict};
use serde_json::Value;

use super::argument::text;
use super::bar::Bar;
use super::baseline::Baseline;
use super::called;
use super::function::Callee;
use super::inject::Injection;
use super::messages::to_json;
use super::output::{complain, print, say};
use super::overwrite;
use super::plot;
use super::reproducer;
use super::statement::{Inputs, Statement};
use super::watched::{self, Watched};

/// The default time limit in seconds.
const SECONDS: f64 = 45.0;
const CALLS: u64 = 200_000;
/// The default number of calls with `--starve`: each call makes every allocation fail in turn.
const SWEEPS: u64 = 160;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// How many calls to judge after the warm-up, rounded up to a multiple
    /// of 20 [default: 200000 (160 with --starve), or as many as fit in 45
    /// seconds]
    #[arg(
        long,
        value_parser = clap::value_parser!(u64).range(1..=1_000_000_000),
        verbatim_doc_comment
    )]
    calls: Option<u64>,
    /// Stop calling after this many seconds; locating a leak takes a few more
    #[arg(long, value_parser = seconds)]
    seconds: Option<Duration>,
    /// How many values to pass to each call
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    size: u32,
    #[command(flatten)]
    callee: Callee,
    /// Allow growth of objects and containers that match PATTERN, such as
    /// 'module.CACHE*'; 'types' allows references to types; repeatable
    #[arg(long, value_name = "PATTERN", value_parser = text::<String>(), verbatim_doc_comment)]
    allow: Vec<String>,
    /// Name the C functions that take and release leaked references; it
    /// needs gdb
    #[arg(long, verbatim_doc_comment)]
    native: bool,
    /// After a leak or an over-release, write a script that shows it in
    /// plain Python; the script is run first
    #[arg(
        long,
        value_name = "FILE.py",
        value_parser = overwrite::file("py"),
        conflicts_with = "inject",
        verbatim_doc_comment
    )]
    reproducer: Option<PathBuf>,
    /// Fail only for leaks that FILE does not have or that are worse; if
    /// FILE does not exist, fail and write it
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    baseline: Option<PathBuf>,
    /// Leak on purpose: one KIND every EVERY calls, where KIND is float,
    /// list, reference, heap (a block of memory) or file
    #[arg(long, value_name = "KIND/EVERY", verbatim_doc_comment)]
    inject: Option<Injection>,
    /// Plot memory use over the calls
    #[arg(long, value_name = "FILE.svg", value_parser = overwrite::file("svg"))]
    plot: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Set by the parent process, which watches the soak
    #[arg(long, hide = true)]
    watched: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.watched {
        let mut watched = Watched::new()?;
        let result = soak(arguments, &mut watched).or_else(|error| {
            let Some(advice) = arguments.inputs.advice(&error) else {
                return Err(error);
            };
            complain(&error);
            say(advice);
            Ok(ExitCode::FAILURE)
        });
        return watched.done(result);
    }
    if arguments.reproducer.is_some() && arguments.inputs.starve {
        let reason =
            "a reproducer cannot make allocations fail: leave out --starve or --reproducer";
        return Err(clap::Error::raw(ErrorKind::ArgumentConflict, reason).into());
    }
    let files = [&arguments.reproducer, &arguments.plot];
    files
        .into_iter()
        .flatten()
        .try_for_each(|file| overwrite::check(file))?;
    let baseline = arguments.baseline.as_deref().map(Baseline::read);
    let baseline = baseline.transpose()?;
    let watched::Ended { report, status } = watched::watch()?;
    let Some((text, record)) = report else {
        return Ok(ExitCode::from(status));
    };
    let mut ended = Ending {
        text,
        record,
        status,
        notes: Vec::new(),
    };
    if let Some(file) = &arguments.reproducer {
        ended.reproduce(file, arguments.source());
    }
    let compared = baseline.map(|baseline| ended.compare(&baseline, arguments.name()));
    print(&if arguments.json {
        to_json(&ended.record)
    } else {
        ended.text
    })?;
    ended.notes.iter().for_each(|note| say(note));
    compared.transpose()?;
    Ok(ExitCode::from(ended.status))
}

/// What is printed at the end, and the exit status.
struct Ending {
    text: String,
    record: Record,
    status: u8,
    /// Lines for stderr.
    notes: Vec<String>,
}

impl Ending {
    /// Writes a script that shows the leak.
    fn reproduce(&mut self, file: &Path, source: Value) {
        let name = file.display();
        let refusal = match reproducer::write(file, &source, &self.record) {
            Ok(None) => {
                self.record.reproducer = Some(name.to_string());
                self.text.push_str(&format!("reproducer: {name}\n"));
                return;
            }
            Ok(Some(reason)) => reason,
            Err(error) => format!("{error:#}"),
        };
        self.notes.push(format!("{name} is not written: {refusal}"));
    }

    /// Compares with what is known: then a leak does not fail.
    fn compare(&mut self, baseline: &Baseline, name: String) -> Result<()> {
        let (judged, said) = baseline.judge_run(name, &self.record)?;
        if let Some(judged) = judged {
            let file = baseline.path.display();
            self.text.push_str(&match judged.name {
                "known" => {
                    self.status = 0;
                    format!("known, in {file}\n")
                }
                "worse" => format!("worse than in {file}\n"),
                _ => format!("new, not in {file}\n"),
            });
            self.record.baseline = Some(judged.name.into());
            self.notes.extend(judged.reasons);
        }
        self.notes.extend(said);
        Ok(())
    }
}

impl Arguments {
    /// What is soaked.
    fn name(&self) -> String {
        match &self.inputs.statement {
            Some(source) => source.0.clone(),
            None => self.callee.function.to_string(),
        }
    }

    /// The same, for a script.
    fn source(&self) -> Value {
        match &self.inputs.statement {
            Some(source) => self.inputs.source(source),
            None => self.callee.source(self.size),
        }
    }
}

fn soak(arguments: &Arguments, watched: &mut Watched) -> Result<ExitCode> {
    refsoak::child::empty_stdin()?;
    let callee = match &arguments.inputs.statement {
        Some(statement) => Soaked::Statement(Statement::new(statement, &arguments.inputs)?),
        None => Soaked::Function(arguments.callee.find()?, workload(arguments.size)?),
    };
    let mut calls = 0;
    let call = || {
        callee.call()?;
        calls += 1;
        arguments
            .inject
            .as_ref()
            .map_or(Ok(()), |injection| injection.leak(calls))
    };

    let mut bar = Bar::new();
    let usual = if arguments.inputs.starve {
        SWEEPS
    } else {
        CALLS
    };
    let mut soak = Soak::new(arguments.calls.unwrap_or(usual));
    if let Soaked::Function(detector, data) = &callee {
        soak = soak.lend(detector, data);
    }
    for pattern in &arguments.allow {
        soak = soak.allow(pattern);
    }
    if called::is_in_python() {
        // Allocations outside all Python code belong to no line: not to the one that runs this program either.
        soak = soak.hide("refsoak");
    }
    if arguments.native {
        soak = soak.native();
    }
    let unasked = arguments
        .calls
        .is_none()
        .then(|| Duration::from_secs_f64(SECONDS));
    if let Some(time) = arguments.seconds.or(unasked) {
        soak = soak.within(time);
    }
    let report = soak.run_watched(call, |progress| {
        bar.show(progress);
        watched.messenger.progress(progress);
        if watched.interrupted.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    bar.clear();
    let report = report?;
    // First, because the picture may fail, and the report has taken long.
    watched.messenger.report(&report);
    if let Some(file) = &arguments.plot {
        plot::soak(file, &arguments.name(), &report)?;
    }
    Ok(match report.verdict {
        _ if report.ended == Some(Ended::Interrupted) => ExitCode::from(130),
        Verdict::Clean => ExitCode::SUCCESS,
        Verdict::Undecided(_) => ExitCode::from(3),
        _ => ExitCode::FAILURE,
    })
}

/// What is soaked.
enum Soaked {
    Function(Outliers, Vec<f64>),
    Statement(Statement),
}

impl Soaked {
    fn call(&self) -> pyoutliers::Result<()> {
        match self {
            Self::Function(detector, data) => detector.detect(data).map(drop),
            Self::Statement(statement) => statement.run(),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|&seconds| seconds > 0.0);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "write a number of seconds, such as 10".into())
}

/// The same values each time: noise, in which every hundredth value stands out.
fn workload(size: u32) -> Result<Vec<f64>> {
    let mut random = StdRng::seed_from_u64(1);
    let value = |index| random.random::<f64>() + if index % 100 == 7 { 50.0 } else { 0.0 };
    let mut values = Vec::new();
    let reserved = values.try_reserve_exact(usize::try_from(size)?);
    reserved.map_err(|_| anyhow!("--size {size}: out of memory"))?;
    values.extend((0..size).map(value));
    Ok(values)
}
