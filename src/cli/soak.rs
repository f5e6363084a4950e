//! `outliers soak`: a thin user of the library's soak.

use std::ffi::CString;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use pyoutliers::capi::{self, Held};
use pyoutliers::soak::{Finding, Report, Soak, Verdict, lines_that_grow};
use pyoutliers::{Outliers, with_python};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use signal_hook::consts::SIGINT;
use signal_hook::flag;

use super::bar::Bar;
use super::inject::Injection;
use super::{Function, plot};

#[derive(Args)]
pub struct Arguments {
    /// How many calls to judge, rounded up to a multiple of 16; up to 30,000 more warm up
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    calls: u64,
    /// How many values each call gets
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    size: u32,
    /// Soak another function: it takes a list of floats and returns ints
    #[arg(
        long,
        value_name = "MODULE:NAME|FILE.py:NAME",
        default_value = "pyoutliers:detect"
    )]
    function: Function,
    /// Leak on purpose: a float, list, reference, heap (block) or file every so many calls
    #[arg(long, value_name = "KIND/EVERY")]
    inject: Option<Injection>,
    /// Draw memory over calls
    #[arg(long, value_name = "FILE.svg", value_parser = plot::svg_file())]
    plot: Option<PathBuf>,
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Function { module, function } = &arguments.function;
    let detector = Outliers::new(module, function)?;
    let data = workload(arguments.size)?;
    let found = find(module, function)?;
    let mut calls = 0;
    let mut call = || {
        detector.detect(&data)?;
        calls += 1;
        arguments
            .inject
            .as_ref()
            .map_or(Ok(()), |injection| injection.leak(calls, &found))
    };

    let interrupted = interrupted()?;
    let mut bar = Bar::new(arguments.calls);
    let soak = Soak::new(arguments.calls).function(module, function)?;
    let report = soak.run_watched(&mut call, |progress| {
        bar.show(progress);
        if interrupted.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    bar.clear();
    let report = report?;

    let leaks =
        report.verdict == Verdict::Leak && !report.interrupted && arguments.inject.is_none();
    let again = enough_to_tell(&report);
    let grown = if leaks {
        lines_that_grow(again, &mut call)?
    } else {
        Vec::new()
    };
    if let Some(file) = &arguments.plot {
        plot::soak(file, &arguments.function.to_string(), &report)?;
    }
    super::print(&if arguments.json {
        format!("{:#}\n", to_json(&report, &grown))
    } else {
        let grown = grown.iter().map(|line| format!("  {line}\n"));
        let title = (grown.len() > 0).then(|| format!("what grew in {again} calls more:\n"));
        [report.to_string()]
            .into_iter()
            .chain(title)
            .chain(grown)
            .collect()
    })?;
    Ok(match report.verdict {
        _ if report.interrupted => ExitCode::from(130),
        Verdict::Clean => ExitCode::SUCCESS,
        Verdict::None(_) => ExitCode::from(3),
        _ => ExitCode::FAILURE,
    })
}

/// Calls in which the rarest leak happens some 64 times, within reason: traced calls are slow.
fn enough_to_tell(report: &Report) -> u64 {
    let rates = report
        .counters
        .iter()
        .filter(|growth| growth.finding == Finding::Leak);
    let rarest = rates.map(|growth| growth.per_call).fold(1.0, f64::min);
    [1000_u32, 2000, 4000, 8000, 16_000, 32_000]
        .into_iter()
        .find(|&calls| f64::from(calls) * rarest >= 64.0)
        .unwrap_or(50_000)
        .into()
}

/// The same values each time: noise, and one in a hundred stands out.
fn workload(size: u32) -> Result<Vec<f64>> {
    let mut random = StdRng::seed_from_u64(1);
    let value = |index| random.random::<f64>() + if index % 100 == 7 { 50.0 } else { 0.0 };
    let mut values = Vec::new();
    let reserved = values.try_reserve_exact(usize::try_from(size)?);
    reserved.map_err(|_| anyhow!("--size {size}: out of memory"))?;
    values.extend((0..size).map(value));
    Ok(values)
}

/// The function, to leak references to.
fn find(module: &str, function: &str) -> Result<Held> {
    let (module, function) = (CString::new(module)?, CString::new(function)?);
    Ok(with_python(|py| {
        let module = capi::import_module(py, &module)?;
        Ok(Held::from(capi::object_get_attr_string(
            &module, &function,
        )?))
    })?)
}

/// Set by the first Ctrl-C; the second ends the process, should a call never return.
fn interrupted() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let register = flag::register_conditional_default(SIGINT, Arc::clone(&interrupted))
        .and_then(|_| flag::register(SIGINT, Arc::clone(&interrupted)));
    register.context("cannot listen for Ctrl-C")?;
    Ok(interrupted)
}

fn to_json(report: &Report, grown: &[String]) -> Value {
    let per_call: serde_json::Map<_, _> = report
        .counters
        .iter()
        .map(|growth| (growth.counter.to_string(), growth.per_call.into()))
        .collect();
    json!({
        "verdict": report.verdict.name(),
        "summary": report.summary(),
        "interrupted": report.interrupted,
        "calls": report.calls,
        "warm_up": report.warm_up,
        "settled": report.settled,
        "shortened": report.shortened,
        "per_call": per_call,
        "smallest_visible": report.smallest_visible,
        "grown": grown,
    })
}
