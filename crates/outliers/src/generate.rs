//! `outliers generate`: shell completions and man pages, made from the same declarations as the help.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Command};
use clap_complete::Shell;

#[derive(Args)]
pub struct Arguments {
    /// Where to write outliers.bash, _outliers (zsh), outliers.fish,
    /// outliers.1 and a man page for each command
    #[arg(value_name = "DIRECTORY", verbatim_doc_comment)]
    directory: PathBuf,
}

/// `program` is the whole command line.
pub fn run(Arguments { directory }: &Arguments, program: &Command) -> Result<ExitCode> {
    let write = || {
        fs::create_dir_all(directory)?;
        let mut command = program.clone();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            clap_complete::generate_to(shell, &mut command, "outliers", directory)?;
        }
        let command = program.clone().disable_help_subcommand(true);
        clap_mangen::generate_to(command, directory)
    };
    write().with_context(|| directory.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
