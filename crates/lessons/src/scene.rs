//! The variables and objects of a lesson while it runs, as they are measured.

use crate::picture::{Object, Ownership, Picture, Variable};
use crate::python;
use crate::raw::{self, Pointer};
use pyoutliers::capi::{self, Borrowed, Code, Held, Iter, Owned, Unfilled};
use pyoutliers::{Python, Result, with_python};

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
