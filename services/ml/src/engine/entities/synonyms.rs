//! One value for the words that mean the same.

use super::super::text::{Text, slice};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use stoa_contracts::parse::Entity;
use stoa_contracts::training_data::TrainingData;

/// The value of every variant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Synonyms {
    value_of: BTreeMap<String, String>,
}

impl Synonyms {
    /// The synonyms of the data, and those that its annotations imply by giving a value that
    /// differs from the text.
    pub(super) fn new(data: &TrainingData) -> Self {
        let mut value_of = BTreeMap::new();
        for example in &data.examples {
            for entity in &example.entities {
                if let Some(value) = &entity.value {
                    let variant = Text::key(slice(&example.text, entity.start, entity.end));
                    value_of.insert(variant, value.clone());
                }
            }
        }
        for synonym in &data.synonyms {
            for variant in &synonym.variants {
                value_of.insert(Text::key(variant), synonym.value.clone());
            }
        }
        Self { value_of }
    }

    /// Bytes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        let pair = |(variant, value): (&String, &String)| variant.len() + value.len() + 80;
        self.value_of.iter().map(pair).sum()
    }

    /// Replaces a variant by its value.
    pub(super) fn normalise(&self, entity: &mut Entity) {
        let Value::String(text) = &entity.value else {
            return;
        };
        if let Some(value) = self.value_of.get(&Text::key(text)) {
            entity.value = Value::String(value.clone());
        }
    }
}
