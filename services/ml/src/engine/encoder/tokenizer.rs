//! Words in pieces that an encoder knows: `WordPiece` over folded text, as BERT's uncased models were trained.

use regex::Regex;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What a longer word is, is unknown.
const LONGEST_WORD: usize = 100;
/// Pieces of an utterance that are looked at, with those at its ends; sentences of the training had fewer.
pub(super) const MOST_PIECES: usize = 128;

/// The place of what stands in no utterance.
const NOWHERE: Range<usize> = 0..0;

/// Signs that stand alone beside those of ASCII.
static PUNCTUATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\p{P}$").expect("the pattern is a constant"));

/// The pieces of an utterance.
pub(super) struct Pieces {
    /// Which ones they are.
    pub(super) numbers: Vec<u32>,
    /// Where the word of each of them stands, in characters of the utterance; those at its ends stand nowhere.
    pub(super) places: Vec<Range<usize>>,
}

/// Cuts utterances into the pieces of a vocabulary.
pub(super) struct Tokenizer {
    numbers: HashMap<String, u32>,
    unknown: u32,
    first: u32,
    last: u32,
}

impl Tokenizer {
    /// A vocabulary with a piece in each line; none if it lacks those that every text has.
    pub(super) fn new(vocabulary: &str) -> Option<Self> {
        let lines = vocabulary.lines().map(str::to_owned);
        let numbers: HashMap<String, u32> = lines.zip(0..).collect();
        let number = |piece: &str| numbers.get(piece).copied();
        Some(Self {
            unknown: number("[UNK]")?,
            first: number("[CLS]")?,
            last: number("[SEP]")?,
            numbers,
        })
    }

    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The pieces of an utterance.
    pub(super) fn pieces(&self, text: &str) -> Pieces {
        let (mut numbers, mut places) = (vec![self.first], vec![NOWHERE]);
        for (word, place) in words(text) {
            self.cut(&word, &mut numbers);
            places.resize(numbers.len(), place);
            if numbers.len() >= MOST_PIECES {
                break;
            }
        }
        numbers.truncate(MOST_PIECES - 1);
        places.truncate(MOST_PIECES - 1);
        numbers.push(self.last);
        places.push(NOWHERE);
        Pieces { numbers, places }
    }

    /// The longest piece that the word begins with, then that of the rest.
    fn cut(&self, word: &str, pieces: &mut Vec<u32>) {
        let begun = pieces.len();
        let mut rest = word;
        let mut piece = String::new();
        if word.chars().count() > LONGEST_WORD {
            rest = "";
            pieces.push(self.unknown);
        }
        while !rest.is_empty() {
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8());
            let ends: Vec<usize> = ends.collect();
            let known = ends.iter().rev().find_map(|end| {
                piece.clear();
                if pieces.len() > begun {
                    piece.push_str("##");
                }
                piece.push_str(&rest[..*end]);
                self.numbers.get(&piece).map(|number| (*end, *number))
            });
            let Some((end, number)) = known else {
                pieces.truncate(begun);
                pieces.push(self.unknown);
                return;
            };
            pieces.push(number);
            rest = &rest[end..];
        }
    }
}

/// Words and single signs, in lower case and without accents, and where each stands.
fn words(text: &str) -> Vec<(String, Range<usize>)> {
    let mut words: Vec<(String, Range<usize>)> = Vec::new();
    let mut goes_on = false;
    let folded = text.chars().enumerate().flat_map(|(place, character)| {
        let folded = character.to_lowercase().nfd();
        let folded = folded.filter(|c| !is_combining_mark(*c));
        folded.map(move |character| (place, character))
    });
    for (place, character) in folded {
        let is_sign = stands_alone(character);
        if character.is_whitespace() {
            goes_on = false;
        } else if !(character.is_control() || character == '\u{fffd}') {
            match words.last_mut().filter(|_| goes_on && !is_sign) {
                Some((word, own)) => {
                    word.push(character);
                    own.end = place + 1;
                }
                None => words.push((character.into(), place..place + 1)),
            }
            goes_on = !is_sign;
        }
    }
    words
}

/// Whether a character is a word of its own: a sign, or one of the writings without spaces.
fn stands_alone(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_punctuation();
    }
    matches!(u32::from(character), 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x2fa1f)
        || PUNCTUATION.is_match(character.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> Tokenizer {
        Tokenizer::new(
            "[PAD]\n[UNK]\n[CLS]\n[SEP]\nmy\nmeter\n##s\nread\n##ing\n,\nun\n##read\ncafe\n中",
        )
        .unwrap()
    }

    #[test]
    fn a_word_is_cut_into_the_longest_pieces_that_are_known() {
        let pieces = tokenizer().pieces("My meters,unreading");
        assert_eq!(pieces.numbers, [2, 4, 5, 6, 9, 10, 11, 8, 3]);
        let places = [(0, 0), (0, 2), (3, 9), (3, 9), (9, 10)].map(|(from, to)| from..to);
        assert_eq!(pieces.places[..5], places);
        assert_eq!(pieces.places[5..], [10..19, 10..19, 10..19, 0..0]);
    }

    #[test]
    fn accents_and_case_are_left_out_and_signs_stand_alone() {
        assert_eq!(
            tokenizer().pieces("CAFÉ中café\u{0}").numbers,
            [2, 12, 13, 12, 3]
        );
        let wanted = [("a", 0), ("–", 1), ("b", 2), ("“", 4), ("c", 5), ("”", 6)];
        let wanted = wanted.map(|(word, at)| (word.to_owned(), at..at + 1));
        assert_eq!(words("a–b “c”"), wanted);
    }

    #[test]
    fn what_is_unknown_is_one_piece_and_a_long_text_is_cut_off() {
        let tokenizer = tokenizer();
        assert_eq!(
            tokenizer.pieces("readings meterz 🦀").numbers,
            [2, 7, 8, 6, 1, 1, 3]
        );
        assert_eq!(tokenizer.pieces(&"x".repeat(101)).numbers, [2, 1, 3]);
        let long = tokenizer.pieces(&"my ".repeat(1_000));
        assert_eq!(
            (long.numbers.len(), long.places.len()),
            (MOST_PIECES, MOST_PIECES)
        );
        assert_eq!(tokenizer.pieces("").numbers, [2, 3]);
    }

    #[test]
    fn a_vocabulary_without_the_usual_pieces_is_none() {
        assert!(Tokenizer::new("my\nmeter").is_none());
    }
}
