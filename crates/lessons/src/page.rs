//! The lessons as one HTML page, whose script shows them step by step.

use serde::Serialize;
use serde_json::Value;

use crate::children::Children;
use crate::lesson::Mistake;
use crate::lessons::LESSONS;
use crate::table::Step;
use pyoutliers::Result;

/// All lessons as they ran here, and the mistakes whose steps are drawn.
#[derive(Debug)]
pub struct Page(Vec<Chapter>);

/// A lesson or a mistake, as the script reads it.
#[derive(Debug, Serialize)]
struct Chapter {
    name: String,
    title: String,
    rule: &'static str,
    why: &'static str,
    drawn: bool,
    /// For a mistake: what ended the process.
    end: Option<String>,
    steps: Steps,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Steps {
    Measured(Vec<Step>),
    /// As a child sent them.
    Sent(Vec<Value>),
}

/// Runs all lessons, for a page that shows each step as a picture.
///
/// # Errors
///
/// The errors of [`Lesson::run`](crate::Lesson::run).
pub fn page(children: &Children<'_>) -> Result<Page> {
    let mut chapters = Vec::new();
    for (number, lesson) in (1..).zip(LESSONS) {
        chapters.push(Chapter {
            name: lesson.name.into(),
            title: format!("{number}. {}", lesson.name),
            rule: lesson.rule,
            why: lesson.why(),
            drawn: lesson.drawn,
            end: None,
            steps: Steps::Measured(lesson.run(children)?.steps),
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
        chapters.push(Chapter {
            name: format!("mistake-{name}"),
            title: title.into(),
            rule,
            why: "",
            drawn: true,
            end: Some(end),
            steps: Steps::Sent(steps),
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
        Ok(include_str!("page.html").replacen("/*DATA*/", &data, 1))
    }
}
