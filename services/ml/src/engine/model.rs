//! A trained model: what is stored, loaded and asked.

use super::encoder::{Encoder, Reading};
use super::entities::{Builtins, Entities};
use super::intents::Intents;
use super::network::Meaning;
use super::text::Text;
use super::weights::Quantised;
use jiff::Zoned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use stoa_contracts::engines::EngineKind;
use stoa_contracts::parse::ParseResult;

/// A trained model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// What the user wants.
    pub(super) intents: Intents,
    /// What they speak of.
    pub(super) entities: Entities,
    /// What an encoder adds. Stored beside the rest, which a release without encoders can read where there is none.
    #[serde(skip)]
    pub(super) encoded: Option<Encoded>,
}

/// What a model has learned of the meanings that an encoder gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Encoded {
    /// The encoder that it was trained with.
    pub(super) encoder: Arc<Encoder>,
    /// A row per number of a meaning, a column per unit in between.
    pub(super) weights: Quantised,
}

impl Model {
    /// What an utterance means; `version` is passed on into the answer, and dates and times are counted from `now`,
    /// in its time zone.
    pub fn parse(&self, original: &str, version: i32, now: &Zoned) -> ParseResult {
        self.parse_for(original, version, now, Builtins::ALL)
    }

    /// The same, where only these built-in entities are looked for.
    pub fn parse_for(
        &self,
        original: &str,
        version: i32,
        now: &Zoned,
        builtins: Builtins,
    ) -> ParseResult {
        let text = Text::new(original);
        let encoded = self.encoded.as_ref();
        let reading = encoded.map(|encoded| encoded.encoder.read(original));
        let numbers = reading.as_ref().map(Reading::meaning);
        let meaning = encoded.zip(numbers.as_deref());
        let meaning =
            meaning.map(|(Encoded { weights, .. }, numbers)| Meaning { weights, numbers });
        let answer = self.intents.classify(&text, meaning);
        ParseResult {
            text: original.into(),
            entities: self.entities.extract(
                original,
                (&text, reading.as_ref()),
                answer.label,
                (now, builtins),
            ),
            intent: answer.intent,
            intent_ranking: answer.ranking,
            model_version: version,
            engine: EngineKind::Ml,
            ambiguous: false,
            alternatives: Vec::new(),
        }
    }

    /// Whether each utterance goes through an encoder, which takes milliseconds.
    pub fn is_encoded(&self) -> bool {
        self.encoded.is_some()
    }

    /// The most steps that its patterns may take in an utterance of so many bytes, typically a nanosecond each; never
    /// more than [`super::PATTERN_STEPS`].
    pub fn pattern_steps(&self, bytes: usize) -> usize {
        self.entities.pattern_steps(bytes)
    }

    /// Bytes that it takes in memory, roughly: what a cache weighs it by.
    pub fn bytes(&self) -> usize {
        let encoded = self
            .encoded
            .as_ref()
            .map_or(0, |encoded| encoded.weights.bytes());
        self.intents.bytes() + self.entities.bytes() + encoded
    }

    /// Whether its parts fit together, so that nothing can go wrong when it is used.
    pub(super) fn is_sound(&self) -> bool {
        let encoded = self.encoded.as_ref();
        let numbers = encoded.map(|encoded| encoded.encoder.width());
        let units = self.intents.network.units();
        let fits = |(encoded, numbers): (&Encoded, _)| encoded.weights.is_sound(numbers, units);
        self.intents.is_sound()
            && self.entities.is_sound(numbers)
            && encoded.zip(numbers).is_none_or(fits)
    }
}
