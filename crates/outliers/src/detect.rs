//! `outliers detect`: numbers in, the indices or records of the outliers out.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Error, Result, anyhow};
use clap::error::ErrorKind as UsageError;
use clap::{Args, ValueEnum};
use pyoutliers::{ErrorKind, Outliers};

use super::argument::text;
use super::function::Callee;
use super::input::{Input, Source};
use super::output::print_by;
use super::overwrite;
use super::plot;
use super::read::Wanted;
use super::rows::Rows;

#[derive(Args)]
#[command(after_help = "\
Examples:
  (seq 100; echo 900) | outliers detect              prints [100]
  outliers detect --column value cpu.csv             one column, by its name
  outliers detect -c 2 -s threshold=4 -o rows *.csv  fewer outliers, as records
  outliers detect -c 2 -f spikes.py:spikes cpu.csv   your own function
  outliers detect -c 2 -t 1 -p cpu.svg cpu.csv       a picture over time")]
pub struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    callee: Callee,
    /// How to print the outliers. With several FILEs, each line begins with
    /// the name of its file, except for json, which always contains
    /// the name
    #[arg(
        short = 'o',
        long,
        value_enum,
        default_value_t = Format::List,
        verbatim_doc_comment
    )]
    format: Format,
    /// Exit with status 4 if there are outliers
    #[arg(long)]
    fail_if_found: bool,
    /// Draw the numbers of one FILE and mark the outliers
    #[arg(short, long, value_name = "FILE.svg", value_parser = overwrite::file("svg"))]
    plot: Option<PathBuf>,
    /// Draw the numbers over the times in this column, in ISO 8601 or in
    /// seconds since 1970
    #[arg(
        short,
        long,
        value_name = "NAME|NUMBER",
        value_parser = text::<String>(),
        requires_all = ["plot", "column"],
        verbatim_doc_comment
    )]
    time: Option<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// A JSON list of indices
    List,
    /// One index per line
    Lines,
    /// The records as they are in the file, below its header
    Rows,
    /// One JSON object per line: file, line, index, value, record
    Json,
}

/// The exit status if `--fail-if-found` is set and there are outliers. No error has this status.
const FOUND: u8 = 4;

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.plot.is_some() && arguments.input.files.len() > 1 {
        let message = "--plot takes one FILE, but several are given";
        return Err(clap::Error::raw(UsageError::ArgumentConflict, message).into());
    }
    // Python starts before the numbers are read: if it runs out of memory as it starts, it ends the process
    // or hangs. Later, it reports an error.
    let detector = arguments.callee.find()?;
    let mut is_found = false;
    let status = arguments.input.each(|source| {
        is_found |= detect(&detector, arguments, source)?;
        Ok(())
    })?;
    let fails = arguments.fail_if_found && is_found && status == ExitCode::SUCCESS;
    Ok(if fails { FOUND.into() } else { status })
}

/// Prints the outliers of one file. Returns whether there are any.
fn detect(detector: &Outliers, arguments: &Arguments, source: &Source<'_>) -> Result<bool> {
    let name = source.name.as_str();
    let records = matches!(arguments.format, Format::Rows | Format::Json);
    let wanted = Wanted {
        time: arguments.time.as_deref(),
        // Your own function may handle NaN itself.
        only_finite: arguments.callee.function.module == "pyoutliers",
        records,
        ..Wanted::default()
    };
    let mut series = source.read(wanted)?;
    let indices = detector.detect(&series.numbers);
    let indices = indices.map_err(|error| source.blame(remedy(error)))?;
    let rows = records.then(|| Rows::new(name, &mut series, &indices));
    let rows = rows.transpose()?;
    // If the picture cannot be written, no result is printed.
    if let Some(picture) = &arguments.plot {
        plot::series(picture, name, series, &indices)?;
    }
    let prefix = source.prefix();
    match (arguments.format, rows) {
        (Format::Rows, Some(rows)) => rows.print(&prefix),
        (Format::Json, Some(rows)) => rows.print_json(),
        (Format::Lines, _) => print_by(|stdout| {
            let mut indices = indices.iter();
            indices.try_for_each(|index| writeln!(stdout, "{prefix}{index}"))
        }),
        _ => print_by(|stdout| writeln!(stdout, "{prefix}{indices:?}")),
    }?;
    Ok(!indices.is_empty())
}

/// Suggests `outliers transform` if the function returned floats.
fn remedy(error: pyoutliers::Error) -> Error {
    match error.kind() {
        ErrorKind::Item { got, .. } if got.contains("float") => {
            anyhow!("{error}; `outliers transform` prints floats")
        }
        _ => error.into(),
    }
}
