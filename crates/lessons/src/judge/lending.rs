//! Lends lists to calls: after a call, a list and its items must have as many references as before.

use std::ops::Range;

use super::Judge;
use super::places::{self, named};
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::Owned;
use pyoutliers::convert;
use pyoutliers::with_python;
use refsoak::WatchedList;

impl Judge<'_> {
    /// Makes calls with some of the lists.
    pub(super) fn lend(&self, lists: Range<u64>) -> Result<()> {
        lists
            .into_iter()
            .try_for_each(|number| with_python(|py| self.lend_one(py, number)))
    }

    fn lend_one(&self, py: Python<'_>, number: u64) -> Result<()> {
        let list = self.ask(py, c"lend", [&super::int(py, number)?])?;
        let mut watched = WatchedList::new(list.clone())?;
        self.ask(py, c"look", [&list])?;
        self.sweep.collect(py)?;
        watched.begin(py);
        let again = || self.ask(py, c"use", [&list]).map(drop);
        let results = objects(&self.ask(py, c"once", [&list])?)?;
        let result = results.into_iter().next();
        if let Some(result) = &result {
            self.look_for_unowned(py, &watched, result, again)?;
        }
        let failed = result.is_none();
        drop(result);
        let failed = failed.then_some("it failed, and ");
        self.compare(py, &watched, failed, false, again)?;
        for _ in 0..2 {
            again()?;
        }
        self.compare(py, &watched, failed, false, again)
    }

    /// Reports an object that the result holds without owning a reference.
    fn look_for_unowned<'p>(
        &self,
        py: Python<'p>,
        watched: &WatchedList,
        result: &Owned<'p>,
        again: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let counts: Vec<_> = watched
            .each()
            .map(|each| (each.count(py), each.growth(py)))
            .collect();
        let held = objects(&self.ask(py, c"held", [result])?)?;
        let list = watched.each().next().map(|list| list.object(py).address());
        let is_list = list == Some(result.address());
        for (place, (each, (count, growth))) in watched.each().zip(counts).enumerate() {
            let address = each.object(py).address();
            let held = match is_list {
                // A list owns references to its items.
                true => usize::from(place == 0),
                false => held.iter().filter(|held| held.address() == address).count(),
            };
            let held = i64::try_from(held).unwrap_or(i64::MAX);
            if held > growth.max(0) {
                let evidence = format!(
                    "the result holds {} but owns no reference to it: it had {} before the call, and \
                     {count} after.{}",
                    name(place),
                    many((count - growth).unsigned_abs(), "reference"),
                    places::references(&each.object(py), again)?
                );
                let rule = "Own a reference to each object that you store or return.";
                return self.found(py, ["called-by-python", rule, &evidence]);
            }
        }
        Ok(())
    }

    /// Reports a list or an item that has more or fewer references than before. `again` repeats the call. `pardons_list`
    /// allows for `list()`, which leaks a reference to its argument when memory runs out, in Python 3.10 to 3.12.
    pub(super) fn compare(
        &self,
        py: Python<'_>,
        watched: &WatchedList,
        failed: Option<&str>,
        pardons_list: bool,
        again: impl Fn() -> Result<()>,
    ) -> Result<()> {
        let changed = || {
            let growths = watched.each().map(|each| each.growth(py)).enumerate();
            let is_pardoned = |place, growth| pardons_list && place == 0 && growth > 0;
            let changed =
                growths.filter(|&(place, growth)| growth != 0 && !is_pardoned(place, growth));
            changed.collect::<Vec<_>>()
        };
        if changed().is_empty() {
            return Ok(());
        }
        // Only the collector frees cycles.
        self.sweep.collect(py)?;
        let changed = changed();
        // An over-release is reported before a leak.
        let Some(&(place, growth)) = changed.iter().min_by_key(|(_, growth)| *growth > 0) else {
            return Ok(());
        };
        let Some(each) = watched.each().nth(place) else {
            return Ok(());
        };
        let now = each.count(py);
        let mut owner = String::new();
        if growth > 0 {
            let made = self.traced(&again)?;
            if !made.is_empty() {
                owner = format!(
                    " Each call also leaves objects that may hold it, made by {}.",
                    named(&made)
                );
            }
        }
        let more_or_fewer = match growth > 0 {
            true => "more reference",
            false => "fewer reference",
        };
        let evidence = format!(
            "{}{} had {} after the call than before ({now}, not {}){}.{}{owner}",
            failed.unwrap_or_default(),
            name(place),
            many(growth.unsigned_abs(), more_or_fewer),
            now - growth,
            match changed.len() {
                1 => String::new(),
                others => format!("; {} changed too", many(others as u64 - 1, "other")),
            },
            places::references(&each.object(py), again)?
        );
        let (lesson, rule) = match failed {
            _ if growth > 0 => (
                "new-reference",
                "Release each reference that you own, exactly once.",
            ),
            Some(_) => ("stolen-on-failure", NOT_YOURS),
            None => ("borrowed-reference", NOT_YOURS),
        };
        self.found(py, [lesson, rule, &evidence])
    }
}

const NOT_YOURS: &str =
    "Do not release a reference that you borrowed, or that was stolen from you.";

fn many(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// The list has place 0, and its items follow.
fn name(place: usize) -> String {
    match place.checked_sub(1) {
        None => "the list".into(),
        Some(index) => format!("item {index}"),
    }
}

fn objects<'p>(iterable: &Owned<'p>) -> Result<Vec<Owned<'p>>> {
    convert::vec_from_iterable(iterable, usize::MAX, |_, object| Ok(object.clone()))
}
