//! How well utterances are understood: by models that have not seen them, or by one that is there.

mod entities;
mod scores;

use super::entities::Builtins;
use super::folds::{self, Fold};
use super::learning;
use super::model::Model;
use super::options::Options;
use super::parallel;
use super::progress::{Cancelled, Progress};
use super::random::Random;
use super::said::Said;
use super::train::{self, TrainError, train};
use entities::EntityTally;
use jiff::Zoned;
use scores::Answer;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use stoa_contracts::evaluations::EvaluationResult;
use stoa_contracts::parse::ParseResult;
use stoa_contracts::training_data::{Example, TrainingData};
use stoa_contracts::understanding::Understanding;

/// Folds that are worked on together at most: each may take as much memory as a training.
const TOGETHER: usize = 4;
/// Examples times annotations of different kinds from which on a single one is worked on.
const LARGE: usize = 250_000;
/// Bytes of utterances from which on a single one is worked on.
const LONG: usize = 1 << 20;
/// Utterances that one thread asks a model at a time.
const CHUNK: usize = 256;

/// Why nothing is measured. All but a cancelled training is said to the designer as it stands.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The data cannot be learned from.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Nothing can be held out.
    #[error(
        "no intent has two different examples: one must be kept to learn from while the other is asked"
    )]
    NothingToAsk,
    /// No utterance came along.
    #[error("there are no utterances to ask: add some with their intents")]
    NoExamples,
}

impl From<Cancelled> for EvaluateError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Train(cancelled.into())
    }
}

/// Holds every example out once and asks a model that has learned from the other folds. Copies of an utterance are in the
/// same fold; the only example of an intent, with its copies, is always learned, never asked. What counts is what an
/// assistant with these settings would answer. The same data, folds, options and seed give the same result on any number
/// of threads.
pub fn cross_validate(
    data: &TrainingData,
    folds: usize,
    (options, understanding): (&Options, &Understanding),
    progress: &Progress,
) -> Result<EvaluationResult, EvaluateError> {
    let labels: Vec<Option<&str>> = data.examples.iter().map(|e| e.intent.as_deref()).collect();
    train::check(&labels)?;
    let said = Said::new(&data.examples, &labels);
    let (keys, random) = (said.keys(progress)?, &mut Random::new(options.seed));
    let folds = folds::divide(said.label_of(), &keys, folds.max(2), random);
    let together = together(data, &said, options, progress)?;
    let Some(together) = NonZeroUsize::new(together.min(folds.len())) else {
        return Err(EvaluateError::NothingToAsk);
    };
    let mut options = Options {
        threads: NonZeroUsize::new(options.threads.get() / together).unwrap_or(NonZeroUsize::MIN),
        ..options.clone()
    };
    options.intents.trainings = together.get();
    let mut asking = Asking::new(&data.examples, understanding);
    let parts = progress.divide(folds.len());
    let answered = parallel::map(together, folds, |number, fold| {
        let (asked, part) = (fold.asked.len(), &parts[number]);
        part.expect(asked);
        let model = train(&learned(data, &fold), &options, part)?.model;
        Ok::<_, EvaluateError>(asking.ask(&model, fold.asked, part)?)
    });
    for answered in answered {
        asking.take(answered?);
    }
    Ok(asking.result())
}

/// How many folds may be worked on together: no more than the bound on weights has room for.
fn together(
    data: &TrainingData,
    said: &Said<'_>,
    options: &Options,
    progress: &Progress,
) -> Result<usize, Cancelled> {
    let most = if is_large(data) { 1 } else { TOGETHER };
    let most = most.min(options.threads.get());
    if most == 1 {
        return Ok(most);
    }
    let weights = learning::weights(said, &options.intents, progress)?;
    let room = options.intents.most_weights / weights.max(1);
    Ok(most.min(room).max(1))
}

/// Whether a single fold takes so much memory that it is worked on by itself.
fn is_large(data: &TrainingData) -> bool {
    let annotations = data.examples.iter().flat_map(|example| &example.entities);
    let kinds: HashSet<_> = annotations.map(|a| (&a.entity, &a.role)).collect();
    let bytes: usize = data.examples.iter().map(|e| e.text.len()).sum();
    data.examples.len() * kinds.len() > LARGE || bytes > LONG
}

/// Asks a model every example, as an assistant with these settings would be asked.
pub fn assess(
    model: &Model,
    examples: &[Example],
    (threads, understanding): (NonZeroUsize, &Understanding),
    progress: &Progress,
) -> Result<EvaluationResult, EvaluateError> {
    if examples.is_empty() {
        return Err(EvaluateError::NoExamples);
    }
    progress.expect(examples.len());
    let mut asking = Asking::new(examples, understanding);
    let chunks = (0..examples.len()).step_by(CHUNK);
    let chunks = chunks.map(|first| first..(first + CHUNK).min(examples.len()));
    let answered = parallel::map(threads, chunks.collect(), |_, chunk| {
        asking.ask(model, chunk, progress)
    });
    for answered in answered {
        asking.take(answered?);
    }
    Ok(asking.result())
}

/// What a fold's model learns from; lists, patterns and synonyms are not held out.
fn learned(data: &TrainingData, fold: &Fold) -> TrainingData {
    let examples = fold
        .learned
        .iter()
        .map(|index| data.examples[*index].clone());
    TrainingData {
        examples: examples.collect(),
        synonyms: data.synonyms.clone(),
        lookups: data.lookups.clone(),
        regexes: data.regexes.clone(),
        intents: Vec::new(),
    }
}

/// How sure a model is of the intent that an example has; what is not in the ranking has next to nothing.
fn own(example: &Example, parsed: &ParseResult) -> f64 {
    if parsed.intent.name == example.intent {
        return parsed.intent.confidence;
    }
    let mut ranking = parsed.intent_ranking.iter();
    let own = ranking.find(|ranked| Some(&ranked.name) == example.intent.as_ref());
    own.map_or(0.0, |ranked| ranked.confidence)
}

/// Labelled utterances that are asked, and what was answered so far.
struct Asking<'a> {
    examples: &'a [Example],
    understanding: &'a Understanding,
    answers: Vec<Answer>,
    entities: EntityTally<'a>,
}

/// What a few of the utterances were answered.
struct Answered<'a> {
    answers: Vec<Answer>,
    entities: EntityTally<'a>,
}

impl<'a> Asking<'a> {
    fn new(examples: &'a [Example], understanding: &'a Understanding) -> Self {
        Self {
            examples,
            understanding,
            answers: Vec::with_capacity(examples.len()),
            entities: EntityTally::new(examples),
        }
    }

    /// Asks a model some of the utterances, by their number.
    fn ask(
        &self,
        model: &Model,
        indices: impl IntoIterator<Item = usize>,
        progress: &Progress,
    ) -> Result<Answered<'a>, Cancelled> {
        let mut answers = Vec::new();
        let mut entities = EntityTally::new(self.examples);
        for index in indices {
            progress.advance(1)?;
            let example = &self.examples[index];
            let parsed = self.parse(model, &example.text);
            entities.count(example, &parsed.entities);
            answers.push(Answer {
                example: index,
                own: own(example, &parsed),
                predicted: parsed.intent.name,
                confidence: parsed.intent.confidence,
            });
        }
        Ok(Answered { answers, entities })
    }

    /// What the assistant would answer.
    fn parse(&self, model: &Model, text: &str) -> ParseResult {
        let builtins = Builtins::of(self.understanding.builtin_entities.as_deref());
        // Only places are compared; any fixed time gives the same result for the same data.
        let mut parsed = model.parse_for(text, 0, &Zoned::default(), builtins);
        if self.understanding.is_unsure(parsed.intent.confidence) {
            parsed.intent.name = None;
        }
        parsed
    }

    fn take(&mut self, answered: Answered<'a>) {
        self.answers.extend(answered.answers);
        self.entities.add(&answered.entities);
    }

    fn result(mut self) -> EvaluationResult {
        self.answers.sort_unstable_by_key(|answer| answer.example);
        scores::result(self.examples, &self.answers, &self.entities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_folds_are_worked_on_together_than_the_bound_on_weights_has_room_for() {
        let example = |number: usize| Example {
            text: format!("pay bill {} of {}", number % 7, number % 5),
            intent: Some(["pay", "stop"][number % 2].into()),
            ..Example::default()
        };
        let data = TrainingData {
            examples: (0..40).map(example).collect(),
            ..TrainingData::default()
        };
        let labels: Vec<_> = data.examples.iter().map(|e| e.intent.as_deref()).collect();
        let (mut options, progress) = (Options::default(), Progress::new());
        options.threads = NonZeroUsize::new(12).expect("it is more than none");
        let said = Said::new(&data.examples, &labels);
        let weights = learning::weights(&said, &options.intents, &progress).expect("it goes on");
        for (room, expected) in [(1, 1), (2, 2), (3, 3), (100, TOGETHER)] {
            options.intents.most_weights = room * weights;
            let together = together(&data, &said, &options, &progress);
            assert_eq!(together, Ok(expected), "{room}");
        }
    }
}
