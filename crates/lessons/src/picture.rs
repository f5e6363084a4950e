//! Who holds what after a step: variables, objects, and the references between them.

use std::ffi::CStr;
use std::fmt;

use crate::raw::{self, Pointer};
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Borrowed, Code, Held, Iter, Owned, Unfilled};
use pyoutliers::with_python;

/// What a variable of C is to the object that it points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hold {
    /// A reference of its own.
    Owned,
    /// Somebody else's reference.
    Borrowed,
    /// Its reference was stolen; it still points there.
    Stolen,
    /// Its reference was given back.
    Released,
    /// It is gone, and its reference is not: leaked.
    Lost,
}

/// A variable.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Variable {
    /// Its name in the lesson.
    pub name: &'static str,
    /// What it is to its object.
    pub hold: Hold,
    /// The number of its object in the picture.
    pub object: usize,
}

/// An object, or what was one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Object {
    /// The first variable that pointed to it.
    pub name: &'static str,
    /// Its type.
    pub kind: String,
    /// How many references to it there are, those left out that are held only to measure: 0 if it was
    /// freed, `None` if it is immortal.
    pub count: Option<usize>,
}

/// A picture: who holds what, counted and found out at the end of a step.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Picture {
    /// The variables so far.
    pub variables: Vec<Variable>,
    /// The objects so far.
    pub objects: Vec<Object>,
    /// Which object holds a reference to which one, as the collector of cycles is told.
    pub held: Vec<(usize, usize)>,
}

impl Picture {
    pub(super) fn count(&self, name: &str) -> Option<&Object> {
        let variable = self
            .variables
            .iter()
            .find(|variable| variable.name == name)?;
        self.objects.get(variable.object)
    }

    /// The first object, if any, whose count is not the number of references that are owned to it, or
    /// lost.
    pub fn unexplained(&self) -> Option<&Object> {
        let mut objects = self.objects.iter().enumerate();
        let owned = |number| {
            let of_variables = self.variables.iter();
            let of_variables = of_variables
                .filter(|variable| matches!(variable.hold, Hold::Owned | Hold::Lost))
                .filter(|variable| variable.object == number);
            let of_objects = self.held.iter().filter(|&&(_, to)| to == number);
            of_variables.count() + of_objects.count()
        };
        let differs = |(number, object): &(usize, &Object)| {
            object.count.is_some_and(|count| count != owned(*number))
        };
        objects.find(differs).map(|(_, object)| object)
    }
}

/// As JSON. The names are of ASCII, so that Rust's quotes are JSON's.
impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables = self.variables.iter();
        let variables = variables.map(|v| format!("[{:?},\"{:?}\",{}]", v.name, v.hold, v.object));
        let objects = self.objects.iter().map(|object| {
            let count = object
                .count
                .map_or("null".into(), |count| count.to_string());
            format!("[{:?},{:?},{count}]", object.name, object.kind)
        });
        let held = self.held.iter().map(|(from, to)| format!("[{from},{to}]"));
        let [variables, objects, held] = [variables.collect(), objects.collect(), held.collect()]
            .map(|all: Vec<_>| all.join(","));
        write!(
            f,
            "{{\"variables\":[{variables}],\"objects\":[{objects}],\"held\":[{held}]}}"
        )
    }
}

/// What a variable of a lesson can be: a reference that is watched, or a plain value.
pub(super) trait Watched {
    /// A reference to the object, to watch it by, and what the variable is to it.
    fn watched(&self) -> Option<(Held, Hold)> {
        None
    }
}

impl Watched for bool {}
impl Watched for i64 {}
impl Watched for usize {}
impl Watched for String {}
impl Watched for Vec<i64> {}
impl Watched for Vec<f64> {}

impl Watched for Owned<'_> {
    fn watched(&self) -> Option<(Held, Hold)> {
        Some((Held::from(self.clone()), Hold::Owned))
    }
}

impl Watched for Held {
    fn watched(&self) -> Option<(Held, Hold)> {
        with_python(|py| Ok(Owned::watched(&self.as_borrowed(py)))).ok()?
    }
}

impl Watched for Unfilled<'_> {
    fn watched(&self) -> Option<(Held, Hold)> {
        with_python(
            |py| Ok(raw::being_filled(py, self).map(|list| Held::from(Owned::clone(&list)))),
        )
        .ok()?
        .map(|list| (list, Hold::Owned))
    }
}

impl Watched for Iter<'_> {
    fn watched(&self) -> Option<(Held, Hold)> {
        Owned::watched(self)
    }
}

impl Watched for Code<'_> {
    fn watched(&self) -> Option<(Held, Hold)> {
        Owned::watched(self)
    }
}

impl Watched for Borrowed<'_, '_> {
    fn watched(&self) -> Option<(Held, Hold)> {
        Some((Held::from(Owned::clone(self)), Hold::Borrowed))
    }
}

impl Watched for Pointer<'_> {
    fn watched(&self) -> Option<(Held, Hold)> {
        Some((Held::from(self.watch()?), Hold::Borrowed))
    }
}

impl<T: Watched> Watched for Option<T> {
    fn watched(&self) -> Option<(Held, Hold)> {
        self.as_ref()?.watched()
    }
}

/// The objects of a lesson, each kept by one reference more, to measure it by, while it is there.
#[derive(Default)]
pub(super) struct Scene {
    kept: Vec<Option<Held>>,
    /// Nothing is let go of: somebody still holds what has no reference left.
    pub(super) lingers: bool,
    picture: Picture,
}

impl Scene {
    /// A variable of that name points to an object from now on.
    pub(super) fn bind(&mut self, name: &'static str, variable: &impl Watched) -> Result<()> {
        let Some((object, hold)) = variable.watched() else {
            return Ok(());
        };
        let number = with_python(|py| {
            let address = object.as_borrowed(py).address();
            if let Some(number) = self.number(py, address) {
                return Ok(number);
            }
            self.picture.objects.push(Object {
                name,
                kind: capi::object_type_name(&object.as_borrowed(py))?,
                count: Some(0),
            });
            self.kept.push(Some(object));
            Ok(self.kept.len() - 1)
        })?;
        let variables = &mut self.picture.variables;
        variables.retain(|variable| variable.name != name);
        variables.push(Variable {
            name,
            hold,
            object: number,
        });
        Ok(())
    }

    /// A variable is something else to its object from now on.
    pub(super) fn set(&mut self, name: &str, hold: Hold) {
        for variable in &mut self.picture.variables {
            if variable.name == name {
                variable.hold = hold;
            }
        }
    }

    /// Lets go of an object, as one that is watched is not freed by the collector of cycles.
    pub(super) fn unwatch(&mut self, name: &str) {
        let variables = &self.picture.variables;
        if let Some(found) = variables.iter().find(|variable| variable.name == name)
            && let Some(kept) = self.kept.get_mut(found.object)
        {
            *kept = None;
        }
    }

    fn number(&self, py: Python<'_>, address: usize) -> Option<usize> {
        let is_it = |held: &Held| held.as_borrowed(py).address() == address;
        self.kept
            .iter()
            .position(|held| held.as_ref().is_some_and(is_it))
    }

    /// Lets go of what only the scene still keeps, and of what that kept; then counts and looks.
    pub(super) fn picture(&mut self) -> Result<Picture> {
        with_python(|py| {
            let count = |held: &Held| held.as_borrowed(py).reference_count() - 1;
            let alone = |held: &Option<Held>| held.as_ref().is_some_and(|held| count(held) == 0);
            while !self.lingers
                && let Some(freed) = self.kept.iter_mut().find(|held| alone(held))
            {
                *freed = None;
            }
            for (object, held) in self.picture.objects.iter_mut().zip(&self.kept) {
                object.count = match held {
                    Some(held) if held.as_borrowed(py).is_immortal() => None,
                    held => Some(held.as_ref().map_or(0, count)),
                };
            }
            self.picture.held.clear();
            for (from, held) in self.kept.iter().enumerate() {
                let Some(held) = held else { continue };
                for to in referents(&held.as_borrowed(py))? {
                    self.picture
                        .held
                        .extend(self.number(py, to).map(|to| (from, to)));
                }
            }
            Ok(self.picture.clone())
        })
    }
}

/// The addresses of what an object refers to, as it tells the collector of cycles. The dictionary that
/// has its attributes counts as itself.
fn referents(object: &Owned<'_>) -> Result<Vec<usize>> {
    let function: &CStr = c"referents";
    let find = capi::object_get_attr_string(&super::helpers(object.py())?, function)?;
    let found = capi::object_get_iter(&capi::object_call_function_obj_args(&find, [object])?)?;
    let mut addresses = Vec::new();
    while let Some(referent) = capi::iter_next(&found)? {
        addresses.push(referent.address());
    }
    Ok(addresses)
}
