//! `outliers detect`: numbers in, indices out.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::function::Callee;
use super::{plot, read};

#[derive(Args)]
pub struct Arguments {
    /// Numbers, one or more per line, or CSV; standard input if missing or -
    file: Option<PathBuf>,
    /// Read one column of CSV, by the name in its header or by number from 1
    #[arg(long, value_name = "NAME|NUMBER")]
    column: Option<String>,
    #[command(flatten)]
    callee: Callee,
    /// How to print the indices: as a JSON list, or one per line
    #[arg(long, value_enum, default_value_t = Format::List)]
    format: Format,
    /// Draw the numbers, with the outliers marked
    #[arg(long, value_name = "FILE.svg", value_parser = plot::svg_file())]
    plot: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    List,
    Lines,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    // Before the numbers are there: should they leave too little memory for it, Python's start would
    // end the process, or hang. What follows can be refused.
    let detector = arguments.callee.find()?;
    // A function of the user's may well know what to do with a NaN.
    let only_finite = arguments.callee.function.module == "pyoutliers";
    let (text, name) = open(arguments.file.as_deref())?;
    let data = read::numbers(text, &name, arguments.column.as_deref(), only_finite)?;
    let indices = detector.detect(&data)?;
    // Before the result is printed: a picture that cannot be written is an error.
    if let Some(file) = &arguments.plot {
        plot::series(file, &name, data, &indices)?;
    }
    super::print_by(|stdout| match arguments.format {
        Format::List => writeln!(stdout, "{indices:?}"),
        Format::Lines => indices
            .iter()
            .try_for_each(|index| writeln!(stdout, "{index}")),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What to read, and its name for errors.
fn open(file: Option<&Path>) -> Result<(Box<dyn Read>, String)> {
    if let Some(file) = file.filter(|file| *file != Path::new("-")) {
        let name = file.display().to_string();
        let text = File::open(file).with_context(|| name.clone())?;
        return Ok((Box::new(text), name));
    }
    if io::stdin().is_terminal() {
        super::say("reading numbers from the terminal, up to Ctrl-D");
    }
    Ok((Box::new(io::stdin().lock()), "standard input".into()))
}
