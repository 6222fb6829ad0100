//! What the annotated examples hold as a whole: which words there are, and which words and phrases stand for which
//! entity. A phrase that has been annotated before, or a word that mostly stands in values, tells much of a token.

use super::super::random::mix;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// Tokens of a phrase at most.
const LONGEST: usize = 8;

/// An annotated value: its tokens and the number of its entity.
pub(super) type Place = (Range<usize>, u16);

/// What is known of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It stands in a phrase that is a value of an entity.
    Phrase(Part, u16),
    /// It is a word that mostly stands in values of an entity.
    Word(u16),
}

/// Which part of a phrase a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    First,
    Middle,
    Last,
}

impl Mark {
    /// A number that no other mark has.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Phrase(part, entity) => u64::from(entity) << 2 | part as u64,
            Self::Word(entity) => 1 << 32 | u64::from(entity),
        }
    }
}

impl Part {
    const fn of(index: usize, length: usize) -> Self {
        match (index == 0, index + 1 == length) {
            (true, true) => Self::Whole,
            (true, false) => Self::First,
            (false, false) => Self::Middle,
            (false, true) => Self::Last,
        }
    }
}

/// How often something is in the examples: for a hash and an entity.
#[derive(Default)]
struct Tally(HashMap<u64, BTreeMap<u16, u32>>);

impl Tally {
    fn add(&mut self, hash: u64, entity: u16) {
        *self.0.entry(hash).or_default().entry(entity).or_default() += 1;
    }

    fn count(&self, hash: u64, entity: u16) -> u32 {
        let of = self.0.get(&hash).and_then(|of| of.get(&entity));
        of.copied().unwrap_or_default()
    }

    /// The entities that have this hash more often than `own` says.
    fn beyond(&self, hash: u64, own: &Self) -> impl Iterator<Item = (u16, u32)> {
        let all = self.0.get(&hash).into_iter().flatten();
        let others = all.map(move |(entity, count)| (*entity, count - own.count(hash, *entity)));
        others.filter(|(_, count)| *count > 0)
    }
}

/// What is counted of examples.
#[derive(Default)]
pub(super) struct Counts {
    words: HashMap<u64, u32>,
    phrases: Tally,
    /// Words that stand in values.
    parts: Tally,
}

impl Counts {
    /// Adds the words of an example and its values.
    pub(super) fn add(&mut self, words: &[u64], places: &[Place]) {
        for word in words {
            *self.words.entry(*word).or_default() += 1;
        }
        for (tokens, entity) in places {
            let value = &words[tokens.clone()];
            if value.len() <= LONGEST {
                self.phrases.add(phrase(value), *entity);
            }
            for word in value {
                self.parts.add(*word, *entity);
            }
        }
    }

    /// How often a word occurs.
    pub(super) fn count(&self, word: u64) -> u32 {
        self.words.get(&word).copied().unwrap_or_default()
    }

    /// What the other examples tell of the words of one that was added: of what it says itself it would learn nothing.
    pub(super) fn marks(&self, words: &[u64], places: &[Place]) -> Vec<Vec<Mark>> {
        let mut own = Self::default();
        own.add(words, places);
        let phrases = |hash| {
            self.phrases
                .beyond(hash, &own.phrases)
                .map(|(entity, _)| entity)
        };
        let parts = |word| {
            let others = self.count(word) - own.count(word);
            mostly(self.parts.beyond(word, &own.parts), others)
        };
        marks(words, phrases, parts)
    }

    /// The same, for utterances that are no examples.
    pub(super) fn known(&self) -> Values {
        let frequent = self.words.iter().filter(|(_, count)| **count > 1);
        let nothing = Self::default();
        let phrases = self.phrases.0.keys().flat_map(|hash| {
            let of = self.phrases.beyond(*hash, &nothing.phrases);
            of.map(|(entity, _)| (*hash, entity))
        });
        let parts = self.parts.0.keys().flat_map(|word| {
            let of = self.parts.beyond(*word, &nothing.parts);
            mostly(of, self.count(*word)).map(|entity| (*word, entity))
        });
        Values {
            words: sorted(frequent.map(|(word, _)| *word)),
            phrases: sorted(phrases),
            parts: sorted(parts),
        }
    }
}

/// The entities in whose values a word stands at least every second time.
fn mostly(of: impl Iterator<Item = (u16, u32)>, all: u32) -> impl Iterator<Item = u16> {
    let mostly = of.filter(move |(_, count)| count.saturating_mul(2) >= all);
    mostly.map(|(entity, _)| entity)
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut sorted: Vec<T> = items.collect();
    sorted.sort_unstable();
    sorted
}

/// What a model keeps of it, in ascending order each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Values {
    /// Words that occur more than once.
    words: Vec<u64>,
    /// Phrases, each with an entity that it is a value of.
    phrases: Vec<(u64, u16)>,
    /// Words, each with an entity in whose values it mostly stands.
    parts: Vec<(u64, u16)>,
}

impl Values {
    /// Whether a word is known.
    pub(super) fn knows(&self, word: u64) -> bool {
        self.words.binary_search(&word).is_ok()
    }

    /// For each word what is known of it.
    pub(super) fn marks(&self, words: &[u64]) -> Vec<Vec<Mark>> {
        let phrases = |hash| entities(&self.phrases, hash);
        marks(words, phrases, |word| entities(&self.parts, word))
    }

    /// Bytes in memory.
    pub(super) const fn bytes(&self) -> usize {
        let pairs = self.phrases.len() + self.parts.len();
        self.words.len() * size_of::<u64>() + pairs * size_of::<(u64, u16)>()
    }

    /// Whether what it knows can be found.
    pub(super) fn is_sound(&self) -> bool {
        self.words.is_sorted() && self.phrases.is_sorted() && self.parts.is_sorted()
    }
}

fn entities(pairs: &[(u64, u16)], hash: u64) -> impl Iterator<Item = u16> {
    let first = pairs.partition_point(|pair| pair.0 < hash);
    let of = pairs[first..].iter().take_while(move |pair| pair.0 == hash);
    of.map(|(_, entity)| *entity)
}

/// Hash of a phrase.
fn phrase(words: &[u64]) -> u64 {
    words.iter().fold(0, |hash, word| longer(hash, *word))
}

/// Hash of a phrase with one more word.
const fn longer(hash: u64, word: u64) -> u64 {
    mix(hash ^ word).wrapping_add(1)
}

/// The marks of each word: the longest phrases count, and within them no shorter ones.
fn marks<P, W>(
    words: &[u64],
    phrases: impl Fn(u64) -> P,
    parts: impl Fn(u64) -> W,
) -> Vec<Vec<Mark>>
where
    P: Iterator<Item = u16>,
    W: Iterator<Item = u16>,
{
    let mut marks: Vec<Vec<Mark>> = vec![Vec::new(); words.len()];
    let mut lengths = vec![0; words.len()];
    for first in 0..words.len() {
        let Some((length, hash)) = longest(&words[first..], |hash| phrases(hash).next().is_some())
        else {
            continue;
        };
        for (index, place) in (first..first + length).enumerate() {
            if lengths[place] > length {
                continue;
            }
            if lengths[place] < length {
                lengths[place] = length;
                marks[place].clear();
            }
            let part = Part::of(index, length);
            marks[place].extend(phrases(hash).map(|entity| Mark::Phrase(part, entity)));
        }
    }
    for (word, marks) in words.iter().zip(&mut marks) {
        marks.extend(parts(*word).map(Mark::Word));
    }
    marks
}

/// Of the phrases that begin these words the longest that is known: its length and its hash.
fn longest(words: &[u64], is_known: impl Fn(u64) -> bool) -> Option<(usize, u64)> {
    let hashes = words.iter().take(LONGEST).scan(0, |hash, word| {
        *hash = longer(*hash, *word);
        Some(*hash)
    });
    (1..).zip(hashes).filter(|(_, hash)| is_known(*hash)).last()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mark::{Phrase, Word};

    const CITY: u16 = 0;
    const NAME: u16 = 1;

    /// "to new york", "new york city now", "york"; the last of these is a name.
    fn counts() -> Counts {
        let mut counts = Counts::default();
        counts.add(&[1, 2, 3], &[(1..3, CITY)]);
        counts.add(&[2, 3, 4, 5], &[(0..3, CITY)]);
        counts.add(&[3], &[(0..1, NAME)]);
        counts
    }

    #[test]
    fn the_longest_phrase_and_the_words_of_values_are_marked() {
        let values = counts().known();
        let (first, last) = (Phrase(Part::First, CITY), Phrase(Part::Last, CITY));
        let found = values.marks(&[1, 2, 3, 1]);
        let york = vec![last, Word(CITY)];
        assert_eq!(found, [vec![], vec![first, Word(CITY)], york, vec![]]);
        let found = values.marks(&[2, 3, 4]);
        let middle = vec![Phrase(Part::Middle, CITY), Word(CITY)];
        assert_eq!(found[1], middle);
        let alone = vec![Phrase(Part::Whole, NAME), Word(CITY)];
        assert_eq!(values.marks(&[3]), [alone]);
        assert!(values.is_sound() && values.knows(2) && !values.knows(1) && !values.knows(9));
    }

    #[test]
    fn an_example_is_told_what_the_others_say_and_not_what_it_says_itself() {
        let counts = counts();
        // Nobody else says "new york city", nor "city".
        let found = counts.marks(&[2, 3, 4, 5], &[(0..3, CITY)]);
        let first = Phrase(Part::First, CITY);
        assert_eq!(found[0], [first, Word(CITY)]);
        assert_eq!(found[1][0], Phrase(Part::Last, CITY));
        assert!(found[2].is_empty() && found[3].is_empty(), "{found:?}");
        assert_eq!(counts.marks(&[3], &[(0..1, NAME)]), [vec![Word(CITY)]]);
    }

    #[test]
    fn a_word_that_is_seldom_in_values_is_not_marked() {
        let mut counts = Counts::default();
        counts.add(&[7], &[(0..1, CITY)]);
        for _ in 0..2 {
            counts.add(&[7], &[]);
        }
        assert_eq!(
            counts.known().marks(&[8, 7])[1],
            [Phrase(Part::Whole, CITY)]
        );
    }

    #[test]
    fn what_is_not_in_order_is_unsound() {
        let values = Values {
            words: vec![2, 1],
            ..Values::default()
        };
        assert!(!values.is_sound());
    }
}
