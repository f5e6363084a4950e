//! The command line, thin: arguments in, results on stdout, all else on stderr.

mod axis;
mod bar;
mod commas;
mod detect;
mod doctor;
mod exercise;
mod found;
mod function;
mod generate;
mod inject;
mod input;
mod output;
mod plot;
mod read;
mod records;
mod refcounts;
mod separators;
mod similar;
mod soak;
mod times;
mod transform;
mod watched;
mod words;

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use output::{complain, print, print_as_it_is, print_by, print_records, say};
use pyoutliers::Outliers;

/// Finds outliers with a Python function, called in memory.
///
/// Without a command: the demo, on the numbers of pyoutliers.gen_testdata().
#[derive(Parser)]
#[command(
    name = "outliers",
    version,
    after_help = "\
Examples:
  outliers detect --column value cpu.csv      the indices of the outliers
  outliers detect -c value -o rows cpu.csv    the records that hold them
  outliers soak --function spikes.py:spikes   does a function of your own leak?
  outliers refcounts stolen-reference         a lesson

Exit status: 0 fine, 1 an error or a leak, 2 wrong usage, 3 no verdict,
4 outliers were found (detect --fail-if-found), 130 interrupted."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print which numbers of a file are outliers, by their indices from 0
    Detect(detect::Arguments),
    /// Print the floats that a function makes of the numbers of a file
    Transform(transform::Arguments),
    /// Teach the rules of reference counting, measured on your Python
    Refcounts(refcounts::Arguments),
    /// Give out broken C extensions to mend, and judge them
    Exercise(exercise::Arguments),
    /// Call a function many times, and say whether it leaks
    Soak(soak::Arguments),
    /// Tell which Python is used and why, and how to mend what is wrong
    Doctor(doctor::Arguments),
    /// Write shell completions and man pages
    Generate(generate::Arguments),
}

/// Runs the program; its exit status is that of the help.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // It repeats what was typed: it is made again, of what may be printed.
            let typed =
                env::args_os().map(|word| output::escape(&word.to_string_lossy()).into_owned());
            let error = Arguments::try_parse_from(typed).err().unwrap_or(error);
            // To a closed pipe there is nothing to say.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    let result = match arguments.command {
        None => demo(),
        Some(Command::Detect(arguments)) => detect::run(&arguments),
        Some(Command::Transform(arguments)) => transform::run(&arguments),
        Some(Command::Refcounts(arguments)) => refcounts::run(&arguments),
        Some(Command::Exercise(arguments)) => exercise::run(&arguments),
        Some(Command::Soak(arguments)) => soak::run(&arguments),
        Some(Command::Doctor(arguments)) => doctor::run(&arguments),
        Some(Command::Generate(arguments)) => generate::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::FAILURE
    })
}

/// Ends the program as wrong arguments do.
fn wrong_usage(message: &str) -> ! {
    let command = &mut Arguments::command();
    command.error(ErrorKind::ArgumentConflict, message).exit()
}

fn demo() -> Result<ExitCode> {
    let detector = Outliers::new("pyoutliers", "detect")?;
    let indices = detector.detect(&pyoutliers::gen_testdata()?)?;
    print(&format!("{indices:?}\n"))?;
    Ok(ExitCode::SUCCESS)
}
