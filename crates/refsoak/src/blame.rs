//! After a leak: names the objects that grew, the variables that lead to them, and the lines that leak.

use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::counter::Counter;
use crate::graph::list;
use crate::member::Moved;
use crate::memory::c_heap_function;
use crate::reference::Reference;
use crate::stage::Stage;
use crate::verdict::{self, Finding, per_call};
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;
use pyoutliers::{interpreter::module, with_python};

/// The time limit for each of the two searches for lines.
const LONGEST: Duration = Duration::from_secs(3);
/// How often a leak must happen during a search for its lines, and the most calls for that.
const OFTEN: f64 = 16.0;
const MOST_CALLS: f64 = 30_000.0;
/// The most objects, and the most containers, that are followed line by line.
const MOST_FOLLOWED: usize = 3;

/// The names of an object that moved.
#[derive(Debug)]
pub(super) struct Name {
    /// Its type and its `repr`, shortened.
    pub object: String,
    /// Its type alone.
    pub kind: String,
    /// The variable that leads to it, or nothing.
    pub variable: String,
    /// Python source that gives it in a new process, or nothing.
    pub expression: String,
}

impl Name {
    /// Whether the object belongs to a module that is not named.
    pub fn is_hidden(&self) -> bool {
        self.kind.is_empty()
    }

    /// Describes its references or items for the report.
    pub fn reference(&self, moved: &Moved, calls: u64) -> Reference {
        Reference {
            counter: moved.counter,
            object: self.object.clone(),
            variable: self.variable.clone(),
            expression: self.expression.clone(),
            finding: moved.finding,
            total: moved.total,
            per_call: per_call(moved.total, calls),
            held: Arc::clone(&moved.object),
        }
    }

    /// `module.KEPT, a list: +800 items, 1200 now`.
    pub fn container(&self, moved: &Moved) -> String {
        let variable = match self.variable.as_str() {
            "" => "(no variable)",
            variable => variable,
        };
        let (kind, total) = (with_article(&self.kind), moved.total);
        let one_or_many = |one, many| if total.abs() == 1 { one } else { many };
        match moved.items {
            0 => format!(
                "{variable}, {kind}: it holds {total} new {}",
                one_or_many("object", "objects")
            ),
            items => format!(
                "{variable}, {kind}: {total:+} {}, {items} now",
                one_or_many("item", "items")
            ),
        }
    }

    /// The texts that a pattern of `Soak::allow` may match.
    pub fn texts(&self) -> [&str; 3] {
        [&self.object, &self.kind, &self.variable]
    }
}

/// The name of a type, after `a` or `an`.
fn with_article(kind: &str) -> String {
    let is_vowel = |c: char| "aeioAEIO".contains(c);
    let article = match kind.trim_start_matches('_').starts_with(is_vowel) {
        true => "an",
        false => "a",
    };
    format!("{article} {kind}")
}

/// The Python modules that name what leaks.
#[derive(Debug)]
pub(super) struct Blame {
    names: Held,
    allocations: Held,
    follower: Held,
}

impl Blame {
    /// `hidden` has the names of modules whose lines and variables are not named.
    pub fn new(hidden: &[String]) -> Result<Self> {
        with_python(|py| {
            let load = |name, file, source| module(py, name, file, source).map(Held::from);
            // The others import it.
            let names = load(
                c"_refsoak_names",
                c"<outliers>/refsoak/names.py",
                include_str!("names.py"),
            )?;
            for module in hidden {
                ask(py, &names, c"hide", [&capi::unicode_from_str(py, module)?])?;
            }
            Ok(Self {
                names,
                allocations: load(
                    c"_refsoak_allocations",
                    c"<outliers>/refsoak/allocations.py",
                    include_str!("allocations.py"),
                )?,
                follower: load(
                    c"_refsoak_follower",
                    c"<outliers>/refsoak/follower.py",
                    include_str!("follower.py"),
                )?,
            })
        })
    }

    /// The names of each object, as far as they can be found.
    pub fn names(&self, moved: &[Moved]) -> Vec<Name> {
        let held = moved.iter().map(|moved| &*moved.object);
        let texts = with_python(|py| ask(py, &self.names, c"identify", [&objects(py, held)?]));
        let texts = texts.unwrap_or_default();
        let name = |index| {
            let text = |part: usize| texts.get(4 * index + part).cloned().unwrap_or_default();
            Name {
                object: text(0),
                kind: text(1),
                variable: text(2),
                expression: text(3),
            }
        };
        (0..moved.len()).map(name).collect()
    }

    /// Makes more calls, and adds the lines that leak, the types of the leaked objects, and the variables
    /// whose values become longer.
    pub fn locate(
        &self,
        stage: &mut Stage,
        mut call: impl FnMut() -> crate::error::Result<()>,
    ) -> crate::error::Result<()> {
        let rate = |is_wanted: &dyn Fn(Counter) -> bool| {
            let leaks = verdict::of(&stage.counters, Finding::Leak);
            let leaks = leaks.filter(|growth| is_wanted(growth.counter));
            leaks
                .map(|growth| growth.per_call.min(1.0))
                .reduce(f64::min)
        };
        // Makes as many calls as the rate needs and the time limit allows: traced calls are slow.
        let mut make = |rate: f64| {
            let (mut clock, mut calls, mut result) = (Clock::new(Some(LONGEST)), 0.0, Ok(()));
            while result.is_ok()
                && (rate * calls < OFTEN && calls < MOST_CALLS)
                && !(clock.ticks() && clock.is_past(1))
            {
                result = call();
                calls += 1.0;
            }
            (calls, result)
        };
        if let Some(rate) = rate(&|counter| matches!(counter, Counter::Blocks | Counter::Tracked)) {
            with_python(|py| ask(py, &self.allocations, c"trace", []))?;
            let (calls, result) = make(rate);
            // This ends the tracing, also after an error.
            let mut blocks = stage.counters.iter();
            let blocks = blocks.find(|growth| growth.counter == Counter::Blocks);
            let blocks = blocks.map_or(0.0, |growth| growth.per_call);
            let traced = with_python(|py| {
                ask(
                    py,
                    &self.allocations,
                    c"traced",
                    [&numbers(py, &[calls, rate, blocks])?],
                )
            });
            result?;
            stage.grown.extend(traced?);
        }
        let is_followed = |counter: Counter| {
            counter.is_by_object() || counter.is_resource() || counter == Counter::CHeap
        };
        if let Some(rate) = rate(&is_followed) {
            let heap = if stage.leaks(Counter::CHeap) {
                c_heap_function()
            } else {
                0
            };
            let resources = verdict::of(&stage.counters, Finding::Leak);
            let resources = resources.filter(|growth| growth.counter.is_resource());
            let resources: Vec<_> = resources.map(|growth| growth.counter.to_string()).collect();
            with_python(|py| {
                let [things, containers] = [&stage.references, &stage.items].map(|rows| {
                    let rows = rows.iter().take(MOST_FOLLOWED);
                    objects(py, rows.map(Reference::held))
                });
                let heap = capi::long_from_long_long(py, heap)?;
                let resources = capi::unicode_from_str(py, &resources.join(" "))?;
                ask(
                    py,
                    &self.follower,
                    c"follow",
                    [&list(py, &[things?, containers?, heap, resources])?],
                )
            })?;
            let (calls, result) = make(rate);
            let followed = with_python(|py| {
                ask(
                    py,
                    &self.follower,
                    c"followed",
                    [&numbers(py, &[calls, rate])?],
                )
            });
            result?;
            stage.grown.extend(followed?);
            let longer = with_python(|py| {
                ask(
                    py,
                    &self.follower,
                    c"longer",
                    [&capi::float_from_double(py, calls)?],
                )
            })?;
            stage.containers.extend(longer);
        }
        Ok(())
    }
}

/// Calls a function of a module, which returns lines of text.
fn ask<const N: usize>(
    py: Python<'_>,
    module: &Held,
    name: &CStr,
    arguments: [&Owned<'_>; N],
) -> Result<Vec<String>> {
    let function = capi::object_get_attr_string(&module.as_borrowed(py), name)?;
    let lines = capi::object_call_function_obj_args(&function, arguments)?;
    convert::vec_from_iterable(&lines, usize::MAX, |_, line| {
        Ok(capi::unicode_to_string(line).unwrap_or_default())
    })
}

/// A Python list of some numbers.
fn numbers<'p>(py: Python<'p>, numbers: &[f64]) -> Result<Owned<'p>> {
    Ok(convert::list_from_slice(py, numbers, None)?)
}

/// A Python list of some objects.
fn objects<'p, 'h>(py: Python<'p>, held: impl Iterator<Item = &'h Held>) -> Result<Owned<'p>> {
    let objects: Vec<_> = held
        .map(|held| Owned::clone(&held.as_borrowed(py)))
        .collect();
    list(py, &objects)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Name;
    use crate::counter::Counter;
    use crate::member::Moved;
    use crate::verdict::Finding;
    use pyoutliers::{capi, with_python};

    #[test]
    fn a_container_has_the_right_article_and_plural() -> pyoutliers::Result<()> {
        with_python(|py| {
            for (kind, total, items, expected) in [
                ("list", 800, 1200, "m.KEPT, a list: +800 items, 1200 now"),
                (
                    "array.array",
                    1,
                    7,
                    "m.KEPT, an array.array: +1 item, 7 now",
                ),
                (
                    "_io.BytesIO",
                    -1,
                    7,
                    "m.KEPT, an _io.BytesIO: -1 item, 7 now",
                ),
                (
                    "_queue.SimpleQueue",
                    2,
                    2,
                    "m.KEPT, a _queue.SimpleQueue: +2 items, 2 now",
                ),
                (
                    "users.Index",
                    1,
                    0,
                    "m.KEPT, a users.Index: it holds 1 new object",
                ),
                ("dict", 9, 0, "m.KEPT, a dict: it holds 9 new objects"),
            ] {
                let name = Name {
                    object: String::new(),
                    kind: kind.into(),
                    variable: "m.KEPT".into(),
                    expression: String::new(),
                };
                let moved = Moved {
                    counter: Counter::Items,
                    finding: Finding::Leak,
                    total,
                    items,
                    are_objects: true,
                    object: Arc::new(capi::list_new(py, 0)?.finish()?.into()),
                };
                assert_eq!(name.container(&moved), expected);
            }
            Ok(())
        })
    }
}
