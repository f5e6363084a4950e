//! Statistics of the times of one way at one size.

/// One time per round; `None` in a round without this way.
#[derive(Clone, Debug, Default)]
pub struct Times(pub Vec<Option<f64>>);

impl Times {
    fn sorted(&self) -> Vec<f64> {
        sorted(self.0.iter().flatten().copied())
    }

    /// The shortest time.
    pub fn minimum(&self) -> f64 {
        quantile(&self.sorted(), 0.0)
    }

    /// The median.
    pub fn median(&self) -> f64 {
        quantile(&self.sorted(), 0.5)
    }

    /// The interquartile range, divided by the median.
    pub fn spread(&self) -> f64 {
        let sorted = self.sorted();
        (quantile(&sorted, 0.75) - quantile(&sorted, 0.25)) / self.median()
    }

    /// The median of the ratios to another way's times in each round.
    ///
    /// Load that lasts a whole round slows down both sides, so it cancels out.
    pub fn ratio_to(&self, other: &Self) -> f64 {
        let rounds = self.0.iter().zip(&other.0);
        let ratios = rounds.filter_map(|(mine, other)| Some((*mine)? / (*other)?));
        quantile(&sorted(ratios), 0.5)
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// A quantile of sorted values, by linear interpolation as `numpy.quantile`; NaN if there are none.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places in a short vector"
)]
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * sorted.len().saturating_sub(1) as f64;
    let value = |place: f64| sorted.get(place as usize).copied().unwrap_or(f64::NAN);
    let (low, high) = (value(place.floor()), value(place.ceil()));
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn times(values: &[f64]) -> Times {
        Times(values.iter().copied().map(Some).collect())
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        let quantiles = [0.0, 0.25, 0.5, 0.75, 1.0].map(|part| quantile(&sorted, part));
        assert_eq!(quantiles, [1.0, 1.75, 3.0, 5.0, 8.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn spread_is_a_part_of_the_median() {
        let times = times(&[8.0, 1.0, 4.0, 2.0]);
        assert_eq!(times.minimum(), 1.0);
        assert_eq!(times.spread(), (5.0 - 1.75) / 3.0);
    }

    #[test]
    fn ratio_is_of_the_same_rounds() {
        let slow_rounds = times(&[1.0, 10.0, 1.0]);
        let mut twice = times(&[2.0, 20.0, 2.0]);
        assert_eq!(twice.ratio_to(&slow_rounds), 2.0);
        twice.0 = vec![None, Some(30.0), None];
        assert_eq!(twice.ratio_to(&slow_rounds), 3.0);
    }
}
