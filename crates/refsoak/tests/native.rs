//! `Soak::native` names the function of this program that leaks, and nothing of the meter. The only test in its process.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/common/mod.rs"]
mod common;

use common::{load, skipped};
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::with_python;
use refsoak::{Soak, Verdict};

#[inline(never)]
fn loses_a_reference(thing: &Owned<'_>) {
    std::mem::forget(thing.clone());
    // Not the last call: it would take this function's place on the stack.
    std::hint::black_box(thing);
}

/// What the soak of a closure says, which is called with the object; `None` if gdb cannot watch here.
fn named(thing: &Held, loses: impl Fn(&Owned<'_>)) -> Option<String> {
    let call = || {
        with_python(|py| {
            loses(&thing.as_borrowed(py));
            Ok(())
        })
    };
    let report = Soak::new(1600).native().run(call).unwrap();
    assert_eq!(report.verdict, Verdict::Leak, "{report}");
    let line = report.native.concat();
    let cannot = ["no gdb", "may not attach", "no hardware", "free-threaded"];
    if cannot.iter().any(|cannot| line.contains(cannot)) {
        skipped(&line);
        return None;
    }
    Some(line)
}

#[test]
fn a_function_of_the_program_is_named_and_no_function_of_the_meter() {
    load(c"things", "class Thing: pass\nTHING = Thing()");
    let thing = with_python(|py| {
        let things = capi::import_module(py, c"things")?;
        Ok(Held::from(capi::object_get_attr_string(&things, c"THING")?))
    });
    let thing = thing.unwrap();
    let Some(line) = named(&thing, loses_a_reference) else {
        return;
    };
    let expected = "+1 per call in native::loses_a_reference (";
    assert!(line.starts_with(expected), "{line}");
    // It may be inlined into the meter. Then its name is unknown.
    let line = named(&thing, |thing| std::mem::forget(thing.clone())).unwrap();
    let is_named = ["the closure (native-", "native::"].iter();
    let mut is_named = is_named.map(|name| line.starts_with(&format!("+1 per call in {name}")));
    assert!(is_named.any(|is_named| is_named), "{line}");
    assert!(!line.contains("refsoak::"), "{line}");
}
