//! The soak in a process of its own, so that a death in there ends in a verdict too.

use std::env;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use refsoak::{Progress, Record, ReferenceRecord};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{emulate_default_handler, pipe, signal_name};

use super::child::{self, Child, Heard, PERIOD};

/// The exit status of a soak that cannot report: the function has closed what it reports through.
const CUT_OFF: u8 = 97;

/// What the watching process was told last.
#[derive(Default)]
struct Told {
    calls: u64,
    falling: Vec<String>,
    report: Option<String>,
    /// The report has come, or the error is known.
    done: bool,
}

/// Runs this same command in another process and watches it. Its exit status is ours; if it dies,
/// that is the verdict.
pub fn watch(json: bool) -> Result<ExitCode> {
    let begun = Instant::now();
    let interrupted = Arc::new(AtomicBool::new(false));
    // Each Ctrl-C is handed on as a byte.
    flag::register(SIGINT, Arc::clone(&interrupted)).context("cannot listen for Ctrl-C")?;
    let mut command = Child::command()?;
    command.args(env::args_os().skip(1)).arg("--watched");
    // What the function prints is none of the report, which comes to us.
    let stderr = io::stderr().as_fd().try_clone_to_owned();
    command.stdout(stderr.map_or_else(|_| Stdio::null(), Stdio::from));
    let mut child = Child::start(&mut command)?;
    pipe::register(SIGINT, child.pipe().try_clone()?).context("cannot listen for Ctrl-C")?;

    let mut told = Told::default();
    while !told.done {
        match child.hear()? {
            Heard::Line(line) => told.hear(&line),
            Heard::Silence => {}
            Heard::End => break,
        }
    }
    let status = child.wait()?;
    if let (true, Some(code)) = (told.done, status.code()) {
        if let Some(report) = &told.report {
            super::print(report)?;
        }
        return Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from));
    }
    if status.signal() == Some(SIGINT) && interrupted.load(Ordering::Relaxed) {
        emulate_default_handler(SIGINT)?;
    }
    if status.code() == Some(CUT_OFF.into()) {
        let summary =
            "the function closed the file descriptors of the soak, which cannot report any more";
        super::print(&told.without_report("none", summary, None, begun.elapsed(), json))?;
        return Ok(ExitCode::from(3));
    }
    super::print(&told.death(status, begun.elapsed(), json))?;
    Ok(ExitCode::FAILURE)
}

impl Told {
    fn hear(&mut self, line: &str) {
        match line.trim_end().split_once(' ') {
            Some(("calls", calls)) => self.calls = calls.parse().unwrap_or(self.calls),
            Some(("falling", object)) => self.falling.push(object.into()),
            Some(("report", text)) => self.report = serde_json::from_str(text).ok(),
            _ => self.done = line == "done\n",
        }
    }

    /// The report on a death.
    fn death(&self, status: ExitStatus, time: Duration, json: bool) -> String {
        let how = match status.signal() {
            Some(signal) => format!("died by {}", signal_name(signal).unwrap_or("a signal")),
            None => format!("ended Python with {status}"),
        };
        let verdict = if self.falling.is_empty() {
            "died"
        } else {
            "over-release"
        };
        let summary = format!("the function {how} at about call {}", self.calls.max(1));
        let mut text = self.without_report(verdict, &summary, status.signal(), time, json);
        if !json && self.falling.is_empty() {
            text.push_str("  no references to a long-lived object fell before\n");
        }
        text
    }

    /// What is known without a report.
    fn without_report(
        &self,
        verdict: &str,
        summary: &str,
        signal: Option<i32>,
        time: Duration,
        json: bool,
    ) -> String {
        if json {
            let of = |object: &String| ReferenceRecord {
                object: object.clone(),
                ..ReferenceRecord::default()
            };
            let record = Record {
                calls: self.calls,
                references: self.falling.iter().map(of).collect(),
                seconds: time.as_secs_f64(),
                signal: Some(signal),
                ..Record::without_report(verdict, summary)
            };
            return to_json(&record);
        }
        let mut text = format!("{verdict}: {summary}\n");
        for object in &self.falling {
            text.push_str(&format!("  before, its references fell: {object}\n"));
        }
        text
    }
}

/// A record as the program prints it.
pub fn to_json(record: &Record) -> String {
    format!("{:#}\n", json!(record))
}

/// The watched process's side.
pub struct Watched {
    to: UnixStream,
    told: Instant,
    falling: usize,
    pub interrupted: Arc<AtomicBool>,
}

impl Watched {
    pub fn new() -> Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        // A terminal's Ctrl-C comes here too.
        flag::register(SIGINT, Arc::clone(&interrupted)).context("cannot listen for Ctrl-C")?;
        let to = child::pipe()?;
        let (mut from, first) = (to.try_clone()?, Arc::clone(&interrupted));
        thread::spawn(move || {
            let mut pressed = 0;
            while from.read(&mut [0]).is_ok_and(|bytes| bytes > 0) {
                pressed += 1;
                first.store(true, Ordering::Relaxed);
                if pressed > 1 {
                    // The second ends the process, should a call never return.
                    let _ = emulate_default_handler(SIGINT);
                }
            }
            // Nobody watches any more.
            let _ = emulate_default_handler(SIGTERM);
        });
        Ok(Self {
            to,
            told: Instant::now(),
            falling: 0,
            interrupted,
        })
    }

    /// Tells where the soak is; allocates nothing.
    pub fn tell(&mut self, progress: &Progress) {
        let call = progress.warm_up + progress.calls + 1;
        if call.is_power_of_two() || self.told.elapsed() >= PERIOD {
            self.told = Instant::now();
            let _ = writeln!(self.to, "calls {call}");
        }
        for object in progress.falling.iter().skip(self.falling) {
            let _ = writeln!(self.to, "falling {object}");
        }
        self.falling = self.falling.max(progress.falling.len());
    }

    /// Hands the report over, as one line.
    pub fn report(&mut self, report: &str) {
        // What fails here fails again in `done`.
        let _ = writeln!(self.to, "report {}", json!(report));
    }

    /// From here on the exit status says all: the one given, unless the function has closed what this
    /// goes through.
    pub fn done(mut self, result: Result<ExitCode>) -> Result<ExitCode> {
        if writeln!(self.to, "done").is_ok() {
            return result;
        }
        // It is not ours to close any more.
        std::mem::forget(self);
        Ok(ExitCode::from(CUT_OFF))
    }
}
