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

/// No token has it, and it comes before all that a token may have.
const FURTHER: char = '\0';

/// The phrases of all lists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gazetteer {
    entities: Vec<String>,
    /// Phrase (its folded tokens) to entity and value, spelled as the list spells it; models of earlier releases have a
    /// value only where it is not the text. What further lists have of the same phrase stands behind it, under the phrase,
    /// [`FURTHER`] and the list's number, where releases that know of one list only do not find it.
    phrases: BTreeMap<String, (u32, Option<String>)>,
    /// Tokens of the longest phrase.
    longest: usize,
}

/// A phrase of a list in an utterance.
struct Hit<'a> {
    first: usize,
    tokens: usize,
    /// As it is kept.
    phrase: &'a str,
    /// In the first list that has it.
    listed: Listed<'a>,
}

/// A phrase in one of its lists.
#[derive(Clone, Copy)]
struct Listed<'a> {
    entity: u32,
    value: Option<&'a str>,
}

impl<'a> From<&'a (u32, Option<String>)> for Listed<'a> {
    fn from((entity, value): &'a (u32, Option<String>)) -> Self {
        let (entity, value) = (*entity, value.as_deref());
        Self { entity, value }
    }
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
        let found = (entity, Some(value.to_owned()));
        match self.phrases.get(&key) {
            Some((first, _)) if *first == entity => {}
            Some(_) => {
                let further = format!("{key}{FURTHER}{entity}");
                self.phrases.entry(further).or_insert(found);
            }
            None => {
                self.phrases.insert(key, found);
            }
        }
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
            let Some((phrase, listed)) = next.filter(|(next, _)| next.starts_with(&key)) else {
                break;
            };
            if phrase.len() == key.len() {
                best = Some(Hit {
                    first,
                    tokens: index + 1,
                    phrase,
                    listed: listed.into(),
                });
            }
        }
        best
    }

    /// The entities whose lists have a phrase in the utterance. Where several lists have it, it is of the one whose entity
    /// was learned to stand there (`learned`, in the order of the text), else of the first one.
    pub(super) fn find(&self, original: &str, text: &Text, learned: &[Entity]) -> Vec<Entity> {
        let entity = |hit: Hit<'_>| {
            let start = text.tokens()[hit.first].start;
            let end = text.tokens()[hit.first + hit.tokens - 1].end;
            let before = learned.partition_point(|entity| entity.end <= start);
            let there = learned[before..].iter().take_while(|e| e.start < end);
            let listed = self.chosen(&hit, there).unwrap_or(hit.listed);
            let value = listed.value.unwrap_or_else(|| slice(original, start, end));
            Entity {
                entity: self.name(listed).to_owned(),
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

    /// The phrase in the list of one of the entities that were learned to stand there.
    fn chosen<'a>(
        &'a self,
        hit: &Hit<'a>,
        mut learned: impl Iterator<Item = &'a Entity>,
    ) -> Option<Listed<'a>> {
        let lists = || std::iter::once(hit.listed).chain(self.further(hit.phrase));
        learned.find_map(|learned| lists().find(|list| self.name(*list) == learned.entity))
    }

    /// The same phrase in the other lists that have it.
    fn further(&self, phrase: &str) -> impl Iterator<Item = Listed<'_>> {
        let from = format!("{phrase}{FURTHER}");
        let further = self.phrases.range(from.clone()..);
        let further = further.take_while(move |(next, _)| next.starts_with(&from));
        further.map(|(_, listed)| listed.into())
    }

    fn name(&self, listed: Listed<'_>) -> &str {
        let name = self.entities.get(listed.entity as usize);
        name.map_or("", String::as_str)
    }

    /// For each token the number of the first list that it is in, from 1; 0 for none.
    pub(super) fn listed(&self, text: &Text) -> Vec<u32> {
        let mut listed = vec![0; text.tokens().len()];
        for hit in self.hits(text) {
            listed[hit.first..hit.first + hit.tokens].fill(hit.listed.entity + 1);
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
        let found = gazetteer().find(original, &Text::new(original), &[]);
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
    fn a_phrase_of_several_lists_is_of_the_one_that_was_learned_to_stand_there() {
        let list = |entity: &str, value: &str| Lookup {
            entity: entity.into(),
            values: vec![value.into(), "Oslo".into()],
        };
        let lists = [list("from", "PARIS"), list("to", "Paris"), list("via", "P")];
        let gazetteer = Gazetteer::new(&lists, &[], &Progress::new()).unwrap();
        assert!(gazetteer.is_sound() && gazetteer.longest == 1);
        let found = |learned: &[&str]| {
            let (original, learned) = ("paris oslo", learned.iter().zip([(0, 5), (6, 10)]));
            let learned = learned.map(|(name, (start, end))| Entity {
                entity: (*name).into(),
                start,
                end,
                value: "?".into(),
                confidence: 0.5,
                extractor: "model".into(),
                role: None,
                group: None,
            });
            let learned: Vec<Entity> = learned.collect();
            let found = gazetteer.find(original, &Text::new(original), &learned);
            let describe = |e: Entity| (e.entity, e.value.as_str().unwrap_or_default().to_owned());
            found.into_iter().map(describe).collect::<Vec<_>>()
        };
        let pairs = |pairs: [(&str, &str); 2]| pairs.map(|(e, v)| (e.to_owned(), v.to_owned()));
        assert_eq!(found(&[]), pairs([("from", "PARIS"), ("from", "Oslo")]));
        let learned = found(&["to", "via"]);
        assert_eq!(learned, pairs([("to", "Paris"), ("via", "Oslo")]));
        // Another list, or none, says nothing of it.
        let learned = found(&["via", "weather"]);
        assert_eq!(learned, pairs([("from", "PARIS"), ("from", "Oslo")]));
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
