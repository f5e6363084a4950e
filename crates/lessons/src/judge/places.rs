//! Places in the judged file: the lines that a stack of C calls passes through.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use pyoutliers::Result;
use pyoutliers::capi::Owned;
use refsoak::{Allocation, Stopwatch};

use crate::signals;

/// How long the places of a record may take: with debug information of Rust, one takes 0.1 s.
const LONGEST: Duration = Duration::from_secs(2);

/// A line of the judged file, and the call that it makes there if that is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    line: usize,
    call: Option<String>,
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.call {
            Some(call) => write!(f, "{call} in line {}", self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}

/// The judged file.
struct Source {
    file: PathBuf,
    lines: Vec<String>,
}

/// The file that this process judges. The handlers of signals and of allocations need it, so it is static.
static SOURCE: OnceLock<Source> = OnceLock::new();

/// Makes a file the one in which places are found.
pub(super) fn find_in(file: &Path) {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    SOURCE.get_or_init(|| Source {
        file: fs::canonicalize(file).unwrap_or_default(),
        lines: text.lines().map(str::to_owned).collect(),
    });
}

/// The innermost place of this thread's stack, or nothing if the stack has none.
pub(super) fn here() -> String {
    text(place(&Backtrace::force_capture()))
}

/// The place of an allocation that was made to fail; or else the innermost place of the stack.
pub(super) fn failed_or_here() -> String {
    failed().map_or_else(here, |place| text(Some(place)))
}

fn text(place: Option<Place>) -> String {
    place.map_or_else(String::new, |place| place.to_string())
}

fn place(stack: &Backtrace) -> Option<Place> {
    let source = SOURCE.get()?;
    // A frame is a line `NUMBER: ADDRESS - FUNCTION`. If its place is known, the line `at FILE:LINE:COLUMN` follows.
    let text = format!("{stack:#}");
    let mut functions = Vec::new();
    for line in text.lines().map(str::trim) {
        let Some(place) = line.strip_prefix("at ") else {
            functions.extend(line.rsplit_once(" - ").map(|(_, function)| function));
            continue;
        };
        let mut parts = place.rsplitn(3, ':').skip(1);
        let number = parts.next().and_then(|number| number.parse().ok());
        if let Some((number, file)) = number.zip(parts.next())
            && source.is(Path::new(file))
        {
            // The last one is the function in the file.
            functions.pop();
            let call = source.call(number, &functions);
            return Some(Place { line: number, call });
        }
    }
    None
}

impl Source {
    fn is(&self, file: &Path) -> bool {
        // The names are compared first, because every other comparison asks the system.
        self.file
            .file_name()
            .is_some_and(|name| Some(name) == file.file_name())
            && fs::canonicalize(file).is_ok_and(|file| file == self.file)
    }

    /// The call in a line that leads to these functions, the innermost of which is the first.
    fn call(&self, line: usize, functions: &[&str]) -> Option<String> {
        let calls = calls_in(self.lines.get(line.checked_sub(1)?)?);
        let mut outward = functions.iter().rev();
        let reached = outward.find_map(|function| calls.iter().find(|call| *call == function));
        // A library without symbols names no functions, a function that ends in a jump is not on the stack, and some names
        // are those of macros.
        if let Some(call) = reached {
            return Some((*call).to_owned());
        }
        let mut works = calls.iter().filter(|call| !only_reads(call));
        match (calls.as_slice(), works.next(), works.next()) {
            ([call], ..) | (_, Some(call), None) => Some((*call).to_owned()),
            _ => None,
        }
    }
}

/// The functions of Python that a line of C calls.
fn calls_in(line: &str) -> Vec<&str> {
    let is_outside = |c: char| c != '_' && !c.is_ascii_alphanumeric();
    let before = line.match_indices('(').filter_map(|(at, _)| line.get(..at));
    let names = before.filter_map(|before| before.trim_end().rsplit(is_outside).next());
    names.filter(|name| name.starts_with("Py")).collect()
}

/// Whether a macro or function of Python neither allocates nor changes a count, whatever its argument is.
fn only_reads(call: &str) -> bool {
    let ends = [
        "_GET_SIZE",
        "_GET_ITEM",
        "_AS_DOUBLE",
        "_Check",
        "_CheckExact",
    ];
    ends.iter().any(|end| call.ends_with(end))
}

thread_local! {
    /// The stack of each block that was allocated while the record was open, and still exists.
    static RECORD: RefCell<HashMap<usize, Backtrace>> = RefCell::default();
    /// Whether new blocks are recorded.
    static IS_OPEN: Cell<bool> = const { Cell::new(false) };
    /// The stack of the last allocation that was made to fail.
    static FAILED: RefCell<Option<Backtrace>> = const { RefCell::new(None) };
}

/// Observes allocations, in the allocator. To turn a stack into a place takes much longer than to keep it.
pub(super) fn observe(allocation: Allocation) {
    match allocation {
        Allocation::Made(block) if IS_OPEN.get() => RECORD.with_borrow_mut(|record| {
            record.insert(block, Backtrace::force_capture());
        }),
        Allocation::Made(_) => {}
        Allocation::Freed(block) => RECORD.with_borrow_mut(|record| drop(record.remove(&block))),
        Allocation::Failed => FAILED.set(Some(Backtrace::force_capture())),
    }
}

/// The place of the last allocation that was made to fail, unless this was asked before.
pub(super) fn failed() -> Option<Place> {
    place(&FAILED.take()?)
}

/// Opens a new record, or closes it for new blocks.
pub(super) fn open_record(open: bool) {
    if open {
        RECORD.take();
    }
    IS_OPEN.set(open);
}

/// Ends the record. Returns the places that allocated the blocks which still exist.
pub(super) fn end_record() -> Vec<Place> {
    let begun = Stopwatch::start();
    let record = RECORD.take();
    let in_time = record.values().take_while(|_| begun.elapsed() < LONGEST);
    let places: BTreeSet<_> = in_time.filter_map(place).collect();
    places.into_iter().collect()
}

thread_local! {
    /// How each place changed the reference count that is watched; `None` is all code outside of the file.
    static CHANGES: RefCell<BTreeMap<Option<Place>, i64>> = const { RefCell::new(BTreeMap::new()) };
}

/// Makes a call while the reference count of an object is watched. Returns a sentence that says what each line of the file
/// did to it, or that the call takes too long; an empty one if the call left no change, or if this processor cannot watch
/// it.
pub(super) fn references(object: &Owned<'_>, call: impl FnOnce() -> Result<()>) -> Result<String> {
    fn changed(by: i32) {
        let place = place(&Backtrace::force_capture());
        CHANGES.with_borrow_mut(|changes| *changes.entry(place).or_default() += i64::from(by));
    }
    let count = || i64::try_from(object.reference_count()).unwrap_or(i64::MAX);
    let before = count();
    CHANGES.take();
    let Some(called) = signals::watch_count(object, changed, call) else {
        return Ok(" The call takes too long to see which lines add and release one.".into());
    };
    called?;
    let mut changes = CHANGES.take();
    let sum: i64 = changes.values().sum();
    if sum == 0 || sum != count() - before {
        return Ok(String::new());
    }
    let outside = changes.remove(&None).unwrap_or_default();
    // Most calls add a reference while they use the object.
    changes.retain(|_, by| *by != 0);
    let mut said: Vec<_> = changes
        .iter()
        .filter_map(|(place, &by)| {
            let verb = if by > 0 { "adds" } else { "releases" };
            place
                .as_ref()
                .map(|place| format!("{place} {verb} {}", by.abs()))
        })
        .collect();
    if said.is_empty() {
        said.push("no line adds or releases one".into());
    }
    match outside {
        0 => {}
        ..0 => said.push(format!("{} released after the call", is_or_are(-outside))),
        _ => said.push(format!("{} added by other code", is_or_are(outside))),
    }
    Ok(format!(
        " References to it in such a call: {}.",
        said.join(", ")
    ))
}

fn is_or_are(number: i64) -> String {
    format!("{number} {}", if number == 1 { "is" } else { "are" })
}

/// Names places: `a`, `a and b`, or `a, b and c`.
pub(super) fn named(places: &[Place]) -> String {
    let names: Vec<_> = places.iter().map(Place::to_string).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library may name none of the functions, or another one than the line calls.
    #[test]
    fn the_only_call_of_a_line_is_named_without_symbols() {
        for (line, call) in [
            ("number = PyLong_FromLong(1);", Some("PyLong_FromLong")),
            (
                "length = PyLong_FromSsize_t(PyList_GET_SIZE(data));",
                Some("PyLong_FromSsize_t"),
            ),
            (
                "if (PyLong_Check(item)) Py_INCREF(item);",
                Some("Py_INCREF"),
            ),
            ("item = PyList_GET_ITEM(data, 0);", Some("PyList_GET_ITEM")),
            ("PyList_Append(list, PyLong_FromLong(1));", None),
            ("PyList_GET_SIZE(data) == PyTuple_GET_SIZE(other);", None),
            ("return NULL;", None),
        ] {
            let source = Source {
                file: PathBuf::new(),
                lines: vec![line.into()],
            };
            for functions in [&[][..], &["<unknown>", "_PyLong_New"]] {
                assert_eq!(source.call(1, functions).as_deref(), call, "{line}");
            }
        }
    }

    #[test]
    fn a_function_that_the_library_names_is_the_call() {
        let source = Source {
            file: PathBuf::new(),
            lines: vec!["PyList_Append(list, PyLong_FromLong(1));".into()],
        };
        let inward = ["PyObject_Malloc", "PyLong_FromLong"];
        assert_eq!(source.call(1, &inward).as_deref(), Some("PyLong_FromLong"));
    }
}
