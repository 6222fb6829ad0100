//! The checks that hold for every format: each item is checked where it is read, once.

use std::collections::HashMap;

use serde_json::Value as Json;
use stoa_contracts::parse::TEXT_LIMIT;
use stoa_contracts::training_data::{
    EntityAnnotation, Example, Hint, HintKind, IntentMetadata, Lookup, RegexPattern, Synonym,
    TrainingData,
};

use super::bounds::Bounds;
use crate::document::{DocumentError, Entry, Findings, Position};

/// The longest name of an intent or entity, in characters.
const NAME_LIMIT: usize = 200;
/// Utterances of one assistant: four times the largest public intent set.
pub(crate) const EXAMPLES_LIMIT: usize = 100_000;
/// Entities in one utterance.
const ENTITIES_LIMIT: usize = 100;
/// Memory of one compiled pattern; hundreds of them are compiled when a model is loaded.
const PATTERN_BYTES: usize = 1 << 18;
/// The intent that stands for "none" in formats that cannot leave it out.
pub(crate) const OUT_OF_SCOPE: &str = "out_of_scope";
/// What is noted beside an utterance or an intent, as JSON in bytes.
const METADATA_LIMIT: usize = 10_000;
/// Hints that one upload gets about things that are not kept.
const IGNORED_TOLD: usize = 20;

/// Gathers the items of a document, and what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Collector {
    data: TrainingData,
    findings: Findings,
    ignored: Vec<Hint>,
    synonyms: HashMap<String, usize>,
    lookups: HashMap<String, usize>,
    intents: HashMap<String, usize>,
    bounds: Bounds,
}

impl Collector {
    /// Takes an utterance; the intent `out_of_scope` and no intent are the same.
    pub(super) fn example(&mut self, at: Position, example: Example) {
        if self.data.examples.len() == EXAMPLES_LIMIT {
            self.wrong(
                at,
                format!("more than {EXAMPLES_LIMIT} utterances are not allowed"),
            );
        }
        if self.data.examples.len() >= EXAMPLES_LIMIT {
            return;
        }
        let mut example = trimmed(example);
        self.text(at, "an utterance", &example.text, TEXT_LIMIT);
        example.intent = example
            .intent
            .take()
            .filter(|intent| intent != OUT_OF_SCOPE);
        if let Some(intent) = &example.intent {
            self.name(at, "an intent", intent);
            let excess = self.bounds.intent(intent);
            self.excess(at, excess);
        }
        self.entities(at, &mut example);
        if let Some(metadata) = &example.metadata {
            self.metadata(at, metadata);
        }
        self.data.examples.push(example);
    }

    fn entities(&mut self, at: Position, example: &mut Example) {
        if example.entities.len() > ENTITIES_LIMIT {
            self.wrong(
                at,
                format!("an utterance has at most {ENTITIES_LIMIT} entities"),
            );
            return;
        }
        let length = example.text.chars().count();
        example
            .entities
            .sort_by_key(|entity| (entity.start, entity.end));
        let mut end = 0;
        for entity in &example.entities {
            self.name(at, "an entity", &entity.entity);
            let excess = self.bounds.annotation(entity);
            self.excess(at, excess);
            for optional in [&entity.role, &entity.group, &entity.value]
                .into_iter()
                .flatten()
            {
                self.text(
                    at,
                    "the role, group or value of an entity",
                    optional,
                    TEXT_LIMIT,
                );
            }
            let EntityAnnotation {
                start,
                end: stop,
                entity,
                ..
            } = entity;
            if start >= stop || *stop > length {
                let places = format!("characters {start} to {stop}");
                self.wrong(
                    at,
                    format!("`{entity}` is at {places} of a text of {length}"),
                );
            } else if *start < end {
                self.wrong(at, format!("`{entity}` overlaps the entity before it"));
            }
            end = *stop;
        }
    }

    /// Takes words that mean `value`; the same value twice is one synonym.
    pub(super) fn synonym(&mut self, at: Position, value: &str, variants: Vec<(Position, String)>) {
        let value = value.trim();
        self.text(at, "the value of a synonym", value, TEXT_LIMIT);
        let variants = self.values(variants);
        let next = self.data.synonyms.len();
        let index = *self.synonyms.entry(value.to_owned()).or_insert(next);
        if index == next {
            self.data.synonyms.push(Synonym {
                value: value.to_owned(),
                variants,
            });
        } else {
            self.data.synonyms[index].variants.extend(variants);
        }
    }

    /// Takes values of an entity; the same entity twice is one list.
    pub(super) fn lookup(&mut self, at: Position, entity: &str, values: Vec<(Position, String)>) {
        let entity = entity.trim();
        self.name(at, "an entity", entity);
        let excess = self.bounds.list(entity);
        self.excess(at, excess);
        let values = self.values(values);
        let next = self.data.lookups.len();
        let index = *self.lookups.entry(entity.to_owned()).or_insert(next);
        if index == next {
            self.data.lookups.push(Lookup {
                entity: entity.to_owned(),
                values,
            });
        } else {
            self.data.lookups[index].values.extend(values);
        }
    }

    /// Takes a pattern of an entity.
    pub(super) fn regex(&mut self, at: Position, entity: &str, pattern: &str) {
        let (entity, pattern) = (entity.trim(), pattern.trim());
        self.name(at, "an entity", entity);
        let excess = self.bounds.pattern();
        self.excess(at, excess);
        if let Err(error) = compile(pattern) {
            self.wrong(
                at,
                format!("the pattern of `{entity}` is not valid: {error}"),
            );
        }
        let (entity, pattern) = (entity.to_owned(), pattern.to_owned());
        self.data.regexes.push(RegexPattern { entity, pattern });
    }

    /// Takes what is noted beside an intent, once for each.
    pub(super) fn intent(&mut self, at: Position, intent: &str, metadata: Json) {
        let intent = intent.trim().to_owned();
        self.name(at, "an intent", &intent);
        let excess = self.bounds.intent(&intent);
        self.excess(at, excess);
        self.metadata(at, &metadata);
        let next = self.data.intents.len();
        let index = *self.intents.entry(intent.clone()).or_insert(next);
        if index == next {
            self.data.intents.push(IntentMetadata { intent, metadata });
        } else if self.data.intents[index].metadata != metadata {
            self.ignore(at, &format!("another `metadata` of `{intent}` is not kept"));
        }
    }

    /// Notes something that the format can say and that is not kept.
    pub(super) fn ignore(&mut self, at: Position, what: &str) {
        if self.ignored.len() < IGNORED_TOLD {
            let message = format!("Line {}: {what}.", at.line);
            self.ignored.push(Hint {
                kind: HintKind::Ignored,
                message,
            });
        }
    }

    /// Notes that a bound is passed, if it is.
    fn excess(&mut self, at: Position, excess: Option<String>) {
        if let Some(message) = excess {
            self.wrong(at, message);
        }
    }

    /// Notes something that is wrong.
    pub(super) fn wrong(&mut self, at: Position, message: impl Into<String>) {
        self.findings.add(at, message);
    }

    /// The data, if nothing was wrong.
    pub(super) fn finish(self) -> Result<(TrainingData, Vec<Hint>), DocumentError> {
        self.findings.into_result()?;
        Ok((self.data, self.ignored))
    }

    fn values(&mut self, values: Vec<(Position, String)>) -> Vec<String> {
        let mut kept = Vec::with_capacity(values.len());
        for (at, value) in values {
            let value = value.trim();
            self.text(at, "a value", value, TEXT_LIMIT);
            kept.push(value.to_owned());
        }
        kept
    }

    fn metadata(&mut self, at: Position, metadata: &Json) {
        if metadata.to_string().len() > METADATA_LIMIT {
            self.wrong(
                at,
                format!("`metadata` has more than {METADATA_LIMIT} bytes of JSON"),
            );
        }
        if has_nul(metadata) {
            self.wrong(at, "`metadata` holds a NUL character");
        }
    }

    fn name(&mut self, at: Position, what: &str, name: &str) {
        if is_name(name) {
            self.text(at, &format!("the name of {what}"), name, NAME_LIMIT);
        } else {
            self.wrong(
                at,
                format!("{what} has spaces around it or control characters"),
            );
        }
    }

    fn text(&mut self, at: Position, what: &str, text: &str, limit: usize) {
        if text.is_empty() {
            self.wrong(at, format!("{what} is empty"));
        } else if text.len() > limit && text.chars().count() > limit {
            self.wrong(at, format!("{what} is longer than {limit} characters"));
        } else if text.contains('\0') {
            self.wrong(at, format!("{what} holds a NUL character"));
        }
    }
}

/// Whether it can be the name of an intent or entity, apart from its length.
pub(crate) fn is_name(name: &str) -> bool {
    name.trim() == name && !name.chars().any(char::is_control)
}

fn compile(pattern: &str) -> Result<(), String> {
    if pattern.is_empty() {
        return Err("it is empty".to_owned());
    }
    // As `ml` does: what takes either case is larger.
    let built = regex::RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(PATTERN_BYTES)
        .build();
    let regex = built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        other => other
            .to_string()
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned(),
    })?;
    if regex.is_match("") {
        return Err("it matches the empty text".to_owned());
    }
    Ok(())
}

fn has_nul(value: &Json) -> bool {
    match value {
        Json::String(text) => text.contains('\0'),
        Json::Array(items) => items.iter().any(has_nul),
        Json::Object(entries) => entries
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// What a `metadata` says; nothing where it is null.
pub(super) fn noted(metadata: &Entry) -> Option<Json> {
    Some(metadata.value.to_json()).filter(|noted| !noted.is_null())
}

/// The utterance without the space around it, its entities moved along.
fn trimmed(mut example: Example) -> Example {
    let trimmed = example.text.trim();
    if trimmed.len() == example.text.len() {
        return example;
    }
    let before = example
        .text
        .chars()
        .take_while(|c| c.is_whitespace())
        .count();
    let (whole, length) = (example.text.chars().count(), trimmed.chars().count());
    for entity in &mut example.entities {
        // An entity may hold the space at the end: "to [Rome ](city)". One that is beyond it is wrong.
        let last = if entity.end > whole {
            usize::MAX
        } else {
            length
        };
        entity.start = entity.start.saturating_sub(before);
        entity.end = entity.end.saturating_sub(before).min(last);
    }
    example.text = trimmed.to_owned();
    example
}
