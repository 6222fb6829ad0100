//! What the intent classifier looks at: words, pairs of words, and pieces of words.
//!
//! Pieces (up to five characters, with the word's ends marked) are what makes inflections and
//! typos land near the word that was meant. A feature is the hash of its characters: a model
//! carries no text of its examples.

use super::random::mix;
use super::text::{Kind, Text};

/// Something that an utterance has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Feature {
    /// What it is.
    pub(super) hash: u64,
    /// The number of the word that it is a part of, or of the later one; the last number stands
    /// for all that come after it.
    pub(super) word: u8,
}

/// The longest piece of a word, in characters; 5 was best on CLINC150 and BANKING77.
const LONGEST_PIECE: usize = 5;
/// The shortest piece of a word.
const SHORTEST_PIECE: usize = 2;
/// Longer words are cut, so that a hostile one costs no more than a sentence.
const LONGEST_WORD: usize = 64;

const WORD: u64 = 1;
const PAIR: u64 = 2;
const PIECE: u64 = 3;
const WHOLE: u64 = 4;

/// The features of an utterance, in the order of the text, repeated as they repeat.
pub(super) fn features(text: &Text) -> Vec<Feature> {
    let mut features = Vec::new();
    let mut before = WORD;
    let mut number = 0;
    for (index, token) in text.tokens().iter().enumerate() {
        number = u8::try_from(index).unwrap_or(u8::MAX);
        let mut push = |hash| features.push(Feature { hash, word: number });
        let chars = text.chars(token);
        let chars = &chars[..chars.len().min(LONGEST_WORD)];
        let word = hash(WORD, chars);
        push(word);
        push(mix(before ^ word.rotate_left(17) ^ PAIR));
        before = word;
        if token.kind != Kind::Sign {
            pieces(chars, push);
        }
    }
    features.push(Feature {
        hash: mix(before ^ PAIR),
        word: number,
    });
    features
}

/// The pieces of `<word>`.
fn pieces(word: &[char], mut push: impl FnMut(u64)) {
    let mut marked = ['<'; LONGEST_WORD + 2];
    marked[1..=word.len()].copy_from_slice(word);
    marked[word.len() + 1] = '>';
    let marked = &marked[..word.len() + 2];
    for start in 0..marked.len() {
        let mut state = PIECE;
        for (index, character) in marked[start..].iter().take(LONGEST_PIECE).enumerate() {
            state = step(state, *character);
            if index + 1 >= SHORTEST_PIECE {
                push(mix(state));
            }
        }
    }
}

/// The hash of a string of characters, apart from those of other kinds.
pub(super) fn hash(kind: u64, chars: &[char]) -> u64 {
    mix(chars
        .iter()
        .fold(kind, |state, character| step(state, *character)))
}

/// The hash of a whole utterance: the same for those that are the same once they are folded.
pub(super) fn whole(text: &Text) -> u64 {
    let words = text.tokens().iter();
    let words = words.map(|token| hash(WORD, text.chars(token)));
    words.fold(WHOLE, |state, word| mix(state ^ word).wrapping_add(1))
}

/// FNV-1a over characters instead of bytes.
const fn step(state: u64, character: char) -> u64 {
    (state ^ character as u64)
        .wrapping_mul(0x0000_0100_0000_01b3)
        .rotate_left(5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn features(original: &str) -> HashSet<u64> {
        let features = super::features(&Text::new(original));
        features.into_iter().map(|feature| feature.hash).collect()
    }

    #[test]
    fn a_typo_shares_most_pieces_with_the_word() {
        let (right, typo) = (features("electricity"), features("electricty"));
        assert!(right.intersection(&typo).count() * 2 > right.len());
    }

    #[test]
    fn the_order_of_words_matters() {
        assert_ne!(features("cancel and pay"), features("pay and cancel"));
    }

    #[test]
    fn utterances_are_the_same_whatever_their_case_accents_and_space() {
        let whole = |original| super::whole(&Text::new(original));
        assert_eq!(whole("Pay  the bill"), whole("páy the BILL "));
        for other in ["pay the bil l", "pay bill the", "pay the bill!", "pay the"] {
            assert_ne!(whole("pay the bill"), whole(other), "{other}");
        }
    }

    #[test]
    fn every_feature_knows_its_word() {
        let features = super::features(&Text::new("pay it"));
        assert_eq!(
            (features[0].word, features.last().map(|f| f.word)),
            (0, Some(1))
        );
        let endless = super::features(&Text::new(&"x ".repeat(1_000)));
        assert!(endless.is_sorted_by_key(|feature| feature.word));
    }

    #[test]
    fn a_hostile_word_costs_no_more_than_a_sentence() {
        assert!(features(&"x".repeat(10_000)).len() < 1_000);
    }
}
