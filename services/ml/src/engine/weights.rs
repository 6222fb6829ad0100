//! Rows of weights: in full precision while they are learned, in a byte each when they serve.
//!
//! A byte per weight makes a model a quarter of the size, in the database and in memory, and
//! moves no accuracy beyond the noise (a row keeps its own scale).

use super::sums::{Kept, Rows, add_rows};
use multiversion::multiversion;
use serde::{Deserialize, Serialize};
use std::slice::ChunksExact;

/// Weights that are being learned: a row per feature, a column per label.
pub(super) struct Learned {
    columns: usize,
    values: Vec<f32>,
}

impl Learned {
    /// Zeros.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        Self {
            columns,
            values: vec![0.0; rows * columns],
        }
    }

    /// A row.
    pub(super) fn row(&self, row: u32) -> &[f32] {
        let start = row as usize * self.columns;
        &self.values[start..start + self.columns]
    }

    /// A row to be changed.
    pub(super) fn row_mut(&mut self, row: u32) -> &mut [f32] {
        let start = row as usize * self.columns;
        &mut self.values[start..start + self.columns]
    }

    /// The rows of several that have the same columns, one below the other.
    pub(super) fn below<'a>(parts: impl Iterator<Item = &'a Self> + Clone) -> Self {
        Self {
            columns: parts.clone().next().map_or(0, |part| part.columns),
            values: parts.flat_map(|part| part.values.iter().copied()).collect(),
        }
    }

    /// The same weights in a byte each.
    pub(super) fn quantise(&self) -> Quantised {
        Quantised::beside(&[self])
    }

    /// Adds rows, each times its own factor, to sums of as many columns.
    pub(super) fn add_rows(&self, rows: &[(u32, f32)], sums: &mut [f32]) {
        add_widely(self, rows, sums);
    }

    fn rows(&self) -> ChunksExact<'_, f32> {
        self.values.chunks_exact(self.columns.max(1))
    }
}

impl Rows for Learned {
    type Kept = f32;

    #[inline]
    fn row_and_scale(&self, row: u32) -> (&[f32], f32) {
        (self.row(row), 1.0)
    }
}

/// No weight is larger: sums of as many as a model can have, through both of its layers, stay finite.
const LARGEST: f32 = 1e8;

/// Whether sums of such numbers stay finite.
pub(super) fn is_usable(number: f32) -> bool {
    // A number that is none is not within.
    (-LARGEST..=LARGEST).contains(&number)
}

/// What a step of a byte is worth in this row.
fn scale<'a>(row: impl Iterator<Item = &'a f32>) -> f32 {
    let largest = row.fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
    (largest / 127.0).max(f32::MIN_POSITIVE)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the scale keeps the value within -127..=127, and a byte holds its two's complement"
)]
fn to_byte(steps: f32) -> u8 {
    (steps.round() as i8) as u8
}

/// Weights that serve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Quantised {
    columns: usize,
    scales: Vec<f32>,
    #[serde(with = "serde_bytes")]
    values: Vec<u8>,
}

impl Quantised {
    /// The rows of several, side by side, in a byte each.
    pub(super) fn beside(parts: &[&Learned]) -> Self {
        let columns = parts.iter().map(|part| part.columns).sum();
        let mut rows: Vec<_> = parts.iter().map(|part| part.rows()).collect();
        let count = rows.first().map_or(0, ExactSizeIterator::len);
        let mut scales = Vec::with_capacity(count);
        let mut values = Vec::with_capacity(count * columns);
        for _ in 0..count {
            let row: Vec<&[f32]> = rows.iter_mut().filter_map(Iterator::next).collect();
            let weights = row.iter().copied().flatten();
            let scale = scale(weights.clone());
            scales.push(scale);
            values.extend(weights.map(|weight| to_byte(weight / scale)));
        }
        Self {
            columns,
            scales,
            values,
        }
    }

    /// The same weights times a factor.
    pub(super) fn scaled(mut self, factor: f32) -> Self {
        self.scales.iter_mut().for_each(|scale| *scale *= factor);
        self
    }

    /// Adds rows, each times its own factor, to sums of as many columns.
    pub(super) fn add_rows(&self, rows: &[(u32, f32)], sums: &mut [f32]) {
        add_widely(self, rows, sums);
    }

    /// The weights of its rows, one after the other.
    pub(super) fn rows(&self) -> impl Iterator<Item = impl Iterator<Item = f32>> {
        let rows = (0..).take(self.scales.len());
        rows.map(|row| {
            let (values, scale) = self.row_and_scale(row);
            values.iter().map(move |value| value.number() * scale)
        })
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.values.len() + self.scales.len() * 4
    }

    /// Whether it is made of this many rows and columns of finite numbers.
    pub(super) fn is_sound(&self, rows: usize, columns: usize) -> bool {
        self.columns == columns
            && self.scales.len() == rows
            && self.scales.iter().all(|scale| is_usable(*scale))
            && Some(self.values.len()) == rows.checked_mul(columns)
    }
}

impl Rows for Quantised {
    type Kept = u8;

    #[inline]
    fn row_and_scale(&self, row: u32) -> (&[u8], f32) {
        let start = row as usize * self.columns;
        let values = &self.values[start..start + self.columns];
        (values, self.scales[row as usize])
    }
}

/// With the widest instructions that this processor has.
#[multiversion(targets("x86_64+avx2"))]
fn add_widely<R: Rows>(weights: &R, rows: &[(u32, f32)], sums: &mut [f32]) {
    add_rows(weights, rows, sums);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_keeps_a_weight_within_half_a_step() {
        let mut learned = Learned::new(2, 3);
        learned.row_mut(1).copy_from_slice(&[0.5, -1.27, 0.004]);
        let quantised = learned.quantise();
        assert!(quantised.is_sound(2, 3));
        let mut sum = [0.0; 3];
        quantised.add_rows(&[(1, 2.0)], &mut sum);
        for (got, wanted) in sum.iter().zip([1.0, -2.54, 0.008]) {
            assert!((got - wanted).abs() <= 0.011, "{got} is not near {wanted}");
        }
    }

    #[test]
    fn parts_are_put_beside_and_below_each_other() {
        let part = |values: [f32; 4]| Learned {
            columns: 2,
            values: values.into(),
        };
        let parts = [part([1.0, 2.0, 3.0, 4.0]), part([5.0, 6.0, 7.0, 8.0])];
        let beside = Quantised::beside(&[&parts[0], &parts[1]]);
        assert!(beside.is_sound(2, 4));
        let mut sum = [0.0; 4];
        beside.add_rows(&[(1, 1.0)], &mut sum);
        for (got, wanted) in sum.iter().zip([3.0, 4.0, 7.0, 8.0]) {
            assert!((got - wanted).abs() <= 0.032, "{got} is not near {wanted}");
        }
        let below = Learned::below(parts.iter());
        assert_eq!(below.row(2), [5.0, 6.0]);
    }

    #[test]
    fn a_wrong_shape_or_number_is_not_sound() {
        let quantised = Learned::new(2, 3).quantise();
        assert!(!quantised.is_sound(3, 2));
        let endless = Quantised {
            scales: vec![f32::NAN, 1.0],
            ..quantised.clone()
        };
        assert!(!endless.is_sound(2, 3));
        let huge = Quantised {
            scales: vec![f32::MAX, 1.0],
            ..quantised
        };
        assert!(!huge.is_sound(2, 3));
    }
}
