//! Medians of rounds.

/// The middle of some numbers, and where its quarters end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Of none there is none.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let at = |quarter: usize| numbers.get((numbers.len() - 1) * quarter / 4).copied();
        if numbers.is_empty() {
            return None;
        }
        Some(Self {
            low: at(1)?,
            median: at(2)?,
            high: at(3)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_rounds_are_within_the_spread() {
        let spread = Spread::of([5.0, 1.0, 3.0, 2.0, 4.0]).expect("there are numbers");
        assert_eq!(
            [spread.low, spread.median, spread.high].map(f64::to_bits),
            [2.0_f64, 3.0, 4.0].map(f64::to_bits)
        );
        assert!(Spread::of([]).is_none());
    }
}
