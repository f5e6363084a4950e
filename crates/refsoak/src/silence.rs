//! For how long a process has said nothing.
//!
//! A process that waits for a processor cannot speak, so that time does not count: on a busy machine, it may be most of
//! the time. A process that waits for anything else, such as a lock or another process, may wait forever, so that time
//! counts.

use std::fs;
use std::io::{self, ErrorKind};
use std::mem;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a parent looks at its child.
pub const PERIOD: Duration = Duration::from_millis(100);

/// The silence of a child process.
#[derive(Debug)]
pub(super) struct Silence {
    pub length: Duration,
    /// Whether the process has ended. It keeps its number until its parent waits for it.
    pub has_ended: bool,
    /// The directory in which Linux describes it.
    process: PathBuf,
    looked: Instant,
    /// How much processor time it had used by then.
    used: Duration,
}

impl Silence {
    pub fn of(process: u32) -> Self {
        Self {
            length: Duration::ZERO,
            has_ended: false,
            process: format!("/proc/{process}").into(),
            looked: Instant::now(),
            used: Duration::ZERO,
        }
    }

    /// The process has said something.
    pub fn end(&mut self) {
        self.length = Duration::ZERO;
        self.looked = Instant::now();
    }

    /// Looks at the process. Call this once a [`PERIOD`] or more often.
    pub fn go_on(&mut self) {
        let passed = mem::replace(&mut self.looked, Instant::now()).elapsed();
        let threads = threads(&self.process).unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => "X".into(),
            _ => String::new(),
        });
        let (_, used) = state(&self.process).unwrap_or((' ', self.used));
        let worked = used.saturating_sub(mem::replace(&mut self.used, used));
        self.has_ended = !threads.is_empty() && threads.chars().all(|state| "ZX".contains(state));
        self.length += if threads.contains('R') {
            // Several threads use more time than passes.
            worked.min(passed)
        } else {
            // If more has passed, this process was late, and the other one may have waited for a processor.
            passed.min(PERIOD)
        };
    }
}

/// Whether a thread of a process runs or waits for a processor, and the processor time that the process has used.
pub fn activity(process: u32) -> (bool, Duration) {
    let process = Path::new("/proc").join(process.to_string());
    let used = state(&process).map_or(Duration::ZERO, |(_, used)| used);
    (
        threads(&process).is_ok_and(|states| states.contains('R')),
        used,
    )
}

/// The states of a process's threads: `R` runs or waits for a processor, `Z` and `X` have ended.
fn threads(process: &Path) -> io::Result<String> {
    let threads = fs::read_dir(process.join("task"))?;
    // A thread that has just ended no longer has this file.
    let state = |thread: io::Result<fs::DirEntry>| Some(state(&thread.ok()?.path()).ok()?.0);
    Ok(threads.filter_map(state).collect())
}

/// The state of a process or thread, and the processor time that it has used: see proc_pid_stat(5).
fn state(directory: &Path) -> io::Result<(char, Duration)> {
    let stat = fs::read(directory.join("stat"))?;
    let stat = String::from_utf8_lossy(&stat);
    // Its name, which may contain anything, ends before the last parenthesis.
    let mut fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let state = fields.next().and_then(|state| state.chars().next());
    let hundredths = fields
        .skip(10)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok());
    let used = Duration::from_millis(10 * hundredths.sum::<u64>());
    Ok((state.unwrap_or(' '), used))
}
