//! Finds entities as it was taught: each token begins one, is inside one, or neither.

use super::super::dictionary::Dictionary;
use super::super::encoder::Reading;
use super::super::text::{Text, Token, slice};
use super::super::weights::{Quantised, is_usable};
use super::MODEL;
use super::clues::{self, Clues, UNKNOWN};
use super::meanings::{Meanings, meanings};
use super::perceptron::Sentence;
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
    /// What each number of a meaning says for each label; none without an encoder. Stored behind the rest of a model.
    #[serde(skip)]
    pub(in crate::engine) meant: Option<Quantised>,
    /// None of those that were taught to look at words and neighbours only.
    pub(super) values: Option<Values>,
    pub(super) transitions: Vec<f32>,
    /// By how much the right label typically leads; the unit of confidence.
    pub(super) lead: f32,
}

impl Tagger {
    /// The entities of an utterance, which an encoder may have read; `listed` tells which tokens stand in a list.
    pub(super) fn find(
        &self,
        original: &str,
        (text, reading): (&Text, Option<&Reading>),
        intent: usize,
        listed: &[u32],
    ) -> Vec<Entity> {
        let reading = reading.filter(|_| self.meant.is_some());
        let meanings = reading.map(|reading| meanings(text, reading));
        let features = self.clues(text, intent, listed).features();
        let emissions = self.emissions(&features, &meanings.unwrap_or_default());
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
    fn emissions(&self, features: &[Vec<u64>], meanings: &Meanings) -> Vec<f32> {
        let labels = self.labels();
        let mut emissions = vec![0.0; features.len() * labels];
        for (features, scores) in features.iter().zip(emissions.chunks_exact_mut(labels)) {
            let rows = features
                .iter()
                .filter_map(|feature| self.dictionary.row(*feature));
            rows.for_each(|row| self.weights.add_to(row, scores));
        }
        if let Some(meant) = &self.meant {
            for (meaning, scores) in meanings.iter().zip(emissions.chunks_exact_mut(labels)) {
                meant.add_rows(meaning, scores);
            }
        }
        emissions
    }

    /// Grows from a half, where another label is as good, to 1, measured in typical leads.
    fn confidence(&self, emissions: &[f32], labels: &[u16], tokens: Range<usize>) -> f64 {
        let leads = leads(emissions, labels).skip(tokens.start);
        let least = leads.take(tokens.len()).fold(f32::INFINITY, f32::min);
        f64::from(1.0 / (1.0 + (-2.0 * least / self.lead).exp()))
    }

    /// By how much the label of each token of a sentence leads.
    pub(super) fn leads(&self, sentence: &Sentence) -> Vec<f32> {
        let emissions = self.emissions(&sentence.features, &sentence.meanings);
        leads(&emissions, &sentence.labels).collect()
    }

    /// The names of the entities that it learned.
    pub(super) fn entities(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|(entity, _)| entity.as_str())
    }

    /// Bytes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.weights.bytes()
            + self.dictionary.bytes()
            + self.meant.as_ref().map_or(0, Quantised::bytes)
            + self.values.as_ref().map_or(0, Values::bytes)
            + self.transitions.len() * 4
    }

    /// Whether its parts fit together, and with an encoder of so many numbers.
    pub(super) fn is_sound(&self, numbers: Option<usize>) -> bool {
        let labels = self.labels();
        let fits = |meant: &Quantised| numbers.is_some_and(|rows| meant.is_sound(rows, labels));
        (1..=MOST_TAGS).contains(&self.tags.len())
            && self.weights.is_sound(self.dictionary.len(), labels)
            && self.meant.as_ref().is_none_or(fits)
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
    use super::super::super::weights::Learned;
    use super::*;

    #[test]
    fn one_of_more_tags_than_are_learned_or_of_another_encoder_is_unsound() {
        let tagger = |tags: usize| {
            let tags: Vec<Tag> = (0..tags).map(|tag| (tag.to_string(), None)).collect();
            let labels = label_count(tags.len());
            Tagger {
                tags,
                dictionary: Dictionary::default(),
                weights: Sparse::default(),
                meant: None,
                values: None,
                transitions: vec![0.0; labels * labels],
                lead: 1.0,
            }
        };
        assert!(tagger(MOST_TAGS).is_sound(None));
        assert!(!tagger(MOST_TAGS + 1).is_sound(None));
        let meant = |numbers| Tagger {
            meant: Some(Learned::new(numbers, label_count(2)).quantise()),
            ..tagger(2)
        };
        assert!(meant(3).is_sound(Some(3)));
        assert!(!meant(3).is_sound(Some(2)) && !meant(3).is_sound(None));
    }
}
