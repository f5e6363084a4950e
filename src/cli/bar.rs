//! A progress bar that keeps nothing: what the known ones allocate would show in the soak's counters.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use pyoutliers::soak::Progress;

/// How often it is drawn.
const PERIOD: Duration = Duration::from_millis(100);
const WIDTH: u64 = 24;

/// A line on stderr, if that is a terminal.
pub struct Bar {
    total: u64,
    visible: bool,
    begun: Option<Instant>,
    drawn: Instant,
}

impl Bar {
    pub fn new(total: u64) -> Self {
        let visible = io::stderr().is_terminal();
        Self {
            total: total.max(1),
            visible,
            begun: None,
            drawn: Instant::now(),
        }
    }

    pub fn show(&mut self, progress: &Progress<'_>) {
        if !self.visible || self.drawn.elapsed() < PERIOD {
            return;
        }
        self.drawn = Instant::now();
        // A terminal that is gone has nobody to tell.
        let _ = self.draw(progress);
    }

    fn draw(&mut self, progress: &Progress<'_>) -> io::Result<()> {
        let mut line = io::stderr().lock();
        if progress.calls == 0 {
            return write!(line, "\r\x1b[2Kwarming up: {} calls", progress.warm_up);
        }
        let done = progress.calls * WIDTH / self.total;
        write!(line, "\r\x1b[2K")?;
        (0..WIDTH)
            .try_for_each(|place| write!(line, "{}", if place < done { '█' } else { '░' }))?;
        write!(line, " {} of {} calls", progress.calls, self.total)?;
        let begun = *self.begun.get_or_insert_with(Instant::now);
        if let Some(rate) = progress.calls.checked_div(begun.elapsed().as_secs()) {
            write!(line, ", {rate}/s")?;
        }
        let mut grown = progress
            .growth()
            .filter(|(_, growth)| *growth != 0)
            .peekable();
        if grown.peek().is_none() {
            write!(line, ", nothing grows")?;
        }
        grown
            .take(2)
            .try_for_each(|(counter, growth)| write!(line, ", {counter} {growth:+}"))
    }

    pub fn clear(&self) {
        if self.visible {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}
