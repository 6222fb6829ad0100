//! What tells which label a token has: the token itself, its parts and form, its neighbours, the words before it, its
//! list, the intent, and what the annotated examples say of it.
//!
//! The first number of a feature is its kind. Kinds up to 31 are those of models of formats up to 3.

use super::super::ngrams::hash;
use super::super::random::mix;
use super::super::text::{Text, Token};
use super::values::Mark;

/// A word that the examples do not have.
pub(super) const UNKNOWN: u64 = 0x55;

/// What stands beyond the first and the last token.
const EDGE: u64 = 0x45;

/// How many words before a token tell of it, wherever they stand: "arriving in Denver on the first of June" is about when
/// one arrives. Values in between are passed over.
const REACH: usize = 6;

/// An utterance as the tagger sees it. While it learns, some of it is hidden at times, so that what is learned leans on
/// all that there is.
pub(super) struct Clues<'a> {
    /// The utterance.
    pub(super) text: &'a Text,
    /// Each token's word, or [`UNKNOWN`].
    pub(super) words: Vec<u64>,
    /// Of which tokens the letters at the beginning and at the end are not looked at.
    pub(super) hidden: Vec<bool>,
    /// What is known of each token from the annotated values.
    pub(super) marks: Vec<Vec<Mark>>,
    /// The list that each token is in.
    pub(super) listed: &'a [u32],
    /// The number of the intent.
    pub(super) intent: Option<u64>,
}

/// The word of each token.
pub(super) fn words(text: &Text) -> Vec<u64> {
    let word = |token| hash(0, text.chars(token));
    text.tokens().iter().map(word).collect()
}

impl Clues<'_> {
    /// The features of each token.
    pub(super) fn features(&self) -> Vec<Vec<u64>> {
        let tokens = self.text.tokens();
        let forms: Vec<u64> = tokens.iter().map(|token| form(self.text, token)).collect();
        let features = |index| {
            let mut features = Vec::with_capacity(54);
            self.add_neighbours(index, &forms, &mut features);
            self.add_words_before(index, &mut features);
            self.add_intent(index, forms[index], &mut features);
            self.add_marks(index, &mut features);
            if !self.hidden[index] {
                add_ends(self.text.chars(&tokens[index]), &mut features);
            }
            features
        };
        (0..tokens.len()).map(features).collect()
    }

    /// The word that stands so many places further.
    fn word(&self, index: usize, by: isize) -> u64 {
        at(&self.words, index, by)
    }

    fn add_neighbours(&self, index: usize, forms: &[u64], features: &mut Vec<u64>) {
        let [before_3, before_2, before, word, after, after_2, after_3] =
            [-3, -2, -1, 0, 1, 2, 3].map(|by| self.word(index, by));
        let [form_before, form, form_after] = [-1, 0, 1].map(|by| at(forms, index, by));
        let list = |by| {
            index
                .checked_add_signed(by)
                .and_then(|place| self.listed.get(place))
        };
        let list = |by| u64::from(list(by).copied().unwrap_or_default());
        let is_first = u64::from(index == 0);
        let is_last = u64::from(index + 1 == self.words.len());
        features.extend([
            pair(1, word, 0),
            pair(2, before, 0),
            pair(3, after, 0),
            pair(4, before_2, 0),
            pair(5, after_2, 0),
            pair(6, before, word),
            pair(7, word, after),
            pair(8, form, 0),
            pair(9, form_before, form),
            pair(10, form, form_after),
            pair(11, list(0), 0),
            pair(12, list(-1), list(1)),
            pair(16, before, form),
            pair(40, before_2, before),
            pair(41, after, after_2),
            pair(42, before, after),
            pair(43, before_3, 0),
            pair(44, after_3, 0),
            pair(60, is_first << 1 | is_last, 0),
        ]);
    }

    fn add_words_before(&self, index: usize, features: &mut Vec<u64>) {
        let before = self.words[..index].iter().zip(&self.marks).rev();
        let plain = before.filter(|(_, marks)| marks.is_empty());
        features.extend(plain.take(REACH).map(|(word, _)| pair(61, *word, 0)));
    }

    fn add_intent(&self, index: usize, form: u64, features: &mut Vec<u64>) {
        let Some(intent) = self.intent else {
            return;
        };
        features.extend([
            pair(13, intent, 0),
            pair(14, intent, self.word(index, 0)),
            pair(15, intent, form),
            pair(57, intent, self.word(index, -1)),
            pair(58, intent, self.word(index, 1)),
        ]);
    }

    fn add_marks(&self, index: usize, features: &mut Vec<u64>) {
        for mark in &self.marks[index] {
            let mark = mark.number();
            features.push(pair(54, mark, 0));
            features.extend(self.intent.map(|intent| pair(55, mark, intent)));
            features.push(pair(56, mark, self.word(index, -1)));
        }
    }
}

/// Two to four letters at the beginning and at the end of a longer word.
fn add_ends(letters: &[char], features: &mut Vec<u64>) {
    for (number, length) in (2..5).zip(2..letters.len()) {
        features.push(hash(17 + number, &letters[..length]));
        features.push(hash(27 + number, &letters[letters.len() - length..]));
    }
}

fn at(values: &[u64], index: usize, by: isize) -> u64 {
    let value = index
        .checked_add_signed(by)
        .and_then(|place| values.get(place));
    value.copied().unwrap_or(EDGE)
}

fn pair(kind: u64, one: u64, other: u64) -> u64 {
    mix(mix(kind ^ one).wrapping_add(other))
}

/// The form of a token: its kind, whether it begins with a capital, how long it is.
fn form(text: &Text, token: &Token) -> u64 {
    let length = text.chars(token).len().min(6) as u64;
    (token.kind as u64) << 8 | u64::from(token.capital) << 4 | length
}
