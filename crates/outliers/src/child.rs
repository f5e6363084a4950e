//! This program in a process of its own, with a pipe between the two, so that a death in there is an
//! answer too.

use std::env;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{self, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use pyoutliers::{Outliers, capi, with_python};

/// How often one who waits for the child looks up.
pub const PERIOD: Duration = Duration::from_millis(100);
/// Python has what `std` lacks.
const EMPTY_STDIN: &str = "import os
def empty_stdin(_):
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return []
";

/// The child process, and our end of the pipe.
pub struct Child {
    process: process::Child,
    lines: BufReader<UnixStream>,
    line: Vec<u8>,
}

/// What one who listens hears.
pub enum Heard {
    /// A line.
    Line(String),
    /// Nothing yet.
    Silence,
    /// Nothing any more: the child has ended, or has closed the pipe.
    End,
}

impl Child {
    /// A command that runs this program.
    pub fn command() -> io::Result<Command> {
        env::current_exe().map(Command::new)
    }

    /// Starts the child. Its stdin is the pipe.
    pub fn start(command: &mut Command) -> Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(PERIOD))?;
        let process = command.stdin(OwnedFd::from(theirs)).spawn()?;
        // Else this end would never see that the other is closed.
        command.stdin(Stdio::null());
        Ok(Self {
            process,
            lines: BufReader::new(ours),
            line: Vec::new(),
        })
    }

    /// Our end of the pipe.
    pub fn pipe(&self) -> &UnixStream {
        self.lines.get_ref()
    }

    /// Waits for a line, for a moment.
    pub fn hear(&mut self) -> io::Result<Heard> {
        // What it wrote before it ended is there already.
        let has_ended = self.has_ended()?;
        Ok(match self.lines.read_until(b'\n', &mut self.line) {
            Ok(0) => Heard::End,
            Ok(_) => {
                Heard::Line(String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned())
            }
            Err(error) if is_silence(&error) && !has_ended => Heard::Silence,
            // Somebody else may hold the other end.
            Err(_) => Heard::End,
        })
    }

    pub fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.process.try_wait()?.is_some())
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.process.wait()
    }

    /// Its end; it is ended if it takes longer than that. So is whatever it started, if the child has a
    /// process group of its own.
    pub fn end(&mut self, moment: Duration) -> Result<ExitStatus> {
        let begun = Instant::now();
        while !self.has_ended()? && begun.elapsed() < moment {
            thread::sleep(Duration::from_millis(5));
        }
        self.process.kill()?;
        let status = self.process.wait()?;
        end_group(self.process.id());
        Ok(status)
    }
}

/// Ends the processes of a group, if there are any. Python has what `std` lacks.
fn end_group(group: u32) {
    // Of a group whose last process has ended there is nothing to end.
    let _ = with_python(|py| {
        let os = capi::import_module(py, c"os")?;
        let kill = capi::object_get_attr_string(&os, c"killpg")?;
        let [group, signal] = [i64::from(group), 9].map(|int| capi::long_from_long_long(py, int));
        capi::object_call_function_obj_args(&kill, [&group?, &signal?])?;
        Ok(())
    });
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// In the child, its end of the pipe.
pub fn pipe() -> io::Result<UnixStream> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

/// In the child, makes its stdin empty. It is the pipe: a function that reads it would wait for ever.
pub fn empty_stdin() -> pyoutliers::Result<()> {
    let empty = Outliers::from_source(EMPTY_STDIN, "stdin.py", "empty_stdin")?;
    empty.detect(&[0.0]).map(drop)
}
