//! `outliers generate`: completions and man pages, from what the help is made of.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

#[derive(Args)]
pub struct Arguments {
    /// The directory for outliers.1 and one page for each command,
    /// outliers.bash, _outliers (zsh) and outliers.fish
    #[arg(value_name = "DIRECTORY", verbatim_doc_comment)]
    directory: PathBuf,
}

pub fn run(Arguments { directory }: &Arguments) -> Result<ExitCode> {
    let write = || {
        fs::create_dir_all(directory)?;
        let mut command = super::Arguments::command();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            clap_complete::generate_to(shell, &mut command, "outliers", directory)?;
        }
        let command = super::Arguments::command().disable_help_subcommand(true);
        clap_mangen::generate_to(command, directory)
    };
    write().with_context(|| directory.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
