//! The exercises: C extensions of one page.

/// A C extension that breaks one rule.
#[derive(Clone, Copy, Debug)]
pub struct Exercise {
    /// Its name, which is that of its file.
    pub name: &'static str,
    /// Its C.
    pub source: &'static str,
    /// The lesson that teaches its rule.
    pub lesson: &'static str,
    /// A question that leads to the fault.
    pub hint: &'static str,
}

macro_rules! exercises {
    ($($name:literal $lesson:literal $hint:literal)*) => {
        /// All of them, from easy to hard.
        pub const EXERCISES: &[Exercise] = &[$(Exercise {
            name: $name,
            source: include_str!(concat!("../exercises/", $name, ".c")),
            lesson: $lesson,
            hint: $hint,
        }),*];
    };
}

exercises! {
    "append" "storing" "Who owns what PyLong_FromSsize_t made, once PyList_Append has stored it?"
    "build_value" "manual" "The manual of Py_BuildValue: what do O and N do with a reference?"
    "dictionary" "storing" "What does PyDict_SetItem do with the references of key and value?"
    "iterator" "whole-call" "What does the manual say that PyIter_Next returns?"
    "stolen" "stolen-reference" "PyList_SetItem takes a reference. Whose is it here?"
    "returned" "called-by-python" "The caller releases what detect returns. Who added that reference?"
    "double_release" "stolen-on-failure" "Who owns the item after PyList_SetItem has failed?"
    "minus_one" "numbers" "How does PyFloat_AsDouble say that it failed?"
    "error_path" "half-way" "Follow a value that is no number: what was made by then?"
    "half_way" "half-way" "Let each call fail in turn: what is still held at its return?"
    "null" "half-way" "Which of the calls may return NULL, and which results are looked at?"
    "thin_ice" "thin-ice" "A comparison may run any code. What keeps largest alive meanwhile?"
    "lock" "released-lock" "Other threads may change the list meanwhile. What keeps first alive?"
    "cycle" "cycles" "How is the collector told what an Indices holds, and that there is one?"
}
