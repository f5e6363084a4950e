//! A child process and its parent: for code that may end its process, so that the parent learns of the end.
//!
//! A message is a value of the caller's enum, sent as a line of JSON on a socket. The child gets the socket as
//! its stdin, because `std` passes on no other descriptor safely. It keeps a copy, and [`empty_stdin`] puts
//! `/dev/null` in its place.
//!
//! ```no_run
//! use refsoak::child::{Child, Heard, Parent};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(tag = "type")]
//! enum Message {
//!     Answer { number: i64 },
//! }
//!
//! // In the child:
//! Parent::connect()?.send(&Message::Answer { number: 42 })?;
//!
//! // In the parent:
//! let mut child = Child::start(&mut std::process::Command::new("the-child"))?;
//! loop {
//!     match child.receive() {
//!         Heard::Message(Message::Answer { number }) => println!("{number}"),
//!         Heard::Silence => {}
//!         Heard::End => break,
//!     }
//! }
//! println!("{}", child.wait()?);
//! # Ok::<_, std::io::Error>(())
//! ```

use std::borrow::Cow;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{self, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use pyoutliers::capi;
use pyoutliers::{Python, with_python};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::silence::Silence;

pub use crate::silence::{PERIOD, activity};

/// The exit status of a child that cannot reach its parent, because some code has closed the socket.
pub const CUT_OFF: u8 = 97;

/// Messages up to this length are sent without an allocation.
const SHORT: usize = 4096;

/// A child process, seen from its parent.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    lines: BufReader<UnixStream>,
    line: Vec<u8>,
    silence: Silence,
}

/// What a parent hears.
#[derive(Debug)]
pub enum Heard<M> {
    /// A message.
    Message(M),
    /// No message within [`PERIOD`].
    Silence,
    /// The child has ended, or has closed the socket.
    End,
}

impl Child {
    /// Starts a command whose stdin is the socket.
    ///
    /// # Errors
    ///
    /// If no more sockets or processes can be created.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(PERIOD))?;
        let process = command.stdin(OwnedFd::from(theirs)).spawn()?;
        // The command keeps the child's end open, which would hide from the parent that the child closes it.
        command.stdin(Stdio::null());
        Ok(Self {
            silence: Silence::of(process.id()),
            process,
            lines: BufReader::new(ours),
            line: Vec::new(),
        })
    }

    /// The child's stderr, if the command has it piped.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.process.stderr.take()
    }

    /// The parent's end of the socket.
    pub fn socket(&self) -> &UnixStream {
        self.lines.get_ref()
    }

    /// Waits for the next message, at most for [`PERIOD`]. A line that is not a message counts as silence.
    pub fn receive<M: DeserializeOwned>(&mut self) -> Heard<M> {
        let message = match self.lines.read_until(b'\n', &mut self.line) {
            Ok(0) => return Heard::End,
            Ok(_) => serde_json::from_slice(&mem::take(&mut self.line)).ok(),
            // Had the child ended before this, its last message would have been here.
            Err(error) if is_timeout(&error) && !self.silence.has_ended => None,
            // A process that the child started may still have the other end open.
            Err(_) => return Heard::End,
        };
        if let Some(message) = message {
            self.silence.end();
            return Heard::Message(message);
        }
        self.silence.go_on();
        Heard::Silence
    }

    /// How long the child has sent nothing, without the time for which it waited for a processor. A limit for it does not
    /// depend on what else the machine does.
    pub fn silence(&self) -> Duration {
        self.silence.length
    }

    /// Sends the child a signal. Its answer has as much time as any other message: this ends the silence.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn signal(&mut self, signal: i32) -> pyoutliers::Result<()> {
        self.silence.end();
        with_python(|py| call_os(py, c"kill", [self.process.id().into(), signal.into()]))
    }

    /// Waits until the child ends.
    ///
    /// # Errors
    ///
    /// If the system cannot wait for it.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        self.process.wait()
    }

    /// Waits for the child to end, but kills it when its [silence](Self::silence) exceeds `patience`. If the child leads
    /// a process group, kills the processes that it started. Returns how the child ended by itself, or `None` if it was
    /// killed.
    ///
    /// # Errors
    ///
    /// If the system cannot wait for it.
    pub fn end(mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        self.silence.end();
        self.silence.go_on();
        while !self.silence.has_ended && self.silence.length < patience {
            thread::sleep(Duration::from_millis(5));
            self.silence.go_on();
        }
        // Only after the wait can the number belong to another process or group: until then, the child has it, at least
        // as a zombie. This fails if the child leads no group.
        let _ = with_python(|py| call_os(py, c"killpg", [self.process.id().into(), 9]));
        self.process.kill()?;
        let status = self.process.wait()?;
        Ok(self.silence.has_ended.then_some(status))
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The parent of this process, seen from the child.
#[derive(Debug)]
pub struct Parent {
    socket: UnixStream,
}

impl Parent {
    /// Takes the socket from stdin.
    ///
    /// # Errors
    ///
    /// If stdin is closed, or no more files can be opened.
    pub fn connect() -> io::Result<Self> {
        let socket = io::stdin().as_fd().try_clone_to_owned()?.into();
        Ok(Self { socket })
    }

    /// The child's end of the socket.
    pub fn socket(&self) -> &UnixStream {
        &self.socket
    }

    /// Sends a message, in one write. Allocates nothing if the message is shorter than 4 KiB.
    ///
    /// # Errors
    ///
    /// If the socket is closed on either side.
    pub fn send(&self, message: &impl Serialize) -> io::Result<()> {
        let mut buffer = [0; SHORT];
        let mut free = buffer.as_mut_slice();
        let fits =
            serde_json::to_writer(&mut free, message).is_ok() && free.write_all(b"\n").is_ok();
        let length = SHORT - free.len();
        match buffer.get(..length) {
            Some(line) if fits => (&self.socket).write_all(line),
            _ => {
                let mut line = serde_json::to_vec(message)?;
                line.push(b'\n');
                (&self.socket).write_all(&line)
            }
        }
    }
}

/// Makes the stdin of this process empty. Call it in a child after [`Parent::connect`]: code that reads
/// stdin would take the parent's messages, or wait forever.
///
/// # Errors
///
/// If Python cannot be started, or no more files can be opened.
pub fn empty_stdin() -> Result<()> {
    let null = File::open("/dev/null").map_err(|error| Error::Call(error.into()))?;
    // Only Python has a safe `dup2`.
    with_python(|py| call_os(py, c"dup2", [null.as_raw_fd().into(), 0]))?;
    Ok(())
}

/// Calls a function of Python's module `os` with two ints.
fn call_os(py: Python<'_>, name: &CStr, [first, second]: [i64; 2]) -> pyoutliers::Result<()> {
    let os = capi::import_module(py, c"os")?;
    let function = capi::object_get_attr_string(&os, name)?;
    let first = capi::long_from_long_long(py, first)?;
    let second = capi::long_from_long_long(py, second)?;
    capi::object_call_function_obj_args(&function, [&first, &second])?;
    Ok(())
}

/// The name of a signal that can end a process on Linux, such as `SIGSEGV`.
pub fn signal_name(signal: i32) -> Cow<'static, str> {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return format!("signal {signal}").into(),
    };
    name.into()
}
