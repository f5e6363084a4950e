//! The numbers that every way gets: the same in each run, and in each process of a run.

/// Normally distributed: about one value in 22 is an outlier, so draining the result takes part of the time.
pub fn numbers(length: usize) -> Vec<f64> {
    let mut state = 0x0DDB_1A5E_5BAD_5EED_u64;
    // The sum of twelve uniform numbers has variance 1.
    let normal = || (0..12).map(|_| uniform(&mut state)).sum::<f64>() - 6.0;
    std::iter::repeat_with(normal).take(length).collect()
}

/// SplitMix64: a few lines that never change, unlike the generator of a crate.
pub fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
fn uniform(state: &mut u64) -> f64 {
    (next(state) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Shuffles the items, in a different order for each `seed`.
pub fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        let bound = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
        let other = usize::try_from(next(&mut state) % bound).unwrap_or(last);
        items.swap(last, other);
    }
}
