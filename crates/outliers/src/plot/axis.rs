//! The ticks, labels and ranges of axes.

use chrono::DateTime;

/// Returns round ticks for an axis of indices, or of times in seconds, and a function that labels them.
pub fn ticks(first: i64, last: i64, times: bool) -> (Vec<i64>, impl Fn(&i64) -> String) {
    const DAY: i64 = 86_400;
    let steps = [
        1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200,
    ];
    let steps = steps.into_iter().filter(|_| times);
    let unit = if times { DAY } else { 1 };
    let rounds = (0..19).flat_map(|power| [1, 2, 5].map(|first| (first, power)));
    let rounds =
        rounds.map_while(|(first, power)| unit.checked_mul(first * 10_i64.checked_pow(power)?));
    let fits = |step: &i64| last.saturating_sub(first) / step <= 8;
    let step = steps.chain(rounds).find(fits).unwrap_or(i64::MAX);
    let start = first.div_euclid(step).saturating_mul(step);
    let ticks = (0..10).map(|tick| start.saturating_add(step.saturating_mul(tick)));
    let ticks = ticks.filter(|tick| (first..=last).contains(tick)).collect();
    let form = match step {
        DAY.. => "%Y-%m-%d",
        60.. => "%Y-%m-%d %H:%M",
        _ => "%Y-%m-%d %H:%M:%S",
    };
    let label = move |tick: &i64| match DateTime::from_timestamp(*tick, 0) {
        Some(time) if times => time.format(form).to_string(),
        _ => tick.to_string(),
    };
    (ticks, label)
}

/// Returns a power of ten by which to divide the values: with huge values, drawing never ends.
pub fn scale(values: &[f64]) -> f64 {
    let finite = values.iter().filter(|value| value.is_finite());
    let largest = finite.fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let fit = largest == 0.0 || (1e-6..1e9).contains(&largest);
    if fit {
        1.0
    } else {
        10_f64.powf(largest.log10().floor())
    }
}

/// The label for a number on an axis.
pub fn label(value: f64) -> String {
    if value == 0.0 || (1e-6..1e9).contains(&value.abs()) {
        format!("{value}")
    } else {
        format!("{value:.2e}")
    }
}

/// The lowest and the highest value, with a margin.
pub fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return (0.0, 1.0);
    }
    let room = ((high / 2.0 - low / 2.0) * 0.1)
        .max(low.abs().max(high.abs()) * 1e-6)
        .max(1e-300);
    (low - room, high + room)
}
