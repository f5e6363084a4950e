//! The smallest program that calls a Python function: the one of the README.

use outliers::Outliers;

fn main() -> Result<(), outliers::Error> {
    let outliers = Outliers::new("pyoutliers", "detect")?; // starts Python, once
    let data = outliers::gen_testdata()?; // 1,000 floats, three of which stand out
    let indices = outliers.detect(&data)?; // a list in, any iterable of ints out
    println!("{indices:?}");
    Ok(())
}
