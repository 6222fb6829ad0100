//! A small network over sparse features, learned by stochastic gradient descent: the features
//! of an utterance add up in a few dozen units, and those above zero speak for the labels.
//!
//! Leaving out features, whole words and units at random (dropout) keeps it from leaning on
//! few of them; smoothing the labels keeps its confidences from running away.

#![expect(
    clippy::inline_always,
    reason = "what is called in the innermost loop must be compiled for the same processor as it"
)]

use super::dictionary::Dictionary;
use super::examples::{Examples, Known, known};
use super::ngrams;
use super::options::IntentOptions;
use super::progress::{Cancelled, Progress};
use super::random::Random;
use super::said::Said;
use super::sums::{add, add_rows, product_then_add, softmax};
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
    /// The utterances.
    pub(super) said: &'a Said<'a>,
    /// The features that are known.
    pub(super) dictionary: &'a Dictionary,
    /// The utterances as rows of features.
    pub(super) examples: &'a Examples,
    /// How far each known feature moves at a step.
    pub(super) strides: &'a [f32],
    /// What the examples mean to an encoder, one after the other; nothing without one.
    pub(super) meanings: &'a [f32],
    /// How often every example is seen.
    pub(super) epochs: usize,
}

impl Matter<'_> {
    /// The known features of an example; those that are not kept are put into `found`.
    #[inline]
    pub(super) fn features<'f>(&'f self, index: usize, found: &'f mut Vec<Known>) -> &'f [Known] {
        if let Some(kept) = self.examples.kept(index) {
            return kept;
        }
        let features = ngrams::features(&self.said.text(index));
        found.clear();
        found.extend(known(&features, |hash| self.dictionary.row(hash)));
        found
    }

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
    tolerance: f32,
    /// The features of the example at hand, where they are not kept.
    found: Vec<Known>,
    /// What decides which features of the example at hand are left out.
    chances: Vec<u8>,
    /// Those that are not, with its factor.
    active: Vec<(u32, f32)>,
    /// How far above zero each unit is; 0 if it was left out.
    hidden: Vec<f32>,
    /// Those that are above zero.
    lit: Vec<(u32, f32)>,
    scores: Vec<f32>,
    errors: Vec<f32>,
}

impl<'a> Descent<'a> {
    fn new(matter: &'a Matter<'a>, options: &IntentOptions, random: &mut Random) -> Self {
        let (labels, units) = (matter.said.labels().len(), options.units);
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
            tolerance: if matter.meanings.is_empty() {
                options.tolerance
            } else {
                0.0
            },
            found: Vec::new(),
            chances: Vec::new(),
            active: Vec::new(),
            hidden: vec![0.0; units],
            lit: Vec::new(),
            scores: vec![0.0; labels],
            errors: vec![0.0; units],
        }
    }

    /// One example: score, compare with the truth, and unless it is known already, move the weights of what was active.
    #[inline(always)]
    fn step(&mut self, index: usize, random: &mut Random) {
        self.rate = self.first_rate * (1.0 - ratio(self.step, self.steps));
        self.step += 1;
        let gain = self.features.gain * self.words.gain;
        let factor = self.matter.examples.factor(index) * gain;
        self.choose(index, factor, random);
        self.excite(index, random);
        self.score();
        softmax(&mut self.scores);
        let truth = self.matter.examples.label(index) as usize;
        self.subtract_truth(truth);
        if self.scores[truth].abs() < self.tolerance {
            return;
        }
        self.correct_outputs();
        let rate = self.rate;
        add(&self.scores, -rate * BIAS_RATE, &mut self.member.bias);
        add(&self.errors, -rate * BIAS_RATE, &mut self.member.thresholds);
        for (row, factor) in &mut self.active {
            *factor *= -rate * self.matter.strides[*row as usize];
        }
        for (row, step) in &self.active {
            add(&self.errors, *step, self.member.inputs.row_mut(*row));
        }
        for (row, number) in (0..).zip(self.matter.meaning(index)) {
            let step = rate * MEANING_RATE * number;
            add(&self.errors, -step, self.member.meaning.row_mut(row));
        }
    }

    /// Leaves out a part of the features, and all that belong to a part of the words.
    #[inline(always)]
    fn choose(&mut self, index: usize, factor: f32, random: &mut Random) {
        let features = self.matter.features(index, &mut self.found);
        let last = features.last().map_or(0, |feature| feature.word());
        let mut kept = [false; 256];
        self.words.choose(&mut kept[..=usize::from(last)], random);
        self.chances.resize(features.len().next_multiple_of(8), 0);
        for chances in self.chances.chunks_exact_mut(8) {
            chances.copy_from_slice(&random.next().to_le_bytes());
        }
        let candidates = features.iter().zip(&self.chances).map(|(feature, chance)| {
            let stays = self.features.keeps(*chance) & kept[usize::from(feature.word())];
            ((feature.row(), factor), stays)
        });
        keep(&mut self.active, features.len(), candidates);
    }

    /// Adds the features up in the units.
    #[inline(always)]
    fn excite(&mut self, index: usize, random: &mut Random) {
        self.hidden.fill(0.0);
        add_rows(&self.member.inputs, &self.active, &mut self.hidden);
        for (row, number) in (0..).zip(self.matter.meaning(index)) {
            add(self.member.meaning.row(row), *number, &mut self.hidden);
        }
        let units = self.hidden.chunks_mut(8);
        for (units, thresholds) in units.zip(self.member.thresholds.chunks(8)) {
            let bytes = random.next().to_le_bytes();
            for ((unit, threshold), byte) in units.iter_mut().zip(thresholds).zip(bytes) {
                let level = (*unit + threshold).max(0.0) * self.units.gain;
                *unit = if self.units.keeps(byte) { level } else { 0.0 };
            }
        }
        let units = (0..).zip(self.hidden.iter().copied());
        let units = units.map(|unit| (unit, unit.1 > 0.0));
        keep(&mut self.lit, self.hidden.len(), units);
    }

    #[inline(always)]
    fn score(&mut self) {
        self.scores.copy_from_slice(&self.member.bias);
        add_rows(&self.member.outputs, &self.lit, &mut self.scores);
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

    /// Moves the weights of the lit units, and finds what each of these did wrong.
    #[inline(always)]
    fn correct_outputs(&mut self) {
        let (rate, gain) = (self.rate * OUTPUT_RATE, self.units.gain);
        self.errors.fill(0.0);
        for (unit, level) in &self.lit {
            let weights = self.member.outputs.row_mut(*unit);
            let product = product_then_add(weights, &self.scores, -rate * level);
            self.errors[*unit as usize] = gain * product;
        }
    }
}

/// Takes those of the items, so many at most, that stay. Each is written, and the next one over it if it does not: a
/// processor cannot guess which do.
#[inline(always)]
fn keep(kept: &mut Vec<(u32, f32)>, most: usize, items: impl Iterator<Item = ((u32, f32), bool)>) {
    kept.resize(most, (0, 0.0));
    let mut count = 0;
    for (item, stays) in items {
        kept[count] = item;
        count += usize::from(stays);
    }
    kept.truncate(count);
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

#[cfg(test)]
mod tests {
    use super::super::ngrams::Feature;
    use super::*;

    /// Forty examples whose label is that of their first feature; the second says nothing.
    fn examples() -> Examples {
        let mut examples = Examples::new(3, 1_000);
        for index in 0..40 {
            let label = index % 2;
            let feature = |hash: u64, word| Feature { hash, word };
            let features = [feature(label.into(), 0), feature(2, 1)];
            examples.push(&features, |hash| u32::try_from(hash).ok(), label);
        }
        examples
    }

    fn learned(seed: u64, progress: &Progress) -> Result<Member, Cancelled> {
        learned_with(seed, progress, &IntentOptions::default())
    }

    fn learned_with(
        seed: u64,
        progress: &Progress,
        options: &IntentOptions,
    ) -> Result<Member, Cancelled> {
        let random = Random::new(seed);
        let mut context = Context { random, progress };
        let matter = Matter {
            said: &Said::new(&[], &[Some("first"), Some("second")]),
            dictionary: &Dictionary::default(),
            examples: &examples(),
            strides: &[1.0; 3],
            meanings: &[],
            epochs: 40,
        };
        learn(&matter, (0..40).collect(), options, &mut context)
    }

    /// The scores of an utterance with this one feature.
    fn scores(member: &Member, row: u32) -> Vec<f32> {
        let mut scores = member.bias.clone();
        for (unit, level) in (0..).zip(member.inputs.row(row)) {
            add(member.outputs.row(unit), level.max(0.0), &mut scores);
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
    fn what_is_as_it_should_be_moves_nothing() {
        let weights = |tolerance| {
            let options = IntentOptions {
                tolerance,
                ..IntentOptions::default()
            };
            let member = learned_with(1, &Progress::new(), &options).unwrap();
            (member.inputs.row(0).to_vec(), member.bias)
        };
        let (_, untouched) = weights(1.0);
        assert_eq!(untouched, [0.0, 0.0]);
        let (all, some) = (weights(0.0), weights(0.05));
        assert!(all.1 != untouched && some.1 != untouched && all != some);
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
}
