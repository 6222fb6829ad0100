//! Telephone numbers: international ones, and national ones of the assistant's region.

use super::vocabulary::Word;
use super::words::Words;
use super::{Found, number};
use phonenumber::Mode;
use phonenumber::country::Id;
use std::ops::Range;

/// Digits of the shortest number that is looked at, and of the longest (E.164).
const SHORTEST: usize = 7;
const LONGEST: usize = 15;

/// A telephone number; its value is E.164.
pub(super) fn find(words: &Words<'_>, first: usize) -> Option<Found> {
    let begins = match words.at(first) {
        Word::Digits => !is_within(words, first),
        Word::Sign('+') => words.is_glued(first + 1),
        Word::Sign('(') => matches!(words.at(first + 1), Word::Digits | Word::Sign('+')),
        _ => false,
    };
    if !begins {
        return None;
    }
    let candidate = Candidate::read(words, first)?;
    if is_amount(words, first) || holds_date(words, first..candidate.end) {
        return None;
    }
    let value = candidate.normalise(words.locale.region())?;
    Some(Found {
        kind: "phone",
        tokens: first..candidate.end,
        value: value.into(),
    })
}

/// Whether the digits are only the tail of something else.
fn is_within(words: &Words<'_>, first: usize) -> bool {
    let before = words.before(first);
    words.is_glued(first) && !matches!(before, Word::Sign(':' | '(' | '"' | '\'' | '='))
}

/// Whether it begins with a number that has its thousands told apart: "3.645.000". Groups of three ("600 123 456",
/// "612.345.678") are how many countries write telephone numbers, and Latvia "21 234 567".
fn is_amount(words: &Words<'_>, first: usize) -> bool {
    let is_usual = match words.digits(first).map(<[char]>::len) {
        Some(3) => true,
        Some(2) => words.locale.region() == Some("LV"),
        _ => false,
    };
    words.at(first) == Word::Digits && number::is_grouped(words, first) && !is_usual
}

/// Whether a date stands in it: "27/11/2026 10".
fn holds_date(words: &Words<'_>, tokens: Range<usize>) -> bool {
    let is_international = words.is_sign(tokens.start, '+');
    !is_international && tokens.into_iter().any(|index| is_date(words, index))
}

fn is_date(words: &Words<'_>, first: usize) -> bool {
    let Word::Sign(joint @ ('/' | '-' | '.')) = words.at(first + 1) else {
        return false;
    };
    let is_joint = |index: usize| words.is_glued_sign(index, joint) && words.is_glued(index + 1);
    let is_whole = is_joint(first + 1) && is_joint(first + 3);
    let goes_on =
        is_joint(first + 5) || words.is_glued(first) && words.before(first) == Word::Sign(joint);
    if !is_whole || goes_on {
        return false;
    }
    let (day, month) = (words.figures(first, 1..3), words.figures(first + 2, 1..3));
    let is_year = |year: Option<i16>| year.is_some_and(|year| (1900..2200).contains(&year));
    if is_year(words.figures(first, 4..5)) {
        return month.is_some_and(|month| month <= 12) && words.figures(first + 4, 1..3).is_some();
    }
    let is_day = matches!((day, month), (Some(one), Some(other)) if one.min(other) <= 12 && one.max(other) <= 31);
    let is_short = joint == '/' && words.figures(first + 4, 2..3).is_some();
    is_day && (is_short || is_year(words.figures(first + 4, 4..5)))
}

/// Digits with what people put between them.
struct Candidate {
    /// A plus and digits.
    text: String,
    digits: usize,
    /// How many runs of digits there are.
    runs: usize,
    end: usize,
}

impl Candidate {
    fn read(words: &Words<'_>, first: usize) -> Option<Self> {
        let mut candidate = Self {
            text: String::new(),
            digits: 0,
            runs: 0,
            end: first,
        };
        let mut at = first;
        while candidate.digits <= LONGEST {
            match words.at(at) {
                Word::Digits => candidate.push(words.chars(at), at),
                Word::Sign('+') if candidate.text.is_empty() => candidate.text.push('+'),
                Word::Sign('(' | ')' | '-' | '.' | '/') if at < candidate.end + 3 => {}
                _ => break,
            }
            at += 1;
        }
        let is_long = (SHORTEST..=LONGEST).contains(&candidate.digits);
        (is_long && !continues(words, candidate.end)).then_some(candidate)
    }

    fn push(&mut self, digits: &[char], at: usize) {
        self.text.extend(digits);
        self.digits += digits.len();
        self.runs += 1;
        self.end = at + 1;
    }

    /// As E.164, where there is such a number. Digits without anything between have to be as many as no other number
    /// has that people say, or begin with a 0.
    fn normalise(&self, region: Option<&str>) -> Option<String> {
        let is_international = self.text.starts_with('+') || self.text.starts_with("00");
        let text = match self.text.strip_prefix("00") {
            Some(rest) => format!("+{rest}"),
            None => self.text.clone(),
        };
        let is_plain = self.runs > 1 || self.digits >= 10 || self.text.starts_with('0');
        if !is_international && !is_plain {
            return None;
        }
        let country: Option<Id> = region.and_then(|region| region.parse().ok());
        let country = country.filter(|_| !is_international);
        if !is_international && country.is_none() {
            return None;
        }
        let number = phonenumber::parse(country, text).ok()?;
        number
            .is_valid()
            .then(|| number.format().mode(Mode::E164).to_string())
    }
}

/// Whether letters or a unit make something else of the digits.
fn continues(words: &Words<'_>, end: usize) -> bool {
    words.is_glued(end) && !matches!(words.at(end), Word::Sign(_) | Word::End)
        || matches!(
            words.at(end),
            Word::Sign('%' | '€' | '$' | '£') | Word::Currency(_) | Word::Unit(_)
        )
}

#[cfg(test)]
mod tests {
    use super::super::locale::Locale;
    use super::*;
    use crate::engine::text::Text;

    #[test]
    fn a_candidate_has_one_plus_however_many_stand_before_it() {
        let original = format!("{}2025550123", "+".repeat(1_000));
        let text = Text::new(&original);
        let words = Words::new((&original, &text), Locale::of("en"), &[]);
        let candidates = (0..words.len()).filter_map(|first| Candidate::read(&words, first));
        let texts: Vec<String> = candidates.map(|candidate| candidate.text).collect();
        assert_eq!(texts, ["+2025550123", "2025550123"]);
    }
}
