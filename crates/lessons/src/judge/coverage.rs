//! The lines of a module that never ran, so the judge knows nothing of them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The most sentences about lines that never ran.
const MOST: usize = 5;

/// Whether a line of code ran.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ran {
    Never,
    /// A part of it did, such as the condition of `if (...) return NULL;`.
    Partly,
    Fully,
}

/// Sentences about the lines that never ran, or `None` if that is not known. `notes` is what the compiler wrote about
/// the file, and the module has written its counts next to it.
pub(super) fn never_ran(version: &str, notes: &Path, file: &Path) -> Option<Vec<String>> {
    let (directory, name) = notes.parent().zip(file.file_name())?;
    let [program, arguments @ ..] = reader(version) else {
        return None;
    };
    let read = Command::new(program)
        .args(arguments)
        .arg(notes)
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    read.ok().filter(|status| status.success())?;
    let counts = fs::read(directory.join(name).with_added_extension("gcov")).ok()?;
    let source = fs::read(file).ok()?;
    Some(sentences(
        &parsed(&String::from_utf8_lossy(&counts)),
        &String::from_utf8_lossy(&source),
    ))
}

/// The program that reads the counts of a compiler with this version.
fn reader(version: &str) -> &'static [&'static str] {
    if version.contains("clang") {
        &["llvm-cov", "gcov"]
    } else {
        &["gcov"]
    }
}

/// The numbers of the lines with code, and whether they ran: `COUNT:NUMBER:TEXT`.
fn parsed(counts: &str) -> Vec<(usize, Ran)> {
    let line = |line: &str| {
        let mut parts = line.splitn(3, ':').map(str::trim);
        let (count, number) = (parts.next()?, parts.next()?.parse().ok()?);
        let ran = match count {
            "-" => return None,
            "#####" | "=====" => Ran::Never,
            _ if count.ends_with('*') => Ran::Partly,
            _ => Ran::Fully,
        };
        Some((number, ran)).filter(|&(number, _)| number > 0)
    };
    counts.lines().filter_map(line).collect()
}

fn sentences(lines: &[(usize, Ran)], source: &str) -> Vec<String> {
    let texts: Vec<_> = source.lines().collect();
    let text = |number: usize| {
        number
            .checked_sub(1)
            .and_then(|place| texts.get(place))
            .copied()
            .unwrap_or_default()
    };
    // Macros of Python contain conditions too.
    let returns = |number| {
        let text = text(number);
        text.contains("if (")
            && ["return", "goto", "break", "continue"]
                .iter()
                .any(|word| text.contains(word))
    };
    let mut said = Vec::new();
    let mut condition = None;
    for group in lines.chunk_by(|(_, one), (_, next)| (*one == Ran::Never) == (*next == Ran::Never))
    {
        let (Some((first, ran)), Some((last, _))) = (group.first(), group.last()) else {
            continue;
        };
        if *ran == Ran::Never {
            let numbers: Vec<_> = group.iter().map(|(number, _)| number.to_string()).collect();
            let which = match numbers.as_slice() {
                [one] => format!("Line {one}"),
                [one, other] => format!("Lines {one} and {other}"),
                _ => format!("Lines {first} to {last}"),
            };
            // A statement on the line of the condition is not what never ran.
            let guards =
                |number: &usize| text(*number).contains("if (") && !text(*number).contains(';');
            let why = condition.filter(guards).map_or_else(String::new, |number| {
                format!(": the condition in line {number} was never true")
            });
            said.push(format!("{which} never ran{why}."));
        } else {
            let partly = group
                .iter()
                .filter(|&&(number, ran)| ran == Ran::Partly && returns(number));
            said.extend(partly.map(|(number, _)| format!("A part of line {number} never ran.")));
            condition = Some(*last);
        }
    }
    let more = said.len().saturating_sub(MOST);
    if more > 0 {
        said.truncate(MOST);
        said.push(format!("Code in {more} more places never ran."));
    }
    said
}
