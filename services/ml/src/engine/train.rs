//! From training data to a model.

use super::entities::{BadPattern, Entities, Lesson};
use super::learning::{self, Prepared};
use super::model::{Encoded, Model};
use super::options::Options;
use super::progress::{Cancelled, Progress};
use super::said::Said;
use stoa_contracts::training_data::TrainingData;

/// What a training gives.
#[derive(Debug)]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// Share of held-out utterances that were answered right; none with too few to hold out.
    pub accuracy: Option<f64>,
    /// How many intents it knows.
    pub intents: usize,
    /// How many kinds of entity it was taught.
    pub entities: usize,
}

/// Why there is no model. All but `Cancelled` are said to the designer as they stand.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The data has no utterance.
    #[error("there are no examples: add utterances with their intents")]
    NoExamples,
    /// There is nothing to tell apart.
    #[error("there is only one intent: add a second one, or examples that are out of scope")]
    OneIntent,
    /// No example has an intent.
    #[error("every example is out of scope: add utterances with their intents")]
    NoIntent,
    /// More kinds of entity than can be learned in the memory that there is.
    #[error(
        "more than {0} different entities, counted with their roles, are annotated: values may stand where the name of \
         their entity belongs"
    )]
    ManyEntities(usize),
    /// More patterns than are kept in memory.
    #[error("more than {0} regular expressions cannot be used")]
    ManyPatterns(usize),
    /// A pattern cannot be used.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
    /// The training was told to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Trains a model. The same data, options and seed give the same model on any number of
/// threads. Stops within milliseconds when `progress` is cancelled.
pub fn train(
    data: &TrainingData,
    options: &Options,
    progress: &Progress,
) -> Result<Trained, TrainError> {
    let labels: Vec<Option<&str>> = data.examples.iter().map(|e| e.intent.as_deref()).collect();
    check(&labels)?;
    let entities = Entities::new(data, &options.language, progress)?;
    let said = Said::new(&data.examples, &labels);
    // Before any of it is done, so that the whole is known from the start.
    let plan = learning::plan(&said, options, progress)?;
    progress.expect(Entities::work(data, options.encoder.as_deref()));
    // Before the features are there, which take as much memory.
    let lesson = Lesson {
        data,
        label_of: said.label_of(),
        seed: options.seed,
        encoder: options.encoder.as_deref(),
        threads: options.threads,
    };
    let entities = entities.learn(&lesson, progress)?;
    let prepared = Prepared::new(said, options, progress)?;
    let (intents, weights, accuracy) = learning::learn(prepared, &plan, options, progress)?;
    let encoder = options.encoder.clone();
    Ok(Trained {
        accuracy,
        intents: intents.len(),
        entities: entities.len(),
        model: Model {
            intents,
            entities,
            encoded: encoder.map(|encoder| Encoded { encoder, weights }),
        },
    })
}

/// Whether there is something to tell apart.
pub(super) fn check(labels: &[Option<&str>]) -> Result<(), TrainError> {
    let Some(first) = labels.first() else {
        return Err(TrainError::NoExamples);
    };
    if labels.iter().all(Option::is_none) {
        return Err(TrainError::NoIntent);
    }
    if labels.iter().all(|label| label == first) {
        return Err(TrainError::OneIntent);
    }
    Ok(())
}
