//! `outliers refcounts`: the lessons, in a terminal or a pipe.

use std::env;
use std::fmt::{self, Write};
use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use lessons::{Children, Doomed, GROUPS, LESSONS, Lesson, Step, Table, misbehave, page};

use super::called;
use super::overwrite;
use super::similar::similar;

/// The text below each table.
const LEGEND: &str = "\
(rule: the number of references that the rule predicts, or the answer to the
 question; here: what your Python does. References held only for measuring
 are not counted.)";

#[derive(Args)]
pub struct Arguments {
    /// The name or number of a lesson; without it, lists the lessons
    #[arg(value_parser = lesson, value_name = "NAME|NUMBER")]
    lesson: Option<usize>,
    /// Run all lessons
    #[arg(long, conflicts_with = "lesson")]
    all: bool,
    /// Ask for each answer before showing it
    #[arg(long)]
    quiz: bool,
    /// Write a page that shows all lessons step by step
    #[arg(
        long,
        value_name = "FILE.html",
        value_parser = overwrite::file("html"),
        conflicts_with_all = ["lesson", "all", "quiz"]
    )]
    page: Option<PathBuf>,
    /// In a child process of a lesson: the mistake to make
    #[arg(long, hide = true)]
    doomed: Option<String>,
}

/// The index of a lesson, from its name or number.
fn lesson(text: &str) -> Result<usize, String> {
    let number = text
        .parse::<usize>()
        .map(|number| number.wrapping_sub(1))
        .ok();
    let text = text.to_lowercase().replace('_', "-");
    let names = || LESSONS.iter().map(|lesson| lesson.name);
    let number = number.filter(|&number| number < LESSONS.len());
    number
        .or_else(|| names().position(|name| name == text))
        .ok_or_else(|| {
            let part = names().find(|name| !text.is_empty() && name.contains(&text));
            part.or_else(|| similar(&text, names())).map_or_else(
                || format!("the lessons are 1 to {}", LESSONS.len()),
                |name| format!("did you mean '{name}'?"),
            )
        })
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(name) = &arguments.doomed {
        misbehave(name, doomed()?);
    }
    let children = Children::new(|name| {
        let mut command = called::again();
        command.args(["refcounts", "--doomed", name]);
        command
    });
    if let Some(file) = &arguments.page {
        overwrite::replace(file, page(&children)?.html()?.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
        super::output::say(&format!("wrote {}", file.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let wanted = match arguments.lesson {
        Some(index) => index..index + 1,
        None if arguments.all || arguments.quiz => 0..LESSONS.len(),
        None => return contents(),
    };
    let wanted = (1..).zip(LESSONS).skip(wanted.start).take(wanted.len());
    if arguments.quiz {
        return quiz(wanted.map(|(_, lesson)| lesson), &children);
    }
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = io::stdout().is_terminal() && !no_color;
    let mut holds = true;
    for (number, lesson) in wanted {
        let table = lesson.run(&children)?;
        holds &= table.holds();
        let mut text = shown(number, lesson, &table, color)?;
        text += &what_next(number, arguments.all);
        super::output::print_as_it_is(|stdout| stdout.write_all(text.as_bytes()))?;
    }
    if holds {
        return Ok(ExitCode::SUCCESS);
    }
    super::output::say("this Python breaks the rule of a lesson: see the lines marked NO");
    Ok(ExitCode::FAILURE)
}

/// The whole text of a lesson.
fn shown(
    number: usize,
    lesson: &Lesson,
    table: &Table<'_>,
    color: bool,
) -> Result<String, fmt::Error> {
    let (bold, plain) = if color {
        ("\x1b[1m", "\x1b[0m")
    } else {
        ("", "")
    };
    let (name, rule) = (lesson.name, lesson.rule);
    let mut text = format!("{bold}{number}. {name}{plain}\n{rule}\n\n");
    if number == 1 {
        text += "(indented: the same call in Rust)\n\n";
    }
    if color {
        write!(text, "{table:#}")?;
    } else {
        write!(text, "{table}")?;
    }
    write!(text, "\n{LEGEND}\n\n{}\n", plainly(lesson.why()))?;
    Ok(text)
}

fn what_next(number: usize, all: bool) -> String {
    let outliers = called::name();
    match LESSONS.get(number) {
        Some(_) if all => "\n".into(),
        Some(next) => format!(
            "Quiz: {outliers} refcounts {number} --quiz\nNext: {outliers} refcounts {} ({})\n",
            number + 1,
            next.name
        ),
        None => format!("That was the last lesson. To practise: {outliers} exercise\n"),
    }
}

/// The proof that this process is a child, which may crash.
pub fn doomed() -> Result<Doomed> {
    Doomed::of_this_process().ok_or_else(|| anyhow!("only a child process may make a mistake"))
}

fn contents() -> Result<ExitCode> {
    let mut text = String::from("The rules of reference counting, measured on this Python.\n\n");
    let mut numbers = 1..;
    for (group, lessons) in GROUPS {
        writeln!(text, "{group}")?;
        for (lesson, number) in lessons.iter().zip(&mut numbers) {
            let rule = lesson.rule.split_inclusive(". ").next().unwrap_or_default();
            writeln!(text, "{number:>3}  {:<18} {}", lesson.name, rule.trim_end())?;
        }
    }
    let outliers = called::name();
    writeln!(
        text,
        "\nStart: {outliers} refcounts 1. All lessons: --all. A quiz: --quiz."
    )?;
    super::output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Markdown as plain text, for the explanation below a table: indents code, and leaves out marks.
fn plainly(markdown: &str) -> String {
    let mut code = false;
    let mut text = String::new();
    for line in markdown.lines() {
        if line.starts_with("```") {
            code = !code;
        } else if !(code && line.starts_with("# ")) {
            let indented = if code && !line.is_empty() { "    " } else { "" };
            let line = if code {
                line.into()
            } else {
                line.replace('`', "")
            };
            text += indented;
            text += &line;
            text.push('\n');
        }
    }
    text
}

/// Shows each step without its result, and asks for the result. Gives the reason of the step after a wrong
/// answer.
fn quiz<'a>(
    lessons: impl Iterator<Item = &'a Lesson>,
    children: &Children<'_>,
) -> Result<ExitCode> {
    let (mut right, mut asked, mut rest) = (0, 0, String::new());
    let mut answers = io::stdin().lock().lines();
    super::output::print("Answer with a number or a word; q quits.\n\n")?;
    'lessons: for lesson in lessons {
        let table = lesson.run(children)?;
        super::output::print(&format!("{}\n\n", lesson.name))?;
        for (done, step) in table.steps.iter().enumerate() {
            super::output::print(&format!("{}{}", code(step), question(step)))?;
            let answer = loop {
                let answer = answers.next().transpose();
                let answer = answer.map_err(|error| anyhow!("cannot read the answer: {error}"))?;
                match answer.as_deref().map(str::trim) {
                    None | Some("q") => {
                        rest =
                            format!(", {} of this lesson not answered", table.steps.len() - done);
                        super::output::print("\n")?;
                        break 'lessons;
                    }
                    Some(answer) if answers_it(answer, step) => break meant(answer),
                    _ if step.counts() => {
                        super::output::print("A number, please (or q to quit): ")?
                    }
                    _ => super::output::print("An answer, please (or q to quit): ")?,
                }
            };
            asked += 1;
            let said = if answer == plain(step.answer()) {
                right += 1;
                format!("Right: {}.\n\n", step.meaning)
            } else {
                format!("No. The answer is {}: {}\n\n", step.answer(), step.reason())
            };
            super::output::print(&said)?;
        }
    }
    super::output::print(&format!("{right} of {asked} right{rest}.\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn code(step: &Step) -> String {
    match step.call {
        "" => String::new(),
        call => format!("    {call}\n"),
    }
}

fn question(step: &Step) -> String {
    if step.counts() {
        format!("How many references are there to {} now? ", step.asked)
    } else {
        format!("{} ", step.asked)
    }
}

/// An answer in one spelling: a number in digits, or a word.
fn meant(answer: &str) -> String {
    const WORDS: [&str; 7] = ["none", "one", "two", "three", "four", "five", "six"];
    let answer = plain(answer.trim_end_matches('.'));
    let number = WORDS.iter().position(|&word| word == answer);
    match answer.as_str() {
        "freed" | "zero" | "noone" => "0".into(),
        "y" | "true" => "yes".into(),
        "n" | "false" => "no".into(),
        _ => number.map_or(answer, |number| number.to_string()),
    }
}

fn plain(text: &str) -> String {
    text.trim_start_matches('+').to_lowercase().replace(' ', "")
}

/// Whether that is an answer at all, and not a request for help.
fn answers_it(answer: &str, step: &Step) -> bool {
    let word = !matches!(answer, "" | "?" | "help");
    word && (!step.counts() || meant(answer).parse::<u32>().is_ok())
}
