//! All objects that can be found: the references to each, and the length of those that have one.
//!
//! A leaked reference to an object that lives anyway takes no memory: only the object's count shows it.
//! Nor does an item that a list has room for: only the list's length shows it.
//!
//! Counting takes a reference to each object, and some to spare, so that one released too often lives
//! on. What a store evicts would live on too. So before a reading the universe lets go of what nobody
//! else leads to. An object released too often is not among those: its holder still leads to it.

use super::counter::Counter;
use super::graph::{Addresses, Finder, Graph, list};
use super::verdict::{Finding, LEAST_GROWTH, Series, float};
use crate::spare::SpareReferences;
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;

/// Spare references to each object from the start, so that none dies before its count is read.
const SPARE: i64 = 32;
/// Bytes of the smallest record in a buffer.
const RECORD: i64 = 8;
/// New objects that old ones lead to, as few as these, are what calls leave in caches.
const FEW: usize = 8;

/// Objects, held and counted. Reading their counts allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Universe {
    members: Vec<Member>,
    /// The addresses of all objects there were when the windows began, those not counted included.
    known: Addresses,
    /// How many were let go of since.
    gone: usize,
    /// Whether a member that nobody holds has to stay for one more reading.
    is_waiting: bool,
}

#[derive(Debug)]
struct Member {
    object: SpareReferences,
    /// The references to it without our own, at the last reading.
    count: i64,
    series: Series,
    /// How many references to it other members held when the windows began.
    explained: i64,
    /// Whether there were references besides those, such as those that C code holds.
    is_held_outside: bool,
    is_type: bool,
    length: Option<Box<Length>>,
    /// By how many references per call it fell in the last window; whether it ever fell.
    fall: Option<f64>,
}

/// The length of a container.
#[derive(Debug)]
struct Length {
    /// What tells it; `len` if none.
    reader: Option<Held>,
    items: i64,
    series: Series,
}

/// A window that has ended: how many calls it had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window(pub u64);

/// All references to objects, to types, and all items, without our own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub references: i64,
    pub types: i64,
    pub items: i64,
}

impl Counts {
    /// That of a counter that is judged object by object.
    pub fn of(self, counter: Counter) -> i64 {
        match counter {
            Counter::Types => self.types,
            Counter::Items => self.items,
            _ => self.references,
        }
    }
}

/// An object whose references moved, or a container whose items did.
#[derive(Debug)]
pub(super) struct Moved {
    pub counter: Counter,
    pub finding: Finding,
    /// By how many.
    pub total: i64,
    /// Of a container, how many items it has now, and whether these are objects.
    pub items: i64,
    pub are_objects: bool,
    pub object: Held,
}

impl Moved {
    /// How many entries a container has gained; those of a buffer are records of some bytes.
    pub fn entries(&self) -> i64 {
        if self.are_objects {
            self.total
        } else {
            self.total / RECORD
        }
    }

    /// Whether it has an end, as a deque with a `maxlen` has.
    pub fn is_bounded(&self, py: Python<'_>) -> bool {
        let most = capi::object_get_attr_string(&self.object.as_borrowed(py), c"maxlen");
        self.are_objects && most.is_ok_and(|most| capi::long_check(&most))
    }
}

impl Universe {
    /// From now on, all objects that can be found are counted.
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
        // None for most; true for a type; what tells its length for a container.
        let kinds = {
            let kinds = &kinds.as_borrowed(py);
            let kinds = capi::object_call_function_obj_args(kinds, [&list(py, &new)?])?;
            convert::vec_from_iterable(&kinds, usize::MAX, |_, kind| Ok(kind.clone()))?
        };
        for (object, kind) in new.into_iter().zip(kinds) {
            let explained = graph.explained(&object).unwrap_or_default();
            // The graph's and this one.
            let ours = 2;
            let count = i64::try_from(object.reference_count()).unwrap_or(i64::MAX);
            let length = capi::callable_check(&kind).then(|| {
                Box::new(Length {
                    reader: (!is_len(&kind)).then(|| kind.clone().into()),
                    items: 0,
                    series: Series::default(),
                })
            });
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
        // From now on without the graph's references.
        for member in self.members.iter_mut().skip(known.len()) {
            member.object.begin(py);
        }
        self.begin(py)
    }

    /// Begins a new series of windows.
    pub fn begin(&mut self, py: Python<'_>) -> Result<()> {
        self.gone = 0;
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

    /// Lends as many spare references as may be released too often in so many calls.
    pub fn lend(&mut self, py: Python<'_>, calls: u64) {
        for member in &mut self.members {
            if let Some(fall) = member.fall {
                // Twice what is expected, and something for what falls rarely.
                let missing = (2.0 * fall).max(0.02) * float(calls);
                member.object.lend(py, SPARE + whole(missing));
            }
        }
    }

    /// Whether something is still to be let go of.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// All references of our own.
    pub fn ours(&self) -> i64 {
        let ours = self.members.iter().map(|member| member.object.spare() + 1);
        ours.sum()
    }

    /// Lets go of the objects that nobody else leads to any more, if there may be any; whether there were,
    /// or `None` if it did not look.
    pub fn let_go(&mut self, py: Python<'_>, finder: &Finder) -> Result<Option<bool>> {
        // What falls again and again was held by somebody the first time.
        let has_fallen = |member: &Member| {
            let count = member.count(py);
            count < member.count && (count == 0 || member.fall.is_none())
        };
        if !self.is_waiting && !self.members.iter().any(has_fallen) {
            return Ok(None);
        }
        self.is_waiting = false;
        let gone = self.gone(py, finder)?;
        let is_gone = |member: &mut Member| gone.contains(&member.address(py));
        // C code held it. If it was released too often, its count falls on.
        let waits = |member: &Member| member.is_held_outside && member.count != 0;
        let gone = self.members.extract_if(.., is_gone);
        let (waiting, dead): (Vec<_>, Vec<_>) = gone.partition(waits);
        self.is_waiting = !waiting.is_empty();
        self.members.extend(waiting);
        let has_let_go = !dead.is_empty();
        self.gone += dead.len();
        for member in dead {
            // Another object may come to lie there.
            self.known.remove(&member.address(py));
            member.object.release(py);
        }
        Ok(Some(has_let_go))
    }

    /// The addresses of the members that nobody leads to.
    fn gone(&self, py: Python<'_>, finder: &Finder) -> Result<Addresses> {
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
        let is_gone = |address: &usize| !reached.contains(address);
        let objects = graph.objects.iter().map(|object| object.address());
        let gone = objects.filter(|address| members.contains(address));
        let gone: Addresses = gone.filter(is_gone).collect();
        Ok(unseen.into_iter().filter(is_gone).chain(gone).collect())
    }

    /// By how many objects what the function keeps has grown since the windows began: those that older
    /// ones lead to, without those that took another's place.
    pub fn kept(&self, py: Python<'_>, finder: &Finder) -> Result<usize> {
        let (_, new) = self.new_objects(py, finder)?;
        Ok(new.len().saturating_sub(self.gone + FEW))
    }

    /// Which of the older objects holds most of those, and how many.
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

    /// The addresses of the objects that were not there when the windows began and that older ones lead
    /// to. They are kept alive by the graph.
    fn new_objects<'p>(&self, py: Python<'p>, finder: &Finder) -> Result<(Graph<'p>, Addresses)> {
        let graph = Graph::new(py, finder)?;
        let members = self.members.iter();
        let members = members.map(|member| Owned::clone(&member.object.object(py)));
        let reached = graph.reachable(py, finder, members)?;
        Ok((graph, reached.difference(&self.known).copied().collect()))
    }

    /// All references and items. After a window the growth of each is noted.
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

    /// The references to an object at the last reading, and its items if it has a length.
    pub fn last(&self, object: &Owned<'_>) -> Option<(i64, i64)> {
        let mut members = self.members.iter();
        let member = members.find(|member| member.address(object.py()) == object.address())?;
        let items = member.length.as_ref().map_or(0, |length| length.items);
        Some((member.count, items))
    }

    /// Whether the count or the length of any object went the same way in each of the last five windows.
    pub fn is_steady(&self) -> bool {
        self.members.iter().any(|member| {
            let length = member.length.as_ref();
            member.series.is_steady() || length.is_some_and(|length| length.series.is_steady())
        })
    }

    /// Whether nothing moved in the last window.
    pub fn is_quiet(&self) -> bool {
        self.members.iter().all(|member| {
            let length = member.length.as_ref();
            !member.series.has_moved() && length.is_none_or(|length| !length.series.has_moved())
        })
    }

    /// The objects whose counts fell in each of the last two windows.
    pub fn falling(&self, py: Python<'_>) -> Vec<Moved> {
        let falling = self.members.iter().filter(|member| member.series.falls());
        let moved = |member: &Member| member.moved(py, Finding::OverRelease, member.series.total());
        falling.map(moved).collect()
    }

    /// The objects whose references moved with the calls, or may have, by more than what other objects
    /// hold explains; and the containers whose lengths did. What moved most comes first.
    pub fn judge(&self, py: Python<'_>, finder: &Finder) -> Result<Vec<Moved>> {
        let is_open = |finding| !matches!(finding, Finding::Steady | Finding::Cache);
        let mut moved = Vec::new();
        for member in &self.members {
            let finding = member.series.judge(member.counter());
            // What comes and goes may hide what goes on.
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
                let whole = moved.total;
                moved.total -= explained - member.explained;
                // The graph has one, and what moved another. What C code holds may fall by right, until
                // there are fewer references than others are seen to hold.
                let is_missing = member.count(py) - 2 < explained;
                if moved.finding == Finding::OverRelease && !is_missing {
                    moved.finding = Finding::Rare;
                }
                if moved.finding == Finding::Cache {
                    moved.finding = Finding::Rare;
                    let is_lost = is_missing && moved.total <= -LEAST_GROWTH;
                    return moved.total >= LEAST_GROWTH || is_lost;
                }
                2 * moved.total.abs() > whole.abs() && moved.total.signum() == whole.signum()
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

impl Member {
    fn address(&self, py: Python<'_>) -> usize {
        self.object.object(py).address()
    }

    /// How many references to it are not ours.
    fn count(&self, py: Python<'_>) -> i64 {
        self.object.count(py) - 1
    }

    fn counter(&self) -> Counter {
        if self.is_type {
            Counter::Types
        } else {
            Counter::References
        }
    }

    fn moved(&self, py: Python<'_>, finding: Finding, total: i64) -> Moved {
        Moved {
            counter: self.counter(),
            finding,
            total,
            items: 0,
            are_objects: false,
            object: Owned::clone(&self.object.object(py)).into(),
        }
    }
}

impl Length {
    fn read(&self, container: &Owned<'_>) -> Result<i64> {
        let Some(reader) = &self.reader else {
            return Ok(i64::try_from(capi::object_size(container)?).unwrap_or(i64::MAX));
        };
        let reader = reader.as_borrowed(container.py());
        let items = capi::object_call_function_obj_args(&reader, [container])?;
        Ok(capi::long_as_long_long(&items)?)
    }
}

/// Whether that is `len`, for which there is a call that is faster.
fn is_len(reader: &Owned<'_>) -> bool {
    let name = capi::object_get_attr_string(reader, c"__name__");
    name.is_ok_and(|name| capi::unicode_to_string(&name).as_deref() == Some("len"))
}

/// A number of references, without its fraction; within reason.
fn whole(number: f64) -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let whole = number.min(1e9) as i64;
    whole
}
