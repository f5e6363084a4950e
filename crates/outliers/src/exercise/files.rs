//! The files of the exercises in the current directory, and the list of those that are passed.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use lessons::{EXERCISES, Exercise};

/// The directory of the exercises.
const FOLDER: &str = "exercises";

/// The file of a name, and the exercise that it belongs to, if any.
pub fn found(name: &str) -> (PathBuf, Option<&'static Exercise>) {
    let plain = name.replace('-', "_");
    let named = EXERCISES.iter().find(|exercise| exercise.name == plain);
    let file = named.map_or_else(
        || PathBuf::from(name.trim_start_matches("./")),
        |exercise| path(exercise.name),
    );
    // Solutions that a teacher collects have the same name in many directories.
    let is_it = |exercise: &&Exercise| file.ends_with(format!("{}.c", exercise.name));
    let known = EXERCISES.iter().find(is_it);
    (file, known)
}

/// The directory of the exercises: the current one if it is called that and has one, or else one in it.
fn folder() -> &'static Path {
    let has_one = || {
        let mut files = EXERCISES
            .iter()
            .map(|exercise| format!("{}.c", exercise.name));
        files.any(|file| Path::new(&file).exists())
    };
    let is_here = env::current_dir().is_ok_and(|here| here.ends_with(FOLDER)) && has_one();
    Path::new(if is_here { "" } else { FOLDER })
}

/// The file of an exercise.
pub fn path(name: &str) -> PathBuf {
    folder().join(name).with_extension("c")
}

/// Copies the source of an exercise to its file, unless that exists.
pub fn copy(exercise: &Exercise, file: &Path) -> Result<()> {
    if !file.exists() {
        fs::create_dir_all(folder())?;
        fs::write(file, exercise.source)
            .with_context(|| format!("cannot write {}", file.display()))?;
        super::super::output::say(&format!(
            "wrote {}: fix it, then run this command again",
            file.display()
        ));
    }
    Ok(())
}

/// Adds an exercise to the list of passed ones.
pub fn pass(exercise: &Exercise) {
    if let Some(line) = passed_as(exercise.name) {
        let passed = folder().join(".passed");
        let all = fs::read_to_string(&passed).unwrap_or_default();
        if !all.contains(&line) {
            // If it fails, only the list of exercises is wrong.
            let _ = fs::write(&passed, all + &line);
        }
    }
}

/// The line of an exercise in the list of passed ones. It stays passed until its file changes.
fn passed_as(name: &str) -> Option<String> {
    let mut hasher = DefaultHasher::new();
    fs::read(path(name)).ok()?.hash(&mut hasher);
    Some(format!("{name} {:x}\n", hasher.finish()))
}

pub fn is_passed(name: &str) -> bool {
    let passed = fs::read_to_string(folder().join(".passed")).unwrap_or_default();
    passed_as(name).is_some_and(|line| passed.contains(&line))
}
