//! The judge of exercises, which says which rule a module in C breaks.
//!
//! [`Compiled`] compiles the module and watches two child processes, one for each [`Trial`]. Both call
//! [`judge`], which calls the module and sends a [`message::Message`] about each attempt and finding.

mod compile;
mod coverage;
mod crash;
mod error;
mod lending;
mod message;
mod places;
mod soaking;
mod starving;
mod verdict;
mod words;

use std::cell::Cell;
use std::ffi::CStr;
use std::ops::{ControlFlow, Range};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::{Doomed, raw, signals};
use message::{Message, SIGNALS};
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;
use pyoutliers::{interpreter::module, with_python};
use refsoak::Sweep;
use refsoak::child::{CUT_OFF, Parent, empty_stdin};

pub use compile::{Compiled, TemporaryDirectory};
pub use error::Error;
pub use message::Trial;
pub use verdict::Judgement;

/// How often the judge reports that it is still running.
const PERIOD: Duration = Duration::from_secs(1);

/// The Python half of the judge. Each module may import the ones before it.
const MODULES: [(&CStr, &CStr, &str); 5] = [
    (
        c"_outliers_messages",
        c"<outliers>/judge/messages.py",
        include_str!("judge/messages.py"),
    ),
    (
        c"_outliers_inputs",
        c"<outliers>/judge/inputs.py",
        include_str!("judge/inputs.py"),
    ),
    (
        c"_outliers_calls",
        c"<outliers>/judge/calls.py",
        include_str!("judge/calls.py"),
    ),
    (
        c"_outliers_probes",
        c"<outliers>/judge/probes.py",
        include_str!("judge/probes.py"),
    ),
    (
        c"_outliers_judge",
        c"<outliers>/judge/judge.py",
        include_str!("judge/judge.py"),
    ),
];

/// A module to judge.
#[derive(Clone, Copy, Debug)]
pub struct Module<'a> {
    /// Its name, which is also the name of its file.
    pub name: &'a str,
    /// Its file.
    pub file: &'a Path,
    /// The exercise whose task it must do; empty if it is not an exercise.
    pub task: &'a str,
    /// Its compiled library.
    pub library: &'a Path,
}

/// Judges the function `detect` of an extension module, and ends the process.
///
/// A child of [`Compiled::judge`] calls this, because a module that breaks the rules can damage and end
/// its process.
pub fn judge(module: &Module<'_>, trial: Trial, doomed: Doomed) -> ! {
    let Ok(parent) = Parent::connect() else {
        process::exit(CUT_OFF.into());
    };
    let parent = PARENT.get_or_init(|| parent);
    places::find_in(module.file);
    signals::before_end(&SIGNALS, crashed, doomed);
    if let Err(error) = judged(module, trial, parent) {
        let reason = error.to_string();
        let _ = parent.send(&Message::Refused { reason });
    }
    // All is said. If the parent has not heard it, this is why. Destructors do not run, because they could touch memory that
    // the module has damaged.
    process::exit(CUT_OFF.into());
}

/// The parent of this process. The handler of signals needs it, so it is static.
static PARENT: OnceLock<Parent> = OnceLock::new();

/// Reports a signal, and the place that it interrupts. If the heap is damaged, finding the place may crash
/// or never return, so the signal is reported first.
fn crashed(signal: i32) {
    let Some(parent) = PARENT.get() else { return };
    let _ = parent.send(&Message::Crashed {
        signal,
        place: String::new(),
    });
    if let Some(place) = places::failed() {
        let place = place.to_string();
        let _ = parent.send(&Message::Failing { place });
    }
    let place = places::here();
    let _ = parent.send(&Message::Crashed { signal, place });
}

/// Sends what is found, down to the last message. An error is not sent.
fn judged(module: &Module<'_>, trial: Trial, parent: &Parent) -> refsoak::Result<()> {
    empty_stdin()?;
    let judge = Judge::new(parent)?;
    let loaded = judge.load(module).map_err(refsoak::Error::from);
    let result = loaded.and_then(|()| match trial {
        Trial::Damage => Ok(judge.look_for_damage()?),
        Trial::Growth => judge.look_for_growth(module.task),
    });
    // A finding ends the run with an exception.
    if with_python(|py| judge.count(py, c"is_over", []))? > 0 {
        return Ok(());
    }
    result
}

/// The judge: its Python half, and the parent that it reports to.
struct Judge<'a> {
    half: Held,
    sweep: Sweep,
    parent: &'a Parent,
    /// When it last reported that it is running.
    said: Cell<Instant>,
}

impl<'a> Judge<'a> {
    fn new(parent: &'a Parent) -> Result<Self> {
        with_python(|py| {
            for (name, file, source) in MODULES {
                module(py, name, file, source)?;
            }
            let judge = Self {
                half: capi::import_module(py, c"_outliers_judge")?.into(),
                sweep: Sweep::new()?,
                said: Cell::new(Instant::now()),
                parent,
            };
            let descriptor = parent.socket().as_raw_fd().into();
            let descriptor = capi::long_from_long_long(py, descriptor)?;
            let place = raw::function_that_returns(py, places::failed_or_here)?;
            judge.ask(py, c"connect", [&descriptor, &place])?;
            Ok(judge)
        })
    }

    fn load(&self, module: &Module<'_>) -> Result<()> {
        with_python(|py| {
            let name = capi::unicode_from_str(py, module.name)?;
            let path = capi::unicode_from_str(py, &module.library.to_string_lossy())?;
            self.ask(py, c"load", [&name, &path]).map(drop)
        })
    }

    fn look_for_damage(&self) -> Result<()> {
        self.run(c"keep_collector_away")?;
        self.lend(0..1)?;
        // Early, because the collector may crash when it meets a faulty object.
        self.run(c"tracking")?;
        self.lend(1..with_python(|py| self.count(py, c"lists", []))?)?;
        self.run(c"probe")?;
        self.starve_each()?;
        self.run(c"clean")
    }

    fn look_for_growth(&self, task: &str) -> refsoak::Result<()> {
        self.soak_calls()?;
        self.soak_starved_calls()?;
        with_python(|py| {
            let task = capi::unicode_from_str(py, task)?;
            self.ask(py, c"end", [&task]).map(drop)
        })?;
        Ok(self.run(c"clean")?)
    }

    /// Calls a function of the Python half. A finding is an error, which ends the run.
    fn ask<'p, const N: usize>(
        &self,
        py: Python<'p>,
        name: &CStr,
        arguments: [&Owned<'p>; N],
    ) -> Result<Owned<'p>> {
        let function = capi::object_get_attr_string(&self.half.as_borrowed(py), name)?;
        Ok(capi::object_call_function_obj_args(&function, arguments)?)
    }

    /// Calls a function of the Python half that returns one number.
    fn count<'p, const N: usize>(
        &self,
        py: Python<'p>,
        name: &CStr,
        arguments: [&Owned<'p>; N],
    ) -> Result<u64> {
        let counts = convert::ints(&self.ask(py, name, arguments)?, 1)?;
        Ok(counts.first().map_or(0, |count| count.unsigned_abs()))
    }

    /// Calls a function of the Python half without arguments.
    fn run(&self, name: &CStr) -> Result<()> {
        with_python(|py| self.ask(py, name, []).map(drop))
    }

    /// Calls a function of the Python half with two numbers.
    fn run_part(&self, name: &CStr, part: &Range<u64>) -> Result<()> {
        with_python(|py| {
            let [first, end] = [part.start, part.end].map(|number| int(py, number));
            self.ask(py, name, [&first?, &end?]).map(drop)
        })
    }

    /// Reports a broken rule and ends the run. The texts are the lesson, the rule and the evidence.
    fn found(&self, py: Python<'_>, texts: [&str; 3]) -> Result<()> {
        let mut list = capi::list_new(py, 3)?;
        for (index, text) in (0..).zip(texts) {
            capi::list_set_item(&mut list, index, capi::unicode_from_str(py, text)?)?;
        }
        self.ask(py, c"found_in", [&list.finish()?]).map(drop)
    }

    /// Reports once a [`PERIOD`] that the judge is still running. Allocates nothing, because the soak
    /// counts allocations.
    fn is_at_work(&self) -> ControlFlow<()> {
        if self.said.get().elapsed() >= PERIOD {
            self.said.set(Instant::now());
            if self.parent.send(&Message::Working).is_err() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

fn int(py: Python<'_>, number: u64) -> Result<Owned<'_>> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    Ok(capi::long_from_long_long(py, number)?)
}
