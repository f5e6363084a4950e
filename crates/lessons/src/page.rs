//! The lessons as a page to step through: one file, drawn by its own script from what was measured.

use super::{Children, LESSONS};
use pyoutliers::Result;

/// The mistakes whose children tell each step before they make it.
const MISTAKES: [(&str, &str, &str); 5] = [
    (
        "use-after-steal",
        "Used after it was stolen",
        "A stolen reference is theirs now: it may end with them.",
    ),
    (
        "release-after-failure",
        "Given back after a failure",
        "It was stolen although the call failed.",
    ),
    (
        "release-borrowed",
        "Borrowed, and given back",
        "What is borrowed is not yours to give back.",
    ),
    (
        "borrow-after-change",
        "Borrowed, and kept",
        "A borrowed reference lasts while its owner keeps it.",
    ),
    (
        "thin-ice",
        "Thin ice",
        "Any call that runs code can end what you borrowed.",
    ),
];

/// Runs all lessons, and draws each step on a page of HTML that needs nothing else.
///
/// # Errors
///
/// As [`Lesson::run`](super::Lesson::run).
pub fn page(children: &Children<'_>) -> Result<String> {
    let mut lessons = Vec::new();
    for (number, lesson) in (1..).zip(LESSONS) {
        let steps = lesson.run(children)?.steps;
        let steps: Vec<_> = steps.iter().map(super::Step::json).collect();
        lessons.push(format!(
            "{{\"name\":{:?},\"title\":\"{number}. {}\",\"rule\":{:?},\"why\":{:?},\"drawn\":{},\"steps\":[\n{}]}}",
            lesson.name,
            lesson.name,
            lesson.rule(),
            lesson.explained(),
            lesson.drawn,
            steps.join(",\n")
        ));
    }
    for (name, title, rule) in MISTAKES {
        let (steps, end) = children.told(name);
        lessons.push(format!(
            "{{\"name\":\"mistake-{name}\",\"title\":{title:?},\"rule\":{rule:?},\"mistake\":true,\"drawn\":true,\
             \"why\":\"\",\"end\":{end:?},\"steps\":[\n{}]}}",
            steps.join(",\n")
        ));
    }
    // The end of a script may not stand in one.
    let data = format!("[{}]", lessons.join(",\n")).replace("</", "<\\/");
    Ok(include_str!("page.html").replacen("/*DATA*/", &data, 1))
}
