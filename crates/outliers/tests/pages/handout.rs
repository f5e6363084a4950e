//! The page of exercises has each exercise, what the judge says about it, and room on a phone.

use std::fs;
use std::process::Command;

use crate::browser::{chromium, heard};
use crate::common::{directory, outcome, outliers, skipped};
use lessons::{EXERCISES, LESSONS};

#[test]
fn the_page_of_exercises_has_each_one_with_the_judges_words() {
    if crate::common::is_tested_before() {
        return;
    }
    if Command::new("cc").arg("--version").output().is_err() {
        skipped("a C compiler is needed to judge the exercises");
        return;
    }
    let here = directory("handout");
    let mut command = outliers();
    command
        .current_dir(&here)
        .env("TMPDIR", &here)
        .args(["exercise", "--page", "exercises.html"]);
    let (status, stdout, stderr) = outcome(&command.output().unwrap());
    assert_eq!((status, stdout.as_str()), (Some(0), ""), "{stderr}");
    assert_eq!(stderr, "outliers: wrote exercises.html\n");
    let files: Vec<_> = fs::read_dir(&here).unwrap().collect();
    assert_eq!(files.len(), 1, "only the page is left: {files:?}");

    let page = fs::read_to_string(here.join("exercises.html")).unwrap();
    let sections: Vec<_> = page.split("<section").skip(1).collect();
    assert_eq!(sections.len(), EXERCISES.len());
    for (exercise, section) in EXERCISES.iter().zip(sections) {
        let name = exercise.name;
        assert!(
            section.starts_with(&format!(" id=\"{name}\">")),
            "{section}"
        );
        let lesson = LESSONS.iter().find(|lesson| lesson.name == exercise.lesson);
        // The line that the judge names must be found.
        for (number, line) in (1..).zip(exercise.source.lines()) {
            let line = line.replace('&', "&amp;");
            let line = line.replace('<', "&lt;").replace('>', "&gt;");
            let shown = format!("<span data-line=\"{number}\">{line}</span>");
            let is_code =
                exercise.code().lines().count() + number > exercise.source.lines().count();
            assert_eq!(section.contains(&shown), is_code, "{name}: {shown}");
        }
        for part in [
            exercise.title(),
            exercise.hint,
            lesson.unwrap().rule,
            "<blockquote>",
        ] {
            assert!(section.contains(part), "{name} lacks {part}");
        }
        assert!(!section.contains("keeps the rules"), "{section}");
        assert!(page.contains(&format!("<a href=\"#{name}\">")), "{name}");
    }
    assert!(!page.contains("http:") && !page.contains("https:"));
    println!("cases: {}", EXERCISES.len());

    if chromium().is_some() {
        // The script is only in this copy, so the copy must allow it.
        let says = "<script>\
                    parent.postMessage(`fits ${document.documentElement.scrollWidth <= innerWidth}`, '*')</script>\n</body>";
        let page = page
            .replace(
                "default-src 'none';",
                "default-src 'none'; script-src 'unsafe-inline';",
            )
            .replace("</body>", says);
        let file = here.join("narrow.html");
        fs::write(&file, page).unwrap();
        assert_eq!(heard(&file, "", 360, "dark").unwrap(), "fits true");
    }
}
