//! `outliers soak`: runs a function or a statement many times and reports leaks, with the package refsoak.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::Args;
use pyoutliers::Outliers;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use refsoak::{Ended, Record, Soak, Verdict};

use super::argument::text;
use super::bar::Bar;
use super::function::Callee;
use super::inject::Injection;
use super::messages::to_json;
use super::overwrite;
use super::plot;
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
    if !arguments.watched {
        return watched::watch(arguments.json);
    }
    let mut watched = Watched::new()?;
    let result = soak(arguments, &mut watched);
    watched.done(result)
}

fn soak(arguments: &Arguments, watched: &mut Watched) -> Result<ExitCode> {
    arguments.plot.as_deref().map_or(Ok(()), overwrite::check)?;
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
    if let Some(file) = &arguments.plot {
        let title = match &arguments.inputs.statement {
            Some(source) => source.0.clone(),
            None => arguments.callee.function.to_string(),
        };
        plot::soak(file, &title, &report)?;
    }
    watched.messenger.report(&if arguments.json {
        to_json(&Record::from(&report))
    } else {
        report.to_string()
    });
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
