//! The exercises as one page, which a teacher can hand out.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use lessons::{EXERCISES, Exercise, JudgeError, Judgement, LESSONS, TemporaryDirectory};
use pyoutliers::interpreter;

use super::super::called;
use super::judged::{explained, judged};

/// The page, with what the judge says about each exercise here.
pub fn page() -> Result<String> {
    let directory = TemporaryDirectory::new("outliers-handout")?;
    let judgements = judgements(directory.path());
    // An interruption ends the process below.
    drop(directory);
    let judgements = explained(judgements?)?;
    let (mut contents, mut sections) = (String::new(), String::new());
    for ((number, exercise), judgement) in (1..).zip(EXERCISES).zip(&judgements) {
        let (name, title) = (exercise.name, exercise.title());
        writeln!(
            contents,
            "<a href=\"#{name}\">{number}. {name}: {}</a>",
            escaped(title)
        )?;
        sections += &section(number, exercise, judgement);
    }
    let install = match called::name() {
        "outliers" => "",
        _ => "<li><code>python -m pip install refsoak</code>",
    };
    Ok(include_str!("handout.html")
        .replace("COMMAND", called::name())
        .replace("VERSION", &interpreter::loaded().version.to_string())
        .replace("<!--INSTALL-->\n", install)
        .replace(
            "<!--EXERCISES-->",
            &format!("<nav>\n{contents}</nav>\n{sections}"),
        ))
}

/// Judges all exercises, with their files in that directory.
fn judgements(directory: &Path) -> Result<Result<Vec<Judgement>, JudgeError>> {
    let file = |exercise: &Exercise| directory.join(format!("{}.c", exercise.name));
    for exercise in EXERCISES {
        let file = file(exercise);
        fs::write(&file, exercise.source)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(EXERCISES
        .iter()
        .map(|exercise| judged(&file(exercise)))
        .collect())
}

fn section(number: usize, exercise: &Exercise, judgement: &Judgement) -> String {
    let said = match judgement {
        Judgement::Broken { rule, evidence, .. } => format!("{rule}\n{evidence}"),
        Judgement::Failed { evidence } => evidence.clone(),
        Judgement::Right { .. } => "It keeps the rules.".into(),
    };
    let lesson = LESSONS.iter().find(|lesson| lesson.name == exercise.lesson);
    format!(
        "<section id=\"{name}\">\n<h2>{number}. {name}</h2>\n<p>It computes {title}. {task}</p>\n\
         <pre>{source}</pre>\n<p>The judge says:</p>\n<blockquote>{said}</blockquote>\n\
         <p>The lesson: <code>{command} refcounts {lesson}</code>. {rule}</p>\n\
         <details><summary>Hint</summary><p>{hint}</p></details>\n</section>\n",
        name = exercise.name,
        title = escaped(exercise.title()),
        task = escaped(exercise.task()),
        source = numbered(exercise),
        said = escaped(&said).replace('\n', "<br>"),
        command = called::name(),
        lesson = exercise.lesson,
        rule = escaped(lesson.map_or("", |lesson| lesson.rule)),
        hint = escaped(exercise.hint),
    )
}

/// The code with the numbers that its lines have in the file, because the judge names lines.
fn numbered(exercise: &Exercise) -> String {
    let code = exercise.code();
    let before = exercise.source.split(code).next().unwrap_or_default();
    let lines: Vec<_> = (before.lines().count() + 1..)
        .zip(code.lines())
        .map(|(number, line)| format!("<span data-line=\"{number}\">{}</span>", escaped(line)))
        .collect();
    lines.join("\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
