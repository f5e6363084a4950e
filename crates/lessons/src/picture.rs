//! Who owns what after a step: variables, objects, and the references between them.

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
