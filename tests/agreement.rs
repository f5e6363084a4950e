//! Agreement on generated data: with the plain formula in NumPy, and with the `cpython` crate's own
//! safe layer making the same call.
#![allow(clippy::unwrap_used)]

use cpython::{ObjectProtocol, PyModule, Python};
use outliers::{Outliers, with_python};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The one-liner, as the plain reference; through the crate's safe layer, as the oracle.
const REFERENCE: &str = "
import numpy as np

def reference(data):
    a = np.array(data)
    return np.where(np.abs(a - a.mean()) > 2 * a.std())[0].tolist()
";

fn reference(function: &str, data: &[f64]) -> Vec<i64> {
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
            .call(py, function, (data,), None)
            .unwrap();
        result.extract(py).unwrap()
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

#[test]
fn detect_agrees_with_the_reference_to_the_last_index() {
    let detect = Outliers::new("pyoutliers", "detect").unwrap();
    let mut found = 0;
    for data in lists(1) {
        let expected = reference("reference:reference", &data);
        assert_eq!(detect.detect(&data).unwrap(), expected, "{data:?}");
        found += expected.len();
    }
    assert!(
        found > 10_000,
        "the lists should have outliers, but had {found}"
    );
}

#[test]
fn the_binding_agrees_with_the_safe_layer() {
    let detect = Outliers::new("pyoutliers", "detect").unwrap();
    for data in lists(2) {
        assert_eq!(
            detect.detect(&data).unwrap(),
            reference("pyoutliers:detect", &data),
            "{data:?}"
        );
    }
}
