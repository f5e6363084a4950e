//! `outliers soak` in two processes: one soaks, and one watches, so that a crash gives a verdict too.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use refsoak::Record;
use refsoak::child::{CUT_OFF, Child, Heard, Parent};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{emulate_default_handler, pipe};

use super::bar::Bar;
use super::called;
use super::messages::{Known, Messenger};
use super::output::say;

/// After a silence as long as this, a line says how to end a call that may never return.
const LONG: Duration = Duration::from_secs(30);

/// What the watching process knows at the end.
pub struct Ended {
    /// The report, as text and as JSON; `None` after an error.
    pub report: Option<(String, Record)>,
    /// The exit status.
    pub status: u8,
}

/// Runs the same command in a child process and watches it. If the child dies, its death is the verdict.
pub fn watch() -> Result<Ended> {
    let begun = Instant::now();
    let interrupted = Arc::new(AtomicBool::new(false));
    flag::register(SIGINT, Arc::clone(&interrupted)).context("cannot listen for Ctrl-C")?;
    let mut command = called::again();
    command.args(called::arguments()).arg("--watched");
    // Only the report goes to stdout, so the function's output goes to stderr.
    let stderr = io::stderr().as_fd().try_clone_to_owned();
    command.stdout(stderr.map_or_else(|_| Stdio::null(), Stdio::from));
    let mut child = Child::start(&mut command)?;
    // Sends the child a byte for each Ctrl-C.
    pipe::register(SIGINT, child.socket().try_clone()?).context("cannot listen for Ctrl-C")?;

    let mut known = Known::default();
    let mut said = None;
    while !known.done {
        match child.receive() {
            Heard::Message(message) => known.hear(message),
            Heard::Silence => {
                let keys = to_end(interrupted.load(Ordering::Relaxed), child.silence());
                if let Some(keys) = keys.filter(|_| keys != said) {
                    said = Some(keys);
                    Bar::new().clear();
                    let call = known.call();
                    say(&format!(
                        "waiting since about call {call}; press {keys} to end without a report"
                    ));
                }
            }
            Heard::End => break,
        }
    }
    let status = child.wait()?;
    if let (true, Some(code)) = (known.done, status.code()) {
        return Ok(Ended {
            report: known.report,
            status: u8::try_from(code).unwrap_or(1),
        });
    }
    if status.signal() == Some(SIGINT) && interrupted.load(Ordering::Relaxed) {
        emulate_default_handler(SIGINT)?;
    }
    if status.code() == Some(CUT_OFF.into()) {
        let summary = "a call closed file descriptors that the soak needs for its report";
        return Ok(Ended {
            report: Some(known.without_report("none", summary, None, begun.elapsed())),
            status: 3,
        });
    }
    Ok(Ended {
        report: Some(known.death(status, begun.elapsed())),
        status: 1,
    })
}

/// The keys to press during a silence, if it is time to say so.
fn to_end(is_interrupted: bool, silence: Duration) -> Option<&'static str> {
    match is_interrupted {
        // The call may return soon. Then there is a report.
        true => Some("Ctrl-C again"),
        false => (silence > LONG).then_some("Ctrl-C twice"),
    }
}

/// The soaking process, which is watched.
pub struct Watched {
    pub messenger: Messenger,
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
            messenger: Messenger::new(parent),
            interrupted,
        })
    }

    /// Announces the exit status, and returns it. It is [`CUT_OFF`] if the function has closed the socket.
    pub fn done(self, result: Result<ExitCode>) -> Result<ExitCode> {
        if self.messenger.done() {
            return result;
        }
        // The function may have opened something else under the number of the socket: do not close that.
        std::mem::forget(self);
        Ok(ExitCode::from(CUT_OFF))
    }
}

#[cfg(test)]
mod tests {
    use super::{LONG, to_end};

    #[test]
    fn a_long_silence_and_a_first_ctrl_c_say_what_to_press() {
        let longer = LONG * 2;
        assert_eq!(to_end(false, LONG / 2), None);
        assert_eq!(to_end(false, longer), Some("Ctrl-C twice"));
        assert_eq!(to_end(true, LONG / 2), Some("Ctrl-C again"));
        assert_eq!(to_end(true, longer), Some("Ctrl-C again"));
    }
}
