//! The settings of a training. One default serves every data set.

use std::num::NonZeroUsize;

/// How a model is trained.
#[derive(Clone, Debug)]
pub struct Options {
    /// The language of the utterances, a BCP 47 tag; decides how numbers are written.
    pub language: String,
    /// Decides every random choice: same data and seed, same model.
    pub seed: u64,
    /// Threads that train; they change the time, never the model.
    pub threads: NonZeroUsize,
    /// How the intent classifier learns.
    pub intents: IntentOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            language: "en".into(),
            seed: 1,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            intents: IntentOptions::default(),
        }
    }
}

/// How the intent classifier learns. The defaults were measured on CLINC150 and BANKING77.
#[derive(Clone, Copy, Debug)]
pub struct IntentOptions {
    /// How often it sees every example.
    pub epochs: usize,
    /// The first step of the descent; it falls linearly to 0.
    pub rate: f32,
    /// The part of an example's features that is left out each time it is seen.
    pub dropout: f32,
    /// The part of the probability that goes to the other intents.
    pub smoothing: f32,
    /// In how many examples a feature must occur to be kept.
    pub least_examples: u32,
    /// Weights (features times intents) at most: 128 MiB while they are learned.
    pub most_weights: usize,
    /// The part of the right answers that the out-of-scope threshold may cost.
    pub rejected: f64,
}

impl Default for IntentOptions {
    fn default() -> Self {
        Self {
            epochs: 12,
            rate: 3.0,
            dropout: 0.6,
            smoothing: 0.05,
            least_examples: 2,
            most_weights: 1 << 25,
            rejected: 0.0025,
        }
    }
}
