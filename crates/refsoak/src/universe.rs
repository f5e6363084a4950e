//! All objects that can be found: the references to each, and the lengths of the containers.
//!
//! A leaked reference to a long-lived object takes no memory: only the object's reference count shows it. An
//! item for which a list has room takes no memory either: only the list's length shows it.
//!
//! The soak holds a reference to each object, and spare references, so that the object lives on if it is
//! released too often. An object that a store evicts would live on too. So before each reading, the universe
//! releases the objects to which nothing else refers. An object that was released too often is not among
//! them, because its owner still refers to it.

use std::fmt::Write;

use crate::counter::{Counter, float};
use crate::graph::{Addresses, Finder, Graph, list};
use crate::member::{Length, Member, Moved};
use crate::series::{LEAST_GROWTH, Series};
use crate::spare::SpareReferences;
use crate::verdict::Finding;
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;

/// Spare references to each object from the start, so that none is freed before its count is read.
const SPARE: i64 = 32;
/// Calls leave up to this many new objects in caches. These do not count as kept.
const FEW: usize = 8;

/// The objects that are counted. Reading their counts allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Universe {
    members: Vec<Member>,
    /// The addresses of all objects that existed when the windows began, counted or not.
    known: Addresses,
    /// How many of the members have been released since.
    released: usize,
    /// Whether a member to which nothing else refers stays for one more reading.
    is_waiting: bool,
}

/// A window that has ended, by its number of calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window(pub u64);

/// The sums over all members: references to objects, to types, and items, without the soak's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub references: i64,
    pub types: i64,
    pub items: i64,
}

impl Counts {
    /// The sum of one of these counters.
    pub fn of(self, counter: Counter) -> i64 {
        match counter {
            Counter::Types => self.types,
            Counter::Items => self.items,
            _ => self.references,
        }
    }
}

impl Universe {
    /// Counts all objects that can be found, from now on.
    pub fn find(&mut self, py: Python<'_>, finder: &Finder, kinds: &Held) -> Result<()> {
        let graph = Graph::new(py, finder)?;
        let mut known: Vec<_> = self
            .members
            .iter()
            .map(|member| member.address(py))
            .collect();
        known.sort_unstable();
        self.known = graph
            .objects
            .iter()
            .map(|object| object.address())
            .collect();
        let is_new = |object: &&Owned<'_>| {
            !object.is_immortal() && known.binary_search(&object.address()).is_err()
        };
        let new: Vec<_> = graph.objects.iter().filter(is_new).cloned().collect();
        // For most objects None, for a type True, for a container the function that returns its length.
        let kinds = {
            let kinds = &kinds.as_borrowed(py);
            let kinds = capi::object_call_function_obj_args(kinds, [&list(py, &new)?])?;
            convert::vec_from_iterable(&kinds, usize::MAX, |_, kind| Ok(kind.clone()))?
        };
        for (object, kind) in new.into_iter().zip(kinds) {
            let explained = graph.explained(&object).unwrap_or_default();
            // The graph's reference and this one.
            let ours = 2;
            let count = i64::try_from(object.reference_count()).unwrap_or(i64::MAX);
            let length = capi::callable_check(&kind).then(|| Box::new(Length::new(&kind)));
            self.members.push(Member {
                object: SpareReferences::new(object, SPARE),
                count: 0,
                series: Series::default(),
                explained,
                is_held_outside: count - ours > explained,
                is_type: capi::bool_check(&kind),
                length,
                fall: None,
            });
        }
        for member in &mut self.members {
            let explained = graph.explained(&member.object.object(py));
            member.explained = explained.unwrap_or_default();
        }
        drop(graph);
        // Their counts no longer include the graph's references.
        for member in self.members.iter_mut().skip(known.len()) {
            member.object.begin(py);
        }
        self.begin(py)
    }

    /// Begins a new series of windows.
    pub fn begin(&mut self, py: Python<'_>) -> Result<()> {
        self.released = 0;
        for member in &mut self.members {
            member.count = member.count(py);
            member.series = Series::default();
            if let Some(length) = &mut member.length {
                length.items = length.read(&member.object.object(py))?;
                length.series = Series::default();
            }
        }
        Ok(())
    }

    /// Adds as many spare references as the next calls may release too often.
    pub fn add_spares(&mut self, py: Python<'_>, calls: u64) {
        for member in &mut self.members {
            if let Some(fall) = member.fall {
                // Twice the expected number, and some for references that are rarely lost.
                let missing = (2.0 * fall).max(0.02) * float(calls);
                member.object.ensure(py, SPARE + whole(missing));
            }
        }
    }

    /// Whether an object waits to be released at the next reading.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// The number of references that the soak itself holds.
    pub fn ours(&self) -> i64 {
        let ours = self.members.iter().map(|member| member.object.spare() + 1);
        ours.sum()
    }

    /// Releases the objects to which nothing else refers any more. Returns whether there were any, or `None`
    /// if no count fell, so that there was no need to search.
    pub fn release_dropped(&mut self, py: Python<'_>, finder: &Finder) -> Result<Option<bool>> {
        // If a count falls again and again, the object still had an owner the first time.
        let has_fallen = |member: &Member| {
            let count = member.count(py);
            count < member.count && (count == 0 || member.fall.is_none())
        };
        if !self.is_waiting && !self.members.iter().any(has_fallen) {
            return Ok(None);
        }
        self.is_waiting = false;
        let dropped = self.dropped(py, finder)?;
        let is_dropped = |member: &mut Member| dropped.contains(&member.address(py));
        // C code referred to it. If it was released too often, its count will keep falling.
        let waits = |member: &Member| member.is_held_outside && member.count != 0;
        let dropped = self.members.extract_if(.., is_dropped);
        let (waiting, unused): (Vec<_>, Vec<_>) = dropped.partition(waits);
        self.is_waiting = !waiting.is_empty();
        self.members.extend(waiting);
        let has_released = !unused.is_empty();
        self.released += unused.len();
        for member in unused {
            // A new object may get the same address.
            self.known.remove(&member.address(py));
            member.object.release(py);
        }
        Ok(Some(has_released))
    }

    /// The addresses of the members to which nothing else leads, directly or through other objects.
    fn dropped(&self, py: Python<'_>, finder: &Finder) -> Result<Addresses> {
        let graph = Graph::new(py, finder)?;
        let (mut members, mut unseen) = (Addresses::default(), Addresses::default());
        let mut from = Vec::new();
        for member in &self.members {
            let object = member.object.object(py);
            members.insert(object.address());
            match graph.explained(&object) {
                // One reference is the graph's.
                Some(explained) if member.count(py) - 1 > explained => {
                    from.push(Owned::clone(&object));
                }
                Some(_) => {}
                None if member.count(py) == 0 => {
                    unseen.insert(object.address());
                }
                None => from.push(Owned::clone(&object)),
            }
        }
        for object in &graph.objects {
            let explained = graph.explained(object).unwrap_or_default();
            let count = i64::try_from(object.reference_count()).unwrap_or(i64::MAX);
            if !members.contains(&object.address()) && count - 1 > explained {
                from.push(object.clone());
            }
        }
        let reached = graph.reachable(py, finder, from.into_iter())?;
        let is_dropped = |address: &usize| !reached.contains(address);
        let objects = graph.objects.iter().map(|object| object.address());
        let dropped = objects.filter(|address| members.contains(address));
        let dropped: Addresses = dropped.filter(is_dropped).collect();
        Ok(unseen
            .into_iter()
            .filter(is_dropped)
            .chain(dropped)
            .collect())
    }

    /// How many objects the function has kept since the windows began: the new ones to which older objects
    /// lead, without those that replaced another.
    pub fn kept(&self, py: Python<'_>, finder: &Finder) -> Result<usize> {
        let (_, new) = self.new_objects(py, finder)?;
        Ok(new.len().saturating_sub(self.released + FEW))
    }

    /// The older object that refers to the most new ones, and their number.
    pub fn keeper(&self, py: Python<'_>, finder: &Finder) -> Result<Option<Moved>> {
        let (graph, new) = self.new_objects(py, finder)?;
        let mut most = None;
        for member in &self.members {
            let new = graph.count(py, finder, &member.object.object(py), &new)?;
            if new > most.as_ref().map_or(FEW, |&(most, _)| most) {
                most = Some((new, member));
            }
        }
        Ok(most.map(|(new, member)| Moved {
            counter: Counter::Items,
            ..member.moved(py, Finding::Leak, i64::try_from(new).unwrap_or(i64::MAX))
        }))
    }

    /// The addresses of the objects that were made since the windows began and to which older objects lead.
    /// The graph keeps them alive.
    fn new_objects<'p>(&self, py: Python<'p>, finder: &Finder) -> Result<(Graph<'p>, Addresses)> {
        let graph = Graph::new(py, finder)?;
        let members = self.members.iter();
        let members = members.map(|member| Owned::clone(&member.object.object(py)));
        let reached = graph.reachable(py, finder, members)?;
        Ok((graph, reached.difference(&self.known).copied().collect()))
    }

    /// Counts all references and items. After a window, the growth of each is added to its series.
    pub fn read(&mut self, py: Python<'_>, window: Option<Window>) -> Result<Counts> {
        let mut counts = Counts::default();
        for member in &mut self.members {
            let count = member.count(py);
            *if member.is_type {
                &mut counts.types
            } else {
                &mut counts.references
            } += count;
            if let Some(length) = &mut member.length {
                let items = length.read(&member.object.object(py))?;
                counts.items += items;
                if window.is_some() {
                    length.series.note(items - length.items);
                }
                length.items = items;
            }
            let growth = count - member.count;
            member.count = count;
            let Some(Window(calls)) = window else {
                continue;
            };
            member.series.note(growth);
            if growth < 0 || member.fall.is_some() {
                let fall = float(growth.min(0).unsigned_abs()) / float(calls.max(1));
                member.fall = Some(fall);
            }
        }
        Ok(counts)
    }

    /// The references to an object at the last reading, and its items.
    pub fn last(&self, object: &Owned<'_>) -> Option<(i64, i64)> {
        let mut members = self.members.iter();
        let member = members.find(|member| member.address(object.py()) == object.address())?;
        let items = member.length.as_ref().map_or(0, |length| length.items);
        Some((member.count, items))
    }

    /// Whether the count or the length of any object moved in the same direction in each of the last five
    /// windows.
    pub fn is_steady(&self) -> bool {
        self.members.iter().any(|member| {
            let length = member.length.as_ref();
            member.series.is_steady() || length.is_some_and(|length| length.series.is_steady())
        })
    }

    /// The objects of which [`is_steady`](Self::is_steady) is true, by address, and whether they rise or fall. It has
    /// no amounts: a test that leaks the same twice per call has the same text.
    pub fn steady(&self, py: Python<'_>) -> String {
        let mut text = String::new();
        for member in &self.members {
            let length = member
                .length
                .as_ref()
                .map(|length| (Counter::Items, length.series));
            let moved = [Some((member.counter(), member.series)), length];
            for (counter, series) in moved.into_iter().flatten() {
                if series.is_steady() {
                    let sign = if series.last() < 0 { '-' } else { '+' };
                    // Writing to a string does not fail.
                    let _ = write!(text, "{counter} {:x}{sign}; ", member.address(py));
                }
            }
        }
        text
    }

    /// Whether no count and no length moved in the last window.
    pub fn is_quiet(&self) -> bool {
        self.members.iter().all(|member| {
            let length = member.length.as_ref();
            !member.series.has_moved() && length.is_none_or(|length| !length.series.has_moved())
        })
    }

    /// The objects whose reference counts fell in both of the last two windows.
    pub fn falling(&self, py: Python<'_>) -> Vec<Moved> {
        let falling = self.members.iter().filter(|member| member.series.falls());
        let moved = |member: &Member| member.moved(py, Finding::OverRelease, member.series.total());
        falling.map(moved).collect()
    }

    /// The objects whose references moved, or may have moved, with the calls, apart from references that other
    /// objects hold; and the containers whose lengths moved. The worst come first, then the largest.
    pub fn judge(&self, py: Python<'_>, finder: &Finder) -> Result<Vec<Moved>> {
        let is_open = |finding| !matches!(finding, Finding::Steady | Finding::Cache);
        let mut moved = Vec::new();
        for member in &self.members {
            let finding = member.series.judge(member.counter());
            // A count that rises and falls may hide one that keeps moving.
            let is_hiding = finding == Finding::Cache && !member.is_held_outside;
            if is_open(finding) || is_hiding {
                moved.push((member, member.moved(py, finding, member.series.total())));
            }
        }
        if !moved.is_empty() {
            let graph = Graph::new(py, finder)?;
            moved.retain_mut(|(member, moved)| {
                let explained = graph
                    .explained(&moved.object.as_borrowed(py))
                    .unwrap_or_default();
                let all = moved.total;
                moved.total -= explained - member.explained;
                // The graph holds one reference, and `moved` another. C code may release its own references,
                // until fewer are left than other objects hold.
                let is_missing = member.count(py) - 2 < explained;
                if moved.finding == Finding::OverRelease && !is_missing {
                    moved.finding = Finding::Rare;
                }
                if moved.finding == Finding::Cache {
                    moved.finding = Finding::Rare;
                    let is_lost = is_missing && moved.total <= -LEAST_GROWTH;
                    return moved.total >= LEAST_GROWTH || is_lost;
                }
                2 * moved.total.abs() > all.abs() && moved.total.signum() == all.signum()
            });
        }
        let mut moved: Vec<_> = moved.into_iter().map(|(_, moved)| moved).collect();
        for member in &self.members {
            let Some(length) = &member.length else {
                continue;
            };
            let finding = length.series.judge(Counter::Items);
            if is_open(finding) {
                moved.push(Moved {
                    counter: Counter::Items,
                    items: length.items,
                    are_objects: length.reader.is_none(),
                    ..member.moved(py, finding, length.series.total())
                });
            }
        }
        moved.sort_by_key(|moved| (moved.finding, -moved.total.abs()));
        Ok(moved)
    }
}

/// A number of references, rounded down and limited.
fn whole(number: f64) -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let whole = number.min(1e9) as i64;
    whole
}
