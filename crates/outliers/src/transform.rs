//! `outliers transform`: numbers in, the floats that a function makes of them out.

use std::process::ExitCode;

use anyhow::{Context, Error, Result};
use clap::{Args, ValueEnum};

use super::detect::open;
use super::function::{Function, Settings};
use super::input::{Input, prefix};
use super::print_by;
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
    /// The function: it takes a list of floats and returns floats,
    /// at most as many
    #[arg(
        short,
        long,
        value_name = "MODULE:NAME|FILE.py:NAME",
        verbatim_doc_comment
    )]
    function: Function,
    #[command(flatten)]
    settings: Settings,
    /// How to print the floats; of several FILEs, each line after its name
    #[arg(short = 'o', long, value_enum, default_value_t = Format::List)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// A JSON list; NaN and the infinities are null
    List,
    /// A float per line
    Lines,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let input = &arguments.input;
    // Before the numbers are there, as for `detect`.
    let function = arguments.settings.find(&arguments.function)?;
    Ok(input.each(|path, name, several| {
        let file = open(path).with_context(|| name.to_owned())?;
        let series = input.series(&file, name, Wanted::default())?;
        let floats = function.transform(&series.numbers);
        let floats = floats.map_err(|error| match several {
            true => Error::from(error).context(name.to_owned()),
            false => error.into(),
        })?;
        let prefix = prefix(name, several);
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
    }))
}
