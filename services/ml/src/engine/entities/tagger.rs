//! Entities learned from annotated examples: each token begins one, is inside one, or neither.

use super::super::dictionary::Dictionary;
use super::super::ngrams::hash;
use super::super::progress::{Cancelled, Progress};
use super::super::random::{Random, mix};
use super::super::text::{Text, Token, slice};
use super::super::train::TrainError;
use super::super::weights::{Quantised, is_usable};
use super::gazetteer::Gazetteer;
use super::perceptron::{self, EPOCHS, Sentence, viterbi};
use super::{Lesson, MODEL};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use stoa_contracts::parse::Entity;
use stoa_contracts::training_data::Example;

/// A kind of entity with its role.
type Tag = (String, Option<String>);

/// Finds the entities that it learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tagger {
    tags: Vec<Tag>,
    dictionary: Dictionary,
    weights: Quantised,
    transitions: Vec<f32>,
    /// By how much the right label typically leads; the unit of confidence.
    lead: f32,
}

/// Learns from the annotated examples; none where nothing is annotated.
pub(super) fn learn(
    lesson: &Lesson<'_>,
    gazetteer: &Gazetteer,
    mut random: Random,
    progress: &Progress,
) -> Result<Option<Tagger>, TrainError> {
    let examples = &lesson.data.examples;
    let tags = tags(examples);
    if tags.is_empty() {
        return Ok(None);
    }
    // Made each time that it is seen: the features of all of them would take kilobytes for each.
    let sentence = |index: usize| {
        let example: &Example = &examples[index];
        let text = Text::new(&example.text);
        let intent = lesson.label_of[index] as usize;
        Sentence {
            features: features(&text, intent, &gazetteer.listed(&text)),
            unworded: UNWORDED,
            labels: labels(example, &text, &tags),
        }
    };
    let sentences = (examples.len(), &sentence);
    let learned = perceptron::learn(sentences, label_count(&tags), &mut random, progress)?;
    let mut tagger = Tagger {
        tags: tags.clone(),
        dictionary: learned.dictionary,
        weights: learned.weights.quantise(),
        transitions: learned.transitions,
        lead: 1.0,
    };
    tagger.lead = tagger.typical_lead(examples, sentence, progress)?;
    Ok(Some(tagger))
}

/// How much work it is to learn from the examples.
pub(super) fn work(examples: &[Example]) -> usize {
    let is_annotated = examples.iter().any(|example| !example.entities.is_empty());
    if is_annotated {
        examples.len() * EPOCHS
    } else {
        0
    }
}

/// Kinds of entity with their roles; `api` takes no more of them.
const MOST_TAGS: usize = 250;

/// Whether there are so few tags that they can be learned.
pub(super) fn check(examples: &[Example]) -> Result<(), TrainError> {
    if tags(examples).len() > MOST_TAGS {
        return Err(TrainError::ManyEntities(MOST_TAGS));
    }
    Ok(())
}

fn tags(examples: &[Example]) -> Vec<Tag> {
    let annotations = examples.iter().flat_map(|example| &example.entities);
    let tags: BTreeSet<(&String, &Option<String>)> =
        annotations.map(|a| (&a.entity, &a.role)).collect();
    let owned = |(entity, role): (&String, &Option<String>)| (entity.clone(), role.clone());
    tags.into_iter().map(owned).collect()
}

const fn label_count(tags: &[Tag]) -> usize {
    1 + 2 * tags.len()
}

/// The label of each token: 0, or begin (odd) and inside (even) of a tag.
fn labels(example: &Example, text: &Text, tags: &[Tag]) -> Vec<usize> {
    let mut labels = vec![0; text.tokens().len()];
    for annotation in &example.entities {
        let is_tag =
            |(entity, role): &Tag| *entity == annotation.entity && *role == annotation.role;
        let Some(tag) = tags.iter().position(is_tag) else {
            continue;
        };
        let mut label = 1 + 2 * tag;
        for (token, slot) in text.tokens().iter().zip(&mut labels) {
            if token.start < annotation.end && annotation.start < token.end && *slot == 0 {
                *slot = label;
                label = 2 + 2 * tag;
            }
        }
    }
    labels
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
        let emissions = self.emissions(&features(text, intent, listed));
        let labels = viterbi(&emissions, &self.transitions, label_count(&self.tags));
        let tokens = text.tokens();
        let mut found = Vec::new();
        let mut first = 0;
        while first < labels.len() {
            let end = span_end(&labels, first);
            if labels[first] > 0 {
                let confidence = self.confidence(&emissions, &labels, first..end);
                found.push(self.entity(original, &tokens[first..end], labels[first], confidence));
            }
            first = end;
        }
        found
    }

    fn entity(&self, original: &str, tokens: &[Token], label: usize, confidence: f64) -> Entity {
        let (entity, role) = self.tags[(label - 1) / 2].clone();
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

    /// A row of scores per token, a column per label.
    fn emissions(&self, features: &[Vec<u64>]) -> Vec<f32> {
        let labels = label_count(&self.tags);
        let mut emissions = vec![0.0; features.len() * labels];
        for (features, scores) in features.iter().zip(emissions.chunks_exact_mut(labels)) {
            let rows = features
                .iter()
                .filter_map(|feature| self.dictionary.row(*feature));
            let rows: Vec<_> = rows.map(|row| (row, 1.0)).collect();
            self.weights.add_rows(&rows, scores);
        }
        emissions
    }

    /// Grows from a half, where another label is as good, to 1, measured in typical leads.
    fn confidence(
        &self,
        emissions: &[f32],
        labels: &[usize],
        tokens: std::ops::Range<usize>,
    ) -> f64 {
        let columns = label_count(&self.tags);
        let lead = |token: usize| lead(&emissions[token * columns..][..columns], labels[token]);
        let least = tokens.map(lead).fold(f32::INFINITY, f32::min);
        f64::from(1.0 / (1.0 + (-2.0 * least / self.lead).exp()))
    }

    /// The median lead of the true labels over the examples that it learned from.
    fn typical_lead(
        &self,
        examples: &[Example],
        sentence: impl Fn(usize) -> Sentence,
        progress: &Progress,
    ) -> Result<f32, Cancelled> {
        let columns = label_count(&self.tags);
        let mut leads: Vec<f32> = Vec::new();
        let annotated = (0..examples.len()).filter(|index| !examples[*index].entities.is_empty());
        for sentence in annotated.map(sentence) {
            progress.advance(0)?;
            if sentence.labels.iter().all(|label| *label == 0) {
                continue;
            }
            let emissions = self.emissions(&sentence.features);
            let scored = emissions.chunks_exact(columns).zip(&sentence.labels);
            leads.extend(scored.map(|(scores, label)| lead(scores, *label)));
        }
        let middle = leads.len() / 2;
        leads.sort_unstable_by(f32::total_cmp);
        let middle = leads.get(middle).copied().unwrap_or(1.0);
        Ok(middle.max(f32::MIN_POSITIVE))
    }

    /// The names of the entities that it learned.
    pub(super) fn entities(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|(entity, _)| entity.as_str())
    }

    /// Bytes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.weights.bytes() + self.dictionary.bytes() + self.transitions.len() * 4
    }

    /// Whether its parts fit together.
    pub(super) fn is_sound(&self) -> bool {
        let labels = label_count(&self.tags);
        (1..=MOST_TAGS).contains(&self.tags.len())
            && self.weights.is_sound(self.dictionary.len(), labels)
            && Some(self.transitions.len()) == labels.checked_mul(labels)
            && self.transitions.iter().all(|weight| is_usable(*weight))
            && self.lead.is_finite()
            && self.lead > 0.0
    }
}

/// One past the last token of what begins here: "nothing" goes on for no further token.
fn span_end(labels: &[usize], first: usize) -> usize {
    let inside = labels[first] + 1;
    let rest = labels[first + 1..].iter();
    first
        + 1
        + rest
            .take_while(|label| labels[first] > 0 && **label == inside)
            .count()
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

/// The features of each token: itself, its parts and form, its neighbours, its list, the intent.
fn features(text: &Text, intent: usize, listed: &[u32]) -> Vec<Vec<u64>> {
    let words: Vec<u64> = text
        .tokens()
        .iter()
        .map(|t| hash(0, text.chars(t)))
        .collect();
    let forms: Vec<u64> = text.tokens().iter().map(|t| form(text, t)).collect();
    let at = |values: &[u64], index: Option<usize>| {
        index
            .and_then(|index| values.get(index))
            .copied()
            .unwrap_or(EDGE)
    };
    let features = |(index, token): (usize, &Token)| {
        let (before, after) = (index.checked_sub(1), Some(index + 1));
        let (word, form) = (words[index], forms[index]);
        let list = |index: Option<usize>| {
            u64::from(
                index
                    .and_then(|index| listed.get(index))
                    .copied()
                    .unwrap_or_default(),
            )
        };
        let mut features = vec![
            pair(2, at(&words, before), 0),
            pair(3, at(&words, after), 0),
            pair(4, at(&words, index.checked_sub(2)), 0),
            pair(5, at(&words, Some(index + 2)), 0),
            pair(8, form, 0),
            pair(9, at(&forms, before), form),
            pair(10, form, at(&forms, after)),
            pair(11, list(Some(index)), 0),
            pair(12, list(before), list(after)),
            pair(13, intent as u64, 0),
            pair(15, intent as u64, form),
            pair(16, at(&words, before), form),
            pair(1, word, 0),
            pair(6, at(&words, before), word),
            pair(7, word, at(&words, after)),
            pair(14, intent as u64, word),
        ];
        let chars = text.chars(token);
        for length in 2..=4.min(chars.len().saturating_sub(1)) {
            features.push(hash(17 + length as u64, &chars[..length]));
            features.push(hash(27 + length as u64, &chars[chars.len() - length..]));
        }
        features
    };
    text.tokens().iter().enumerate().map(features).collect()
}

/// How many features of a token come first that do not tell which word it is.
const UNWORDED: usize = 12;

/// What stands beyond the first and the last token.
const EDGE: u64 = 0x45;

fn pair(kind: u64, one: u64, other: u64) -> u64 {
    mix(mix(kind ^ one).wrapping_add(other))
}

/// The form of a token: its kind, whether it begins with a capital, how long it is.
fn form(text: &Text, token: &Token) -> u64 {
    let length = text.chars(token).len().min(6) as u64;
    (token.kind as u64) << 8 | u64::from(token.capital) << 4 | length
}

#[cfg(test)]
mod tests {
    use super::super::super::weights::Learned;
    use super::*;

    #[test]
    fn one_of_more_tags_than_are_learned_is_unsound() {
        let tagger = |tags: usize| {
            let tags: Vec<Tag> = (0..tags).map(|tag| (tag.to_string(), None)).collect();
            let labels = label_count(&tags);
            Tagger {
                tags,
                dictionary: Dictionary::default(),
                weights: Learned::new(0, labels).quantise(),
                transitions: vec![0.0; labels * labels],
                lead: 1.0,
            }
        };
        assert!(tagger(MOST_TAGS).is_sound());
        assert!(!tagger(MOST_TAGS + 1).is_sound());
    }
}
