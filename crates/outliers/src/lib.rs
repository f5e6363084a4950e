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

// How the program was called.
mod called;
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
mod audit;
mod bar;
pub mod baseline;
mod exercise;
mod findings;
mod inject;
pub mod messages;
mod refcounts;
mod reproducer;
mod similar;
mod soak;
mod statement;
mod watched;
// The commands about the program itself.
mod doctor;
mod generate;

use std::io;
use std::iter;
use std::process::ExitCode;

use anyhow::{Result, bail};
pub use called::Called;
use clap::{CommandFactory, Parser, Subcommand};
use output::{complain, escape, print};
use pyoutliers::Outliers;
use pyoutliers::interpreter::loaded;

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
  outliers audit mymodule                     call all that a C module offers
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
    #[command(flatten)]
    AboutReferences(AboutReferences),
    /// Write shell completions and man pages
    Generate(generate::Arguments),
}

/// Finds reference leaks in Python functions and C extensions, and teaches reference counting.
///
/// With pytest: pytest --soak
#[derive(Parser)]
#[command(
    name = "python -m refsoak",
    version,
    after_help = "\
Examples:
  python -m refsoak soak --function my.py:detect   does my function leak?
  python -m refsoak audit mymodule                 call all that a C module offers
  python -m refsoak refcounts stolen-reference     show a lesson
  python -m refsoak exercise                       fix broken C extensions

Exit status: 0 success, 1 an error or a fault (leak, over-release, crash),
2 wrong usage, 3 no verdict, 130 interrupted."
)]
struct ArgumentsInPython {
    #[command(subcommand)]
    command: AboutReferences,
}

/// The commands that `python -m refsoak` has too.
#[derive(Subcommand)]
enum AboutReferences {
    /// Show the rules of reference counting, measured on your Python
    Refcounts(refcounts::Arguments),
    /// Get broken C extensions to fix, and check your fixes
    Exercise(exercise::Arguments),
    /// Run a function or a statement many times, and report leaks
    Soak(Box<soak::Arguments>),
    /// Call everything that a compiled module offers, and report leaks,
    /// crashes and hangs
    #[command(verbatim_doc_comment)]
    Audit(audit::Arguments),
    /// Show which Python is used, and how to fix problems
    Doctor(doctor::Arguments),
}

/// Runs the program on the arguments of the process. `outliers --help` lists the exit statuses.
pub fn run() -> ExitCode {
    Called::as_program().set();
    run_as::<Arguments>(start)
}

/// Runs `python -m refsoak`, in the Python that has loaded this library.
pub fn run_in_python(called: Called) -> ExitCode {
    called.set();
    run_as::<ArgumentsInPython>(|arguments| start_about_references(&arguments.command))
}

fn run_as<A: Parser>(start: impl FnOnce(A) -> Result<ExitCode>) -> ExitCode {
    let words = || iter::once(called::name().into()).chain(called::arguments().cloned());
    let result = match A::try_parse_from(words()) {
        Ok(arguments) => start(arguments),
        Err(error) => Err(error.into()),
    };
    result.unwrap_or_else(|error| match error.downcast::<clap::Error>() {
        Ok(error) => usage::<A>(error),
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
        Some(Command::AboutReferences(command)) => start_about_references(&command),
        Some(Command::Generate(arguments)) => generate::run(&arguments, &Arguments::command()),
    }
}

fn start_about_references(command: &AboutReferences) -> Result<ExitCode> {
    match command {
        AboutReferences::Refcounts(arguments) => {
            refuse_free_threaded()?;
            refcounts::run(arguments)
        }
        AboutReferences::Exercise(arguments) => exercise::run(arguments),
        AboutReferences::Soak(arguments) => soak::run(arguments),
        AboutReferences::Audit(arguments) => audit::run(arguments),
        AboutReferences::Doctor(arguments) => doctor::run(arguments),
    }
}

/// For the lessons and exercises. Without a library, they fail as usual.
fn refuse_free_threaded() -> Result<()> {
    if loaded().version.is_free_threaded() {
        bail!(
            "the lessons and exercises show counts that a free-threaded Python keeps in several places, and changes \
             later; build this program with a Python that has the GIL"
        );
    }
    Ok(())
}

/// Prints the requested help or version, or the usage error.
fn usage<A: Parser>(error: clap::Error) -> ExitCode {
    let error = error.format(&mut A::command());
    // The message repeats the arguments, so it is made again from escaped ones.
    let typed = called::arguments().map(|word| escape(&word.to_string_lossy()).into_owned());
    let typed = iter::once(called::name().to_owned()).chain(typed);
    let error = A::try_parse_from(typed).err().unwrap_or(error);
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
