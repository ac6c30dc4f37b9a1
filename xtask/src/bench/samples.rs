//! What was measured many times: its median, and how it is spread.

/// Measured values, in order of their size.
#[derive(Clone, Debug)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// From values in any order.
    pub fn new(mut values: Vec<f64>) -> Samples {
        values.sort_by(f64::total_cmp);
        Samples(values)
    }

    /// The middle one; not a number if there is none.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The value below which this part of them lies; 0 is the smallest.
    pub fn quantile(&self, part: f64) -> f64 {
        let last = self.0.len().saturating_sub(1) as f64;
        self.0.get((last * part).round() as usize).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_measured() {
        let samples = Samples::new(vec![5.0, 1.0, 3.0, 2.0, 4.0]);
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|part| samples.quantile(part)), [1.0, 2.0, 3.0, 5.0]);
        assert!(Samples::new(Vec::new()).median().is_nan());
    }
}
