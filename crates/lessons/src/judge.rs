//! The judge of exercises: what a child process does with an extension module.

mod lending;
mod soaking;
mod starving;
mod words;

use std::cell::Cell;
use std::ffi::CStr;
use std::io::Write;
use std::ops::{ControlFlow, Range};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Doomed;
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;
use pyoutliers::{interpreter::module, with_python};

/// How often the judge says that it goes on.
const PERIOD: Duration = Duration::from_secs(1);

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub struct Module<'a> {
    /// Its name, which is that of its file.
    pub name: &'a str,
    /// The exercise whose task it has to do; empty if none is known.
    pub task: &'a str,
    /// Where it is, compiled.
    pub library: &'a Path,
}

/// What a child process looks for.
#[derive(Clone, Copy, Debug)]
pub enum Trial {
    /// What single calls do; best with `PYTHONMALLOC=debug`, so that the use of freed memory is noticed.
    Damage,
    /// What grows over many calls; without it, so that what is released twice does its damage.
    Growth,
}

/// Judges the function `detect` of an extension module, and says on a pipe what it tries and finds: a
/// list of texts in each line, in JSON. Returns whether nothing was found.
///
/// In a child process, which a module that breaks the rules may end.
///
/// # Errors
///
/// If Python cannot be started, or nobody reads the pipe any more.
pub fn judge(
    module: &Module<'_>,
    trial: Trial,
    pipe: &UnixStream,
    _: Doomed,
) -> refsoak::Result<bool> {
    let judge = Judge::new(pipe)?;
    let loaded = judge.load(module).map_err(refsoak::Error::from);
    let result = loaded.and_then(|()| match trial {
        Trial::Damage => Ok(judge.look_for_damage()?),
        Trial::Growth => judge.look_for_growth(module.task),
    });
    if with_python(|py| judge.count(py, c"is_over", []))? > 0 {
        return Ok(false);
    }
    result.map(|()| true)
}

/// The judge: its Python half, and the pipe.
struct Judge<'a> {
    half: Held,
    freeze: Held,
    unfreeze: Held,
    collect: Held,
    pipe: &'a UnixStream,
    /// When it was said that the judge goes on.
    told: Cell<Instant>,
}

impl<'a> Judge<'a> {
    fn new(pipe: &'a UnixStream) -> Result<Self> {
        with_python(|py| {
            let source = include_str!("judge/inputs.py");
            let file = c"<outliers>/judge/inputs.py";
            module(py, c"_outliers_inputs", file, source)?;
            let source = include_str!("judge/telling.py");
            let file = c"<outliers>/judge/telling.py";
            module(py, c"_outliers_telling", file, source)?;
            let source = include_str!("judge/judge.py");
            let half = module(py, c"_outliers_judge", c"<outliers>/judge/judge.py", source)?;
            let gc = capi::import_module(py, c"gc")?;
            let find = |name: &CStr| capi::object_get_attr_string(&gc, name).map(Held::from);
            let judge = Self {
                half: half.into(),
                freeze: find(c"freeze")?,
                unfreeze: find(c"unfreeze")?,
                collect: find(c"collect")?,
                told: Cell::new(Instant::now()),
                pipe,
            };
            let descriptor = capi::long_from_long_long(py, judge.pipe.as_raw_fd().into())?;
            judge.ask(py, c"answer_to", [&descriptor])?;
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
        self.tell(c"until_tracking")?;
        self.lend(0..1)?;
        // Soon: the collector may crash over what is not as it should be.
        self.tell(c"tracking")?;
        self.lend(1..with_python(|py| self.count(py, c"lists", []))?)?;
        self.tell(c"probe")?;
        self.starve_each()?;
        self.tell(c"clean")
    }

    fn look_for_growth(&self, task: &str) -> refsoak::Result<()> {
        self.soak_calls()?;
        self.soak_starved_calls()?;
        with_python(|py| {
            let task = capi::unicode_from_str(py, task)?;
            self.ask(py, c"end", [&task]).map(drop)
        })?;
        Ok(self.tell(c"clean")?)
    }

    /// Calls a function of the Python half. What that finds is an error, which ends the run.
    fn ask<'p, const N: usize>(
        &self,
        py: Python<'p>,
        name: &CStr,
        arguments: [&Owned<'p>; N],
    ) -> Result<Owned<'p>> {
        let function = capi::object_get_attr_string(&self.half.as_borrowed(py), name)?;
        Ok(capi::object_call_function_obj_args(&function, arguments)?)
    }

    /// The one number that a function of the Python half returns.
    fn count<'p, const N: usize>(
        &self,
        py: Python<'p>,
        name: &CStr,
        arguments: [&Owned<'p>; N],
    ) -> Result<u64> {
        let counts = convert::ints(&self.ask(py, name, arguments)?, 1)?;
        Ok(counts.first().map_or(0, |count| count.unsigned_abs()))
    }

    fn tell(&self, name: &CStr) -> Result<()> {
        with_python(|py| self.ask(py, name, []).map(drop))
    }

    /// Calls a function of the Python half with two numbers.
    fn tell_part(&self, name: &CStr, part: &Range<u64>) -> Result<()> {
        with_python(|py| {
            let [first, end] = [part.start, part.end].map(|number| int(py, number));
            self.ask(py, name, [&first?, &end?]).map(drop)
        })
    }

    /// Says which rule is broken, and ends the run.
    fn found(&self, py: Python<'_>, [lesson, rule, evidence]: [&str; 3]) -> Result<()> {
        let mut texts = capi::list_new(py, 3)?;
        for (index, text) in [lesson, rule, evidence].into_iter().enumerate() {
            capi::list_set_item(&mut texts, index, capi::unicode_from_str(py, text)?)?;
        }
        self.ask(py, c"found_in", [&texts.finish()?]).map(drop)
    }

    /// Says now and then that the judge goes on; allocates nothing.
    fn goes_on(&self) -> ControlFlow<()> {
        if self.told.get().elapsed() >= PERIOD {
            self.told.set(Instant::now());
            if (&*self.pipe).write_all(b"[\"going on\"]\n").is_err() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

/// Calls a function without arguments.
fn call(py: Python<'_>, function: &Held) -> Result<()> {
    capi::object_call_function_obj_args(&function.as_borrowed(py), [])?;
    Ok(())
}

fn int(py: Python<'_>, number: u64) -> Result<Owned<'_>> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    Ok(capi::long_from_long_long(py, number)?)
}
