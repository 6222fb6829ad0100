//! Products of rows with weights, as fast as one core does them.

use super::weights::{Matrix, Weights, WeightsError};
use multiversion::multiversion;

/// Columns of weights that lie together: two registers of eight numbers.
const COLUMNS: usize = 16;
/// Rows that are worked on together; with their sums, twelve registers of sixteen.
const ROWS: usize = 6;

/// The shares into which the largest weight of an output is divided: the largest number of two bytes.
const SHARES: f32 = 32_767.0;

/// Weights between inputs and outputs, in panels of [`COLUMNS`] outputs each, so that what is multiplied together lies
/// together. The last panel is filled up with zeros.
///
/// A short text waits for the weights to come from memory more than for the sums. So a weight is kept in two bytes, as a
/// number of shares of the largest one of its output, and is off by half a share at most.
pub(super) struct Dense {
    panels: Vec<i16>,
    /// What one share is, for each output.
    scale: Vec<f32>,
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
        Ok(Self::of(&rows, bias, inputs))
    }

    fn of(rows: &[f32], bias: Vec<f32>, inputs: usize) -> Self {
        let scale = rows.chunks_exact(inputs).map(|row| {
            let largest = row.iter().fold(0.0_f32, |largest, w| largest.max(w.abs()));
            (largest / SHARES).max(f32::MIN_POSITIVE)
        });
        let scale: Vec<f32> = scale.collect();
        Self {
            panels: panels(rows, &scale, inputs),
            scale,
            bias,
            inputs,
        }
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
fn panels(rows: &[f32], scale: &[f32], inputs: usize) -> Vec<i16> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no share is larger than that of the largest, which the scale makes the largest number"
    )]
    let share = |(row, scale): &(&[f32], &f32), input: usize| (row[input] / **scale).round() as i16;
    let rows: Vec<_> = rows.chunks_exact(inputs).zip(scale).collect();
    let mut panels = Vec::with_capacity(rows.len().next_multiple_of(COLUMNS) * inputs);
    for some in rows.chunks(COLUMNS) {
        for input in 0..inputs {
            let column = |output: usize| some.get(output).map_or(0, |row| share(row, input));
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
        let own = first..width.min(first + COLUMNS);
        let (scale, bias) = (&dense.scale[own.clone()], &dense.bias[own]);
        let some = rows
            .chunks(inputs * ROWS)
            .zip(outputs.chunks_mut(width * ROWS));
        for (rows, outputs) in some {
            // What is left at the end is worked on by sixes too, the last one again and again.
            let last = rows.len() / inputs - 1;
            let row = |number: usize| {
                let start = number.min(last) * inputs;
                &rows[start..start + inputs]
            };
            let sums = products(panel, std::array::from_fn(row));
            for (sums, outputs) in sums.iter().zip(outputs.chunks_mut(width)) {
                let outputs = outputs[first..].iter_mut().zip(sums);
                for ((output, sum), (scale, bias)) in outputs.zip(scale.iter().zip(bias)) {
                    *output = sum.mul_add(*scale, *bias);
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
fn products(panel: &[[i16; COLUMNS]], rows: [&[f32]; ROWS]) -> [[f32; COLUMNS]; ROWS] {
    let [first, second, third, fourth, fifth, sixth] = rows;
    let mut sums = [[0.0; COLUMNS]; ROWS];
    let pairs = first.iter().zip(second);
    let pairs = pairs
        .zip(third.iter().zip(fourth))
        .zip(fifth.iter().zip(sixth));
    for (weights, (((a, b), (c, d)), (e, f))) in panel.iter().zip(pairs) {
        let weights = weights.map(f32::from);
        for (sums, input) in sums.iter_mut().zip([a, b, c, d, e, f]) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = input.mul_add(weight, *sum);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(seed: usize) -> f32 {
        let number = u16::try_from(seed * 7_919 % 1_000).unwrap_or_default();
        f32::from(number) / 500.0 - 1.0
    }

    fn bias(output: usize) -> f32 {
        number(output + 3)
    }

    fn dense(weights: &[f32], inputs: usize) -> Dense {
        let outputs = weights.len() / inputs;
        Dense::of(weights, (0..outputs).map(bias).collect(), inputs)
    }

    #[test]
    fn every_output_is_the_product_of_its_row_and_its_weights() {
        for (rows, inputs, outputs) in [(1, 3, 1), (6, 8, 16), (7, 7, 17), (15, 32, 40)] {
            // Whole shares of the largest, which is 1 for every output: kept as they are.
            let weight = |index: usize| match index % inputs {
                0 => 1.0,
                _ => (number(index) * SHARES).round() / SHARES,
            };
            let weights: Vec<f32> = (0..inputs * outputs).map(weight).collect();
            let dense = dense(&weights, inputs);
            let given: Vec<f32> = (0..rows * inputs).map(|seed| number(seed + 5)).collect();
            let got = dense.apply(&given);
            for row in 0..rows {
                for output in 0..outputs {
                    let products =
                        (0..inputs).map(|i| given[row * inputs + i] * weights[output * inputs + i]);
                    let expected = products.sum::<f32>() + bias(output);
                    let got = got[row * outputs + output];
                    assert!(
                        (got - expected).abs() < 1e-5,
                        "{rows} {inputs} {outputs}: {got} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_weight_is_kept_to_half_a_share_of_the_largest_of_its_output() {
        let (inputs, outputs) = (32, 17);
        // Each output has a magnitude of its own, one of them nothing at all.
        let magnitude = |output: u16| f32::from(output).powi(4) / 1e4;
        let weights: Vec<f32> = (0..outputs)
            .flat_map(|output| {
                (0..inputs).map(move |input| {
                    number(usize::from(output) * inputs + input) * magnitude(output)
                })
            })
            .collect();
        let dense = dense(&weights, inputs);
        for input in 0..inputs {
            // Of one input alone, the outputs are its weights.
            let mut one = vec![0.0; inputs];
            one[input] = 1.0;
            for (output, got) in dense.apply(&one).into_iter().enumerate() {
                let own = &weights[output * inputs..][..inputs];
                let largest = own.iter().fold(0.0_f32, |largest, w| largest.max(w.abs()));
                let off = (got - bias(output) - own[input]).abs();
                // Beside it, what adding a bias of up to 1 rounds.
                let bound = largest / SHARES / 2.0 + f32::EPSILON * (1.0 + largest);
                assert!(off <= bound, "{output} {input}: {off} {bound}");
            }
        }
    }
}
