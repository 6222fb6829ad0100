//! A small network over sparse features, learned by stochastic gradient descent: the features
//! of an utterance add up in a few dozen units, and those above zero speak for the labels.
//!
//! Leaving out features, whole words and units at random (dropout) keeps it from leaning on
//! few of them; smoothing the labels keeps its confidences from running away.

#![expect(
    clippy::inline_always,
    reason = "what is called in the innermost loop must be compiled for the same processor as it"
)]

use super::examples::Examples;
use super::options::IntentOptions;
use super::progress::{Cancelled, Progress};
use super::random::Random;
use super::weights::Learned;
use multiversion::multiversion;

/// What was learned.
pub(super) struct Member {
    /// A row per feature, a column per unit.
    pub(super) inputs: Learned,
    /// A row per number of a meaning, a column per unit; no rows without an encoder.
    pub(super) meaning: Learned,
    /// What each unit starts from.
    pub(super) thresholds: Vec<f32>,
    /// A row per unit, a column per label.
    pub(super) outputs: Learned,
    /// What each label starts from.
    pub(super) bias: Vec<f32>,
}

/// What is learned from, and the size of what is learned.
pub(super) struct Matter<'a> {
    /// All examples.
    pub(super) examples: &'a Examples,
    /// How far each known feature moves at a step.
    pub(super) strides: &'a [f32],
    /// What the examples mean to an encoder, one after the other; nothing without one.
    pub(super) meanings: &'a [f32],
    /// How many labels there are.
    pub(super) labels: usize,
    /// How often every example is seen.
    pub(super) epochs: usize,
}

impl Matter<'_> {
    /// The numbers of a meaning.
    fn width(&self) -> usize {
        self.meanings.len() / self.examples.len().max(1)
    }

    /// What an example means.
    pub(super) fn meaning(&self, index: usize) -> &[f32] {
        let width = self.width();
        &self.meanings[index * width..(index + 1) * width]
    }
}

/// What a piece of work is given beside its matter.
pub(super) struct Context<'a> {
    /// Its own stream of random numbers.
    pub(super) random: Random,
    /// Where it says how far it is.
    pub(super) progress: &'a Progress,
}

/// Learns from the examples with these indices.
pub(super) fn learn(
    matter: &Matter<'_>,
    mut indices: Vec<usize>,
    options: &IntentOptions,
    context: &mut Context<'_>,
) -> Result<Member, Cancelled> {
    let mut descent = Descent::new(matter, options, &mut context.random);
    descent.steps = (matter.epochs * indices.len()).max(1);
    for _ in 0..matter.epochs {
        context.random.shuffle(&mut indices);
        for batch in indices.chunks(256) {
            descend(&mut descent, batch, &mut context.random);
            context.progress.advance(batch.len())?;
        }
    }
    Ok(descent.member)
}

/// Sees the examples of a batch, with the widest instructions that this processor has: each does the same sums in the
/// same order, so the model does not depend on it.
#[multiversion(targets("x86_64+avx2"))]
fn descend(descent: &mut Descent<'_>, batch: &[usize], random: &mut Random) {
    for index in batch {
        descent.step(*index, random);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio of counts far below 2^24"
)]
#[inline(always)]
fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole as f32
}

/// The state of the descent.
struct Descent<'a> {
    matter: &'a Matter<'a>,
    member: Member,
    /// The first rate; it falls linearly to 0.
    first_rate: f32,
    rate: f32,
    /// How many steps have been made, and how many there will be.
    step: usize,
    steps: usize,
    features: Dropout,
    words: Dropout,
    units: Dropout,
    smoothing: f32,
    /// The features of the example at hand that were not left out.
    active: Vec<u32>,
    /// How far above zero each unit is; 0 if it was left out.
    hidden: Vec<f32>,
    scores: Vec<f32>,
    errors: Vec<f32>,
}

impl<'a> Descent<'a> {
    fn new(matter: &'a Matter<'a>, options: &IntentOptions, random: &mut Random) -> Self {
        let (labels, units) = (matter.labels, options.units);
        let mut inputs = Learned::new(matter.strides.len(), units);
        for (row, stride) in (0..).zip(matter.strides) {
            let spread = SPREAD * stride.sqrt();
            fill(inputs.row_mut(row), spread, random);
        }
        let mut meaning = Learned::new(matter.width(), units);
        for row in (0..).take(matter.width()) {
            fill(meaning.row_mut(row), SPREAD, random);
        }
        let mut outputs = Learned::new(units, labels);
        (0..units)
            .filter_map(|unit| u32::try_from(unit).ok())
            .for_each(|unit| fill(outputs.row_mut(unit), ratio(1, units).sqrt(), random));
        let member = Member {
            inputs,
            meaning,
            thresholds: vec![0.0; units],
            outputs,
            bias: vec![0.0; labels],
        };
        Self {
            matter,
            member,
            first_rate: options.rate,
            rate: options.rate,
            step: 0,
            steps: 1,
            features: Dropout::new(options.dropout),
            words: Dropout::new(options.word_dropout),
            units: Dropout::new(options.unit_dropout),
            smoothing: options.smoothing,
            active: Vec::new(),
            hidden: vec![0.0; units],
            scores: vec![0.0; labels],
            errors: vec![0.0; units],
        }
    }

    /// One example: score, compare with the truth, move the weights of what was active.
    #[inline(always)]
    fn step(&mut self, index: usize, random: &mut Random) {
        self.rate = self.first_rate * (1.0 - ratio(self.step, self.steps));
        self.step += 1;
        self.choose(index, random);
        let gain = self.features.gain * self.words.gain;
        let factor = self.matter.examples.factor(index) * gain;
        self.excite(index, factor, random);
        self.score();
        softmax(&mut self.scores);
        self.subtract_truth(self.matter.examples.label(index) as usize);
        self.correct_outputs();
        let rate = self.rate;
        move_by(&mut self.member.bias, &self.scores, -rate * BIAS_RATE);
        move_by(&mut self.member.thresholds, &self.errors, -rate * BIAS_RATE);
        for row in &self.active {
            let step = rate * factor * self.matter.strides[*row as usize];
            move_by(self.member.inputs.row_mut(*row), &self.errors, -step);
        }
        for (row, number) in (0..).zip(self.matter.meaning(index)) {
            let step = rate * MEANING_RATE * number;
            move_by(self.member.meaning.row_mut(row), &self.errors, -step);
        }
    }

    /// Leaves out a part of the features, and all that belong to a part of the words.
    #[inline(always)]
    fn choose(&mut self, index: usize, random: &mut Random) {
        let features = self.matter.examples.features(index);
        let last = features.last().map_or(0, |feature| feature.word);
        let mut kept = [false; 256];
        self.words.choose(&mut kept[..=usize::from(last)], random);
        self.active.clear();
        for group in features.chunks(8) {
            let bytes = random.next().to_le_bytes();
            for (feature, byte) in group.iter().zip(bytes) {
                if self.features.keeps(byte) && kept[usize::from(feature.word)] {
                    self.active.push(feature.row);
                }
            }
        }
    }

    /// Adds the features up in the units.
    #[inline(always)]
    fn excite(&mut self, index: usize, factor: f32, random: &mut Random) {
        self.hidden.fill(0.0);
        for row in &self.active {
            let row = self.member.inputs.row(*row);
            self.hidden
                .iter_mut()
                .zip(row)
                .for_each(|(unit, weight)| *unit += weight);
        }
        for unit in &mut self.hidden {
            *unit *= factor;
        }
        for (row, number) in (0..).zip(self.matter.meaning(index)) {
            move_by(&mut self.hidden, self.member.meaning.row(row), *number);
        }
        let units = self.hidden.chunks_mut(8);
        for (units, thresholds) in units.zip(self.member.thresholds.chunks(8)) {
            let bytes = random.next().to_le_bytes();
            for ((unit, threshold), byte) in units.iter_mut().zip(thresholds).zip(bytes) {
                let level = (*unit + threshold).max(0.0) * self.units.gain;
                *unit = if self.units.keeps(byte) { level } else { 0.0 };
            }
        }
    }

    #[inline(always)]
    fn score(&mut self) {
        self.scores.copy_from_slice(&self.member.bias);
        for (unit, level) in (0..).zip(&self.hidden) {
            if *level > 0.0 {
                move_by(&mut self.scores, self.member.outputs.row(unit), *level);
            }
        }
    }

    /// Turns probabilities into errors.
    #[inline(always)]
    fn subtract_truth(&mut self, label: usize) {
        let share = self.smoothing / ratio(self.scores.len(), 1);
        for score in &mut self.scores {
            *score -= share;
        }
        self.scores[label] -= 1.0 - self.smoothing;
    }

    /// Moves the weights of the active units, and finds what each of these did wrong.
    #[inline(always)]
    fn correct_outputs(&mut self) {
        let (rate, gain) = (self.rate * OUTPUT_RATE, self.units.gain);
        for ((unit, level), error) in (0..).zip(&self.hidden).zip(&mut self.errors) {
            *error = 0.0;
            if *level > 0.0 {
                let weights = self.member.outputs.row_mut(unit);
                *error = gain * product_then_move(weights, &self.scores, -rate * level);
            }
        }
    }
}

/// Leaves a part out, and makes up for it.
struct Dropout {
    /// What is kept has a random byte below this.
    kept: u16,
    gain: f32,
}

impl Dropout {
    /// Leaves this part out, rounded to a 256th.
    fn new(part: f32) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of 256 between 0 and 1"
        )]
        let kept = (256.0 * (1.0 - part)).round().max(1.0) as u16;
        let gain = 256.0 / f32::from(kept);
        Self { kept, gain }
    }

    fn keeps(&self, byte: u8) -> bool {
        u16::from(byte) < self.kept
    }

    fn choose(&self, kept: &mut [bool], random: &mut Random) {
        for group in kept.chunks_mut(8) {
            let bytes = random.next().to_le_bytes();
            for (kept, byte) in group.iter_mut().zip(bytes) {
                *kept = self.keeps(byte);
            }
        }
    }
}

/// The outputs see every example, so they take smaller steps than a feature.
const OUTPUT_RATE: f32 = 0.17;
/// A meaning has a number for each row, none of which is rare.
const MEANING_RATE: f32 = 1.0;
/// So do the bias and the thresholds.
const BIAS_RATE: f32 = 0.017;
/// How far the inputs lie from 0 at first; below 0.3 it hardly matters.
const SPREAD: f32 = 0.1;

/// Small random numbers around 0, of about this standard deviation.
fn fill(row: &mut [f32], spread: f32, random: &mut Random) {
    for value in row {
        let thirds = random.next().to_le_bytes();
        let sum: u16 = thirds[..4].iter().map(|byte| u16::from(*byte)).sum();
        *value = (f32::from(sum) - 510.0) / 148.0 * spread;
    }
}

/// Adds a row, times a factor.
#[inline(always)]
fn move_by(row: &mut [f32], other: &[f32], factor: f32) {
    for (value, other) in row.iter_mut().zip(other) {
        *value += other * factor;
    }
}

/// The product of two rows of the same length, the first of which then has the other added to
/// it, times a factor. Eight sums side by side are what a processor adds at once.
#[inline(always)]
fn product_then_move(row: &mut [f32], other: &[f32], factor: f32) -> f32 {
    let (row, row_rest) = row.as_chunks_mut::<8>();
    let (other, other_rest) = other.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (row, other) in row.iter_mut().zip(other) {
        for (sum, (value, other)) in sums.iter_mut().zip(row.iter_mut().zip(other)) {
            *sum += *value * other;
            *value += other * factor;
        }
    }
    let rest = row_rest.iter().zip(other_rest);
    let rest: f32 = rest.map(|(value, other)| value * other).sum();
    move_by(row_rest, other_rest, factor);
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
    use super::super::ngrams::Feature;
    use super::*;

    /// Forty examples whose label is that of their first feature; the second says nothing.
    fn examples() -> Examples {
        let mut examples = Examples::default();
        for index in 0..40 {
            let label = index % 2;
            let feature = |hash: u64, word| Feature { hash, word };
            let features = [feature(label.into(), 0), feature(2, 1)];
            examples.push(&features, |hash| u32::try_from(hash).ok(), label);
        }
        examples
    }

    fn learned(seed: u64, progress: &Progress) -> Result<Member, Cancelled> {
        let random = Random::new(seed);
        let mut context = Context { random, progress };
        let matter = Matter {
            examples: &examples(),
            strides: &[1.0; 3],
            meanings: &[],
            labels: 2,
            epochs: 40,
        };
        let options = IntentOptions::default();
        learn(&matter, (0..40).collect(), &options, &mut context)
    }

    /// The scores of an utterance with this one feature.
    fn scores(member: &Member, row: u32) -> Vec<f32> {
        let mut scores = member.bias.clone();
        for (unit, level) in (0..).zip(member.inputs.row(row)) {
            move_by(&mut scores, member.outputs.row(unit), level.max(0.0));
        }
        scores
    }

    #[test]
    fn learns_which_feature_means_which_label() {
        let member = learned(1, &Progress::new()).unwrap();
        let (first, second) = (scores(&member, 0), scores(&member, 1));
        assert!(first[0] > first[1], "{first:?}");
        assert!(second[1] > second[0], "{second:?}");
    }

    #[test]
    fn the_same_seed_learns_the_same_weights() {
        let weights = |seed| {
            let member = learned(seed, &Progress::new()).unwrap();
            member.inputs.row(0).to_vec()
        };
        assert_eq!(weights(5), weights(5));
        assert_ne!(weights(5), weights(6));
    }

    #[test]
    fn stops_when_it_is_cancelled() {
        let progress = Progress::new();
        progress.cancel();
        assert!(learned(1, &progress).is_err());
    }

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
    fn a_product_takes_every_column_once_and_moves_it() {
        let mut row: Vec<f32> = vec![1.0; 11];
        let other: Vec<f32> = vec![2.0; 11];
        assert!((product_then_move(&mut row, &other, 0.5) - 22.0).abs() < 1e-6);
        assert_eq!(row, vec![2.0; 11]);
    }
}
