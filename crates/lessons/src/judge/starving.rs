//! Makes each allocation of a call fail in turn, as if memory ran out.

use std::ops::{ControlFlow, Range};

use super::soaking::Calls;
use super::{Judge, places};
use crate::raw::starved_call;
use pyoutliers::Python;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::with_python;
use pyoutliers::{Exception, Result};
use refsoak::{Soak, WatchedList, observe, starve};

/// The most allocations that are made to fail.
const MOST: u64 = 3000;
/// A pattern of the soak that matches the list.
const LIST: &str = "list [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, *";

/// Calls, each numbered by the allocation that fails in it.
struct Starved {
    detect: Held,
    list: Held,
    /// Whether `list()` itself leaks a reference to the list. If so, the module is not blamed for one.
    pardons_list: bool,
}

impl Starved {
    fn new(judge: &Judge<'_>) -> Result<Self> {
        let (detect, list) = with_python(|py| {
            let detect = judge.ask(py, c"function", [])?;
            Ok((detect.into(), judge.ask(py, c"starved", [])?.into()))
        })?;
        starve(.., || ())?;
        let mut starved = Self {
            detect,
            list,
            pardons_list: false,
        };
        with_python(|py| {
            let list = &starved.list.as_borrowed(py);
            let builtin =
                capi::object_get_attr_string(&capi::import_module(py, c"builtins")?, c"list")?;
            let watched = WatchedList::new(Owned::clone(list))?;
            (1..4).try_for_each(|number| starved_call(&builtin, list, number).map(drop))?;
            starved.pardons_list = watched
                .each()
                .next()
                .is_some_and(|list| list.growth(py) > 0);
            Ok(())
        })?;
        Ok(starved)
    }

    /// Makes a call in which the allocation with that number fails. Returns how many allocations there were.
    fn call<'p>(
        &self,
        py: Python<'p>,
        number: u64,
        look: impl FnOnce(Result<Owned<'p>, Exception>) -> Result<()>,
    ) -> Result<u64> {
        let (result, made) = starved_call(
            &self.detect.as_borrowed(py),
            &self.list.as_borrowed(py),
            number,
        )?;
        look(result)?;
        Ok(made)
    }
}

impl Calls for Starved {
    fn soak(&self, sweeps: u64) -> Soak<'static> {
        let soak = Soak::new(sweeps);
        if self.pardons_list {
            soak.allow(LIST)
        } else {
            soak
        }
    }

    /// Each call fails in the same way every time.
    fn enough(&self) -> (u64, u64) {
        (16, 7)
    }

    fn begin(&self, judge: &Judge<'_>, _: &Range<u64>) -> Result<()> {
        judge.run(c"starve")
    }

    fn sweep(&self, judge: &Judge<'_>, part: &Range<u64>) -> Result<()> {
        judge.sweep.each(part.clone(), |number| {
            with_python(|py| self.call(py, number, |_| Ok(())))?;
            Ok(ControlFlow::Continue(()))
        })
    }
}

impl Judge<'_> {
    /// Makes each allocation of a call fail in turn, and looks at the outcome.
    pub(super) fn starve_each(&self) -> Result<()> {
        let starved = Starved::new(self)?;
        with_python(|py| {
            let mut watched = WatchedList::new(Owned::clone(&starved.list.as_borrowed(py)))?;
            self.sweep.each(1..MOST, |number| {
                self.ask(py, c"starve", [])?;
                watched.begin(py);
                // The lines above have filled Python's free lists again.
                self.sweep.collect(py)?;
                let call = || {
                    starved.call(py, number, |result| match result {
                        Ok(result) => self.ask(py, c"recovered", [&result]).map(drop),
                        Err(exception) => {
                            let text = capi::unicode_from_str(py, &exception.to_string())?;
                            self.ask(py, c"wrong_failure", [&text]).map(drop)
                        }
                    })
                };
                let made = observe(places::observe, call)??;
                self.compare(py, &watched, None, starved.pardons_list, || {
                    starved.call(py, number, |_| Ok(())).map(drop)
                })?;
                Ok(if made < number {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })
        })
    }

    /// Soaks calls in which one allocation fails, for each allocation in turn.
    pub(super) fn soak_starved_calls(&self) -> refsoak::Result<()> {
        let starved = Starved::new(self)?;
        let mut made = 0;
        // No allocation has the number 0, so none fails.
        with_python(|py| {
            self.sweep.collect(py)?;
            made = starved.call(py, 0, |_| Ok(()))?;
            Ok(())
        })?;
        if let Some((part, report)) = self.growing(1..made.min(MOST) + 2, &starved)? {
            let rule = "When a step fails, release what the earlier steps made.";
            let broken = self.blame(&report, &part, &starved)?.of("half-way", rule);
            with_python(|py| self.found(py, broken.texts()))?;
        }
        Ok(())
    }
}
