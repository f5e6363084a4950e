//! Files that an option names and the program writes: pictures, pages, scripts and lists of findings.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::builder::{PathBufValueParser, TypedValueParser};
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

/// Parses the name of a file to write. It must have the right ending, so that nobody overwrites the
/// numbers by mistake.
pub fn file(ending: &'static str) -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(move |file| match file.extension() {
        Some(extension) if extension == ending => Ok(file),
        _ => Err(format!("the name must end in .{ending}")),
    })
}

/// Returns an error if the file cannot be written. Call it before the work whose result goes into the file.
pub fn check(file: &Path) -> Result<()> {
    let check = || {
        let (_, part) = parts(file)?;
        File::create_new(&part)?;
        fs::remove_file(&part)
    };
    check().with_context(|| file.display().to_string())
}

/// The name of a new file beside the file, in which its contents can be tried.
pub fn draft(file: &Path) -> Result<PathBuf> {
    let parts = parts(file).with_context(|| file.display().to_string());
    Ok(parts?.1)
}

/// Writes a new file, then moves it over the old one, so that no file is ever half written.
pub fn replace(file: &Path, contents: &[u8]) -> io::Result<()> {
    // Without a handler, this signal ends the process when the file is too large.
    flag::register(SIGXFSZ, Arc::default())?;
    let old = fs::metadata(file);
    let (file, part) = parts(file)?;
    let mut beside = File::create_new(&part)?;
    let written = beside
        .write_all(contents)
        .and_then(|()| old.map_or(Ok(()), |old| beside.set_permissions(old.permissions())))
        .and_then(|()| fs::rename(&part, &file));
    written.inspect_err(|_| drop(fs::remove_file(&part)))
}

/// The file, or the target if it is a symlink, and the name of a new file beside it.
///
/// Anything that is not a regular file is refused: opening a pipe can take forever.
fn parts(file: &Path) -> io::Result<(PathBuf, PathBuf)> {
    if fs::metadata(file).is_ok_and(|old| !old.is_file()) {
        return Err(io::Error::other("not a regular file"));
    }
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.into());
    let part = file.with_file_name(format!(".{}.part", process::id()));
    Ok((file, part))
}
