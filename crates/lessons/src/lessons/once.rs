use std::mem;

use super::shared::yes;
use crate::lesson::{Lesson, Mistake, Run};
use crate::raw::{self, Doomed};
use crate::table::{Table, step};
use pyoutliers::{Outliers, Result};

pub(super) const LESSON: Lesson = Lesson {
    name: "once",
    rule: "Start Python only once: NumPy cannot be loaded twice.",
    undrawn: Some("Each start of Python happens in a child process, and no reference is counted."),
    run: Run::Free(run),
    mistakes: &[
        Mistake::Asked {
            name: "import",
            run: import,
        },
        Mistake::Asked {
            name: "restart",
            run: restart,
        },
    ],
    python: "",
    why: r#"
Why: the C code of extension modules keeps references in static variables, and
Py_FinalizeEx does not know about them. After a second start they point to freed
objects.
"#,
};

/// A child's answer after it has imported NumPy.
const IMPORTED: &str = "imported";

fn run(t: &mut Table<'_>) -> Result<()> {
    let first = t.child("import");
    // Python keeps the rule, but there is nothing to show.
    if first.contains("No module named 'numpy'") {
        t.note(first);
        return Ok(());
    }
    step!(t, "PyImport_ImportModule(\"numpy\")", "in a fresh process",
        "Does NumPy import?", yes(first == IMPORTED) => "yes");
    if first != IMPORTED {
        t.note(first);
        return Ok(());
    }
    let said = t.child("restart");
    step!(t, "Py_FinalizeEx(); Py_InitializeEx(0)", "in the same process",
        "Does NumPy import again?", yes(said == IMPORTED) => "no");
    t.note(if said.starts_with("SIG") {
        format!("{said} ends the process")
    } else {
        said
    });
    Ok(())
}

fn import(_: Doomed) -> refsoak::Result<String> {
    Outliers::new("numpy", "array")?;
    Ok(IMPORTED.into())
}

fn restart(doomed: Doomed) -> refsoak::Result<String> {
    mem::forget(Outliers::new("numpy", "array")?);
    let imported = raw::restart_and_import(c"numpy", doomed);
    // Python has printed why the import failed.
    Ok(if imported { IMPORTED } else { "" }.into())
}
