//! Ways in processes of their own, which wait for a line that tells what to time, and answer with
//! the time: so they are interleaved with the ways of the first process.
//!
//! That is gRPC, whose client has buffers of many megabytes: once one of that size was freed, glibc gives less memory back to the system, for
//! good, and then all that share the process seem faster than they are alone.

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::grpc::Grpc;
use super::{Callee, Caller, Run, Task, Way, expected, start_python};
use crate::data::numbers;

const GRPC: Way = Way(Caller::Grpc, Callee::OneLiner);

/// The argument that makes this program such a process.
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
        // It ends by itself now; there is nobody left to tell if it does not.
        let _ = self.process.wait();
    }
}

/// What that process does: answers until its input ends.
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
