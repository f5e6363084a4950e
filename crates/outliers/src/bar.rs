//! A progress bar that allocates nothing: the memory of the usual ones would show in the soak's counters.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use refsoak::Progress;

use super::output::{escape, line};

/// How often the bar is drawn.
const PERIOD: Duration = Duration::from_millis(100);
const WIDTH: u64 = 24;
/// Clears the current line of a terminal.
const CLEAR: &str = "\r\x1b[2K";

/// A line on stderr, if stderr is a terminal.
pub struct Bar {
    visible: bool,
    drawn: Instant,
}

impl Bar {
    pub fn new() -> Self {
        Self {
            visible: io::stderr().is_terminal(),
            drawn: Instant::now(),
        }
    }

    pub fn show(&mut self, progress: &Progress) {
        if !self.visible || self.drawn.elapsed() < PERIOD {
            return;
        }
        self.drawn = Instant::now();
        // If the terminal is gone, nobody reads it.
        let _ = self.draw(progress);
    }

    /// Shows what happens now.
    pub fn note(&mut self, what: fmt::Arguments<'_>) {
        if self.visible && self.drawn.elapsed() >= PERIOD {
            self.drawn = Instant::now();
            let what = line(&escape(&what.to_string()));
            let _ = write!(io::stderr(), "{CLEAR}{what:.79}");
        }
    }

    fn draw(&mut self, progress: &Progress) -> io::Result<()> {
        let mut line = io::stderr().lock();
        if progress.calls == 0 {
            return write!(line, "{CLEAR}warming up, call {}", progress.warm_up + 1);
        }
        let (calls, wanted) = (progress.calls, progress.wanted.max(1));
        let done = calls * WIDTH / wanted;
        write!(line, "{CLEAR}")?;
        (0..WIDTH)
            .try_for_each(|place| write!(line, "{}", if place < done { '█' } else { '░' }))?;
        write!(line, " {calls} of {wanted} calls")?;
        if let Some(left) = progress.left {
            write!(line, ", {} s left", left.as_secs() + 1)?;
        }
        let mut grown = progress.growth().peekable();
        if grown.peek().is_none() {
            write!(line, ", nothing grows")?;
        }
        grown
            .take(2)
            .try_for_each(|(counter, growth)| write!(line, ", {counter} {growth:+}"))
    }

    pub fn clear(&self) {
        if self.visible {
            let _ = write!(io::stderr(), "{CLEAR}");
        }
    }
}
