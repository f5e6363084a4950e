//! `outliers soak` in two processes: one soaks, and one watches, so that a crash gives a verdict too.

use std::borrow::Cow;
use std::env;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use refsoak::child::{CUT_OFF, Child, Heard, PERIOD, Parent, signal_name};
use refsoak::{Progress, Record, ReferenceRecord};
use serde::{Deserialize, Serialize};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{emulate_default_handler, pipe};

/// A message from the soaking process to the watching one. In the other direction, each Ctrl-C is one byte.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message<'a> {
    /// A call begins.
    Call { number: u64 },
    /// The references to a long-lived object have fallen.
    Falling { object: Cow<'a, str> },
    /// The soak has ended with this report.
    Report { text: Cow<'a, str> },
    /// The exit status follows.
    Done,
}

/// What the watching process has heard so far.
#[derive(Default)]
struct Known {
    calls: u64,
    falling: Vec<String>,
    report: Option<String>,
    done: bool,
}

/// Runs the same command in a child process and watches it. Returns the child's exit status. If the child
/// dies, its death is the verdict.
pub fn watch(json: bool) -> Result<ExitCode> {
    let begun = Instant::now();
    let interrupted = Arc::new(AtomicBool::new(false));
    flag::register(SIGINT, Arc::clone(&interrupted)).context("cannot listen for Ctrl-C")?;
    let mut command = Command::new(env::current_exe()?);
    command.args(env::args_os().skip(1)).arg("--watched");
    // Only the report goes to stdout, so the function's output goes to stderr.
    let stderr = io::stderr().as_fd().try_clone_to_owned();
    command.stdout(stderr.map_or_else(|_| Stdio::null(), Stdio::from));
    let mut child = Child::start(&mut command)?;
    // Sends the child a byte for each Ctrl-C.
    pipe::register(SIGINT, child.socket().try_clone()?).context("cannot listen for Ctrl-C")?;

    let mut known = Known::default();
    while !known.done {
        match child.receive()? {
            Heard::Message(message) => known.hear(message),
            Heard::Silence => {}
            Heard::End => break,
        }
    }
    let status = child.wait()?;
    if let (true, Some(code)) = (known.done, status.code()) {
        if let Some(report) = &known.report {
            super::output::print(report)?;
        }
        return Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from));
    }
    if status.signal() == Some(SIGINT) && interrupted.load(Ordering::Relaxed) {
        emulate_default_handler(SIGINT)?;
    }
    if status.code() == Some(CUT_OFF.into()) {
        let summary = "the function closed file descriptors that the soak needs for its report";
        super::output::print(&known.without_report("none", summary, None, begun.elapsed(), json))?;
        return Ok(ExitCode::from(3));
    }
    super::output::print(&known.death(status, begun.elapsed(), json))?;
    Ok(ExitCode::FAILURE)
}

impl Known {
    fn hear(&mut self, message: Message<'_>) {
        match message {
            Message::Call { number } => self.calls = number,
            Message::Falling { object } => self.falling.push(object.into_owned()),
            Message::Report { text } => self.report = Some(text.into_owned()),
            Message::Done => self.done = true,
        }
    }

    /// The report if the soaking process died.
    fn death(&self, status: ExitStatus, time: Duration, json: bool) -> String {
        let how = match status.signal() {
            Some(signal) => format!("died by {}", signal_name(signal)),
            None => format!("ended the process with {status}"),
        };
        let verdict = if self.falling.is_empty() {
            "died"
        } else {
            "over-release"
        };
        let summary = format!("the function {how} at about call {}", self.calls.max(1));
        let mut text = self.without_report(verdict, &summary, status.signal(), time, json);
        if !json && self.falling.is_empty() {
            text.push_str("  before that, no references to a long-lived object fell\n");
        }
        text
    }

    /// A report from the messages so far, if the soak could not report.
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
            text.push_str(&format!("  before that: {object}\n"));
        }
        text
    }
}

/// A record as the program prints it.
pub fn to_json(record: &Record) -> String {
    format!("{:#}\n", json!(record))
}

/// The soaking process, which is watched.
pub struct Watched {
    parent: Parent,
    sent: Instant,
    falling: usize,
    pub interrupted: Arc<AtomicBool>,
}

impl Watched {
    pub fn new() -> Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        // A terminal sends Ctrl-C to this process too.
        flag::register(SIGINT, Arc::clone(&interrupted)).context("cannot listen for Ctrl-C")?;
        let parent = Parent::connect()?;
        let (mut presses, first) = (parent.socket().try_clone()?, Arc::clone(&interrupted));
        thread::spawn(move || {
            let mut pressed = 0;
            while presses.read(&mut [0]).is_ok_and(|bytes| bytes > 0) {
                pressed += 1;
                first.store(true, Ordering::Relaxed);
                if pressed > 1 {
                    // The second one ends the process, because a call may never return.
                    let _ = emulate_default_handler(SIGINT);
                }
            }
            // The watching process has ended.
            let _ = emulate_default_handler(SIGTERM);
        });
        Ok(Self {
            parent,
            sent: Instant::now(),
            falling: 0,
            interrupted,
        })
    }

    /// Reports where the soak is. Allocates nothing, because the soak counts allocations.
    pub fn progress(&mut self, progress: &Progress) {
        let number = progress.warm_up + progress.calls + 1;
        if number.is_power_of_two() || self.sent.elapsed() >= PERIOD {
            self.sent = Instant::now();
            let _ = self.parent.send(&Message::Call { number });
        }
        for object in progress.falling.iter().skip(self.falling) {
            let object = Cow::from(object);
            let _ = self.parent.send(&Message::Falling { object });
        }
        self.falling = self.falling.max(progress.falling.len());
    }

    /// Sends the report.
    pub fn report(&mut self, report: &str) {
        let text = Cow::from(report);
        // If this fails, so does `done`.
        let _ = self.parent.send(&Message::Report { text });
    }

    /// Announces the exit status, and returns it. It is [`CUT_OFF`] if the function has closed the socket.
    pub fn done(self, result: Result<ExitCode>) -> Result<ExitCode> {
        if self.parent.send(&Message::Done).is_ok() {
            return result;
        }
        // The function may have opened something else under the number of the socket: do not close that.
        std::mem::forget(self);
        Ok(ExitCode::from(CUT_OFF))
    }
}
