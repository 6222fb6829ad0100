//! The engine: learns a model from training data and understands utterances with it.
//!
//! It knows nothing of HTTP, databases or clocks: [`train()`] takes data and gives a [`Model`],
//! [`Model::parse`] takes an utterance and gives what it means, [`Model::to_artefact`] and
//! [`Model::from_artefact`] carry a model through a database. [`cross_validate`] and [`assess`]
//! measure. Everything behind these may change without the service noticing.

mod artefact;
mod calibration;
mod descent;
mod dictionary;
mod encoder;
mod entities;
mod evaluation;
mod examples;
mod folds;
mod intents;
mod learning;
mod model;
mod network;
mod ngrams;
mod options;
mod parallel;
mod progress;
mod random;
mod said;
mod sums;
mod text;
mod train;
mod weights;

pub use artefact::ArtefactError;
pub use encoder::{Encoder, EncoderError, WeightsError};
pub use entities::{BadPattern, Builtins, PATTERN_STEPS};
pub use evaluation::{EvaluateError, assess, cross_validate};
pub use model::Model;
pub use options::{IntentOptions, Options};
pub use progress::{Cancelled, Progress};
pub use train::{TrainError, Trained, train};
