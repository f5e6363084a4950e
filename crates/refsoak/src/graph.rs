//! All objects that can be found, and the references between them.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;

/// The functions of `meter.py` that find the objects.
#[derive(Debug)]
pub(super) struct Finder {
    pub roots: Held,
    pub referents: Held,
}

impl Finder {
    /// The objects that some objects refer to, once for each reference.
    fn referents<'p>(&self, things: &Owned<'p>) -> Result<Owned<'p>> {
        let referents = self.referents.as_borrowed(things.py());
        Ok(capi::object_call_function_obj_args(&referents, [things])?)
    }
}

/// The objects that can be found at one moment. The graph holds one reference to each.
///
/// It finds the objects that Python's cycle collector tracks, and all objects that these lead to. Frames are
/// left out, because they come and go.
pub(super) struct Graph<'p> {
    pub objects: Vec<Owned<'p>>,
    /// For each address, how many references to the object the others hold.
    known: HashMap<usize, i64, BuildHasherDefault<AddressHasher>>,
}

/// A set of addresses, with a fast hash.
pub(super) type Addresses = HashSet<usize, BuildHasherDefault<AddressHasher>>;

/// Hashes addresses. It needs no defence against collisions, because nobody can choose addresses.
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
    /// Finds all objects of this moment.
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

    /// Adds objects, and `references` to the count of each. Returns those that are new.
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

    /// How many references to an object the other objects hold; `None` if it is not in the graph.
    pub fn explained(&self, object: &Owned<'_>) -> Option<i64> {
        self.known.get(&object.address()).copied()
    }

    /// The addresses of some objects, and of all objects that they lead to.
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

    /// How many references an object holds to objects at these addresses.
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

/// A Python list of some objects.
pub(super) fn list<'p>(py: Python<'p>, objects: &[Owned<'p>]) -> Result<Owned<'p>> {
    let mut list = capi::list_new(py, objects.len())?;
    for (index, object) in objects.iter().enumerate() {
        capi::list_set_item(&mut list, index, object.clone())?;
    }
    Ok(list.finish()?)
}
