//! Ways in separate processes. Each process waits for a line that says what to time, and answers with
//! the time, so its samples are interleaved with those of the first process.
//!
//! Only gRPC needs this. Its client has buffers of many megabytes. Once glibc has freed one, it returns
//! less memory to the system for good, and all other ways in the process seem faster than they are.

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::grpc::Grpc;
use super::{Callee, Caller, Run, Task, Way, expected, start_python};
use crate::data::numbers;

const GRPC: Way = Way(Caller::Grpc, Callee::OneLiner);

/// The argument that turns this program into such a process.
pub const APART: &str = "--apart";

pub struct Apart {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Apart {
    /// Starts the process.
    pub fn new(way: Way) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([APART, &format!("{way:?}")])
            .stdin(Stdio::piped()) // closed when this process ends, and then that one ends too
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("its output")?;
        Ok(Self {
            process,
            output: BufReader::new(output),
        })
    }
}

impl Run for Apart {
    fn time(&mut self, task: &Task<'_>) -> Result<Duration> {
        let input = self.process.stdin.as_mut().context("its input")?;
        writeln!(input, "{} {}", task.data.len(), task.calls)?;
        let mut answer = String::new();
        let length = self.output.read_line(&mut answer)?;
        ensure!(length > 0, "its process ended; it says why above");
        Ok(Duration::from_nanos(answer.trim().parse()?))
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It ends by itself now. An error here could not be reported any more.
        let _ = self.process.wait();
    }
}

/// The work of that process: it answers until its input ends.
pub fn serve(way: &str) -> Result<()> {
    ensure!(way == format!("{GRPC:?}"), "no such way");
    start_python()?;
    let mut run = Grpc::new()?;
    let (mut data, mut indices) = (Vec::new(), Vec::new());
    for line in stdin().lines() {
        let line = line?;
        let (size, calls) = line.split_once(' ').context("not a task")?;
        let size = size.parse()?;
        if data.len() != size {
            data = numbers(size);
            indices = expected(GRPC.1, &data)?;
        }
        let time = run.time(&Task {
            data: &data,
            expected: &indices,
            calls: calls.parse()?,
        })?;
        writeln!(stdout(), "{}", time.as_nanos())?;
    }
    Ok(())
}
