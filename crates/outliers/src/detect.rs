//! `outliers detect`: numbers in, indices or records out.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Error, Result, anyhow};
use clap::{Args, ValueEnum};
use pyoutliers::{ErrorKind, Outliers};

use super::found::Found;
use super::function::Callee;
use super::input::{Input, prefix};
use super::read::Wanted;
use super::{plot, print_by, say};

#[derive(Args)]
#[command(after_help = "\
Examples:
  (seq 100; echo 900) | outliers detect              their indices: [100]
  outliers detect --column value cpu.csv             of a column, by its name
  outliers detect -c 2 -s threshold=4 -o rows *.csv  4 standard deviations off
  outliers detect -c 2 -f spikes.py:spikes cpu.csv   by a function of your own
  outliers detect -c 2 -t 1 -p cpu.svg cpu.csv       over the times of column 1")]
pub struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    callee: Callee,
    /// How to print what is found; of several FILEs, each line after its name
    #[arg(short = 'o', long, value_enum, default_value_t = Format::List)]
    format: Format,
    /// End with status 4 if something is found
    #[arg(long)]
    fail_if_found: bool,
    /// Draw the numbers of one FILE, with the outliers marked
    #[arg(short, long, value_name = "FILE.svg", value_parser = plot::file("svg"))]
    plot: Option<PathBuf>,
    /// Draw them over the times in this column: as in ISO 8601, or
    /// seconds since 1970
    #[arg(
        short,
        long,
        value_name = "NAME|NUMBER",
        requires_all = ["plot", "column"],
        verbatim_doc_comment
    )]
    time: Option<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// A JSON list of indices
    List,
    /// An index per line
    Lines,
    /// The records, if any, as in the file, below its header
    Rows,
    /// A JSON object per line: file, line, index, value, record
    Json,
}

/// The exit status if something was found and that is asked for: no error has it.
const FOUND: u8 = 4;

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.plot.is_some() && arguments.input.files.len() > 1 {
        super::wrong_usage("--plot draws one FILE, and several were given");
    }
    // Before the numbers are there: should they leave too little memory for it, Python's start would
    // end the process, or hang. What follows can be refused.
    let detector = arguments.callee.find()?;
    let mut is_found = false;
    let status = arguments.input.each(|path, name, several| {
        is_found |= detect(&detector, arguments, path, name, several)?;
        Ok(())
    });
    let fails = arguments.fail_if_found && is_found && status == ExitCode::SUCCESS;
    Ok(if fails { FOUND.into() } else { status })
}

/// Prints what stands out; whether something does.
fn detect(
    detector: &Outliers,
    arguments: &Arguments,
    path: &Path,
    name: &str,
    several: bool,
) -> Result<bool> {
    let file = open(path).with_context(|| name.to_owned())?;
    let records = matches!(arguments.format, Format::Rows | Format::Json);
    let wanted = Wanted {
        time: arguments.time.as_deref(),
        // A function of the user's may well know what to do with a NaN.
        only_finite: arguments.callee.function.module == "pyoutliers",
        records,
        ..Wanted::default()
    };
    let mut series = arguments.input.series(&file, name, wanted)?;
    let indices = detector.detect(&series.numbers).map_err(remedy);
    let indices = indices.map_err(|error| match several {
        true => error.context(name.to_owned()),
        false => error,
    })?;
    let found = records.then(|| Found::new(name, &mut series, &indices));
    let found = found.transpose()?;
    // Before the result is printed: a picture that cannot be written is an error.
    if let Some(picture) = &arguments.plot {
        plot::series(picture, name, series, &indices)?;
    }
    let prefix = prefix(name, several);
    match (arguments.format, found) {
        (Format::Rows, Some(found)) => found.rows(&prefix),
        (Format::Json, Some(found)) => found.json(),
        (Format::Lines, _) => print_by(|stdout| {
            let mut indices = indices.iter();
            indices.try_for_each(|index| writeln!(stdout, "{prefix}{index}"))
        }),
        _ => print_by(|stdout| writeln!(stdout, "{prefix}{indices:?}")),
    }?;
    Ok(!indices.is_empty())
}

/// Names the command that is meant where a function returns floats.
fn remedy(error: pyoutliers::Error) -> Error {
    match error.kind() {
        ErrorKind::Item { got, .. } if got.contains("float") => {
            anyhow!("{error}; `outliers transform` prints floats")
        }
        _ => error.into(),
    }
}

/// What to read.
pub fn open(path: &Path) -> io::Result<File> {
    if path != Path::new("-") {
        return File::open(path);
    }
    if io::stdin().is_terminal() {
        say("reading numbers from the terminal, up to Ctrl-D");
    }
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}
