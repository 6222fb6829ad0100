//! An utterance as the engine sees it: folded characters in tokens that know their place.
//!
//! Folding makes spellings equal that people use for the same word: compatibility forms,
//! case, accents of Latin, Greek and Cyrillic letters, the two small sigmas, variation selectors. Marks of other
//! scripts stay, because there they are vowels. Places are counted in Unicode scalar values
//! of the original, which is what clients select by.

use regex::Regex;
use std::sync::LazyLock;
use stoa_contracts::parse::TEXT_LIMIT;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A folded utterance.
#[derive(Clone)]
pub(super) struct Text {
    /// The folded characters.
    chars: Vec<char>,
    /// Words, numbers and single signs in the order of the text.
    tokens: Vec<Token>,
}

/// A word, a number or a single sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// First folded character.
    from: usize,
    /// One past the last folded character.
    to: usize,
    /// First character of the original.
    pub(super) start: usize,
    /// One past the last character of the original.
    pub(super) end: usize,
    /// Whether the original begins with an upper-case letter.
    pub(super) capital: bool,
    /// Whether the original has no other letters.
    pub(super) upper: bool,
    /// Whether it is a digit that no number is written with: "²", "①".
    pub(super) raised: bool,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters and their marks.
    Word,
    /// Digits.
    Number,
    /// Anything else that is not space.
    Sign,
}

impl Text {
    /// Folds an utterance and finds its tokens. What is beyond the limit of utterances is not
    /// looked at: requests are refused before, examples and lists may hold anything.
    pub(super) fn new(original: &str) -> Self {
        let mut text = Self {
            chars: Vec::with_capacity(original.len()),
            tokens: Vec::new(),
        };
        let mut joins = false;
        for (index, character) in original.chars().take(TEXT_LIMIT).enumerate() {
            joins = text.push(index, character, joins);
        }
        text
    }

    /// Takes one character of the original; answers whether the next one may join its token.
    fn push(&mut self, index: usize, character: char, joins: bool) -> bool {
        if is_accent(character) {
            self.extend_last(index, joins);
            return joins;
        }
        let Some(kind) = kind(character) else {
            return false;
        };
        let from = self.chars.len();
        self.fold(character);
        let raised = kind == Kind::Number && is_raised(character, &self.chars[from..]);
        let joined = joins
            && kind != Kind::Sign
            && !raised
            && self.tokens.last().map(|t| t.kind) == Some(kind);
        let capital = character.is_uppercase();
        if joined {
            self.extend_last(index, true);
            if let Some(last) = self.tokens.last_mut() {
                last.upper &= capital;
            }
        } else if self.chars.len() > from {
            let to = self.chars.len();
            self.tokens.push(Token {
                kind,
                from,
                to,
                start: index,
                end: index + 1,
                capital,
                upper: capital,
                raised,
            });
        }
        !raised
    }

    fn extend_last(&mut self, index: usize, joins: bool) {
        if let Some(last) = self.tokens.last_mut().filter(|_| joins) {
            last.end = index + 1;
            last.to = self.chars.len();
        }
    }

    fn fold(&mut self, character: char) {
        if character.is_ascii() {
            self.chars.push(character.to_ascii_lowercase());
            return;
        }
        let lower = std::iter::once(character)
            .nfkd()
            .flat_map(char::to_lowercase);
        self.chars
            .extend(lower.filter(|c| !is_accent(*c)).map(same_letter));
    }

    /// Bytes in memory.
    pub(super) const fn bytes(&self) -> usize {
        self.chars.capacity() * size_of::<char>() + self.tokens.capacity() * size_of::<Token>()
    }

    /// The tokens.
    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Whether there are letters in it.
    pub(super) fn has_words(&self) -> bool {
        self.tokens.iter().any(|token| token.kind == Kind::Word)
    }

    /// The folded characters of a token.
    pub(super) fn chars(&self, token: &Token) -> &[char] {
        &self.chars[token.from..token.to]
    }

    /// The folded tokens with one space between: the key under which lists and synonyms know
    /// a phrase.
    pub(super) fn key(original: &str) -> String {
        let text = Self::new(original);
        let mut key = String::with_capacity(original.len());
        for token in &text.tokens {
            text.append_key(token, &mut key);
        }
        key
    }

    /// Appends a token to a key that is being built.
    pub(super) fn append_key(&self, token: &Token, key: &mut String) {
        if !key.is_empty() {
            key.push(' ');
        }
        key.extend(self.chars(token));
    }
}

/// The part of an utterance between two places.
pub(super) fn slice(original: &str, start: usize, end: usize) -> &str {
    let mut places = original
        .char_indices()
        .map(|(byte, _)| byte)
        .chain([original.len()]);
    let Some(from) = places.nth(start) else {
        return "";
    };
    let to = end.checked_sub(start + 1).and_then(|more| places.nth(more));
    &original[from..to.unwrap_or(from)]
}

/// The places of bytes that begin a character, asked for in the order of the text.
pub(super) struct Places<'t> {
    original: &'t str,
    byte: usize,
    place: usize,
}

impl<'t> Places<'t> {
    pub(super) const fn of(original: &'t str) -> Self {
        Self {
            original,
            byte: 0,
            place: 0,
        }
    }

    /// The place of a byte, which is no earlier than the one before.
    pub(super) fn of_byte(&mut self, byte: usize) -> usize {
        self.place += self.original[self.byte..byte].chars().count();
        self.byte = byte;
        self.place
    }
}

/// What kind of token a character belongs to; none for space and control characters.
fn kind(character: char) -> Option<Kind> {
    if character.is_numeric() {
        Some(Kind::Number)
    } else if character.is_alphabetic() || is_combining_mark(character) {
        Some(Kind::Word)
    } else if character.is_whitespace() || character.is_control() {
        None
    } else {
        Some(Kind::Sign)
    }
}

/// Whether a character is no decimal digit, though it folds to some.
fn is_raised(character: char, folded: &[char]) -> bool {
    static DECIMAL: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\A\p{Nd}\z").expect("the pattern is constant, and sound"));
    !character.is_ascii()
        && folded.iter().all(char::is_ascii_digit)
        && !DECIMAL.is_match(character.encode_utf8(&mut [0; 4]))
}

/// Whether it is a mark that people leave out when they type in a hurry, or one that only says how to draw what stands
/// before it: a variation selector.
const fn is_accent(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// One spelling for letters that are the same.
const fn same_letter(character: char) -> char {
    match character {
        'ς' => 'σ',
        '’' | 'ʼ' => '\'',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(original: &str) -> Vec<(String, usize, usize)> {
        let text = Text::new(original);
        let describe = |t: &Token| (text.chars(t).iter().collect(), t.start, t.end);
        text.tokens().iter().map(describe).collect()
    }

    #[test]
    fn composed_and_decomposed_accents_are_the_same_word_with_their_own_places() {
        assert_eq!(
            tokens("Café x"),
            [("cafe".into(), 0, 4), ("x".into(), 5, 6)]
        );
        assert_eq!(
            tokens("Cafe\u{301} x"),
            [("cafe".into(), 0, 5), ("x".into(), 6, 7)]
        );
    }

    #[test]
    fn greek_is_folded_with_its_final_sigma() {
        assert_eq!(Text::key("ΛΟΓΑΡΙΑΣΜΌΣ"), Text::key("λογαριασμος"));
    }

    #[test]
    fn numbers_units_and_signs_are_tokens_of_their_own() {
        assert_eq!(Text::key("48213kWh, 20€!"), "48213 kwh , 20 € !");
    }

    #[test]
    fn only_decimal_digits_join_to_a_number() {
        assert_eq!(Text::key("5²3 m² 5⁹⁹"), "5 2 3 m 2 5 9 9");
        assert_eq!(Text::key("１２ 5½ ٣٤"), "12 51⁄2 ٣٤");
    }

    #[test]
    fn a_slice_is_what_a_client_would_select() {
        assert_eq!(slice("Ünü 🦀 x", 4, 5), "🦀");
        assert_eq!(slice("abc", 1, 9), "");
        assert_eq!(slice("abc", 2, 3), "c");
        let mut places = Places::of("Ü🦀x");
        let ends = ["Ü", "Ü🦀", "Ü🦀x"].map(|until| places.of_byte(until.len()));
        assert_eq!(ends, [1, 2, 3]);
    }

    #[test]
    fn vowel_marks_of_other_scripts_stay() {
        assert_ne!(Text::key("कि"), Text::key("क"));
    }

    #[test]
    fn how_an_emoji_is_drawn_is_no_part_of_the_word_behind_it() {
        assert_eq!(
            tokens("✈\u{fe0f}Paris"),
            [("✈".into(), 0, 2), ("paris".into(), 2, 7)]
        );
        assert_eq!(tokens("葛\u{e0100}x"), [("葛x".into(), 0, 3)]);
        assert_eq!(tokens("\u{fe0f}"), []);
    }

    #[test]
    fn control_characters_and_space_make_no_token() {
        assert_eq!(tokens("\u{0}\t \u{7f}\n"), []);
    }

    proptest! {
        #[test]
        fn places_are_ordered_and_within_the_original(original in ".{0,60}") {
            let length = original.chars().count();
            let text = Text::new(&original);
            let mut before = 0;
            for token in text.tokens() {
                prop_assert!(before <= token.start && token.start < token.end);
                prop_assert!(!text.chars(token).is_empty());
                before = token.end;
            }
            prop_assert!(before <= length);
        }
    }
}
