//! The exercises: C modules of one page.

/// A C module that breaks one rule.
#[derive(Clone, Copy, Debug)]
pub struct Exercise {
    /// Its name, which is also the name of its file.
    pub name: &'static str,
    /// Its source.
    pub source: &'static str,
    /// The lesson that teaches its rule.
    pub lesson: &'static str,
    /// A question that leads to the mistake.
    pub hint: &'static str,
}

impl Exercise {
    /// What it computes: the rest of its first line, `/* name: title`.
    pub fn title(&self) -> &'static str {
        let line = self.source.lines().next().unwrap_or_default();
        line.split_once(": ").map_or(line, |(_, title)| title)
    }

    /// What else its first comment says.
    pub fn task(&self) -> &'static str {
        let comment = self.source.split("*/").next().unwrap_or_default();
        let rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
        rest.trim()
    }

    /// Its code, without that comment.
    pub fn code(&self) -> &'static str {
        let code = self
            .source
            .split_once("*/")
            .map_or(self.source, |(_, code)| code);
        code.trim()
    }
}

macro_rules! exercises {
    ($($name:literal $lesson:literal $hint:literal)*) => {
        /// All exercises, from easy to hard.
        pub const EXERCISES: &[Exercise] = &[$(Exercise {
            name: $name,
            source: include_str!(concat!("../exercises/", $name, ".c")),
            lesson: $lesson,
            hint: $hint,
        }),*];
    };
}

exercises! {
    "append" "storing" "Who owns the new int after PyList_Append has stored it?"
    "build_value" "manual" "In the format of Py_BuildValue, which of O and N steals your reference?"
    "dictionary" "storing" "Does PyDict_SetItem steal the references to key and value, or add its own?"
    "iterator" "whole-call" "Does PyIter_Next return a new or a borrowed reference?"
    "stolen" "stolen-reference" "PyList_SetItem steals a reference. Who owned it here?"
    "returned" "called-by-python" "The caller releases what detect returns. Who added that reference?"
    "double_release" "stolen-on-failure" "Who owns the item after PyList_SetItem has failed?"
    "minus_one" "numbers" "How does PyFloat_AsDouble say that it failed?"
    "error_path" "half-way" "Follow a value that is not a number: what do you own when the conversion fails?"
    "half_way" "half-way" "Suppose each call fails in turn: what do you still own when you return?"
    "null" "half-way" "Which calls can return NULL, and which results do you check?"
    "thin_ice" "thin-ice" "A comparison can run any Python code. What keeps largest alive meanwhile?"
    "lock" "released-lock" "Other threads can change the list during the sleep. What keeps first alive?"
    "heap_type" "new-reference" "PyObject_New also took a reference to the type. Which line releases it?"
    "callback" "dropped-minus-one" "A call in visit fails. How does detect learn of it, and what does for_each do next?"
    "cycle" "cycles" "How does the collector learn that an Indices exists, and what it holds?"
    "state" "cycles" "Who releases the list of a module object that is freed? How does the collector find it?"
}
