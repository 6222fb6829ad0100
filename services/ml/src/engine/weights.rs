//! Rows of weights: in full precision while they are learned, in a byte each when they serve.
//!
//! A byte per weight makes a model a quarter of the size, in the database and in memory, and
//! moves no accuracy beyond the noise (a row keeps its own scale).

use serde::{Deserialize, Serialize};

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

    /// Makes room up to this many rows.
    pub(super) fn grow(&mut self, rows: usize) {
        self.values.resize(rows * self.columns, 0.0);
    }

    /// All rows, one after the other.
    pub(super) fn all(&self) -> &[f32] {
        &self.values
    }

    /// Takes another's weights, divided, from these.
    pub(super) fn subtract(&mut self, other: &Self, divisor: f32) {
        for (value, other) in self.values.iter_mut().zip(&other.values) {
            *value -= other / divisor;
        }
    }

    /// The same weights in a byte each.
    pub(super) fn quantise(&self) -> Quantised {
        let rows = self.values.chunks_exact(self.columns.max(1));
        let scales: Vec<f32> = rows.clone().map(scale).collect();
        let values = rows
            .zip(&scales)
            .flat_map(|(row, scale)| row.iter().map(move |weight| to_byte(weight / scale)))
            .collect();
        Quantised {
            columns: self.columns,
            scales,
            values,
        }
    }
}

/// What a step of a byte is worth in this row.
fn scale(row: &[f32]) -> f32 {
    let largest = row
        .iter()
        .fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
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
    /// Adds a row, times a factor, to a sum of as many columns.
    pub(super) fn add_row(&self, row: u32, factor: f32, sum: &mut [f32]) {
        let start = row as usize * self.columns;
        let factor = factor * self.scales[row as usize];
        let values = &self.values[start..start + self.columns];
        for (total, value) in sum.iter_mut().zip(values) {
            *total += f32::from(value.cast_signed()) * factor;
        }
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.values.len() + self.scales.len() * 4
    }

    /// Whether it is made of this many rows and columns of finite numbers.
    pub(super) fn is_sound(&self, rows: usize, columns: usize) -> bool {
        self.columns == columns
            && self.scales.len() == rows
            && self.scales.iter().all(|scale| scale.is_finite())
            && Some(self.values.len()) == rows.checked_mul(columns)
    }
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
        quantised.add_row(1, 2.0, &mut sum);
        for (got, wanted) in sum.iter().zip([1.0, -2.54, 0.008]) {
            assert!((got - wanted).abs() <= 0.011, "{got} is not near {wanted}");
        }
    }

    #[test]
    fn a_wrong_shape_or_number_is_not_sound() {
        let quantised = Learned::new(2, 3).quantise();
        assert!(!quantised.is_sound(3, 2));
        let endless = Quantised {
            scales: vec![f32::NAN, 1.0],
            ..quantised
        };
        assert!(!endless.is_sound(2, 3));
    }
}
