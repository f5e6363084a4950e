//! `outliers refcounts`: the lessons, in a terminal or a pipe.

use std::env;
use std::fmt::Write;
use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use lessons::{Children, Doomed, LESSONS, Lesson, Step, misbehave, page};

use super::overwrite;
use super::similar::similar;

/// What a table means, said where it is.
const LEGEND: &str = "\
(rule: the number of references that the rule predicts, or the answer to the
 question; here: what is measured on your Python. A reference that is held only
 to measure is left out.)";

#[derive(Args)]
pub struct Arguments {
    /// One lesson, by its name or number; the contents if missing
    #[arg(value_parser = lesson, value_name = "NAME|NUMBER")]
    lesson: Option<usize>,
    /// All lessons
    #[arg(long, conflicts_with = "lesson")]
    all: bool,
    /// Ask for each count before it is shown
    #[arg(long)]
    quiz: bool,
    /// Write a page to step through, of all lessons
    #[arg(
        long,
        value_name = "FILE.html",
        value_parser = overwrite::file("html"),
        conflicts_with_all = ["lesson", "all", "quiz"]
    )]
    page: Option<PathBuf>,
    /// Make a mistake, in a child process of a lesson
    #[arg(long, hide = true)]
    doomed: Option<String>,
}

/// Its place among the lessons.
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
            similar(&text, names()).map_or_else(
                || format!("there are the lessons 1 to {}", LESSONS.len()),
                |name| format!("is it '{name}'?"),
            )
        })
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(name) = &arguments.doomed {
        misbehave(name, doomed()?);
    }
    let program = env::current_exe()?;
    let children = Children::new(|name| {
        let mut command = Command::new(&program);
        command.args(["refcounts", "--doomed", name]);
        command
    });
    if let Some(file) = &arguments.page {
        overwrite::replace(file, page(&children)?.html()?.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
        super::say(&format!("{} is written", file.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let wanted = match arguments.lesson {
        Some(number) => number..number + 1,
        None if arguments.all || arguments.quiz => 0..LESSONS.len(),
        None => return contents(),
    };
    if arguments.quiz {
        return quiz(
            LESSONS.iter().skip(wanted.start).take(wanted.len()),
            &children,
        );
    }
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = io::stdout().is_terminal() && !no_color;
    let mut holds = true;
    for (number, lesson) in (1..).zip(LESSONS).skip(wanted.start).take(wanted.len()) {
        let table = lesson.run(&children)?;
        holds &= table.holds();
        let (bold, plain) = if color {
            ("\x1b[1m", "\x1b[0m")
        } else {
            ("", "")
        };
        let mut text = format!(
            "{bold}{number}. {}{plain}\n{}\n\n",
            lesson.name, lesson.rule
        );
        if number == 1 {
            text += "(indented: the same in Rust; skip it if you like)\n\n";
        }
        match color {
            true => write!(text, "{table:#}")?,
            false => write!(text, "{table}")?,
        }
        write!(text, "\n{LEGEND}\n\n{}\n", plainly(lesson.why()))?;
        match LESSONS.get(number) {
            Some(next) if !arguments.all => write!(
                text,
                "Next: outliers refcounts {} ({})\n      outliers refcounts {number} --quiz, to be asked\n",
                number + 1,
                next.name
            )?,
            None => text += "That was the last one. Now do it: outliers exercise\n",
            _ => text += "\n",
        }
        super::print_as_it_is(|stdout| stdout.write_all(text.as_bytes()))?;
    }
    if !holds {
        super::say("this Python breaks a rule of a lesson: see the lines marked NO");
    }
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// For a child, which ends when it has said what it can.
#[allow(unsafe_code)]
pub fn doomed() -> Result<Doomed> {
    if env::args_os().all(|word| word != "--doomed") {
        bail!("a mistake is made in a process of its own");
    }
    // SAFETY: this program was started with that word, for one mistake and no more; nothing was done
    // before, and the callers end the process after it.
    Ok(unsafe { Doomed::new() })
}

fn contents() -> Result<ExitCode> {
    let mut text = String::from("The rules of reference counting, measured on this Python.\n\n");
    for (number, lesson) in (1..).zip(LESSONS) {
        let rule = lesson.rule.split_inclusive(". ").next().unwrap_or_default();
        writeln!(text, "{number:>3}  {:<18} {}", lesson.name, rule.trim_end())?;
    }
    text += "\nStart: outliers refcounts 1. Everything: --all. To be asked: --quiz.\n";
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// What is said below a table, without the marks of Markdown; code is indented.
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

/// Shows each step without what it leads to, and asks for that; a wrong answer gets the reason.
fn quiz<'a>(
    lessons: impl Iterator<Item = &'a Lesson>,
    children: &Children<'_>,
) -> Result<ExitCode> {
    let (mut right, mut asked, mut left) = (0, 0, String::new());
    let mut answers = io::stdin().lock().lines();
    'lessons: for lesson in lessons {
        let table = lesson.run(children)?;
        super::print(&format!("{}\n\n", lesson.name))?;
        for (done, step) in table.steps.iter().enumerate() {
            super::print(&format!("{}{}", code(step), question(step)))?;
            let answer = loop {
                let answer = answers.next().transpose();
                let answer = answer.map_err(|error| anyhow!("cannot read the answer: {error}"))?;
                match answer.as_deref().map(str::trim) {
                    None | Some("q") => {
                        left =
                            format!(", {} of this lesson not answered", table.steps.len() - done);
                        super::print("\n")?;
                        break 'lessons;
                    }
                    Some(answer) if answers_it(answer, step) => break meant(answer),
                    _ if step.counts() => super::print("A number, please (or q to leave): ")?,
                    _ => super::print("An answer, please (or q to leave): ")?,
                }
            };
            asked += 1;
            let said = if means(&answer, &step.measured) {
                right += 1;
                format!("Right: {}.\n\n", step.meaning)
            } else {
                format!(
                    "No. The answer is {}: {}.\n{}\n\n",
                    step.measured, step.meaning, lesson.rule
                )
            };
            super::print(&said)?;
        }
    }
    super::print(&format!("{right} of {asked} right{left}.\n"))?;
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

/// What an answer means, in numbers or words.
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

/// Whether an answer is what was measured; a signal has several names.
fn means(answer: &str, measured: &str) -> bool {
    let names: &[&str] = match measured {
        "SIGSEGV" => &["crash", "segfault", "segmentationfault", "segv", "11"],
        "SIGABRT" => &["crash", "abort", "aborted", "abrt", "6"],
        _ => &[],
    };
    answer == plain(measured) || names.contains(&answer)
}

fn plain(text: &str) -> String {
    text.trim_start_matches('+').to_lowercase().replace(' ', "")
}

/// Whether that is an answer at all, and no call for help.
fn answers_it(answer: &str, step: &Step) -> bool {
    let word = !matches!(answer, "" | "?" | "help");
    word && (!step.counts() || meant(answer).parse::<u32>().is_ok())
}
