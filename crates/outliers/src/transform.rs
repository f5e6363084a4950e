//! `outliers transform`: numbers in, floats out.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::argument::text;
use super::function::{Function, Settings};
use super::input::Input;
use super::output::print_by;
use super::read::Wanted;

#[derive(Args)]
#[command(
    override_usage = "outliers transform [OPTIONS] --function <FUNCTION> [FILE]...",
    after_help = "\
Examples:
  outliers transform -f smooth.py:mean -c value cpu.csv
  outliers transform -f smooth.py:mean -s width=24 -o lines cpu.txt"
)]
pub struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Call this function, which takes a list of floats
    /// and returns at most as many floats
    #[arg(
        short,
        long,
        value_name = "MODULE:NAME|FILE.py:NAME",
        value_parser = text::<Function>(),
        verbatim_doc_comment
    )]
    function: Function,
    #[command(flatten)]
    settings: Settings,
    /// How to print the floats; with several FILEs, each line begins with
    /// the name of its file
    #[arg(
        short = 'o',
        long,
        value_enum,
        default_value_t = Format::List,
        verbatim_doc_comment
    )]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// A JSON list, with null for NaN and infinity
    List,
    /// One float per line
    Lines,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    // Python starts before the numbers are read, as in `detect`.
    let function = arguments.settings.find(&arguments.function)?;
    arguments.input.each(|source| {
        let series = source.read(Wanted::default())?;
        let floats = function.transform(&series.numbers);
        let floats = floats.map_err(|error| source.blame(error.into()))?;
        let prefix = source.prefix();
        print_by(|stdout| match arguments.format {
            Format::List => {
                let floats = floats.iter().map(serde_json::to_string);
                let floats = floats.collect::<Result<Vec<_>, _>>()?;
                writeln!(stdout, "{prefix}[{}]", floats.join(", "))
            }
            Format::Lines => {
                let mut floats = floats.iter();
                floats.try_for_each(|float| writeln!(stdout, "{prefix}{float:?}"))
            }
        })
    })
}
