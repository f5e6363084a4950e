//! What a crash of the judged module says about its mistake.

use std::fs;
use std::path::Path;

use super::message::Tried;
use super::verdict::RETURNS;
use refsoak::child::signal_name;

const SIGABRT: i32 = 6;
const SIGFPE: i32 = 8;
pub(super) const SIGKILL: i32 = 9;

/// The end of a child process by a signal.
pub(super) struct Crash {
    pub signal: i32,
    /// The place in the judged file that the signal interrupts; empty if the file does not run then, and `None` if that
    /// is not known.
    pub place: Option<String>,
}

impl Crash {
    /// By a signal that the child did not report: a signal that it cannot handle, or one that came when its stack was full.
    pub fn unseen(signal: i32) -> Self {
        Self {
            signal,
            place: None,
        }
    }

    /// The lesson, the rule, and the evidence with what was tried. `errors` is what the child wrote to stderr.
    pub fn explained(self, tried: Tried, errors: &str, file: &Path) -> (String, String, String) {
        let Tried {
            what,
            mut lesson,
            mut rule,
            ..
        } = tried;
        let signal = signal_name(self.signal);
        let fatal = errors
            .split(['\n', '\0'])
            .find(|line| line.starts_with("Fatal Python error"));
        // Before Python 3.12, None can be freed too. By then, what is tried has nothing to do with it.
        if fatal.is_some_and(|line| line.contains("deallocating None")) {
            return (
                "called-by-python".into(),
                "Own a reference to each object that you store or return, None too.".into(),
                format!(
                    "After many calls, it crashed ({signal}): the calls so far released all references to None."
                ),
            );
        }
        let source = fs::read_to_string(file).unwrap_or_default();
        let mut how = match (fatal, self.signal) {
            (Some(fatal), _) => format!("{}.", fatal.trim_end_matches('.')),
            (None, SIGABRT) => "abort was called, as happens when memory is damaged.".into(),
            (None, SIGFPE) => "it divided an int by zero, or the quotient is too large.".into(),
            (None, SIGKILL) => "the system ended it, as happens when memory runs out.".into(),
            (None, _) => match &self.place {
                None => "it used NULL or a freed object, or the stack was full because calls are nested too deeply.",
                Some(place) if place.is_empty() => {
                    "it used NULL or a freed object, such as a result that nobody owns."
                }
                Some(_) => "it used NULL or a freed object.",
            }
            .into(),
        };
        // In freed memory, a byte that is not valid UTF-8 replaces the identifier of the allocator.
        let is_other = |line: &str| line.contains("bad ID") && !line.contains('\u{fffd}');
        if source.contains("PyObject_GC") && fatal.is_some_and(is_other) {
            rule = "Free memory with the matching function: PyObject_GC_New needs PyObject_GC_Del."
                .into();
            how = "it freed memory that a function of another kind had allocated.".into();
        }
        let crashed = match self.place.as_deref() {
            None => format!("it crashed ({signal})"),
            Some("") => {
                let name = file.file_name().unwrap_or_default().display();
                format!("it crashed ({signal}) outside of {name}")
            }
            // The processor divides, and no call.
            Some(place) if self.signal == SIGFPE => {
                let line = place.rsplit(" in ").next().unwrap_or(place);
                format!("{line} crashed ({signal})")
            }
            Some(place) => format!("{place} crashed ({signal})"),
        };
        if matches!(self.signal, SIGFPE | SIGKILL) {
            lesson = "exceptions".into();
            rule = RETURNS.into();
        }
        if lesson == "borrowed-reference" && source.contains("Py_BEGIN_ALLOW_THREADS") {
            lesson = "released-lock".into();
            how += " Do not call Python between Py_BEGIN_ALLOW_THREADS and Py_END_ALLOW_THREADS.";
        }
        (lesson, rule, format!("{what}, {crashed}: {how}"))
    }
}
