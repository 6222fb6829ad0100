//! Finds entities as it was taught: each token begins one, is inside one, or neither.

use super::super::dictionary::Dictionary;
use super::super::text::{Text, Token, slice};
use super::super::weights::is_usable;
use super::MODEL;
use super::clues::{self, Clues, UNKNOWN};
use super::sparse::Sparse;
use super::tags::{MOST_TAGS, Tag, label_count, spans};
use super::values::Values;
use super::viterbi::viterbi;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use stoa_contracts::parse::Entity;

/// Finds the entities that were annotated in examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Tagger {
    pub(super) tags: Vec<Tag>,
    pub(super) dictionary: Dictionary,
    pub(super) weights: Sparse,
    /// None of those that were taught to look at words and neighbours only.
    pub(super) values: Option<Values>,
    pub(super) transitions: Vec<f32>,
    /// By how much the right label typically leads; the unit of confidence.
    pub(super) lead: f32,
}

impl Tagger {
    /// The entities of an utterance; `listed` tells which tokens stand in a list.
    pub(super) fn find(
        &self,
        original: &str,
        text: &Text,
        intent: usize,
        listed: &[u32],
    ) -> Vec<Entity> {
        let emissions = self.emissions(&self.clues(text, intent, listed).features());
        let labels = viterbi(&emissions, &self.transitions, self.labels());
        let entity = |(tokens, tag): (Range<usize>, usize)| {
            let confidence = self.confidence(&emissions, &labels, tokens.clone());
            self.entity(original, &text.tokens()[tokens], tag, confidence)
        };
        spans(&labels).into_iter().map(entity).collect()
    }

    fn clues<'a>(&self, text: &'a Text, intent: usize, listed: &'a [u32]) -> Clues<'a> {
        let mut words = clues::words(text);
        let mut marks = vec![Vec::new(); words.len()];
        if let Some(values) = &self.values {
            marks = values.marks(&words);
            let unknown = words.iter_mut().filter(|word| !values.knows(**word));
            unknown.for_each(|word| *word = UNKNOWN);
        }
        Clues {
            text,
            hidden: vec![false; words.len()],
            words,
            marks,
            listed,
            intent: Some(intent as u64),
        }
    }

    fn entity(&self, original: &str, tokens: &[Token], tag: usize, confidence: f64) -> Entity {
        let (entity, role) = self.tags[tag].clone();
        let start = tokens[0].start;
        let end = tokens[tokens.len() - 1].end;
        let value = slice(original, start, end).into();
        Entity {
            entity,
            start,
            end,
            value,
            confidence,
            extractor: MODEL.into(),
            role,
            group: None,
        }
    }

    const fn labels(&self) -> usize {
        label_count(self.tags.len())
    }

    /// A row of scores per token, a column per label.
    fn emissions(&self, features: &[Vec<u64>]) -> Vec<f32> {
        let labels = self.labels();
        let mut emissions = vec![0.0; features.len() * labels];
        for (features, scores) in features.iter().zip(emissions.chunks_exact_mut(labels)) {
            let rows = features
                .iter()
                .filter_map(|feature| self.dictionary.row(*feature));
            rows.for_each(|row| self.weights.add_to(row, scores));
        }
        emissions
    }

    /// Grows from a half, where another label is as good, to 1, measured in typical leads.
    fn confidence(&self, emissions: &[f32], labels: &[u16], tokens: Range<usize>) -> f64 {
        let leads = leads(emissions, labels).skip(tokens.start);
        let least = leads.take(tokens.len()).fold(f32::INFINITY, f32::min);
        f64::from(1.0 / (1.0 + (-2.0 * least / self.lead).exp()))
    }

    /// By how much each token's label leads with these features.
    pub(super) fn leads(&self, features: &[Vec<u64>], labels: &[u16]) -> Vec<f32> {
        leads(&self.emissions(features), labels).collect()
    }

    /// The names of the entities that it learned.
    pub(super) fn entities(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|(entity, _)| entity.as_str())
    }

    /// Bytes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.weights.bytes()
            + self.dictionary.bytes()
            + self.values.as_ref().map_or(0, Values::bytes)
            + self.transitions.len() * 4
    }

    /// Whether its parts fit together.
    pub(super) fn is_sound(&self) -> bool {
        let labels = self.labels();
        (1..=MOST_TAGS).contains(&self.tags.len())
            && self.weights.is_sound(self.dictionary.len(), labels)
            && self.values.as_ref().is_none_or(Values::is_sound)
            && self.transitions.len() == labels * labels
            && self.transitions.iter().all(|weight| is_usable(*weight))
            && self.lead.is_finite()
            && self.lead > 0.0
    }
}

/// By how much each token's label leads.
fn leads(emissions: &[f32], labels: &[u16]) -> impl Iterator<Item = f32> {
    let rows = emissions.chunks_exact(emissions.len() / labels.len().max(1));
    let rows = rows.zip(labels);
    rows.map(|(scores, label)| lead(scores, usize::from(*label)))
}

/// By how much a label's score exceeds the best other one.
fn lead(scores: &[f32], label: usize) -> f32 {
    let others = scores
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != label);
    scores[label]
        - others
            .map(|(_, score)| *score)
            .fold(f32::NEG_INFINITY, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_more_tags_than_are_learned_is_unsound() {
        let tagger = |tags: usize| {
            let tags: Vec<Tag> = (0..tags).map(|tag| (tag.to_string(), None)).collect();
            let labels = label_count(tags.len());
            Tagger {
                tags,
                dictionary: Dictionary::default(),
                weights: Sparse::default(),
                values: None,
                transitions: vec![0.0; labels * labels],
                lead: 1.0,
            }
        };
        assert!(tagger(MOST_TAGS).is_sound());
        assert!(!tagger(MOST_TAGS + 1).is_sound());
    }
}
