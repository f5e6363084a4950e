//! The messages of the soaking process to the watching one, and the report if the soaking process dies.

use std::borrow::Cow;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use refsoak::child::{PERIOD, Parent, signal_name};
use refsoak::{Progress, Record, ReferenceRecord, Report};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A message from the soaking process to the watching one. In the other direction, each Ctrl-C is one byte.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Message<'a> {
    /// A call begins.
    Call { number: u64 },
    /// The reference count of a long-lived object fell.
    Falling { object: Cow<'a, str> },
    /// The soak has ended with this report.
    Report {
        text: Cow<'a, str>,
        record: Box<Record>,
    },
    /// The exit status follows.
    Done,
}

/// What the watching process has heard so far.
#[derive(Debug, Default)]
pub struct Known {
    calls: u64,
    falling: Vec<String>,
    /// The report, if it has arrived.
    pub report: Option<(String, Record)>,
    /// Whether the exit status of the soaking process is its verdict.
    pub done: bool,
}

impl Known {
    /// Hears a message as it was sent, a line of JSON. Ignores a line that is no message.
    pub fn hear_line(&mut self, line: &str) {
        if let Ok(message) = serde_json::from_str(line) {
            self.hear(message);
        }
    }

    pub(crate) fn hear(&mut self, message: Message<'_>) {
        match message {
            Message::Call { number } => self.calls = number,
            Message::Falling { object } => self.falling.push(object.into_owned()),
            Message::Report { text, record } => {
                self.report = Some((text.into_owned(), *record));
            }
            Message::Done => self.done = true,
        }
    }

    /// About how many calls have begun.
    pub fn call(&self) -> u64 {
        self.calls.max(1)
    }

    /// The report if the soaking process died.
    pub fn death(&self, status: ExitStatus, time: Duration) -> (String, Record) {
        let how = match status.signal() {
            Some(signal) => format!("died by {}", signal_name(signal)),
            None => format!("ended with {status}"),
        };
        let verdict = if self.falling.is_empty() {
            "died"
        } else {
            "over-release"
        };
        let summary = format!("the process {how} at about call {}", self.call());
        let (mut text, record) = self.without_report(verdict, &summary, status.signal(), time);
        if self.falling.is_empty() {
            text.push_str("  before that, no reference count of a long-lived object fell\n");
        }
        (text, record)
    }

    /// A report from the messages so far, if the soak could not report.
    pub(crate) fn without_report(
        &self,
        verdict: &str,
        summary: &str,
        signal: Option<i32>,
        time: Duration,
    ) -> (String, Record) {
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
        let mut text = format!("{verdict}: {summary}\n");
        for object in &self.falling {
            text.push_str(&format!("  before that: {object}\n"));
        }
        (text, record)
    }
}

/// A record as the program prints it.
pub fn to_json(record: &Record) -> String {
    format!("{:#}\n", json!(record))
}

/// Sends the messages.
#[derive(Debug)]
pub struct Messenger {
    parent: Parent,
    sent: Instant,
    falling: usize,
}

impl Messenger {
    /// For a process with this parent.
    pub fn new(parent: Parent) -> Self {
        Self {
            parent,
            sent: Instant::now(),
            falling: 0,
        }
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
    pub fn report(&mut self, report: &Report) {
        let text = report.to_string().into();
        let record = Box::new(Record::from(report));
        // If this fails, so does `done`.
        let _ = self.parent.send(&Message::Report { text, record });
    }

    /// Announces the exit status. Returns whether that was possible.
    pub fn done(&self) -> bool {
        self.parent.send(&Message::Done).is_ok()
    }
}
