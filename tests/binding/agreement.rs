//! Agreement on generated data: with the plain formula in NumPy, and with the `cpython` crate's own
//! safe layer making the same call.
#![allow(clippy::indexing_slicing)]

use cpython::{ObjectProtocol, PyModule, Python};
use pyoutliers::{Outliers, with_python};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The one-liner, as the plain reference; through the crate's safe layer, as the oracle.
const REFERENCE: &str = "
import numpy as np

def reference(data, threshold):
    a = np.array(data)
    return np.where(np.abs(a - a.mean()) > threshold * a.std())[0].tolist()
";

fn reference(function: &str, data: &[f64], threshold: f64) -> Vec<i64> {
    with_python(|_| {
        let lock = Python::acquire_gil();
        let py = lock.python();
        if py.import("reference").is_err() {
            let module = PyModule::new(py, "reference").unwrap();
            py.run(REFERENCE, Some(&module.dict(py)), None).unwrap();
            let modules = py.import("sys").unwrap().get(py, "modules").unwrap();
            modules.set_item(py, "reference", module).unwrap();
        }
        let (module, function) = function.split_once(':').unwrap();
        let result = py
            .import(module)
            .unwrap()
            .call(py, function, (data, threshold), None)
            .unwrap();
        Ok(result.extract(py).unwrap())
    })
    .unwrap()
}

/// Lists of many lengths and shapes: noise with peaks, steps, constants, tiny and huge values.
fn lists(seed: u64) -> impl Iterator<Item = Vec<f64>> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..600).map(move |round| {
        let length = match round % 6 {
            0 => random.random_range(1..9),
            1 => random.random_range(120..136),
            2 => random.random_range(4090..4102),
            _ => random.random_range(1..2000),
        };
        let scale = 10_f64.powi(random.random_range(-300..=150));
        let shift = if random.random() {
            scale * random.random_range(-1e3..1e3)
        } else {
            0.0
        };
        let levels = if random.random() { 2.0 } else { 1e9 };
        let value = |random: &mut StdRng| {
            let peak = if random.random_ratio(1, 20) { 9.0 } else { 1.0 };
            shift + scale * peak * random.random_range(0.0_f64..levels).floor()
        };
        (0..length).map(|_| value(&mut random)).collect()
    })
}

/// Lists on which one wrong bit shows: one value in five stands out by two standard deviations
/// exactly, but for some ulps; around the lengths where NumPy sums otherwise (8, 128) and where
/// `detect` converts by slices (4,096); from the subnormals to what overflows when squared or summed.
fn lists_on_the_threshold(seed: u64) -> impl Iterator<Item = Vec<f64>> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..3000).map(move |round| {
        let length = 5 * match round % 10 {
            0 => random.random_range(818..822),
            1 => random.random_range(1637..1641),
            2 if round % 500 == 2 => random.random_range(4_000..20_000),
            2..5 => random.random_range(24..28),
            5 => random.random_range(1..4),
            _ => random.random_range(1..200),
        } + random.random_range(0..2);
        let scale = match round % 7 {
            0 => f64::from_bits(random.random_range(1..1 << 52)),
            1 => 10_f64.powf(random.random_range(-165.0..-145.0)),
            2 => 10_f64.powf(random.random_range(150.0..156.0)),
            3 => f64::MAX / 10_f64.powf(random.random_range(0.0..5.0)),
            _ => random.random_range(0.5..2.0),
        };
        let low = if random.random() {
            0.0
        } else {
            scale * random.random_range(-0.5..0.5)
        };
        let sign = if random.random() { scale } else { -scale };
        let ulps = random.random_range(0..4);
        let values = (0..length).map(|index| {
            let value = if index % 5 == 3 { low + sign } else { low };
            let nudge = random.random_range(-ulps..=ulps);
            f64::from_bits(value.to_bits().saturating_add_signed(nudge))
        });
        values.filter(|value| value.is_finite()).collect()
    })
}

/// What `detect` gives for each list, which has to be what this function gives.
fn agreed(oracle: &str, lists: impl Iterator<Item = Vec<f64>>) -> Vec<Vec<i64>> {
    let detect = Outliers::new("pyoutliers", "detect").unwrap();
    let agreed = lists.enumerate().map(|(number, data)| {
        let expected = reference(oracle, &data, 2.0);
        assert_eq!(
            detect.detect(&data).unwrap(),
            expected,
            "list {number}, {} values",
            data.len()
        );
        expected
    });
    agreed.collect()
}

#[test]
fn detect_agrees_with_the_reference_to_the_last_bit() {
    // Here the power 0.5 is not the square root.
    let by_hand = [vec![13.59375, 13.59375, 13.59375, 126.5, 13.59375]];
    let lists = lists_on_the_threshold(3).filter(|data| !data.is_empty());
    let found = agreed("reference:reference", lists.chain(by_hand));
    let none = found.iter().filter(|indices| indices.is_empty()).count();
    let some = found.len() - none;
    println!("cases: {}", found.len());
    assert!(
        none > 500 && some > 500,
        "{none} lists without outliers, {some} with some"
    );
}

#[test]
fn detect_agrees_with_the_reference_to_the_last_index() {
    let found = agreed("reference:reference", lists(1));
    println!("cases: {}", found.len());
    let found: usize = found.iter().map(Vec::len).sum();
    assert!(
        found > 10_000,
        "the lists should have outliers, but had {found}"
    );
}

/// Thresholds at which one of the values is on the edge, but for some ulps; and others.
#[test]
fn detect_agrees_with_the_reference_for_any_threshold() {
    let mut random = StdRng::seed_from_u64(5);
    let (mut cases, mut on_the_edge) = (0, 0);
    for data in lists(6)
        .step_by(6)
        .chain(lists_on_the_threshold(7).step_by(4))
    {
        let Some(&value) = data.get(random.random_range(0..data.len().max(1))) else {
            continue;
        };
        let length = f64::from(u32::try_from(data.len()).unwrap());
        let mean = data.iter().sum::<f64>() / length;
        let squares = data.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let edge = (value - mean).abs() / (squares / length).sqrt();
        let others = [0.0, -1.0, 5e-324, 1e-160, 1e300, f64::INFINITY, f64::NAN];
        let nudged =
            (-2..=2).map(|ulps| f64::from_bits(edge.to_bits().saturating_add_signed(ulps)));
        let found: Vec<_> = nudged
            .chain([others[cases % others.len()]])
            .map(|threshold| {
                let detect = Outliers::new("pyoutliers", "detect").unwrap();
                let detect = detect.with("threshold", threshold).unwrap();
                let found = detect.detect(&data).unwrap();
                let expected = reference("reference:reference", &data, threshold);
                assert_eq!(found, expected, "{threshold:e}, {} values", data.len());
                cases += 1;
                found
            })
            .collect();
        on_the_edge += usize::from(found.first() != found.get(4));
    }
    println!("cases: {cases}");
    assert!(on_the_edge > 150, "{on_the_edge} of {cases}");
}

#[test]
fn the_binding_agrees_with_the_safe_layer() {
    assert_eq!(agreed("pyoutliers:detect", lists(2)).len(), 600);
}
