//! `outliers detect`: numbers in, indices or records out.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Error, Result};
use clap::{Args, ValueEnum};
use pyoutliers::Outliers;

use super::found::Found;
use super::function::Callee;
use super::read::{self, Wanted};
use super::{complain, plot, print_by, say};

#[derive(Args)]
#[command(after_help = "\
Examples:
  (seq 100; echo 900) | outliers detect              their indices: [100]
  outliers detect --column value cpu.csv             of a column, by its name
  outliers detect -c 2 -s threshold=4 -o rows *.csv  4 standard deviations off
  outliers detect -c 2 -f spikes.py:spikes cpu.csv   by a function of your own
  outliers detect -c 2 -t 1 -p cpu.svg cpu.csv       over the times of column 1")]
pub struct Arguments {
    /// Text with numbers, or CSV. Each FILE is searched by itself.
    /// Without one, or with -, standard input is read
    #[arg(value_name = "FILE", verbatim_doc_comment)]
    files: Vec<PathBuf>,
    /// Read one column of CSV, by the name in its header or by number from 1
    #[arg(short, long, value_name = "NAME|NUMBER")]
    column: Option<String>,
    #[command(flatten)]
    callee: Callee,
    /// Skip missing values: empty, n/a, -, NULL, NaN and the like.
    /// Skipped values are not counted by the indices
    #[arg(short = 'm', long, verbatim_doc_comment)]
    skip_missing: bool,
    /// How to print what is found; of several FILEs, each line after its name
    #[arg(short = 'o', long, value_enum, default_value_t = Format::List)]
    format: Format,
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
    /// The records, as they are in the file, below its header
    Rows,
    /// A JSON object per line: file, line, index, value, record
    Json,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.plot.is_some() && arguments.files.len() > 1 {
        super::wrong_usage("--plot draws one FILE, and several were given");
    }
    // Before the numbers are there: should they leave too little memory for it, Python's start would
    // end the process, or hang. What follows can be refused.
    let detector = arguments.callee.find()?;
    let stdin = [PathBuf::from("-")];
    let files = match &arguments.files[..] {
        [] => &stdin,
        files => files,
    };
    let mut status = ExitCode::SUCCESS;
    for file in files {
        if let Err(error) = detect(&detector, arguments, file, files.len() > 1) {
            complain(&error);
            status = ExitCode::FAILURE;
        }
    }
    Ok(status)
}

fn detect(detector: &Outliers, arguments: &Arguments, path: &Path, named: bool) -> Result<()> {
    let name = match path == Path::new("-") {
        true => "standard input".into(),
        false => path.display().to_string(),
    };
    let file = open(path).with_context(|| name.clone())?;
    let records = matches!(arguments.format, Format::Rows | Format::Json);
    let wanted = Wanted {
        column: arguments.column.as_deref(),
        time: arguments.time.as_deref(),
        // A function of the user's may well know what to do with a NaN.
        only_finite: arguments.callee.function.module == "pyoutliers",
        skip_missing: arguments.skip_missing,
        records,
    };
    let mut series = read::series(file, &name, &wanted)?;
    if series.missing > 0 {
        say(&format!(
            "{name}: {} missing values skipped",
            series.missing
        ));
    }
    let indices = detector.detect(&series.numbers);
    let indices = indices.map_err(|error| match named {
        true => Error::from(error).context(name.clone()),
        false => error.into(),
    })?;
    let found = records.then(|| Found::new(&name, &mut series, &indices));
    let found = found.transpose()?;
    // Before the result is printed: a picture that cannot be written is an error.
    if let Some(picture) = &arguments.plot {
        plot::series(picture, &name, series.numbers, &series.times, &indices)?;
    }
    let prefix = match named {
        // On one line: what follows an end of a line would be read as another result.
        true => name.replace('\n', "\\n").replace('\r', "\\r") + ":",
        false => String::new(),
    };
    match (arguments.format, found) {
        (Format::Rows, Some(found)) => found.rows(&prefix),
        (Format::Json, Some(found)) => found.json(),
        (Format::Lines, _) => print_by(|stdout| {
            let mut indices = indices.iter();
            indices.try_for_each(|index| writeln!(stdout, "{prefix}{index}"))
        }),
        _ => print_by(|stdout| writeln!(stdout, "{prefix}{indices:?}")),
    }
}

fn open(path: &Path) -> io::Result<File> {
    if path != Path::new("-") {
        return File::open(path);
    }
    if io::stdin().is_terminal() {
        say("reading numbers from the terminal, up to Ctrl-D");
    }
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}
