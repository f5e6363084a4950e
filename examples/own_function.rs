//! Calls a function of one's own, in `own_function.py` beside this file, which is compiled in: the
//! program runs from anywhere.

use pyoutliers::Outliers;

fn main() -> pyoutliers::Result<()> {
    let source = include_str!("own_function.py");
    let spikes = Outliers::from_source(source, "own_function.py", "spikes")?;
    let data = [1.0, 1.5, 1.0, 9.0, 1.2, 0.8, 7.0, 1.0];
    println!("{:?}", spikes.detect(&data)?);

    // What the function raises comes back as an error; its traceback is text by then.
    if let Err(error) = spikes.detect(&[1.0, 9.0]) {
        println!("{error}");
    }
    Ok(())
}
