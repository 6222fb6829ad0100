//! What the user said, as the engine hears it.

use stoa_contracts::flows::{is_doubtful_name, is_payload_name};
use stoa_contracts::parse::{Entity, ParseResult};

/// What the user said.
#[derive(Clone, Debug, PartialEq)]
pub struct Utterance {
    /// The text.
    pub text: String,
    /// The intent and how sure that is; `None` when out of scope.
    pub intent: Option<(String, f64)>,
    /// The entities in the text.
    pub entities: Vec<Entity>,
    /// The intents that may be meant, where it is more than one.
    pub alternatives: Vec<String>,
}

impl Utterance {
    /// What a button's payload says by itself: `/intent` or `/intent{"entity":"value"}`;
    /// `None` for text that has to be understood first.
    pub fn from_payload(text: &str) -> Option<Self> {
        let command = text.strip_prefix('/')?;
        let (intent, entities) = match command.find('{') {
            Some(at) => command.split_at(at),
            None => (command, "{}"),
        };
        let intent = intent.trim();
        if !is_payload_name(intent) {
            return None;
        }
        let entities: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(entities).ok()?;
        let entity = |(entity, value)| Entity {
            entity,
            start: 0,
            end: 0,
            value,
            confidence: 1.0,
            extractor: "button".into(),
            role: None,
            group: None,
        };
        Some(Self {
            text: text.to_owned(),
            intent: Some((intent.to_owned(), 1.0)),
            entities: entities.into_iter().map(entity).collect(),
            alternatives: Vec::new(),
        })
    }

    /// Whether it may as well be a path that somebody has typed: it is a payload if the assistant knows the intent.
    pub fn is_doubtful(&self) -> bool {
        let intent = self.intent.as_ref();
        intent.is_some_and(|(name, _)| is_doubtful_name(name))
    }

    /// The payload of a button that says the same, meant as one of the alternatives; `None` for an intent that no payload
    /// can name.
    pub(super) fn as_payload(&self, intent: &str) -> Option<String> {
        let values = self.entities.iter();
        let values = values.map(|found| (found.entity.clone(), found.value.clone()));
        let values: serde_json::Map<_, _> = values.collect();
        let payload = match values.len() {
            0 => format!("/{intent}"),
            _ => format!("/{intent}{}", serde_json::Value::from(values)),
        };
        Self::from_payload(&payload).map(|_| payload)
    }

    /// Whether the text is a button's payload, which no slot should take as an answer in words.
    pub(super) fn is_payload(&self) -> bool {
        self.text.starts_with('/') && self.intent.as_ref().is_some_and(|(_, sure)| *sure >= 1.0)
    }

    /// The intent, if it is surer than a threshold.
    pub(super) fn intent_above(&self, confidence: f64) -> Option<&str> {
        let (name, sure) = self.intent.as_ref()?;
        (*sure >= confidence).then_some(name)
    }
}

impl From<&ParseResult> for Utterance {
    fn from(parse: &ParseResult) -> Self {
        let confidence = parse.intent.confidence;
        Self {
            text: parse.text.clone(),
            intent: parse.intent.name.clone().map(|name| (name, confidence)),
            entities: parse.entities.clone(),
            alternatives: parse.alternatives.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_names_an_intent_and_its_entities() {
        let said = Utterance::from_payload(r#"/inform{"city":"Rome","count":2}"#).unwrap();
        assert_eq!(said.intent, Some(("inform".into(), 1.0)));
        assert_eq!(said.entities.len(), 2);
        assert_eq!(said.entities[0].value, "Rome");
        let of_many = Utterance::from_payload("/faq/ask.more").unwrap();
        assert_eq!(of_many.intent, Some(("faq/ask.more".into(), 1.0)));
        assert!(of_many.is_doubtful() && !said.is_doubtful());
    }

    #[test]
    fn text_that_only_looks_like_a_payload_is_left_to_understanding() {
        for text in ["hello", "/", "/a b", "/{}", "/x{", "/x{\"a\":1", "/ü?"] {
            assert_eq!(Utterance::from_payload(text), None, "{text}");
        }
    }
}
