//! Where numbers come from, for all commands that read some.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::output::Patient;
use super::read::{self, Series, Wanted};
use super::{complain, say};

#[derive(Args)]
pub struct Input {
    /// Text with numbers, or CSV. Each FILE is read by itself.
    /// Without one, or with -, standard input is read
    #[arg(value_name = "FILE", verbatim_doc_comment)]
    pub files: Vec<PathBuf>,
    /// Read one column of CSV, by the name in its header or by number from 1
    #[arg(short, long, value_name = "NAME|NUMBER")]
    pub column: Option<String>,
    /// Skip missing values: empty, n/a, -, NULL, NaN and the like.
    /// Skipped values are not counted by the indices
    #[arg(short = 'm', long, verbatim_doc_comment)]
    pub skip_missing: bool,
}

impl Input {
    /// Does something with each file, whose name goes before what is printed if there are `several`. An
    /// error does not keep the next file from its turn.
    pub fn each(&self, mut work: impl FnMut(&Path, &str, bool) -> Result<()>) -> ExitCode {
        let stdin = [PathBuf::from("-")];
        let files = match &self.files[..] {
            [] => &stdin,
            files => files,
        };
        let mut status = ExitCode::SUCCESS;
        for file in files {
            let name = match file == Path::new("-") {
                true => "standard input".into(),
                false => file.display().to_string(),
            };
            if let Err(error) = work(file, &name, files.len() > 1) {
                complain(&error);
                status = ExitCode::FAILURE;
            }
        }
        status
    }

    /// Reads the numbers, and says how many were missing.
    pub fn series(&self, file: &File, name: &str, wanted: Wanted<'_>) -> Result<Series> {
        let wanted = Wanted {
            column: self.column.as_deref(),
            skip_missing: self.skip_missing,
            ..wanted
        };
        let series = read::series(Patient(file), name, &wanted)?;
        if series.missing > 0 {
            say(&format!(
                "{name}: {} missing values skipped",
                series.missing
            ));
        }
        Ok(series)
    }
}

/// What stands before each line that is printed.
pub fn prefix(name: &str, several: bool) -> String {
    match several {
        // On one line: what follows an end of a line would be read as another result.
        true => name.replace('\n', "\\n").replace('\r', "\\r") + ":",
        false => String::new(),
    }
}
