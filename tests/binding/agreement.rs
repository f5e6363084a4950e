//! Agreement on generated data: with the plain formula in NumPy, and with the `cpython` crate's own
//! safe layer making the same call.
#![allow(clippy::indexing_slicing)]

use crate::common::{is_free_threaded, skipped};
use cpython::{ObjectProtocol, PyModule, Python};
use pyoutliers::{Outliers, with_python};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The one-liner as the plain reference, called through the safe layer of the `cpython` crate; through this crate in
/// a free-threaded Python, whose objects the `cpython` crate misreads.
const REFERENCE: &str = "
import numpy as np

def reference(data, threshold):
    a = np.array(data)
    largest = np.abs(a).max()
    if not 1e-140 < largest < 1e140:  # the one-liner's squares would be 0 or infinite
        a = np.ldexp(a, -np.frexp(largest)[1])  # by a power of two: no digit changes
    return np.where(np.abs(a - a.mean()) > threshold * a.std())[0].tolist()
";

fn reference(function: &str, data: &[f64], threshold: f64) -> Vec<i64> {
    if is_free_threaded() {
        let reference = Outliers::from_source(REFERENCE, "reference.py", "reference").unwrap();
        let reference = reference.with("threshold", threshold).unwrap();
        return reference.detect(data).unwrap();
    }
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
        let scale = 10_f64.powi(random.random_range(-300..=290));
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

/// Lists that reveal a single wrong bit: one value in five stands out by exactly two standard deviations, plus
/// or minus some ulps. The lengths are around those where NumPy sums in another order (8, 128) and where `detect`
/// converts in slices (4,096). The magnitudes go from subnormals to values whose squares or sums overflow.
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

fn largest(data: &[f64]) -> f64 {
    let magnitudes = data.iter().copied().map(f64::abs);
    magnitudes.fold(0.0, f64::max)
}

/// The results of `detect` for each list. They must equal those of the function `oracle`.
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
    // For this list, `** 0.5` differs from `sqrt` in the last bit.
    let by_hand = [vec![13.59375, 13.59375, 13.59375, 126.5, 13.59375]];
    let lists = lists_on_the_threshold(3).filter(|data| !data.is_empty());
    let found = agreed("reference:reference", lists.chain(by_hand));
    let none = found.iter().filter(|indices| indices.is_empty()).count();
    let some = found.len() - none;
    println!("cases: {}", found.len());
    assert!(
        none > 300 && some > 1000,
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

/// Thresholds that put one of the values on the edge, plus or minus some ulps; and others.
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
        let unit = largest(&data).log2().floor().exp2();
        let mean = data.iter().map(|value| value / unit).sum::<f64>() / length;
        let off = |value: f64| (value / unit - mean).abs();
        let squares = data.iter().map(|&value| off(value).powi(2)).sum::<f64>();
        let edge = off(value) / (squares / length).sqrt();
        let others = [0.0, 5e-324, 1e-160, 1e300];
        let nudged =
            (-2..=2).map(|ulps| f64::from_bits(edge.to_bits().saturating_add_signed(ulps)));
        let found: Vec<_> = nudged
            .chain([others[cases % others.len()]])
            .filter(|threshold| threshold.is_finite())
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
        on_the_edge += usize::from(found.len() == 6 && found.first() != found.get(4));
    }
    println!("cases: {cases}");
    assert!(on_the_edge > 150, "{on_the_edge} of {cases}");
}

/// At these magnitudes, the squares in the one-liner are 0 or infinite, so it finds nothing or everything.
#[test]
fn numbers_of_any_magnitude_are_right() {
    let detect = Outliers::new("pyoutliers", "detect").unwrap();
    let with_last = |others: f64, last: f64| [vec![others; 99], vec![last]].concat();
    for (others, last) in [
        (0.0, 1e155),
        (0.0, f64::MAX),
        (0.0, f64::MIN),
        (f64::MIN, f64::MAX),
        (1e-170, 1e-165),
        (0.0, 5e-324),
        (1e-300, 1e300),
    ] {
        let found = detect.detect(&with_last(others, last)).unwrap();
        assert_eq!(found, [99], "{others:e} {last:e}");
    }
    for same in [0.0, 5e-324, 1e-200, 1e200, f64::MAX] {
        assert_eq!(detect.detect(&[same; 100]).unwrap(), [], "{same:e}");
    }
}

/// A change of the unit must change nothing. Checking that needs no NumPy.
#[test]
fn a_change_of_scale_by_a_power_of_two_changes_nothing() {
    let mut random = StdRng::seed_from_u64(8);
    let detect = Outliers::new("pyoutliers", "detect").unwrap();
    let mut cases = 0;
    for data in lists(9).step_by(3) {
        let largest = largest(&data);
        let (unit, down) = (
            largest.log2().floor(),
            random.random_range(-900.0_f64..900.0).floor(),
        );
        let scaled = |by: f64| -> Vec<f64> {
            // In two steps, because a single power of two may be too large or too small for a float.
            let half = (by / 2.0).trunc();
            data.iter()
                .map(|value| value * half.exp2() * (by - half).exp2())
                .collect()
        };
        if largest == 0.0 {
            continue;
        }
        let (to_one, far) = (scaled(-unit), scaled(down - unit));
        assert_eq!(
            detect.detect(&far).unwrap(),
            detect.detect(&to_one).unwrap(),
            "{down}"
        );
        cases += 1;
    }
    println!("cases: {cases}");
    assert!(cases > 150);
}

#[test]
fn a_threshold_that_is_not_a_finite_number_of_0_or_more_is_refused() {
    for threshold in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, -5e-324] {
        let detect = Outliers::new("pyoutliers", "detect").unwrap();
        let detect = detect.with("threshold", threshold).unwrap();
        let error = detect.detect(&[1.0]).unwrap_err().to_string();
        let text =
            "pyoutliers:detect: ValueError: threshold must be a finite number of 0 or more, not ";
        assert!(error.starts_with(text), "{error}");
    }
}

#[test]
fn the_binding_agrees_with_the_safe_layer() {
    if is_free_threaded() {
        return skipped("the cpython crate misreads the objects of a free-threaded Python");
    }
    assert_eq!(agreed("pyoutliers:detect", lists(2)).len(), 600);
}
