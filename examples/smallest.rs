//! The smallest program that calls a Python function: the first one in the README.

use pyoutliers::Outliers;

fn main() -> Result<(), pyoutliers::Error> {
    let detector = Outliers::new("pyoutliers", "detect")?; // starts Python, once
    let data = pyoutliers::gen_testdata()?; // 1,000 floats, three of which stand out
    let indices = detector.detect(&data)?; // a list in, any iterable of ints out
    println!("{indices:?}");
    Ok(())
}
