//! The lessons hold on this Python, print what the course says they print, and cover every rule.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::common::{self, outliers, skipped, told};
use lessons::{Children, Hold, LESSONS, Lesson};
use pyoutliers::{Outliers, interpreter};

const COURSE: &str = include_str!("../../../lessons/src/course.md");

/// Lessons fail allocations and change what their helpers know: one thread at a time.
static RUNNING: Mutex<()> = Mutex::new(());

fn lesson(name: &str) -> &'static Lesson {
    LESSONS.iter().find(|lesson| lesson.name == name).unwrap()
}

fn children() -> Children<'static> {
    Children::new(|name| {
        let mut command = outliers();
        command.args(["refcounts", "--doomed", name]);
        command
    })
}

fn refcounts(arguments: &[&str]) -> (Option<i32>, String, String) {
    told(
        &outliers()
            .arg("refcounts")
            .args(arguments)
            .output()
            .unwrap(),
    )
}

/// Without what depends on the machine or the version.
fn without_notes(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("here: "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// `OUTLIERS_WRITE_COURSE=1` writes the tables into the course: look at what changed, then commit.
#[test]
fn every_lesson_holds_and_prints_what_the_course_says() {
    let version = interpreter::loaded().version.to_string();
    let counts_all = ["3.8.", "3.9.", "3.10.", "3.11."]
        .iter()
        .any(|old| version.starts_with(old));
    let _alone = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let children = children();
    let mut course = COURSE.to_owned();
    for lesson in LESSONS {
        let table = lesson.run(&children).unwrap();
        assert!(table.holds(), "{}\n{table}", lesson.name);
        let (text, mut printed) = (table.to_string(), lesson.printed().to_owned());
        // The course has that of a newer Python.
        let older = lesson.name == "immortal" && counts_all;
        if std::env::var_os("OUTLIERS_WRITE_COURSE").is_some() && !older {
            let start = format!("## {}\n\n{}\n\n```text\n", lesson.name, lesson.rule());
            course = course.replace(&format!("{start}{printed}"), &format!("{start}{text}"));
            continue;
        }
        if older {
            printed = printed.replace("0       0", "1       1");
            printed = printed.replace("alive   alive", "SIGABRT SIGABRT");
        }
        // And that of a release build.
        if lesson.name == "stolen-on-failure" && is_debug_build() {
            printed = printed.replace("SIGSEGV SIGSEGV", "SIGABRT SIGABRT");
        }
        assert_eq!(
            squeezed(&without_notes(&text)),
            squeezed(&without_notes(&printed)),
            "{}",
            lesson.name
        );
    }
    if course != COURSE {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../lessons/src/course.md");
        std::fs::write(file, course).unwrap();
    }
    println!("cases: {}", LESSONS.len());
}

fn is_debug_build() -> bool {
    Outliers::new("sys", "gettotalrefcount").is_ok()
}

fn squeezed(text: &str) -> String {
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
        .collect()
}

#[test]
fn each_picture_explains_every_count() {
    let _alone = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let (children, mut pictures, mut wrong) = (children(), 0, Vec::new());
    for lesson in LESSONS.iter().filter(|lesson| lesson.drawn) {
        for step in lesson.run(&children).unwrap().steps {
            pictures += 1;
            if let Some(object) = step.picture.unexplained() {
                wrong.push(format!("{}, {}: {object:?}\n", lesson.name, step.call));
            }
        }
    }
    println!("cases: {pictures}");
    assert!(wrong.is_empty() && pictures > 80, "{}", wrong.concat());
}

/// But where that is the mistake, which ends a process.
#[test]
fn no_lesson_uses_a_variable_that_was_stolen_nor_a_name_twice() {
    let _alone = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let (children, mut cases) = (children(), 0);
    for lesson in LESSONS {
        let (mut stolen, mut names) = (BTreeSet::new(), BTreeSet::new());
        let steps = lesson.run(&children).unwrap().steps;
        for step in steps
            .iter()
            .filter(|step| !step.expected.starts_with("SIG"))
        {
            let variables = step.picture.variables.iter();
            let now = variables.filter(|variable| variable.hold == Hold::Stolen);
            let now: BTreeSet<_> = now.map(|variable| variable.name).collect();
            let mut words = step.call.split(|c: char| !c.is_alphanumeric());
            let used = words.find(|word| stolen.contains(word) && now.contains(word));
            assert_eq!(used, None, "{lesson:?}: stolen, yet used: {}", step.call);
            cases += stolen.len();
            stolen = now;
        }
        for object in steps.last().iter().flat_map(|step| &step.picture.objects) {
            let is_new = names.insert(object.name) || !lesson.drawn;
            assert!(is_new, "{lesson:?}: two objects are called {}", object.name);
        }
    }
    println!("cases: {cases}");
    assert!(cases > 20, "{cases}");
}

#[test]
fn the_course_fits_80_columns() {
    for line in COURSE.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for lesson in LESSONS {
        assert!(
            lesson.rule().len() <= 80 && !lesson.rule().contains('\n'),
            "{lesson:?}"
        );
    }
    for arguments in [&[][..], &["--all"], &["--help"], &["stealing"], &["99"]] {
        let (_, stdout, stderr) = refcounts(arguments);
        let mut lines = stdout.lines().chain(stderr.lines());
        assert_eq!(lines.find(|line| line.chars().count() > 80), None);
    }
}

#[test]
fn the_page_overwrites_nothing_but_a_page() {
    let (status, _, stderr) = refcounts(&["--page", "x.txt"]);
    assert_eq!(status, Some(2));
    assert!(
        stderr.contains("name a file that ends in .html"),
        "{stderr}"
    );
}

#[test]
fn every_rule_of_the_table_is_in_a_lesson() {
    for row in include_str!("../../../../src/capi/rules.md")
        .lines()
        .skip(2)
    {
        let name = row.split('`').nth(1).unwrap();
        assert!(COURSE.contains(name), "no lesson shows {name}");
    }
}

#[test]
fn the_readme_shows_a_lesson_as_it_is() {
    let lesson = lesson("new-reference");
    let shown = format!(
        "1. {}\n{}\n\n{}",
        lesson.name,
        lesson.rule(),
        lesson.printed()
    );
    assert!(
        include_str!("../../../../README.md").contains(&shown),
        "{shown}"
    );
}

/// Each `compile_fail` example of the course, with the message that follows it.
#[test]
fn what_does_not_compile_is_refused_with_these_words() {
    let mut cases = 0;
    for example in COURSE.split("```compile_fail\n").skip(1) {
        let (code, rest) = example.split_once("```\n\n```text\n").unwrap();
        let said = rest.split_once("```\n").unwrap().0;
        let refused = refusal(code);
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        if !rustc("-V").starts_with("rustc 1.95") {
            skipped("the words of another rustc differ: the first line alone is compared");
            assert_eq!(first(&refused), first(said));
        } else if std::env::var_os("OUTLIERS_WRITE_COURSE").is_some() {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../lessons/src/course.md");
            let course = std::fs::read_to_string(file).unwrap();
            let shown = |said: &str| format!("{code}```\n\n```text\n{said}```\n");
            std::fs::write(file, course.replace(&shown(said), &shown(&refused))).unwrap();
        } else {
            assert_eq!(refused, said);
        }
        let is_shown = |lesson: &Lesson| lesson.explained().contains(said);
        assert!(LESSONS.iter().any(is_shown), "no lesson shows it: {said}");
        cases += 1;
    }
    println!("cases: {cases}");
    assert_eq!(cases, 3);
}

fn rustc(argument: &str) -> String {
    told(&Command::new("rustc").arg(argument).output().unwrap()).1
}

/// What the compiler says of an example: its error, from the first line to the end of the picture.
fn refusal(code: &str) -> String {
    let directory = common::directory("refused");
    let code: String = code
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
        .collect();
    std::fs::write(directory.join("lesson.rs"), code).unwrap();
    // Which of the libraries in `deps` is this crate with its usual features, Cargo knows: the crate
    // that embeds it has built another beside it.
    let checkout = Path::new(common::CHECKOUT);
    assert!(
        common::cargo(checkout, &["build", "--lib"])
            .status()
            .unwrap()
            .success()
    );
    let library = common::target().join("debug/libpyoutliers.rlib");
    let dependencies = common::target().join("debug/deps");
    let mut rustc = Command::new("rustc");
    rustc
        .current_dir(&directory)
        .args(["--edition", "2024", "--emit", "metadata", "lesson.rs"]);
    rustc
        .arg("--extern")
        .arg(format!("pyoutliers={}", library.display()));
    rustc
        .arg("-L")
        .arg(format!("dependency={}", dependencies.display()));
    let (status, _, stderr) = told(&rustc.output().unwrap());
    assert_ne!(status, Some(0), "it compiles");
    let error = stderr
        .lines()
        .skip_while(|line| !line.starts_with("error[E"));
    let more = |line: &str| {
        let start = line.trim_start();
        line.is_empty() || ["help", "note", "="].iter().any(|s| start.starts_with(s))
    };
    let error = error.take_while(|line| !more(line));
    // The margin is as wide as the longest number of a line, in whichever file that is.
    let margin = |line: &str| match line.split_once('|') {
        Some((number, rest))
            if number.trim().parse::<u32>().is_ok() || number.trim().is_empty() =>
        {
            format!("{:<2}|{rest}", number.trim())
        }
        _ => line.to_owned(),
    };
    // Without the place, in a file that nobody has; and cut to 80 columns with its margin.
    let cut = |line: &str| match line.char_indices().nth(76) {
        Some(_) => line.chars().take(73).collect::<String>() + "...",
        None => line.into(),
    };
    let lines = error
        .filter(|line| !line.contains("-->"))
        .map(|line| cut(&margin(line)) + "\n");
    lines
        .collect::<String>()
        .trim_end()
        .trim_end_matches("\n  |")
        .to_owned()
        + "\n"
}

#[test]
fn the_contents_lead_to_the_lessons_and_each_to_the_next() {
    let (status, contents, _) = refcounts(&[]);
    assert_eq!(status, Some(0));
    for (number, lesson) in (1..).zip(LESSONS) {
        let start = format!("{number:>3}  {:<18} {}", lesson.name, &lesson.rule()[..25]);
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
        by_name.contains("Next: outliers refcounts 3 (stolen-on-failure)"),
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
fn a_step_that_does_not_hold_is_told() {
    // A child that lives, where the lesson says that it dies.
    let children = Children::new(|_| {
        let mut command = Command::new("sh");
        command.args(["-c", r#"echo '{"type": "answer", "text": "alive"}' >&0"#]);
        command
    });
    let table = lesson("lock").run(&children).unwrap();
    assert!(!table.holds());
    assert!(
        table.to_string().contains("SIGABRT   alive NO\n"),
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
    let (status, stdout, _) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, Some(0));
    stdout
}

#[test]
fn the_quiz_asks_first_keeps_the_score_and_tells_why() {
    let said = quiz("new-reference", "\n?\n1\ntwo\n2\nhelp\nfreed\nq\n+1\n");
    let asked = said
        .find("How many references are there to item now?")
        .unwrap();
    assert!(asked < said.find("item is ours").unwrap(), "{said}");
    assert!(
        said.contains("No. The answer is 1: ours once: to give back.\nA new reference"),
        "{said}"
    );
    assert!(
        said.ends_with("3 of 4 right, 1 of this lesson not answered.\n"),
        "{said}"
    );
    for end in match is_debug_build() {
        true => ["crash", "sigabrt", "6"],
        false => ["crash", "segv", "11"],
    } {
        let answers = format!("1\n1\n2\nyes\n1\nONE\ny\nzero\n{end}\n");
        assert!(quiz("stolen-on-failure", &answers).ends_with("9 of 9 right.\n"));
    }
    assert!(quiz("new-reference", "").ends_with("0 of 0 right, 5 of this lesson not answered.\n"));
}

#[test]
fn a_pipe_gets_no_colour() {
    let (_, stdout, _) = refcounts(&["text"]);
    assert!(!stdout.contains('\x1b'));
}
