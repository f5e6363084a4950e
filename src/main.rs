//! The demo: finds the values that stand out in 1,000 random floats.

use std::io::{self, ErrorKind, Write};

use pyoutliers::Outliers;

fn main() -> anyhow::Result<()> {
    let detector = Outliers::new("pyoutliers", "detect")?;
    let data = pyoutliers::gen_testdata()?;
    let indices = detector.detect(&data)?;
    match writeln!(io::stdout(), "{indices:?}") {
        // The reader has closed the pipe.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
