//! Sums of rows of numbers, eight at a time, as a processor adds them.
//!
//! All of it is inlined into loops that are compiled for several processors. Each of these does the same sums in the same
//! order, so that what comes out does not depend on it.

#![expect(
    clippy::inline_always,
    reason = "what is called in the innermost loop must be compiled for the same processor as it"
)]

use std::array::from_fn;

/// Rows of weights of the same length.
pub(super) trait Rows {
    /// How a weight is kept.
    type Kept: Kept;

    /// A row, and what each of its weights is to be multiplied by.
    fn row_and_scale(&self, row: u32) -> (&[Self::Kept], f32);
}

/// A number as it is kept.
pub(super) trait Kept: Copy {
    /// The number.
    fn number(self) -> f32;
}

impl Kept for f32 {
    #[inline(always)]
    fn number(self) -> f32 {
        self
    }
}

/// Two's complement.
impl Kept for u8 {
    #[inline(always)]
    fn number(self) -> f32 {
        f32::from(self.cast_signed())
    }
}

/// Adds a row, times a factor.
#[inline(always)]
pub(super) fn add<T: Kept>(row: &[T], factor: f32, sums: &mut [f32]) {
    let (eights, rest) = sums.as_chunks_mut::<8>();
    let (row, row_rest) = row.as_chunks::<8>();
    for (sums, row) in eights.iter_mut().zip(row) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value.number() * factor;
        }
    }
    for (sum, value) in rest.iter_mut().zip(row_rest) {
        *sum += value.number() * factor;
    }
}

/// Adds rows of weights, each times its own factor: four at a time, so that they come from memory together, and the sums
/// are read and written once for all four.
#[inline(always)]
pub(super) fn add_rows(weights: &impl Rows, rows: &[(u32, f32)], sums: &mut [f32]) {
    let (fours, rest) = rows.as_chunks::<4>();
    for four in fours {
        let four = four.map(|(row, factor)| {
            let (row, scale) = weights.row_and_scale(row);
            (row, factor * scale)
        });
        add_four(
            four.map(|(row, _)| row),
            four.map(|(_, factor)| factor),
            sums,
        );
    }
    for (row, factor) in rest {
        let (row, scale) = weights.row_and_scale(*row);
        add(row, factor * scale, sums);
    }
}

#[inline(always)]
fn add_four<T: Kept>(rows: [&[T]; 4], factors: [f32; 4], sums: &mut [f32]) {
    let (eights, rest) = sums.as_chunks_mut::<8>();
    let [(a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest)] = rows.map(<[T]>::as_chunks::<8>);
    for ((((sums, a), b), c), d) in eights.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        for lane in 0..8 {
            sums[lane] = sum_of_five(sums[lane], [a[lane], b[lane], c[lane], d[lane]], factors);
        }
    }
    let rows_rest = a_rest.iter().zip(b_rest).zip(c_rest).zip(d_rest);
    for (sum, (((a, b), c), d)) in rest.iter_mut().zip(rows_rest) {
        *sum = sum_of_five(*sum, [*a, *b, *c, *d], factors);
    }
}

#[inline(always)]
fn sum_of_five<T: Kept>(sum: f32, values: [T; 4], factors: [f32; 4]) -> f32 {
    let values = values.into_iter().zip(factors);
    values.fold(sum, |sum, (value, factor)| sum + value.number() * factor)
}

/// The product of two rows of the same length, the first of which then has the other added to it, times a factor.
#[inline(always)]
pub(super) fn product_then_add(row: &mut [f32], other: &[f32], factor: f32) -> f32 {
    let (row, row_rest) = row.as_chunks_mut::<8>();
    let (other, other_rest) = other.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (row, other) in row.iter_mut().zip(other) {
        // Copies, which stay in registers.
        let (values, others) = (*row, *other);
        for lane in 0..8 {
            sums[lane] += values[lane] * others[lane];
        }
        *row = from_fn(|lane| values[lane] + others[lane] * factor);
    }
    let rest = row_rest.iter().zip(other_rest);
    let rest: f32 = rest.map(|(value, other)| value * other).sum();
    add(other_rest, factor, row_rest);
    sums.iter().sum::<f32>() + rest
}

/// Turns scores into probabilities.
#[inline(always)]
pub(super) fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in scores.iter_mut() {
        *score = power(*score - largest);
    }
    let sum: f32 = scores.iter().sum();
    for score in scores {
        *score /= sum;
    }
}

/// e to the power of a number up to 0, to seven digits; below -87 it stays where it is there. The one of the standard
/// library takes one number at a time, and took a fifth of a training.
///
/// Two to a whole power is an exponent of the floating point, and what is left is a short series.
#[inline(always)]
pub(super) fn power(x: f32) -> f32 {
    /// Added and taken off again, it rounds to a whole number: floats of this size have no others.
    const ROUND: f32 = 12_582_912.0;
    /// The logarithm of 2 in two parts, so that the product with the first one is exact (Cody and Waite).
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = x.max(-87.0);
    let whole = x * std::f32::consts::LOG2_E + ROUND;
    let rest = LN_2
        .iter()
        .fold(x, |rest, part| rest - (whole - ROUND) * part);
    let series = [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let series = series.iter().fold(0.0, |sum, factor| sum * rest + factor);
    // The lowest bits of `whole` are the number, as a two's complement.
    let exponent = whole.to_bits().wrapping_add(127) << 23;
    series * f32::from_bits(exponent)
}

#[cfg(test)]
mod tests {
    use super::super::weights::Learned;
    use super::*;

    #[test]
    fn a_power_is_that_of_the_standard_library() {
        for tenth in 0..=870 {
            let x = -f32::from(u16::try_from(tenth).unwrap()) / 10.0;
            let error = (power(x) / x.exp() - 1.0).abs();
            assert!(error < 2e-6, "{x}: {error}");
        }
        assert!(power(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn a_product_takes_every_column_once_and_adds_to_it() {
        let mut row: Vec<f32> = vec![1.0; 11];
        let other: Vec<f32> = vec![2.0; 11];
        assert!((product_then_add(&mut row, &other, 0.5) - 22.0).abs() < 1e-6);
        assert_eq!(row, vec![2.0; 11]);
    }

    #[test]
    fn rows_add_up_one_by_one_however_many_and_however_wide() {
        for (rows, columns) in [(1, 3), (4, 8), (7, 19), (9, 64)] {
            let mut weights = Learned::new(rows, columns);
            let mut wanted = vec![0.5; columns];
            let mut chosen = Vec::new();
            for row in (0..).take(rows) {
                for (column, value) in (0_u8..).zip(weights.row_mut(row)) {
                    *value = 1.0 / f32::from(column + 3) - f32::from(column);
                }
                let factor = 0.3 + f32::from(u16::try_from(row).unwrap());
                for (sum, value) in wanted.iter_mut().zip(weights.row(row)) {
                    *sum += value * factor;
                }
                chosen.push((row, factor));
            }
            let mut sums = vec![0.5; columns];
            add_rows(&weights, &chosen, &mut sums);
            assert_eq!(sums, wanted);
            let quantised = weights.quantise();
            let (mut together, mut alone) = (sums.clone(), sums);
            quantised.add_rows(&chosen, &mut together);
            for row in chosen {
                quantised.add_rows(&[row], &mut alone);
            }
            assert_eq!(together, alone);
        }
    }
}
