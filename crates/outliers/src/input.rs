//! The options that say what to read, and the files that they name.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Error, Result};
use clap::Args;
use clap::error::ErrorKind;

use super::argument::text;
use super::output::{Patient, complain, say};
use super::read::{self, Series, Wanted};

#[derive(Args)]
pub struct Input {
    /// Text with numbers, or CSV. Each FILE is read separately.
    /// Without FILE, or with -, standard input is read
    #[arg(value_name = "FILE", verbatim_doc_comment)]
    pub files: Vec<PathBuf>,
    /// Read one column of CSV, by its name in the header or its number from 1
    #[arg(short, long, value_name = "NAME|NUMBER", value_parser = text::<String>())]
    pub column: Option<String>,
    /// Skip missing values: empty, n/a, -, NULL, NaN and similar.
    /// Indices do not count skipped values
    #[arg(short = 'm', long, verbatim_doc_comment)]
    pub skip_missing: bool,
}

/// A file, or standard input.
pub struct Source<'a> {
    input: &'a Input,
    path: &'a Path,
    pub name: String,
    /// Whether it is one of several.
    is_one_of_several: bool,
}

impl Input {
    /// Calls `work` with each file. After an error, continues with the next file.
    pub fn each(&self, mut work: impl FnMut(&Source<'_>) -> Result<()>) -> Result<ExitCode> {
        let is_stdin = |path: &&PathBuf| *path == Path::new("-");
        if self.files.iter().filter(is_stdin).count() > 1 {
            let message = "standard input (-) can be read only once";
            return Err(clap::Error::raw(ErrorKind::ArgumentConflict, message).into());
        }
        let stdin = [PathBuf::from("-")];
        let files = match &self.files[..] {
            [] => &stdin,
            files => files,
        };
        let mut status = ExitCode::SUCCESS;
        for path in files {
            let source = Source {
                input: self,
                path,
                name: if path == Path::new("-") {
                    "standard input".into()
                } else {
                    path.display().to_string()
                },
                is_one_of_several: files.len() > 1,
            };
            if let Err(error) = work(&source) {
                complain(&error);
                status = ExitCode::FAILURE;
            }
        }
        Ok(status)
    }
}

impl Source<'_> {
    /// Reads the numbers, and reports how many missing values were skipped.
    pub fn read(&self, wanted: Wanted<'_>) -> Result<Series> {
        let wanted = Wanted {
            column: self.input.column.as_deref(),
            skip_missing: self.input.skip_missing,
            ..wanted
        };
        let file = self
            .open()
            .with_context(|| match self.name.contains(".py:") {
                true => format!("{} (a function? use --function)", self.name),
                false => self.name.clone(),
            })?;
        let series = read::series(Patient(&file), &self.name, &wanted)?;
        match series.missing {
            0 => (),
            1 => say(&format!("{}: skipped 1 missing value", self.name)),
            count => say(&format!("{}: skipped {count} missing values", self.name)),
        }
        Ok(series)
    }

    fn open(&self) -> io::Result<File> {
        if self.path != Path::new("-") {
            return File::open(self.path);
        }
        if io::stdin().is_terminal() {
            say("reading numbers from the terminal; press Ctrl-D to end");
        }
        Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
    }

    /// The beginning of each line of output: the name of the source, if there are several.
    pub fn prefix(&self) -> String {
        if self.is_one_of_several {
            // A line feed in the name would make the rest of it look like another result.
            self.name.replace('\n', "\\n").replace('\r', "\\r") + ":"
        } else {
            String::new()
        }
    }

    /// Adds the name of the source to an error of the function, if there are several.
    pub fn blame(&self, error: Error) -> Error {
        if self.is_one_of_several {
            error.context(self.name.clone())
        } else {
            error
        }
    }
}
