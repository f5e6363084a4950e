use crate::lesson::{Lesson, Run};
use crate::python::call;
use crate::table::{Table, step};
use pyoutliers::{Python, Result, convert};

pub(super) const LESSON: Lesson = Lesson {
    name: "copy",
    rule: "Changing one copy never changes the other.",
    undrawn: Some("Each side has its own numbers, and no reference changes hands."),
    run: Run::Locked(run),
    mistakes: &[],
    python: r#"
def change(data):
    data[0] = 7.0
"#,
    why: r#"
Why copy at all: shared memory has to live until both sides have finished with
it, which needs rules like these. With a copy, neither side waits for the
other.
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let mut data = [1.0, 2.0];
    let list = convert::list_from_slice(py, &data, None)?;
    step!(t, call(py, c"change", [&list])?;
        "/* Python: data[0] = 7 */", "Rust's copy is unchanged",
        "What is data in Rust?", numbers_of(&data) => "1, 2");
    step!(t, data = [9.0, 9.0];
        "/* Rust: data = [9, 9] */", "Rust changes its own copy",
        "What is data in Rust?", numbers_of(&data) => "9, 9");
    step!(t, let theirs = convert::vec_from_iterable(&list, 2, convert::float)?;
        "", "Python's copy is unchanged",
        "What is data in Python?", numbers_of(&theirs) => "7, 2");
    Ok(())
}

fn numbers_of(values: &[f64]) -> String {
    let texts: Vec<_> = values.iter().map(f64::to_string).collect();
    texts.join(", ")
}
