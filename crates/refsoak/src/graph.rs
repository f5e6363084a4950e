//! All objects that can be found, and which of them refer to which.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;

/// The functions of `meter.py` that a graph is made with.
#[derive(Debug)]
pub(super) struct Finder {
    pub roots: Held,
    pub referents: Held,
}

impl Finder {
    /// What some objects refer to: once for each reference.
    fn referents<'p>(&self, things: &Owned<'p>) -> Result<Owned<'p>> {
        let referents = self.referents.as_borrowed(things.py());
        Ok(capi::object_call_function_obj_args(&referents, [things])?)
    }
}

/// The objects that can be found at one moment. Each is kept alive by one reference.
///
/// Found is what Python's cycle collector tracks, and whatever that refers to; frames are left out, as
/// they come and go.
pub(super) struct Graph<'p> {
    pub objects: Vec<Owned<'p>>,
    /// By address: how many references to it the others hold.
    known: HashMap<usize, i64, BuildHasherDefault<AddressHasher>>,
}

/// Addresses, in a set that is quick to look into.
pub(super) type Addresses = HashSet<usize, BuildHasherDefault<AddressHasher>>;

/// Spreads addresses: nobody chooses them to collide.
#[derive(Debug, Default)]
pub(super) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(32);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

impl<'p> Graph<'p> {
    pub fn new(py: Python<'p>, finder: &Finder) -> Result<Self> {
        let mut graph = Self {
            objects: Vec::new(),
            known: HashMap::default(),
        };
        let roots = finder.roots.as_borrowed(py);
        let roots = capi::object_call_function_obj_args(&roots, [])?;
        let mut level = graph.add(&roots, 0)?;
        while !level.is_empty() {
            let referents = finder.referents(&list(py, &level)?)?;
            level = graph.add(&referents, 1)?;
        }
        Ok(graph)
    }

    /// Adds objects, each with so many references to it, and returns those that are new.
    fn add(&mut self, objects: &Owned<'p>, references: i64) -> Result<Vec<Owned<'p>>> {
        let objects =
            convert::vec_from_iterable(objects, usize::MAX, |_, object| Ok(object.clone()))?;
        let known = &mut self.known;
        let is_new = |object: &Owned<'_>| {
            let mut is_new = false;
            *known.entry(object.address()).or_insert_with(|| {
                is_new = true;
                0
            }) += references;
            is_new
        };
        let new: Vec<_> = objects.into_iter().filter(is_new).collect();
        self.objects.extend(new.iter().cloned());
        Ok(new)
    }

    /// How many references to an object the others hold; `None` if it cannot be found.
    pub fn explained(&self, object: &Owned<'_>) -> Option<i64> {
        self.known.get(&object.address()).copied()
    }

    /// The addresses of all that can be reached from some objects, these included.
    pub fn reachable(
        &self,
        py: Python<'p>,
        finder: &Finder,
        from: impl Iterator<Item = Owned<'p>>,
    ) -> Result<Addresses> {
        let mut reached = Addresses::default();
        let mut level: Vec<Owned<'p>> = from.collect();
        reached.extend(level.iter().map(|object| object.address()));
        while !level.is_empty() {
            let referents = finder.referents(&list(py, &level)?)?;
            level =
                convert::vec_from_iterable(&referents, usize::MAX, |_, object| Ok(object.clone()))?;
            level.retain(|object| reached.insert(object.address()));
        }
        Ok(reached)
    }

    /// How many of those of some addresses an object refers to.
    pub fn count(
        &self,
        py: Python<'p>,
        finder: &Finder,
        object: &Owned<'p>,
        addresses: &Addresses,
    ) -> Result<usize> {
        let referents = finder.referents(&list(py, std::slice::from_ref(object))?)?;
        let is_one = convert::vec_from_iterable(&referents, usize::MAX, |_, object| {
            Ok(addresses.contains(&object.address()))
        })?;
        Ok(is_one.into_iter().filter(|&is_one| is_one).count())
    }
}

/// A list of some objects.
pub(super) fn list<'p>(py: Python<'p>, objects: &[Owned<'p>]) -> Result<Owned<'p>> {
    let mut list = capi::list_new(py, objects.len())?;
    for (index, object) in objects.iter().enumerate() {
        capi::list_set_item(&mut list, index, object.clone())?;
    }
    Ok(list.finish()?)
}
