//! Products of rows with weights, as fast as one core does them.

use super::weights::{Matrix, Weights, WeightsError};
use multiversion::multiversion;

/// Columns of weights that lie together: two registers of eight numbers.
const COLUMNS: usize = 16;
/// Rows that are worked on together; with their sums, eight registers of sixteen.
const ROWS: usize = 4;

/// Weights between inputs and outputs, in panels of [`COLUMNS`] outputs each, so that what is multiplied together lies
/// together. The last panel is filled up with zeros.
pub(super) struct Dense {
    panels: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
}

impl Dense {
    /// The weights of that name, which are stored with a row per output.
    pub(super) fn new(stored: &Weights<'_>, name: &str) -> Result<Self, WeightsError> {
        Self::beside(stored, &[name.to_owned()])
    }

    /// Several over the same inputs, as one.
    pub(super) fn beside(stored: &Weights<'_>, names: &[String]) -> Result<Self, WeightsError> {
        let (mut rows, mut bias) = (Vec::new(), Vec::new());
        let mut inputs = 0;
        for name in names {
            let matrix: Matrix = stored.matrix(&format!("{name}.weight"))?;
            let own = stored.vector(&format!("{name}.bias"))?;
            let fits = inputs == 0 || inputs == matrix.columns;
            if !fits || own.len() != matrix.rows() || matrix.columns == 0 {
                return Err(WeightsError::Shapes);
            }
            inputs = matrix.columns;
            rows.extend(matrix.numbers);
            bias.extend(own);
        }
        Ok(Self {
            panels: panels(&rows, inputs),
            bias,
            inputs,
        })
    }

    /// Whether it is made for as many.
    pub(super) fn is_of(&self, inputs: usize, outputs: usize) -> bool {
        self.inputs == inputs && self.outputs() == outputs
    }

    pub(super) fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// The outputs of all rows, one after the other.
    pub(super) fn apply(&self, rows: &[f32]) -> Vec<f32> {
        let count = rows.len() / self.inputs;
        let mut outputs = vec![0.0; count * self.outputs()];
        multiply(self, rows, &mut outputs);
        outputs
    }
}

/// Rows of weights, one per output, as panels of outputs.
fn panels(rows: &[f32], inputs: usize) -> Vec<f32> {
    let rows: Vec<&[f32]> = rows.chunks_exact(inputs).collect();
    let mut panels = Vec::with_capacity(rows.len().next_multiple_of(COLUMNS) * inputs);
    for some in rows.chunks(COLUMNS) {
        for input in 0..inputs {
            let column = |output: usize| some.get(output).map_or(0.0, |row| row[input]);
            panels.extend((0..COLUMNS).map(column));
        }
    }
    panels
}

/// Panel by panel, so that one stays near the processor while all rows pass it.
#[multiversion(targets("x86_64+avx2+fma"))]
fn multiply(dense: &Dense, rows: &[f32], outputs: &mut [f32]) {
    let (inputs, width) = (dense.inputs, dense.outputs());
    for (number, panel) in dense.panels.chunks_exact(inputs * COLUMNS).enumerate() {
        let (panel, _) = panel.as_chunks::<COLUMNS>();
        let first = number * COLUMNS;
        let bias = &dense.bias[first..width.min(first + COLUMNS)];
        let some = rows
            .chunks(inputs * ROWS)
            .zip(outputs.chunks_mut(width * ROWS));
        for (rows, outputs) in some {
            let mut sums = [[0.0; COLUMNS]; ROWS];
            // What is left at the end is worked on by fours too, the last one again and again.
            let last = rows.len() / inputs - 1;
            let row = |number: usize| {
                let start = number.min(last) * inputs;
                &rows[start..start + inputs]
            };
            add_products(panel, [row(0), row(1), row(2), row(3)], &mut sums);
            for (sums, outputs) in sums.iter().zip(outputs.chunks_mut(width)) {
                let outputs = outputs[first..].iter_mut();
                for ((output, sum), bias) in outputs.zip(sums).zip(bias) {
                    *output = sum + bias;
                }
            }
        }
    }
}

#[expect(
    clippy::inline_always,
    reason = "what is called in the innermost loop must be compiled for the same processor as it"
)]
#[inline(always)]
fn add_products(panel: &[[f32; COLUMNS]], rows: [&[f32]; ROWS], sums: &mut [[f32; COLUMNS]; ROWS]) {
    let [a, b, c, d] = rows;
    let [mut to_a, mut to_b, mut to_c, mut to_d] = *sums;
    for ((((weights, a), b), c), d) in panel.iter().zip(a).zip(b).zip(c).zip(d) {
        for column in 0..COLUMNS {
            to_a[column] = a.mul_add(weights[column], to_a[column]);
            to_b[column] = b.mul_add(weights[column], to_b[column]);
            to_c[column] = c.mul_add(weights[column], to_c[column]);
            to_d[column] = d.mul_add(weights[column], to_d[column]);
        }
    }
    *sums = [to_a, to_b, to_c, to_d];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(seed: usize) -> f32 {
        let number = u16::try_from(seed * 7_919 % 1_000).unwrap_or_default();
        f32::from(number) / 500.0 - 1.0
    }

    #[test]
    fn every_output_is_the_product_of_its_row_and_its_weights() {
        for (rows, inputs, outputs) in [(1, 3, 1), (4, 8, 16), (5, 7, 17), (11, 32, 40)] {
            let weights: Vec<f32> = (0..inputs * outputs).map(number).collect();
            let dense = Dense {
                panels: panels(&weights, inputs),
                bias: (0..outputs).map(|output| number(output + 3)).collect(),
                inputs,
            };
            let given: Vec<f32> = (0..rows * inputs).map(|seed| number(seed + 5)).collect();
            let got = dense.apply(&given);
            for row in 0..rows {
                for output in 0..outputs {
                    let products =
                        (0..inputs).map(|i| given[row * inputs + i] * weights[output * inputs + i]);
                    let expected = products.sum::<f32>() + number(output + 3);
                    let got = got[row * outputs + output];
                    assert!(
                        (got - expected).abs() < 1e-4,
                        "{rows} {inputs} {outputs}: {got} {expected}"
                    );
                }
            }
        }
    }
}
