//! Who owns what after a step: variables, objects, and the references between them.

use crate::python;
use crate::raw::{self, Pointer};
use pyoutliers::capi::{self, Borrowed, Code, Held, Iter, Owned, Unfilled};
use pyoutliers::{Python, Result, with_python};
use serde::{Deserialize, Serialize, Serializer};

/// How a variable in C relates to the object that it points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Ownership {
    /// It owns a reference.
    Owned,
    /// It uses a reference that something else owns.
    Borrowed,
    /// Its reference was stolen; it still points to the object.
    Stolen,
    /// Its reference was released.
    Released,
    /// The variable is gone, but its reference is not: a leak.
    Lost,
}

/// A variable.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Variable {
    /// Its name in the lesson.
    pub name: String,
    /// Whether it owns its object.
    pub ownership: Ownership,
    /// The index of its object in the picture.
    pub object: usize,
}

/// An object, freed or not.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Object {
    /// The first variable that pointed to it.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its value, if it is a number or text.
    pub value: String,
    /// The number of references to it, without those held only for measuring: 0 if it was freed, `None`
    /// if it is immortal.
    pub count: Option<usize>,
}

/// As a sequence of its fields, because the page has hundreds of them.
impl Serialize for Variable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.name, self.ownership, self.object).serialize(serializer)
    }
}

/// As a sequence of its fields, like a variable.
impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.name, &self.kind, &self.value, self.count).serialize(serializer)
    }
}

/// A picture: who owns what at the end of a step, as it was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Picture {
    /// The variables so far.
    pub variables: Vec<Variable>,
    /// The objects so far.
    pub objects: Vec<Object>,
    /// The references between objects: the index of the owner, then the index of the object it owns.
    pub references: Vec<(usize, usize)>,
}

impl Picture {
    pub(crate) fn object_of(&self, variable: &str) -> Option<&Object> {
        let mut variables = self.variables.iter();
        let found = variables.find(|found| found.name == variable)?;
        self.objects.get(found.object)
    }

    /// The first object, if any, whose count differs from the number of references in the picture: those
    /// that variables and objects own, and those that are lost.
    pub fn unexplained(&self) -> Option<&Object> {
        let of_variables = |number| {
            let variables = self.variables.iter();
            variables
                .filter(|variable| matches!(variable.ownership, Ownership::Owned | Ownership::Lost))
                .filter(|variable| variable.object == number)
                .count()
        };
        let of_objects = |number| {
            let references = self.references.iter();
            references.filter(|&&(_, to)| to == number).count()
        };
        let differs = |(number, object): &(usize, &Object)| {
            let explained = of_variables(*number) + of_objects(*number);
            object.count.is_some_and(|count| count != explained)
        };
        let mut objects = self.objects.iter().enumerate();
        objects.find(differs).map(|(_, object)| object)
    }

    /// A sentence that names the owners of a variable's object. `None` if the picture does not show them all.
    pub(crate) fn owners(&self, variable: &str) -> Option<String> {
        let mut variables = self.variables.iter();
        let number = variables.find(|found| found.name == variable)?.object;
        let of_kind = |kind| {
            let variables = self.variables.iter();
            variables.filter(move |found| found.object == number && found.ownership == kind)
        };
        let mut owners: Vec<_> = of_kind(Ownership::Owned)
            .map(|variable| format!("the variable {}", variable.name))
            .collect();
        for &(from, _) in self.references.iter().filter(|&&(_, to)| to == number) {
            owners.push(format!("the object of {}", self.objects.get(from)?.name));
        }
        let lost = of_kind(Ownership::Lost).count();
        let count = self.objects.get(number)?.count?;
        (count == owners.len() + lost).then(|| match (owners.is_empty(), lost) {
            (true, 0) => "It has no owner, so it is freed.".into(),
            (true, _) => "Its reference is lost: no variable can release it.".into(),
            (false, _) => format!("Its owners: {}.", owners.join(", ")),
        })
    }
}

/// A variable of a lesson: a reference, which the picture shows, or a plain value.
pub(crate) trait Shown {
    /// A reference for measuring the object, and whether the variable owns the object.
    fn shown(&self) -> Option<(Held, Ownership)> {
        None
    }
}

impl Shown for bool {}
impl Shown for i64 {}
impl Shown for usize {}
impl Shown for String {}
impl Shown for Vec<i64> {}
impl Shown for Vec<f64> {}

impl Shown for Owned<'_> {
    fn shown(&self) -> Option<(Held, Ownership)> {
        Some((Held::from(self.clone()), Ownership::Owned))
    }
}

impl Shown for Held {
    fn shown(&self) -> Option<(Held, Ownership)> {
        with_python(|py| Ok(Owned::shown(&self.as_borrowed(py)))).ok()?
    }
}

impl Shown for Unfilled<'_> {
    fn shown(&self) -> Option<(Held, Ownership)> {
        with_python(|py| {
            let list = raw::being_filled(py, self);
            Ok(list.map(|list| (Held::from(Owned::clone(&list)), Ownership::Owned)))
        })
        .ok()?
    }
}

impl Shown for Iter<'_> {
    fn shown(&self) -> Option<(Held, Ownership)> {
        Owned::shown(self)
    }
}

impl Shown for Code<'_> {
    fn shown(&self) -> Option<(Held, Ownership)> {
        Owned::shown(self)
    }
}

impl Shown for Borrowed<'_, '_> {
    fn shown(&self) -> Option<(Held, Ownership)> {
        Some((Held::from(Owned::clone(self)), Ownership::Borrowed))
    }
}

impl Shown for Pointer<'_> {
    fn shown(&self) -> Option<(Held, Ownership)> {
        Some((Held::from(self.take_probe()?), Ownership::Borrowed))
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> Option<(Held, Ownership)> {
        self.as_ref()?.shown()
    }
}

/// The variables and objects of a lesson while it runs. A probe is an extra reference for measuring an
/// object. No count includes it.
#[derive(Default)]
pub(crate) struct Scene {
    /// One for each object, until the object is freed.
    probes: Vec<Option<Held>>,
    /// Keeps the probe of an object that has no owner left, because a later step uses the object.
    pub(crate) keeps_freed: bool,
    picture: Picture,
}

impl Scene {
    /// A picture from another process, which no step changes.
    pub(crate) fn showing(picture: Picture) -> Self {
        Self {
            picture,
            ..Self::default()
        }
    }

    /// Adds a variable of that name, or points it to another object.
    pub(crate) fn bind(&mut self, name: &'static str, variable: &impl Shown) -> Result<()> {
        let Some((probe, ownership)) = variable.shown() else {
            return Ok(());
        };
        let object = with_python(|py| {
            let object = probe.as_borrowed(py);
            if let Some(number) = self.number(py, object.address()) {
                return Ok(number);
            }
            let value = python::call(py, c"value", [&object])?;
            self.picture.objects.push(Object {
                name: name.into(),
                kind: capi::object_type_name(&object)?,
                value: capi::unicode_to_string(&value).unwrap_or_default(),
                count: Some(0),
            });
            Ok(self.probes.len())
        })?;
        if object == self.probes.len() {
            self.probes.push(Some(probe));
        }
        let variables = &mut self.picture.variables;
        variables.retain(|variable| variable.name != name);
        variables.push(Variable {
            name: name.into(),
            ownership,
            object,
        });
        Ok(())
    }

    /// Changes whether the variable owns its object.
    pub(crate) fn set(&mut self, name: &str, ownership: Ownership) {
        for variable in &mut self.picture.variables {
            if variable.name == name {
                variable.ownership = ownership;
            }
        }
    }

    /// Releases the probe of an object, so that the garbage collector can free the object.
    pub(crate) fn release_probe(&mut self, name: &str) {
        let mut variables = self.picture.variables.iter();
        if let Some(found) = variables.find(|variable| variable.name == name)
            && let Some(probe) = self.probes.get_mut(found.object)
        {
            *probe = None;
        }
    }

    fn number(&self, py: Python<'_>, address: usize) -> Option<usize> {
        let is_it = |probe: &Held| probe.as_borrowed(py).address() == address;
        let mut probes = self.probes.iter();
        probes.position(|probe| probe.as_ref().is_some_and(is_it))
    }

    /// Frees each object that only its probe keeps alive. Then counts references and finds the owners.
    pub(crate) fn picture(&mut self) -> Result<Picture> {
        if self.probes.is_empty() {
            return Ok(self.picture.clone());
        }
        with_python(|py| {
            let count = |probe: &Held| probe.as_borrowed(py).reference_count() - 1;
            let alone = |probe: &Option<Held>| probe.as_ref().is_some_and(|it| count(it) == 0);
            // Freeing one object may leave another with only its probe.
            while !self.keeps_freed
                && let Some(freed) = self.probes.iter_mut().find(|probe| alone(probe))
            {
                *freed = None;
            }
            for (object, probe) in self.picture.objects.iter_mut().zip(&self.probes) {
                object.count = match probe {
                    Some(probe) if probe.as_borrowed(py).is_immortal() => None,
                    probe => Some(probe.as_ref().map_or(0, count)),
                };
            }
            self.picture.references.clear();
            for (from, probe) in self.probes.iter().enumerate() {
                let Some(probe) = probe else { continue };
                for to in referents(&probe.as_borrowed(py))? {
                    let to = self.number(py, to).map(|to| (from, to));
                    self.picture.references.extend(to);
                }
            }
            Ok(self.picture.clone())
        })
    }
}

/// The addresses of the objects that this one refers to, according to the garbage collector.
fn referents(object: &Owned<'_>) -> Result<Vec<usize>> {
    let found = python::call(object.py(), c"referents", [object])?;
    let found = capi::object_get_iter(&found)?;
    let mut addresses = Vec::new();
    while let Some(referent) = capi::iter_next(&found)? {
        addresses.push(referent.address());
    }
    Ok(addresses)
}
