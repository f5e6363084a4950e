//! `outliers refcounts`: the lessons, in a terminal or a pipe.

use std::env;
use std::io::{self, IsTerminal};
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;
use clap::builder::PossibleValuesParser;
use pyoutliers::refcounts::{Children, Doomed, LESSONS, misbehave};

/// What a table means, for those who have not read the module's documentation.
const LEGEND: &str = "\
Every Python object counts the references to it and is freed with the last. In a table,
  rule     is what the rule says: references to the object, unless the middle column
           names something else; those held only to measure are left out
  here     is what this Python does, measured
  item     is a new float, where no step says where it comes from
  +item    is the same with a reference added just before
  here:    begins a line that may differ between machines and versions";

#[derive(Args)]
#[command(after_help = LEGEND)]
pub struct Arguments {
    /// One lesson, all if missing
    #[arg(value_parser = PossibleValuesParser::new(LESSONS.iter().map(|lesson| lesson.name)))]
    lesson: Option<String>,
    /// Make a mistake, in a child process of a lesson
    #[arg(long, hide = true)]
    child: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(name) = &arguments.child {
        #[expect(unsafe_code, reason = "the one way to make a mistake, and only here")]
        // SAFETY: whoever starts this process so does it for the mistake, and it ends below.
        let doomed = unsafe { Doomed::new() };
        super::print(&format!("{}\n", misbehave(name, doomed)?))?;
        // At once: what the mistake has broken shall not be taken down in order.
        std::process::exit(0);
    }
    let program = env::current_exe()?;
    let children = Children::new(|name| {
        let mut command = Command::new(&program);
        command.args(["refcounts", "--child", name]);
        command
    });
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = io::stdout().is_terminal() && !no_color;
    let wanted = LESSONS.iter().filter(|lesson| {
        arguments
            .lesson
            .as_deref()
            .is_none_or(|name| name == lesson.name)
    });
    let mut holds = true;
    for (index, lesson) in wanted.enumerate() {
        let table = lesson.run(&children)?;
        holds &= table.holds();
        let space = if index == 0 { "" } else { "\n" };
        let name = if color {
            format!("\x1b[1m{}\x1b[0m", lesson.name)
        } else {
            lesson.name.into()
        };
        let table = if color {
            format!("{table:#}")
        } else {
            table.to_string()
        };
        super::print_as_it_is(|stdout| {
            write!(stdout, "{space}{name}\n{}\n\n{table}", lesson.rule)
        })?;
    }
    if !holds {
        super::say("this interpreter differs from what a lesson says: see the lines marked NO");
    }
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
