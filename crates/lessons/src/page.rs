//! The lessons as one HTML page, whose script shows them step by step.

use serde::Serialize;
use serde_json::{Value, json};

use crate::children::Children;
use crate::lesson::Mistake;
use crate::lessons::{GROUPS, LESSONS};
use crate::listing::Listing;
use crate::picture::Picture;
use crate::step::Step;
use pyoutliers::{Result, interpreter};

/// All lessons as they ran here, and the mistakes whose steps are drawn.
#[derive(Debug)]
pub struct Page(Vec<Chapter>);

/// A lesson or a mistake, as the script reads it.
#[derive(Debug, Serialize)]
struct Chapter {
    group: &'static str,
    name: String,
    title: String,
    rule: &'static str,
    why: &'static str,
    undrawn: Option<&'static str>,
    notes: Vec<String>,
    /// For a mistake: what ended the process.
    end: Option<String>,
    listing: Listing,
    steps: Vec<Value>,
}

/// Runs all lessons, for a page that shows each step as a picture.
///
/// # Errors
///
/// The errors of [`Lesson::run`](crate::Lesson::run).
pub fn page(children: &Children<'_>) -> Result<Page> {
    let mut chapters = Vec::new();
    let lessons = GROUPS
        .iter()
        .flat_map(|(group, lessons)| lessons.iter().map(move |lesson| (*group, lesson)));
    for (number, (group, lesson)) in (1..).zip(lessons) {
        let mut table = lesson.run(children)?;
        // Without NumPy, one lesson has nothing to show.
        if table.steps.is_empty() {
            continue;
        }
        let calls: Vec<_> = table.steps.iter().map(|step| step.call).collect();
        let listing = Listing::new(lesson.name, &calls);
        if lesson.undrawn.is_some() {
            for step in &mut table.steps {
                step.picture = Picture::default();
            }
        }
        chapters.push(Chapter {
            group,
            name: lesson.name.into(),
            title: format!("{number}. {}", lesson.name),
            rule: lesson.rule,
            why: lesson.why(),
            undrawn: lesson.undrawn,
            notes: table.notes,
            end: None,
            listing,
            steps: table.steps.iter().map(Step::sent).collect(),
        });
    }
    for mistake in LESSONS.iter().flat_map(|lesson| lesson.mistakes) {
        let Mistake::Drawn {
            name, title, rule, ..
        } = *mistake
        else {
            continue;
        };
        let (steps, end) = children.run(name);
        let calls: Vec<_> = steps
            .iter()
            .filter_map(|step| step["call"].as_str())
            .collect();
        chapters.push(Chapter {
            group: "Mistakes, up to the fatal step",
            name: format!("mistake-{name}"),
            title: title.into(),
            rule,
            why: "",
            undrawn: None,
            notes: Vec::new(),
            end: Some(end),
            listing: Listing::new(name, &calls),
            steps,
        });
    }
    Ok(Page(chapters))
}

impl Page {
    /// The HTML, which needs no other file.
    ///
    /// # Errors
    ///
    /// If a lesson cannot be written as JSON, which does not happen.
    pub fn html(&self) -> serde_json::Result<String> {
        // `</script>` inside a script would end it.
        let data = serde_json::to_string(&self.0)?.replace("</", "<\\/");
        let parts = [
            ("/*STYLE*/", include_str!("page/page.css")),
            ("VERSION", &interpreter::loaded().version.to_string()),
            ("/*UNDEFINED*/", &json!(Step::UNDEFINED_MEANS).to_string()),
            ("/*PICTURE*/", include_str!("page/picture.js")),
            ("/*ASK*/", include_str!("page/ask.js")),
            ("/*PAGE*/", include_str!("page/page.js")),
            // Last, because a lesson may contain any text.
            ("/*DATA*/", &data),
        ];
        let fill = |page: String, (place, text): (&str, &str)| page.replacen(place, text, 1);
        Ok(parts
            .into_iter()
            .fold(include_str!("page/page.html").into(), fill))
    }
}
