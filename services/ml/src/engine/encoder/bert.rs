//! The forward pass of a small BERT, as Devlin et al. describe it (2018): embeddings, then blocks of attention and of a
//! network for each piece.

#![expect(
    clippy::inline_always,
    reason = "what is called in the innermost loop must be compiled for the same processor as it"
)]

use super::super::sums::{power, softmax};
use super::dense::Dense;
use super::weights::{Matrix, Weights, WeightsError};
use multiversion::multiversion;

/// Keeps a row without variance from a division by 0, as in the training.
const EPSILON: f32 = 1e-12;

/// A BERT.
pub(super) struct Bert {
    /// A row for each piece of the vocabulary.
    pieces: Matrix,
    /// A row for each place in the text.
    places: Matrix,
    /// Its first row is added to all of a first sentence; there is no second one.
    sentences: Matrix,
    norm: Norm,
    blocks: Vec<Block>,
    heads: usize,
}

/// Attention, then a network, each added to what came in.
struct Block {
    /// Queries, keys and values side by side.
    asked: Dense,
    attended: Dense,
    attended_norm: Norm,
    wide: Dense,
    narrow: Dense,
    norm: Norm,
}

struct Norm {
    gain: Vec<f32>,
    shift: Vec<f32>,
}

impl Bert {
    /// The network of these weights, whose attention has so many heads.
    pub(super) fn new(weights: &Weights<'_>, heads: usize) -> Result<Self, WeightsError> {
        let mut blocks = Vec::new();
        while weights.has(&format!(
            "encoder.layer.{}.output.dense.weight",
            blocks.len()
        )) {
            blocks.push(Block::new(weights, blocks.len())?);
        }
        let bert = Self {
            pieces: weights.matrix("embeddings.word_embeddings.weight")?,
            places: weights.matrix("embeddings.position_embeddings.weight")?,
            sentences: weights.matrix("embeddings.token_type_embeddings.weight")?,
            norm: Norm::new(weights, "embeddings.LayerNorm")?,
            blocks,
            heads,
        };
        if bert.fits() {
            Ok(bert)
        } else {
            Err(WeightsError::Shapes)
        }
    }

    fn fits(&self) -> bool {
        let width = self.width();
        width > 0
            && self.heads > 0
            && width.is_multiple_of(self.heads)
            && self.places.columns == width
            && self.sentences.columns == width
            && self.sentences.rows() > 0
            && self.norm.gain.len() == width
            && self.blocks.iter().all(|block| block.fits(width))
    }

    /// How many pieces it knows.
    pub(super) fn known(&self) -> usize {
        self.pieces.rows()
    }

    /// How many places it knows.
    pub(super) fn longest(&self) -> usize {
        self.places.rows()
    }

    /// The numbers of an embedding.
    pub(super) fn width(&self) -> usize {
        self.pieces.columns
    }

    /// A row for each piece of each text, one after the other. So lie the texts, too: what is done for each piece is done
    /// for all at once, and only attention goes text by text.
    pub(super) fn read(&self, texts: &[&[u32]]) -> Vec<f32> {
        let width = self.width();
        let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        let mut rows = Vec::with_capacity(lengths.iter().sum::<usize>() * width);
        for (place, piece) in texts.iter().flat_map(|text| text.iter().enumerate()) {
            let parts = self.pieces.row(*piece as usize).iter();
            let parts = parts.zip(self.places.row(place)).zip(self.sentences.row(0));
            rows.extend(parts.map(|((piece, place), sentence)| piece + place + sentence));
        }
        self.norm.apply(&mut rows);
        for block in &self.blocks {
            rows = block.apply(rows, &lengths, self.heads);
        }
        rows
    }
}

pub(super) fn add(to: &mut [f32], numbers: &[f32]) {
    for (to, number) in to.iter_mut().zip(numbers) {
        *to += number;
    }
}

impl Block {
    fn new(weights: &Weights<'_>, number: usize) -> Result<Self, WeightsError> {
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let asked = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Ok(Self {
            asked: Dense::beside(weights, &asked)?,
            attended: Dense::new(weights, &name("attention.output.dense"))?,
            attended_norm: Norm::new(weights, &name("attention.output.LayerNorm"))?,
            wide: Dense::new(weights, &name("intermediate.dense"))?,
            narrow: Dense::new(weights, &name("output.dense"))?,
            norm: Norm::new(weights, &name("output.LayerNorm"))?,
        })
    }

    fn fits(&self, width: usize) -> bool {
        let between = self.wide.outputs();
        self.asked.is_of(width, 3 * width)
            && self.attended.is_of(width, width)
            && self.wide.is_of(width, between)
            && self.narrow.is_of(between, width)
            && self.attended_norm.gain.len() == width
            && self.norm.gain.len() == width
    }

    fn apply(&self, mut rows: Vec<f32>, lengths: &[usize], heads: usize) -> Vec<f32> {
        let asked = self.asked.apply(&rows);
        let mut attended = vec![0.0; rows.len()];
        attend(&asked, &mut attended, lengths, heads);
        add(&mut rows, &self.attended.apply(&attended));
        self.attended_norm.apply(&mut rows);
        let mut wide = self.wide.apply(&rows);
        gelu(&mut wide);
        add(&mut rows, &self.narrow.apply(&wide));
        self.norm.apply(&mut rows);
        rows
    }
}

/// Attention within each text: each head mixes the values of all pieces, by how well their keys fit its query.
#[multiversion(targets("x86_64+avx2+fma"))]
fn attend(asked: &[f32], attended: &mut [f32], lengths: &[usize], heads: usize) {
    let pieces: usize = lengths.iter().sum();
    let width = attended.len() / pieces.max(1);
    let part = width / heads;
    #[expect(clippy::cast_precision_loss, reason = "a width far below 2^24")]
    let scale = 1.0 / (part as f32).sqrt();
    let mut fits = Vec::new();
    let mut first = 0;
    for length in lengths {
        for head in 0..heads {
            let of = |piece: usize, kind: usize| {
                let start = (first + piece) * 3 * width + kind * width + head * part;
                &asked[start..start + part]
            };
            for piece in 0..*length {
                let query = of(piece, 0);
                fits.clear();
                fits.extend((0..*length).map(|other| dot(query, of(other, 1)) * scale));
                softmax(&mut fits);
                let start = (first + piece) * width + head * part;
                let mixed = &mut attended[start..start + part];
                for (other, fit) in fits.iter().enumerate() {
                    for (mixed, value) in mixed.iter_mut().zip(of(other, 2)) {
                        *mixed = fit.mul_add(*value, *mixed);
                    }
                }
            }
        }
        first += length;
    }
}

#[inline(always)]
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let (some, rest) = one.as_chunks::<8>();
    let (others, other_rest) = other.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (one, other) in some.iter().zip(others) {
        for (sum, (one, other)) in sums.iter_mut().zip(one.iter().zip(other)) {
            *sum = one.mul_add(*other, *sum);
        }
    }
    let rest = rest.iter().zip(other_rest).map(|(one, other)| one * other);
    sums.iter().sum::<f32>() + rest.sum::<f32>()
}

/// Sums of every eighth number side by side, which one after the other would wait for each other.
#[inline(always)]
fn sum(numbers: &[f32]) -> f32 {
    let (some, rest) = numbers.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for some in some {
        for (sum, number) in sums.iter_mut().zip(some) {
            *sum += number;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

impl Norm {
    fn new(weights: &Weights<'_>, name: &str) -> Result<Self, WeightsError> {
        let norm = Self {
            gain: weights.vector(&format!("{name}.weight"))?,
            shift: weights.vector(&format!("{name}.bias"))?,
        };
        if norm.gain.len() == norm.shift.len() {
            Ok(norm)
        } else {
            Err(WeightsError::Shapes)
        }
    }

    /// Gives each row the mean 0 and the variance 1, then what was learned.
    fn apply(&self, rows: &mut [f32]) {
        normalise(rows, &self.gain, &self.shift);
    }
}

#[multiversion(targets("x86_64+avx2+fma"))]
fn normalise(rows: &mut [f32], gain: &[f32], shift: &[f32]) {
    let width = gain.len();
    #[expect(clippy::cast_precision_loss, reason = "a width far below 2^24")]
    let share = 1.0 / width as f32;
    for row in rows.chunks_exact_mut(width) {
        let mean = sum(row) * share;
        for number in row.iter_mut() {
            *number -= mean;
        }
        let variance = dot(row, row) * share;
        let scale = 1.0 / (variance + EPSILON).sqrt();
        for (number, (gain, shift)) in row.iter_mut().zip(gain.iter().zip(shift)) {
            *number = *number * scale * gain + shift;
        }
    }
}

/// Each number times the probability that a normal one is smaller.
#[multiversion(targets("x86_64+avx2+fma"))]
fn gelu(values: &mut [f32]) {
    for value in values {
        *value *= 0.5 * (1.0 + erf(*value * std::f32::consts::FRAC_1_SQRT_2));
    }
}

/// The error function, to seven digits (Abramowitz and Stegun, 7.1.26).
#[inline(always)]
fn erf(x: f32) -> f32 {
    const SERIES: [f32; 5] = [
        1.061_405_4,
        -1.453_152,
        1.421_413_7,
        -0.284_496_72,
        0.254_829_6,
    ];
    let size = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * size);
    let series = SERIES.iter().fold(0.0, |sum, factor| (sum + factor) * t);
    (1.0 - series * power(-size * size)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_that_of_its_table() {
        let table = [
            (0.0, 0.0),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (-1.0, -0.842_700_8),
        ];
        for (x, expected) in table {
            assert!((erf(x) - expected).abs() < 1e-6, "{x}");
        }
        let mut values = [1.0, -1.0, 10.0, -10.0];
        gelu(&mut values);
        for (value, expected) in values.iter().zip([0.841_344_7, -0.158_655_26, 10.0, 0.0]) {
            assert!((value - expected).abs() < 1e-5, "{value}");
        }
    }

    #[test]
    fn a_norm_leaves_mean_and_variance_as_they_were_learned() {
        let norm = Norm {
            gain: vec![2.0; 4],
            shift: vec![1.0; 4],
        };
        let mut rows = [1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 5.0, 5.0];
        norm.apply(&mut rows);
        assert!(
            (rows[..4].iter().sum::<f32>() / 4.0 - 1.0).abs() < 1e-6,
            "{rows:?}"
        );
        assert!(
            (rows[3] - rows[0] - 12.0 / 5.0_f32.sqrt()).abs() < 1e-5,
            "{rows:?}"
        );
        assert_eq!(rows[4..], [1.0; 4]);
    }

    #[test]
    fn attention_stays_within_its_text_and_follows_the_keys() {
        // One head of two numbers. The second text's query fits its own second key far better than the first.
        let asked = [
            1.0, 0.0, 1.0, 0.0, 7.0, 7.0, // the only piece of the first text
            50.0, 0.0, 0.0, 0.0, 1.0, 2.0, //
            0.0, 0.0, 50.0, 0.0, 3.0, 4.0,
        ];
        let mut attended = [0.0; 6];
        attend(&asked, &mut attended, &[1, 2], 1);
        for (got, expected) in attended.iter().zip([7.0, 7.0, 3.0, 4.0, 2.0, 3.0]) {
            assert!((got - expected).abs() < 1e-4, "{attended:?}");
        }
    }
}
