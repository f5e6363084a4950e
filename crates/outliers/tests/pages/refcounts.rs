//! The lessons hold on this Python; each picture explains its counts; the quiz asks and answers.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::common::{outcome, outliers};
use lessons::{Children, GROUPS, LESSONS, Lesson, Object, Ownership};

/// Lessons fail allocations and share one Python module, so one thread runs them at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static RUNNING: Mutex<()> = Mutex::new(());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn lesson(name: &str) -> &'static Lesson {
    LESSONS.iter().find(|lesson| lesson.name == name).unwrap()
}

pub fn children() -> Children<'static> {
    Children::new(|name| {
        let mut command = outliers();
        command.args(["refcounts", "--doomed", name]);
        command
    })
}

pub fn refcounts(arguments: &[&str]) -> (Option<i32>, String, String) {
    outcome(
        &outliers()
            .arg("refcounts")
            .args(arguments)
            .output()
            .unwrap(),
    )
}

#[test]
fn every_lesson_holds_on_this_python() {
    let _alone = alone();
    let children = children();
    for lesson in LESSONS {
        let table = lesson.run(&children).unwrap();
        assert!(table.holds(), "{}\n{table}", lesson.name);
        assert!(!table.steps.is_empty(), "{}", lesson.name);
    }
    println!("cases: {}", LESSONS.len());
}

#[test]
fn each_picture_explains_every_count() {
    let _alone = alone();
    let (children, mut pictures, mut wrong) = (children(), 0, Vec::new());
    for lesson in LESSONS.iter().filter(|lesson| lesson.undrawn.is_none()) {
        for step in lesson.run(&children).unwrap().steps {
            pictures += 1;
            // After an over-release, an owner refers to a freed object.
            let over_released = |object: &&Object| step.is_undefined() && object.count == Some(0);
            let unexplained = step.picture.unexplained();
            if let Some(object) = unexplained.filter(|object| !over_released(object)) {
                wrong.push(format!("{}, {}: {object:?}\n", lesson.name, step.call));
            }
        }
    }
    println!("cases: {pictures}");
    assert!(wrong.is_empty() && pictures > 80, "{}", wrong.concat());
}

/// Except in steps whose mistake ends a process.
#[test]
fn no_lesson_uses_a_stolen_variable_or_a_name_twice() {
    let _alone = alone();
    let (children, mut cases) = (children(), 0);
    for lesson in LESSONS {
        let mut stolen = BTreeSet::new();
        let steps = lesson.run(&children).unwrap().steps;
        for step in steps.iter().filter(|step| !step.is_undefined()) {
            let variables = step.picture.variables.iter();
            let now = variables.filter(|variable| variable.ownership == Ownership::Stolen);
            let now: BTreeSet<_> = now.map(|variable| variable.name.clone()).collect();
            let mut words = step.call.split(|c: char| !c.is_alphanumeric());
            let used = words.find(|word| stolen.contains(*word) && now.contains(*word));
            assert_eq!(used, None, "{lesson:?}: stolen, yet used: {}", step.call);
            cases += stolen.len();
            stolen = now;
        }
        for step in &steps {
            let mut names = BTreeSet::new();
            for object in &step.picture.objects {
                let is_new = names.insert(&object.name) || lesson.undrawn.is_some();
                assert!(is_new, "{lesson:?}: two objects are called {}", object.name);
            }
        }
    }
    println!("cases: {cases}");
    assert!(cases > 20, "{cases}");
}

#[test]
fn the_page_needs_a_file_that_ends_in_html() {
    let (status, _, stderr) = refcounts(&["--page", "x.txt"]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("the name must end in .html"), "{stderr}");
}

#[test]
fn the_contents_lead_to_the_lessons_and_each_to_the_next() {
    let (status, contents, _) = refcounts(&[]);
    assert_eq!(status, Some(0));
    for (group, _) in GROUPS {
        assert!(contents.contains(&format!("\n{group}\n")), "{contents}");
    }
    for (number, lesson) in (1..).zip(LESSONS) {
        let start = format!("{number:>3}  {:<18} {}", lesson.name, &lesson.rule[..25]);
        assert!(contents.contains(&start), "{contents}");
    }
    let (_, by_name, _) = refcounts(&["stolen-reference"]);
    for same in ["2", "Stolen_Reference"] {
        assert_eq!(refcounts(&[same]).1, by_name);
    }
    assert!(
        by_name.starts_with("2. stolen-reference\nA stolen reference"),
        "{by_name}"
    );
    assert!(
        by_name.contains("Next: outliers refcounts 3 (borrowed-reference)"),
        "{by_name}"
    );
    for (wrong, tip) in [
        ("stolen", "'stolen-reference'"),
        ("0", "1 to "),
        ("lok", "'lock'"),
        ("storng", "'storing'"),
    ] {
        let (status, stdout, stderr) = refcounts(&[wrong]);
        assert_eq!((status, stdout.as_str()), (Some(2), ""));
        assert!(stderr.contains(tip), "{stderr}");
    }
}

#[test]
fn a_step_that_does_not_hold_is_marked() {
    // A child that survives although the lesson says that it crashes.
    let children = Children::new(|_| {
        let mut command = Command::new("sh");
        command.args(["-c", r#"echo '{"type": "answer", "text": "alive"}' >&0"#]);
        command
    });
    let table = lesson("lock").run(&children).unwrap();
    assert!(!table.holds());
    assert!(
        table.to_string().contains("undefined   alive NO\n"),
        "{table}"
    );
    assert!(format!("{table:#}").contains("\x1b[31;1mNO\x1b[0m"));
}

fn quiz(lesson: &str, answers: &str) -> String {
    let mut command = outliers();
    command.args(["refcounts", lesson, "--quiz"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(answers.as_bytes())
        .unwrap();
    let (status, stdout, _) = outcome(&child.wait_with_output().unwrap());
    assert_eq!(status, Some(0));
    stdout
}

#[test]
fn the_quiz_asks_first_keeps_the_score_and_says_why() {
    let said = quiz("new-reference", "\n?\n1\ntwo\n2\nhelp\nfreed\nq\n+1\n");
    let asked = said
        .find("How many references are there to item now?")
        .unwrap();
    assert!(asked < said.find("we own item").unwrap(), "{said}");
    let reason =
        "No. The answer is 1: one left for us to release. Its owners: the variable item.\n\n";
    assert!(
        said.contains(reason) && !said.contains("A new reference"),
        "{said}"
    );
    assert!(
        said.ends_with("3 of 4 right, 1 of this lesson not answered.\n"),
        "{said}"
    );
    let said = quiz("stolen-on-failure", "1\n1\n2\nyes\n1\nONE\ny\nzero\nNo\n");
    assert!(
        said.contains("Is this allowed?") && !said.contains("signal"),
        "{said}"
    );
    assert!(said.ends_with("9 of 9 right.\n"), "{said}");
    assert!(quiz("new-reference", "").ends_with("0 of 0 right, 5 of this lesson not answered.\n"));
}

#[test]
fn a_pipe_gets_no_colour() {
    let (_, stdout, _) = refcounts(&["text"]);
    assert!(!stdout.contains('\x1b'));
}
