//! The command line of `outliers`: arguments in, results on stdout, everything else on stderr.
//!
//! `detect` and `transform` pass numbers through these modules, from left to right:
//!
//! ```text
//! arguments ──▶ input ──▶ read ──▶ function ──▶ detect, transform ──▶ rows, plot ──▶ output
//!               files     text to  Python       indices, floats       records and    stdout and
//!                         numbers                                     pictures       stderr
//! ```
//!
//! Every other command has a module with the same name. The package `refsoak` runs the soak, and the package
//! `lessons` has the lessons, the exercises and their judge.

// From arguments to numbers.
mod argument;
mod input;
mod read;
// The Python function.
mod function;
// The commands for numbers.
mod detect;
mod transform;
// Their output.
mod output;
mod overwrite;
mod plot;
mod rows;
// The commands for leaks and references.
mod bar;
mod exercise;
mod inject;
mod refcounts;
mod similar;
mod soak;
mod watched;
// The commands about the program itself.
mod doctor;
mod generate;

use std::env;
use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser, Subcommand};
use output::{complain, escape, print};
use pyoutliers::Outliers;

/// Finds outliers with a Python function, called in memory.
///
/// Without a command, it runs the demo on pyoutliers.gen_testdata().
#[derive(Parser)]
#[command(
    name = "outliers",
    version,
    after_help = "\
Examples:
  outliers detect --column value cpu.csv      print the indices of the outliers
  outliers detect -c value -o rows cpu.csv    print the records with outliers
  outliers soak --function spikes.py:spikes   does your own function leak?
  outliers refcounts stolen-reference         show a lesson

Exit status: 0 success, 1 an error or a fault (leak, over-release, crash),
2 wrong usage, 3 no verdict, 4 outliers were found (detect --fail-if-found),
130 interrupted."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Find outliers, and print their indices (from 0) or their records
    Detect(detect::Arguments),
    /// Print the floats that your function computes from the numbers
    Transform(transform::Arguments),
    /// Show the rules of reference counting, measured on your Python
    Refcounts(refcounts::Arguments),
    /// Get broken C extensions to fix, and check your fixes
    Exercise(exercise::Arguments),
    /// Call a function many times, and report whether it leaks
    Soak(soak::Arguments),
    /// Show which Python is used, and how to fix problems
    Doctor(doctor::Arguments),
    /// Write shell completions and man pages
    Generate(generate::Arguments),
}

/// Runs the program on the arguments of the process. `outliers --help` lists the exit statuses.
pub fn run() -> ExitCode {
    let result = match Arguments::try_parse() {
        Ok(arguments) => start(arguments),
        Err(error) => Err(error.into()),
    };
    result.unwrap_or_else(|error| match error.downcast::<clap::Error>() {
        Ok(error) => usage(error),
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    })
}

fn start(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        None => demo(),
        Some(Command::Detect(arguments)) => detect::run(&arguments),
        Some(Command::Transform(arguments)) => transform::run(&arguments),
        Some(Command::Refcounts(arguments)) => refcounts::run(&arguments),
        Some(Command::Exercise(arguments)) => exercise::run(&arguments),
        Some(Command::Soak(arguments)) => soak::run(&arguments),
        Some(Command::Doctor(arguments)) => doctor::run(&arguments),
        Some(Command::Generate(arguments)) => generate::run(&arguments, &Arguments::command()),
    }
}

/// Prints the requested help or version, or the usage error.
fn usage(error: clap::Error) -> ExitCode {
    let error = error.format(&mut Arguments::command());
    // The message repeats the arguments, so it is made again from escaped ones.
    let typed = env::args_os().map(|word| escape(&word.to_string_lossy()).into_owned());
    let mut error = Arguments::try_parse_from(typed).err().unwrap_or(error);
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg)
        && error.kind() == clap::error::ErrorKind::UnknownArgument
        && word.contains(".py:")
    {
        let tip = vec!["name a function with '--function'".into()];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tip));
    }
    match error.print() {
        Err(problem) if !error.use_stderr() && problem.kind() != io::ErrorKind::BrokenPipe => {
            complain(&anyhow::Error::new(problem).context("cannot write the result"));
            ExitCode::FAILURE
        }
        _ => u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from),
    }
}

fn demo() -> Result<ExitCode> {
    let detector = Outliers::new("pyoutliers", "detect")?;
    let indices = detector.detect(&pyoutliers::gen_testdata()?)?;
    print(&format!("{indices:?}\n"))?;
    Ok(ExitCode::SUCCESS)
}
