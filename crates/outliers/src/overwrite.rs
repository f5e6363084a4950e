//! Files that an option names and the program writes: pictures and pages.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

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

/// Writes a new file and moves it into the place of the old one, which is never half written.
///
/// Anything that is not a regular file is refused: opening a pipe can take forever.
pub fn replace(file: &Path, contents: &[u8]) -> io::Result<()> {
    // Without a handler, this signal would end the process when the file is too large.
    flag::register(SIGXFSZ, Arc::default())?;
    let old = fs::metadata(file);
    if old.as_ref().is_ok_and(|old| !old.is_file()) {
        return Err(io::Error::other("not a regular file"));
    }
    // Replaces the target of a symlink.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.into());
    let part = file.with_file_name(format!(".{}.part", process::id()));
    let mut beside = File::create_new(&part)?;
    let written = beside
        .write_all(contents)
        .and_then(|()| old.map_or(Ok(()), |old| beside.set_permissions(old.permissions())))
        .and_then(|()| fs::rename(&part, &file));
    written.inspect_err(|_| drop(fs::remove_file(&part)))
}
