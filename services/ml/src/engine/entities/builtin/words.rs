//! An utterance as the rules see it: what each token means, and where it stands.

use super::super::super::text::{Kind, Text, Token};
use super::groups;
use super::locale::Locale;
use super::vocabulary::{Word, look_up};
use std::collections::BTreeMap;
use std::ops::Range;

/// What each token of an utterance means.
pub(super) struct Words<'a> {
    text: &'a Text,
    meanings: Vec<Word>,
    /// Tokens of numbers that are written with spaces, as "1 500".
    groups: Vec<Range<usize>>,
    /// The digits of other scripts and the signs in their numbers, by their token, as our own.
    foreign: BTreeMap<usize, Vec<char>>,
    /// How it is written.
    pub(super) locale: Locale,
}

/// The noughts of the scripts that have decimal digits of their own (Unicode, `Nd`), in order; what compatibility makes ours
/// of is not among them.
const NOUGHTS: [char; 36] = [
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{de6}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17e0}',
    '\u{1810}',
    '\u{1946}',
    '\u{19d0}',
    '\u{1a80}',
    '\u{1a90}',
    '\u{1b50}',
    '\u{1bb0}',
    '\u{1c40}',
    '\u{1c50}',
    '\u{a620}',
    '\u{a8d0}',
    '\u{a900}',
    '\u{a9d0}',
    '\u{a9f0}',
    '\u{aa50}',
    '\u{abf0}',
    '\u{1e950}',
];

impl<'a> Words<'a> {
    /// Looks every token up; those within `taken` (characters, in order) mean nothing any more.
    pub(super) fn new(
        (original, text): (&str, &'a Text),
        locale: Locale,
        taken: &[Range<usize>],
    ) -> Self {
        let mut taken = taken.iter().peekable();
        let word = |token: &Token| {
            while taken.next_if(|range| range.end <= token.start).is_some() {}
            if taken.peek().is_some_and(|range| range.start < token.end) {
                return Word::Other;
            }
            meaning(text, token, locale)
        };
        let mut words = Self {
            text,
            meanings: text.tokens().iter().map(word).collect(),
            groups: Vec::new(),
            foreign: foreign(text, locale),
            locale,
        };
        words.groups = groups::find(&words, original);
        words
    }

    /// The tokens.
    pub(super) fn tokens(&self) -> &[Token] {
        self.text.tokens()
    }

    /// One past the last group of digits that belongs to the number of this token.
    pub(super) fn groups_end(&self, index: usize) -> usize {
        let after = self.groups.partition_point(|group| group.end <= index);
        let group = self.groups.get(after);
        group
            .filter(|group| group.start <= index)
            .map_or(index + 1, |group| group.end)
    }

    /// Whether there is anything to find.
    pub(super) fn has_substance(&self) -> bool {
        self.meanings.iter().any(|word| word.is_substance())
    }

    /// How many tokens there are.
    pub(super) const fn len(&self) -> usize {
        self.meanings.len()
    }

    /// What a token means.
    pub(super) fn at(&self, index: usize) -> Word {
        self.meanings.get(index).copied().unwrap_or(Word::End)
    }

    /// What the token before means.
    pub(super) fn before(&self, index: usize) -> Word {
        index
            .checked_sub(1)
            .map_or(Word::End, |index| self.at(index))
    }

    /// Whether nothing stands between a token and the one before.
    pub(super) fn is_glued(&self, index: usize) -> bool {
        let tokens = self.text.tokens();
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        match (before, tokens.get(index)) {
            (Some(before), Some(token)) => before.end == token.start,
            _ => false,
        }
    }

    /// The digits of a token.
    pub(super) fn digits(&self, index: usize) -> Option<&[char]> {
        let is_digits = self.at(index) == Word::Digits;
        is_digits.then(|| self.chars(index))
    }

    /// Whether these are digits of another script.
    pub(super) fn is_foreign(&self, index: usize) -> bool {
        self.digits(index).is_some() && self.foreign.contains_key(&index)
    }

    /// A number of so many digits.
    pub(super) fn figures(&self, index: usize, digits: Range<usize>) -> Option<i16> {
        let written = self.digits(index)?;
        let value = |value: i16, digit: &char| {
            let digit = digit
                .to_digit(10)
                .and_then(|digit| i16::try_from(digit).ok())?;
            value.checked_mul(10)?.checked_add(digit)
        };
        digits
            .contains(&written.len())
            .then(|| written.iter().try_fold(0, value))?
    }

    /// Whether this sign stands here.
    pub(super) fn is_sign(&self, index: usize, sign: char) -> bool {
        self.at(index) == Word::Sign(sign)
    }

    /// Whether this sign stands here, with nothing before it.
    pub(super) fn is_glued_sign(&self, index: usize, sign: char) -> bool {
        self.is_sign(index, sign) && self.is_glued(index)
    }

    /// Past a hyphen, if there is one.
    pub(super) fn skip_hyphen(&self, index: usize) -> usize {
        let is_hyphen = self.is_sign(index, '-') || self.is_sign(index, '‑');
        index + usize::from(is_hyphen)
    }

    /// Whether the word begins with a capital letter.
    pub(super) fn is_capital(&self, index: usize) -> bool {
        self.text
            .tokens()
            .get(index)
            .is_some_and(|token| token.capital)
    }

    /// Whether the word has capital letters only.
    pub(super) fn is_upper(&self, index: usize) -> bool {
        let token = self.text.tokens().get(index);
        token.is_some_and(|token| token.upper)
    }

    /// The folded characters of a token; of digits and signs, our own.
    pub(super) fn chars(&self, index: usize) -> &[char] {
        match self.foreign.get(&index) {
            Some(digits) => digits,
            None => self.text.chars(&self.text.tokens()[index]),
        }
    }

    /// The characters of the original that these tokens span.
    pub(super) fn place(&self, tokens: Range<usize>) -> (usize, usize) {
        let all = self.text.tokens();
        (all[tokens.start].start, all[tokens.end - 1].end)
    }
}

fn meaning(text: &Text, token: &Token, locale: Locale) -> Word {
    let chars = text.chars(token);
    match (token.kind, chars) {
        (Kind::Word, _) => look_up(chars, token.upper, locale.english),
        (Kind::Number, _) if !token.raised && chars.iter().all(|c| digit(*c).is_some()) => {
            Word::Digits
        }
        (Kind::Sign, [sign]) => Word::Sign(own_sign(*sign, locale)),
        _ => Word::Other,
    }
}

/// A sign as the rules know it. Arabic digits have a decimal sign and one between thousands, which mean what the ones of
/// the language do.
const fn own_sign(sign: char, locale: Locale) -> char {
    match (sign, locale.decimal_comma) {
        ('−' | '–' | '—', _) => '-',
        ('٪', _) => '%',
        ('٫', false) | ('٬', true) => '.',
        ('٫', true) | ('٬', false) => ',',
        _ => sign,
    }
}

/// A decimal digit of any script, as our own.
fn digit(character: char) -> Option<char> {
    if character.is_ascii() {
        return character.is_ascii_digit().then_some(character);
    }
    let after = NOUGHTS.partition_point(|nought| *nought <= character);
    let nought = *NOUGHTS.get(after.checked_sub(1)?)?;
    char::from_digit(u32::from(character) - u32::from(nought), 10)
}

/// The digits that are not our own, and the signs between them, as if they were.
fn foreign(text: &Text, locale: Locale) -> BTreeMap<usize, Vec<char>> {
    let own = |token: &Token| {
        let chars = text.chars(token).iter().copied();
        match token.kind {
            Kind::Number => chars.map(digit).collect(),
            Kind::Sign => Some(chars.map(|sign| own_sign(sign, locale)).collect()),
            Kind::Word => None,
        }
    };
    let tokens = text.tokens().iter().enumerate();
    let foreign = tokens.filter(|(_, token)| !text.chars(token).iter().all(char::is_ascii));
    foreign
        .filter_map(|(index, token)| Some((index, own(token)?)))
        .collect()
}
