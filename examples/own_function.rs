//! Calls your own function, in `own_function.py` beside this file. It is compiled in, so the program
//! runs from any directory.

use pyoutliers::Outliers;

fn main() -> pyoutliers::Result<()> {
    let source = include_str!("own_function.py");
    let spikes = Outliers::from_source(source, "own_function.py", "spikes")?;
    let data = [1.0, 1.5, 1.0, 9.0, 1.2, 0.8, 7.0, 1.0];
    println!("{:?}", spikes.detect(&data)?);

    // If the function raises an exception, the call returns an error, which holds the traceback as text.
    if let Err(error) = spikes.detect(&[1.0, 9.0]) {
        println!("{error}");
    }
    Ok(())
}
