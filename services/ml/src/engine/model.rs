//! A trained model: what is stored, loaded and asked.

use super::entities::{Builtins, Entities};
use super::intents::Intents;
use super::text::Text;
use jiff::Zoned;
use serde::{Deserialize, Serialize};
use stoa_contracts::engines::EngineKind;
use stoa_contracts::parse::ParseResult;

/// A trained model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// What the user wants.
    pub(super) intents: Intents,
    /// What they speak of.
    pub(super) entities: Entities,
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
        let answer = self.intents.classify(&text);
        ParseResult {
            text: original.into(),
            entities: self
                .entities
                .extract(original, &text, answer.label, (now, builtins)),
            intent: answer.intent,
            intent_ranking: answer.ranking,
            model_version: version,
            engine: EngineKind::Ml,
            ambiguous: false,
            alternatives: Vec::new(),
        }
    }

    /// Bytes that it takes in memory, roughly: what a cache weighs it by.
    pub fn bytes(&self) -> usize {
        self.intents.bytes() + self.entities.bytes()
    }

    /// Whether its parts fit together, so that nothing can go wrong when it is used.
    pub(super) fn is_sound(&self) -> bool {
        self.intents.is_sound() && self.entities.is_sound()
    }
}
