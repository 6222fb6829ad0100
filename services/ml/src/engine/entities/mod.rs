//! The things that an utterance speaks of: learned, listed, matched by patterns, built in.

mod builtin;
mod clues;
mod corpus;
mod dense;
mod gazetteer;
mod meanings;
mod patterns;
mod perceptron;
mod resolve;
mod sparse;
mod synonyms;
mod tagger;
mod tags;
mod training;
mod values;
mod viterbi;

use super::encoder::{Encoder, Reading};
use super::progress::{Cancelled, Progress};
use super::random::Random;
use super::text::Text;
use super::train::TrainError;
pub use builtin::Builtins;
use jiff::Zoned;
pub use patterns::{BadPattern, STEPS as PATTERN_STEPS};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use stoa_contracts::parse::Entity;
use stoa_contracts::training_data::TrainingData;
pub(super) use tagger::Tagger;

/// The extractors' names, as clients see them.
const MODEL: &str = "model";
const LOOKUP: &str = "lookup";
const REGEX: &str = "regex";
const BUILTIN: &str = "builtin";

/// Finds entities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entities {
    /// Stored behind the rest of a model, see [`super::artefact`]; what is read here is one of before.
    #[serde(with = "dense")]
    pub(super) tagger: Option<Tagger>,
    gazetteer: gazetteer::Gazetteer,
    patterns: patterns::Patterns,
    synonyms: synonyms::Synonyms,
    locale: builtin::Locale,
}

/// What the entities are learned from.
pub(super) struct Lesson<'a> {
    /// The data.
    pub(super) data: &'a TrainingData,
    /// The number of each example's intent.
    pub(super) label_of: &'a [u32],
    /// Decides the order in which examples are seen.
    pub(super) seed: u64,
    /// Says what words mean where they stand, if there is one.
    pub(super) encoder: Option<&'a Encoder>,
    /// Threads that read with it.
    pub(super) threads: NonZeroUsize,
}

impl Entities {
    /// Takes over lists, patterns and synonyms; what is learned comes by [`Self::learn`].
    pub(super) fn new(
        data: &TrainingData,
        language: &str,
        progress: &Progress,
    ) -> Result<Self, TrainError> {
        tags::check(&data.examples)?;
        Ok(Self {
            tagger: None,
            gazetteer: gazetteer::Gazetteer::new(&data.lookups, &data.synonyms, progress)?,
            patterns: patterns::Patterns::new(&data.regexes)?,
            synonyms: synonyms::Synonyms::new(data),
            locale: builtin::Locale::of(language),
        })
    }

    /// How much work it is to learn from the data.
    pub(super) fn work(data: &TrainingData, encoder: Option<&Encoder>) -> usize {
        training::work(&data.examples, encoder)
    }

    /// Learns to find what is annotated in the examples.
    pub(super) fn learn(
        mut self,
        lesson: &Lesson<'_>,
        progress: &Progress,
    ) -> Result<Self, Cancelled> {
        let random = Random::new(lesson.seed);
        self.tagger = training::learn(lesson, &self.gazetteer, random, progress)?;
        Ok(self)
    }

    /// The entities of an utterance with this intent, in the order of the text, which an encoder may have read; times are
    /// counted from `now`, and of what is built in only these kinds are looked for.
    pub(super) fn extract(
        &self,
        original: &str,
        (text, reading): (&Text, Option<&Reading>),
        label: usize,
        (now, builtins): (&Zoned, Builtins),
    ) -> Vec<Entity> {
        let learned = self.tagger.as_ref().map(|tagger| {
            let listed = self.gazetteer.listed(text);
            tagger.find(original, (text, reading), label, &listed)
        });
        let learned = learned.unwrap_or_default();
        let mut found = self.gazetteer.find(original, text, &learned);
        found.extend(learned);
        found.extend(self.patterns.find(original));
        found.extend(builtin::find(original, text, self.locale, (now, builtins)));
        let mut found = resolve::resolve(found);
        for entity in &mut found {
            self.synonyms.normalise(entity);
        }
        found
    }

    /// How many kinds of entity it was taught.
    pub(super) fn len(&self) -> usize {
        let learned = self.tagger.iter().flat_map(Tagger::entities);
        let mut names: Vec<&str> = learned
            .chain(self.gazetteer.entities())
            .chain(self.patterns.entities())
            .collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }

    /// Bytes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.tagger.as_ref().map_or(0, Tagger::bytes)
            + self.gazetteer.bytes()
            + self.patterns.bytes()
            + self.synonyms.bytes()
    }

    /// The most steps that the patterns may take in an utterance of so many bytes.
    pub(super) fn pattern_steps(&self, bytes: usize) -> usize {
        self.patterns.steps(bytes)
    }

    /// Whether its parts fit together, and with an encoder of so many numbers, so that nothing can go wrong when it is used.
    pub(super) fn is_sound(&self, numbers: Option<usize>) -> bool {
        let tagger = self.tagger.as_ref();
        tagger.is_none_or(|tagger| tagger.is_sound(numbers)) && self.gazetteer.is_sound()
    }
}
