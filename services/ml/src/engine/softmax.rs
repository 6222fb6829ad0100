//! Softmax regression over sparse features, learned by stochastic gradient descent.
//!
//! Leaving out a part of the features each time (dropout) keeps the classifier from leaning
//! on few words; smoothing the labels keeps its confidences from running away.

use super::options::IntentOptions;
use super::progress::{Cancelled, Progress};
use super::random::Random;
use super::weights::Learned;

/// Examples as rows of features, one after the other.
#[derive(Default)]
pub(super) struct Examples {
    ends: Vec<usize>,
    rows: Vec<u32>,
    factors: Vec<f32>,
    labels: Vec<u32>,
}

impl Examples {
    /// Adds an example: its known features, the factor of each, and its label.
    pub(super) fn push(&mut self, rows: impl Iterator<Item = u32>, factor: f32, label: u32) {
        self.rows.extend(rows);
        self.ends.push(self.rows.len());
        self.factors.push(factor);
        self.labels.push(label);
    }

    /// How many examples there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The known features of an example.
    pub(super) fn rows(&self, index: usize) -> &[u32] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[start..self.ends[index]]
    }

    /// The factor of an example's features.
    pub(super) fn factor(&self, index: usize) -> f32 {
        self.factors[index]
    }

    /// The label of an example.
    pub(super) fn label(&self, index: usize) -> u32 {
        self.labels[index]
    }
}

/// What was learned.
pub(super) struct Regression {
    /// A row per feature, a column per label.
    pub(super) weights: Learned,
    /// What each label starts from.
    pub(super) bias: Vec<f32>,
}

/// The size of what is learned.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// How many features are known.
    pub(super) features: usize,
    /// How many labels there are.
    pub(super) labels: usize,
}

/// Learns from the examples with these indices.
pub(super) fn learn(
    examples: &Examples,
    mut indices: Vec<usize>,
    shape: Shape,
    options: &IntentOptions,
    context: &mut Context<'_>,
) -> Result<Regression, Cancelled> {
    let mut descent = Descent::new(shape, options);
    let steps = (options.epochs * indices.len()).max(1);
    let mut step = 0;
    for _ in 0..options.epochs {
        context.random.shuffle(&mut indices);
        for batch in indices.chunks(256) {
            for index in batch {
                descent.rate = options.rate * (1.0 - ratio(step, steps));
                descent.step(examples, *index, &mut context.random);
                step += 1;
            }
            context.progress.advance(batch.len())?;
        }
    }
    Ok(Regression {
        weights: descent.weights,
        bias: descent.bias,
    })
}

/// What a piece of work is given beside its data.
pub(super) struct Context<'a> {
    /// Its own stream of random numbers.
    pub(super) random: Random,
    /// Where it says how far it is.
    pub(super) progress: &'a Progress,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio of counts far below 2^24"
)]
fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole as f32
}

/// The state of the descent.
struct Descent {
    weights: Learned,
    bias: Vec<f32>,
    rate: f32,
    /// Features are kept when 32 random bits are below this.
    kept: u64,
    /// Makes up for the features that are left out.
    gain: f32,
    smoothing: f32,
    active: Vec<u32>,
    scores: Vec<f32>,
}

impl Descent {
    fn new(shape: Shape, options: &IntentOptions) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of 2^32 between 0 and 1"
        )]
        let kept = (f64::from(1.0 - options.dropout) * 4_294_967_296.0) as u64;
        Self {
            weights: Learned::new(shape.features, shape.labels),
            bias: vec![0.0; shape.labels],
            rate: options.rate,
            kept,
            gain: 1.0 / (1.0 - options.dropout),
            smoothing: options.smoothing / ratio(shape.labels, 1),
            active: Vec::new(),
            scores: vec![0.0; shape.labels],
        }
    }

    /// One example: score, compare with the truth, move the weights of its features.
    fn step(&mut self, examples: &Examples, index: usize, random: &mut Random) {
        self.choose(examples.rows(index), random);
        let factor = examples.factor(index) * self.gain;
        self.score(factor);
        softmax(&mut self.scores);
        self.subtract_truth(examples.label(index));
        let rate = self.rate;
        for (bias, error) in self.bias.iter_mut().zip(&self.scores) {
            *bias -= rate * BIAS_RATE * error;
        }
        for row in &self.active {
            let weights = self.weights.row_mut(*row);
            for (weight, error) in weights.iter_mut().zip(&self.scores) {
                *weight -= rate * factor * error;
            }
        }
    }

    /// Leaves a part of the features out.
    fn choose(&mut self, rows: &[u32], random: &mut Random) {
        self.active.clear();
        for pair in rows.chunks(2) {
            let bits = random.next();
            if bits >> 32 < self.kept {
                self.active.push(pair[0]);
            }
            if let Some(second) = pair.get(1).filter(|_| bits & 0xffff_ffff < self.kept) {
                self.active.push(*second);
            }
        }
    }

    fn score(&mut self, factor: f32) {
        self.scores.fill(0.0);
        for row in &self.active {
            let weights = self.weights.row(*row);
            for (score, weight) in self.scores.iter_mut().zip(weights) {
                *score += weight;
            }
        }
        for (score, bias) in self.scores.iter_mut().zip(&self.bias) {
            *score = *score * factor + bias;
        }
    }

    /// Turns probabilities into errors.
    fn subtract_truth(&mut self, label: u32) {
        let certain = 1.0 - self.smoothing * ratio(self.scores.len(), 1);
        for score in &mut self.scores {
            *score -= self.smoothing;
        }
        self.scores[label as usize] -= certain;
    }
}

/// The bias sees every example, so it takes smaller steps than a feature.
const BIAS_RATE: f32 = 0.01;

/// Turns scores into probabilities.
pub(super) fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Examples {
        let mut examples = Examples::default();
        for index in 0..40 {
            let label = index % 2;
            examples.push([label, 2].into_iter(), 0.7, label);
        }
        examples
    }

    fn learned(seed: u64) -> Regression {
        let progress = Progress::new();
        let mut context = Context {
            random: Random::new(seed),
            progress: &progress,
        };
        let shape = Shape {
            features: 3,
            labels: 2,
        };
        let options = IntentOptions::default();
        learn(
            &examples(),
            (0..40).collect(),
            shape,
            &options,
            &mut context,
        )
        .unwrap()
    }

    #[test]
    fn learns_which_feature_means_which_label() {
        let regression = learned(1);
        assert!(regression.weights.row(0)[0] > regression.weights.row(0)[1]);
        assert!(regression.weights.row(1)[1] > regression.weights.row(1)[0]);
    }

    #[test]
    fn the_same_seed_learns_the_same_weights() {
        assert_eq!(learned(5).weights.row(0), learned(5).weights.row(0));
        assert_ne!(learned(5).weights.row(0), learned(6).weights.row(0));
    }

    #[test]
    fn stops_when_it_is_cancelled() {
        let progress = Progress::new();
        progress.cancel();
        let mut context = Context {
            random: Random::new(1),
            progress: &progress,
        };
        let shape = Shape {
            features: 3,
            labels: 2,
        };
        let options = IntentOptions::default();
        let stopped = learn(
            &examples(),
            (0..40).collect(),
            shape,
            &options,
            &mut context,
        );
        assert!(stopped.is_err());
    }
}
