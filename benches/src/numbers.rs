//! Formats numbers for the tables and the chart.

/// `1,000,000`.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds, with three digits and a unit.
pub fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        1.0.. => (seconds, "s"),
        1e-3.. => (seconds * 1e3, "ms"),
        1e-6.. => (seconds * 1e6, "µs"),
        _ => (seconds * 1e9, "ns"),
    };
    format!("{} {unit}", number(value))
}

/// Three digits.
pub fn number(value: f64) -> String {
    let decimals = match value {
        99.95.. => 0,
        9.995.. => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        assert_eq!(
            [1, 1_000, 10_000, 1_000_000].map(count),
            ["1", "1,000", "10,000", "1,000,000"]
        );
    }

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let shown = [0.9e-9, 4.256e-6, 0.0123, 0.5, 1.5, 123.4e-6].map(time);
        assert_eq!(
            shown,
            [
                "0.90 ns", "4.26 µs", "12.3 ms", "500 ms", "1.50 s", "123 µs"
            ]
        );
    }
}
