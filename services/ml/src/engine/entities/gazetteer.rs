//! Lists of an entity's values: exact phrases, whatever their case and accents.

use super::super::progress::{Cancelled, Progress};
use super::super::text::{Text, slice};
use super::LOOKUP;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use stoa_contracts::parse::Entity;
use stoa_contracts::training_data::{Lookup, Synonym};

/// Tokens of a phrase at most: from each token of an utterance it is looked for as far as this.
const PHRASE: usize = 100;

/// The phrases of all lists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gazetteer {
    entities: Vec<String>,
    /// Phrase (its folded tokens) to entity and value, spelled as the list spells it; models of earlier releases have a
    /// value only where it is not the text.
    phrases: BTreeMap<String, (u32, Option<String>)>,
    /// Tokens of the longest phrase.
    longest: usize,
}

/// A phrase of a list in an utterance.
struct Hit<'a> {
    first: usize,
    tokens: usize,
    entity: u32,
    value: Option<&'a str>,
}

impl Gazetteer {
    /// The lists, and the synonyms of their values.
    pub(super) fn new(
        lookups: &[Lookup],
        synonyms: &[Synonym],
        progress: &Progress,
    ) -> Result<Self, Cancelled> {
        let mut gazetteer = Self::default();
        let mut variants: HashMap<&str, Vec<&String>> = HashMap::new();
        for synonym in synonyms {
            let known = variants.entry(&synonym.value).or_default();
            known.extend(&synonym.variants);
        }
        for lookup in lookups {
            let entity = gazetteer.number(&lookup.entity);
            for value in &lookup.values {
                progress.advance(0)?;
                gazetteer.add(value, entity, value);
                for variant in variants.get(value.as_str()).into_iter().flatten() {
                    gazetteer.add(variant, entity, value);
                }
            }
        }
        Ok(gazetteer)
    }

    fn number(&mut self, entity: &str) -> u32 {
        let known = self.entities.iter().position(|name| name == entity);
        let number = known.unwrap_or_else(|| {
            self.entities.push(entity.into());
            self.entities.len() - 1
        });
        u32::try_from(number).expect("a request body cannot hold 2^32 lists")
    }

    /// Longer phrases are never found, and left out.
    fn add(&mut self, phrase: &str, entity: u32, value: &str) {
        let key = Text::key(phrase);
        let tokens = key.split(' ').count();
        if key.is_empty() || tokens > PHRASE {
            return;
        }
        self.longest = self.longest.max(tokens);
        let found = || (entity, Some(value.to_owned()));
        self.phrases.entry(key).or_insert_with(found);
    }

    /// The longest phrases, from left to right.
    fn hits(&self, text: &Text) -> Vec<Hit<'_>> {
        let mut hits = Vec::new();
        let mut first = 0;
        while !self.phrases.is_empty() && first < text.tokens().len() {
            match self.longest_from(text, first) {
                Some(hit) => {
                    first += hit.tokens;
                    hits.push(hit);
                }
                None => first += 1,
            }
        }
        hits
    }

    fn longest_from(&self, text: &Text, first: usize) -> Option<Hit<'_>> {
        let mut key = String::new();
        let mut best = None;
        // A model of an earlier release may have longer ones.
        let longest = self.longest.min(PHRASE);
        for (index, token) in text.tokens()[first..].iter().take(longest).enumerate() {
            text.append_key(token, &mut key);
            let from = (Bound::Included(key.as_str()), Bound::Unbounded);
            let next = self.phrases.range::<str, _>(from).next();
            let Some((phrase, (entity, value))) = next.filter(|(next, _)| next.starts_with(&key))
            else {
                break;
            };
            if phrase.len() == key.len() {
                best = Some(Hit {
                    first,
                    tokens: index + 1,
                    entity: *entity,
                    value: value.as_deref(),
                });
            }
        }
        best
    }

    /// The entities whose lists have a phrase in the utterance.
    pub(super) fn find(&self, original: &str, text: &Text) -> Vec<Entity> {
        let entity = |hit: Hit<'_>| {
            let start = text.tokens()[hit.first].start;
            let end = text.tokens()[hit.first + hit.tokens - 1].end;
            let value = hit.value.unwrap_or_else(|| slice(original, start, end));
            Entity {
                entity: self
                    .entities
                    .get(hit.entity as usize)
                    .cloned()
                    .unwrap_or_default(),
                start,
                end,
                value: value.into(),
                confidence: 1.0,
                extractor: LOOKUP.into(),
                role: None,
                group: None,
            }
        };
        self.hits(text).into_iter().map(entity).collect()
    }

    /// For each token the number of the list that it is in, from 1; 0 for none.
    pub(super) fn listed(&self, text: &Text) -> Vec<u32> {
        let mut listed = vec![0; text.tokens().len()];
        for hit in self.hits(text) {
            listed[hit.first..hit.first + hit.tokens].fill(hit.entity + 1);
        }
        listed
    }

    /// Whether its phrases are of its lists, and as long as it says: it looks no further than that.
    pub(super) fn is_sound(&self) -> bool {
        let is_listed = |(entity, _): &(u32, Option<String>)| {
            usize::try_from(*entity).is_ok_and(|entity| entity < self.entities.len())
        };
        let longest = self.phrases.keys().map(|key| key.split(' ').count()).max();
        self.phrases.values().all(is_listed) && longest.unwrap_or(0) == self.longest
    }

    /// The names of the entities that have lists.
    pub(super) fn entities(&self) -> impl Iterator<Item = &str> {
        self.entities.iter().map(String::as_str)
    }

    /// Bytes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        let phrase = |(key, (_, value)): (&String, &(u32, Option<String>))| {
            key.len() + value.as_ref().map_or(0, String::len) + 80
        };
        self.phrases.iter().map(phrase).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gazetteer() -> Gazetteer {
        let values = vec!["Sunrise".into(), "Sunrise Plus".into()];
        let lookups = [Lookup {
            entity: "tariff".into(),
            values,
        }];
        let variants = vec!["the cheap one".into()];
        let synonyms = [Synonym {
            value: "Sunrise".into(),
            variants,
        }];
        Gazetteer::new(&lookups, &synonyms, &Progress::new()).expect("nobody cancels it")
    }

    fn found(original: &str) -> Vec<(usize, usize, String)> {
        let found = gazetteer().find(original, &Text::new(original));
        let describe = |e: Entity| (e.start, e.end, e.value.as_str().unwrap_or_default().into());
        found.into_iter().map(describe).collect()
    }

    #[test]
    fn the_longest_phrase_wins_whatever_its_case_and_is_spelled_as_in_the_list() {
        assert_eq!(
            found("is SUNRISE  plus ok"),
            [(3, 16, "Sunrise Plus".into())]
        );
    }

    #[test]
    fn a_synonym_of_a_listed_value_stands_for_it() {
        assert_eq!(found("take the cheap one"), [(5, 18, "Sunrise".into())]);
    }

    #[test]
    fn many_values_are_taken_with_a_synonym_each_until_it_is_cancelled() {
        let values: Vec<String> = (0..40_000).map(|n| format!("value {n}")).collect();
        let synonym = |value: &String| Synonym {
            value: value.clone(),
            variants: vec![format!("also {value}")],
        };
        let synonyms: Vec<Synonym> = values.iter().map(synonym).collect();
        let lookups = [Lookup {
            entity: "thing".into(),
            values,
        }];
        let progress = Progress::new();
        let gazetteer = Gazetteer::new(&lookups, &synonyms, &progress).unwrap();
        assert_eq!(gazetteer.phrases.len(), 80_000);
        progress.cancel();
        assert_eq!(
            Gazetteer::new(&lookups, &synonyms, &progress),
            Err(Cancelled)
        );
    }

    #[test]
    fn a_phrase_of_many_tokens_is_left_out_and_one_that_is_begun_is_none() {
        let list = |tokens: usize| {
            let lookups = [Lookup {
                entity: "noise".into(),
                values: vec!["! ".repeat(tokens)],
            }];
            Gazetteer::new(&lookups, &[], &Progress::new()).unwrap()
        };
        assert!(list(PHRASE + 1).phrases.is_empty());
        let longest = list(PHRASE);
        let hits = |tokens: usize| longest.hits(&Text::new(&"!".repeat(tokens))).len();
        assert_eq!([PHRASE - 1, PHRASE, 10 * PHRASE].map(hits), [0, 1, 10]);
    }

    #[test]
    fn a_part_of_a_word_is_no_hit() {
        assert_eq!(found("sunrises"), []);
    }
}
