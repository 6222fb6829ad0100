//! Words in pieces that an encoder knows: `WordPiece` over folded text, as BERT's uncased models were trained.

use regex::Regex;
use std::collections::HashMap;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What a longer word is, is unknown.
const LONGEST_WORD: usize = 100;
/// Pieces of an utterance that are looked at, with those at its ends; sentences of the training had fewer.
pub(super) const MOST_PIECES: usize = 128;

/// Signs that stand alone beside those of ASCII.
static PUNCTUATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\p{P}$").expect("the pattern is a constant"));

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

    /// The pieces of an utterance, by their numbers.
    pub(super) fn pieces(&self, text: &str) -> Vec<u32> {
        let mut pieces = vec![self.first];
        for word in words(text) {
            self.cut(&word, &mut pieces);
            if pieces.len() >= MOST_PIECES {
                break;
            }
        }
        pieces.truncate(MOST_PIECES - 1);
        pieces.push(self.last);
        pieces
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

/// Words and single signs, in lower case and without accents.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let folded = text.chars().flat_map(char::to_lowercase).nfd();
    for character in folded.filter(|c| !is_combining_mark(*c)) {
        let is_sign = stands_alone(character);
        if is_sign || character.is_whitespace() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if is_sign {
            words.push(character.to_string());
        } else if !(character.is_whitespace() || character.is_control() || character == '\u{fffd}')
        {
            word.push(character);
        }
    }
    words.extend((!word.is_empty()).then_some(word));
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
        assert_eq!(pieces, [2, 4, 5, 6, 9, 10, 11, 8, 3]);
    }

    #[test]
    fn accents_and_case_are_left_out_and_signs_stand_alone() {
        assert_eq!(tokenizer().pieces("CAFÉ中café\u{0}"), [2, 12, 13, 12, 3]);
        assert_eq!(words("a–b “c”"), ["a", "–", "b", "“", "c", "”"]);
    }

    #[test]
    fn what_is_unknown_is_one_piece_and_a_long_text_is_cut_off() {
        let tokenizer = tokenizer();
        assert_eq!(
            tokenizer.pieces("readings meterz 🦀"),
            [2, 7, 8, 6, 1, 1, 3]
        );
        assert_eq!(tokenizer.pieces(&"x".repeat(101)), [2, 1, 3]);
        assert_eq!(tokenizer.pieces(&"my ".repeat(1_000)).len(), MOST_PIECES);
        assert_eq!(tokenizer.pieces(""), [2, 3]);
    }

    #[test]
    fn a_vocabulary_without_the_usual_pieces_is_none() {
        assert!(Tokenizer::new("my\nmeter").is_none());
    }
}
