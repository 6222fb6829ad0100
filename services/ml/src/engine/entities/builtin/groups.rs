//! Numbers with a space between their thousands: "1 500".

use super::vocabulary::Word;
use super::words::Words;
use std::ops::Range;

/// Spaces that no line breaks at: nobody writes them between two numbers.
const JOINING: [char; 4] = ['\u{a0}', '\u{202f}', '\u{2009}', '\u{2007}'];

/// The tokens of each such number. A usual space joins only where the language writes so.
pub(super) fn find(words: &Words<'_>, original: &str) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut characters = original.chars();
    let mut passed = 0;
    let mut first = 0;
    while first < words.len() {
        let mut end = first + 1;
        while is_near(words, end) {
            let place = words.tokens()[end - 1].end;
            let space = characters.nth(place - passed);
            passed = place + 1;
            if !space.is_some_and(|space| joins(words, space)) {
                break;
            }
            end += 1;
        }
        if is_number(words, first..end) {
            groups.push(first..end);
        }
        first = end;
    }
    groups
}

/// Whether two runs of digits have one character between them, which is space.
fn is_near(words: &Words<'_>, index: usize) -> bool {
    words.at(index) == Word::Digits
        && words.before(index) == Word::Digits
        && words.tokens()[index].start == words.tokens()[index - 1].end + 1
}

fn joins(words: &Words<'_>, space: char) -> bool {
    JOINING.contains(&space) || space == ' ' && words.locale.has_spaced_groups()
}

/// Whether each of these is a group of a number, and the first one begins it: not the minutes of "10:30 500".
fn is_number(words: &Words<'_>, tokens: Range<usize>) -> bool {
    let first = tokens.start;
    let digits = |index: usize| words.digits(index).map_or(0, <[char]>::len);
    let begins = (1..=3).contains(&digits(first)) && words.chars(first)[0] != '0';
    let goes_on = words.is_glued(first)
        && matches!(words.before(first), Word::Sign('.' | ',' | '/' | ':'))
        && first > 1
        && words.at(first - 2) == Word::Digits;
    tokens.len() > 1 && begins && !goes_on && tokens.skip(1).all(|index| digits(index) == 3)
}
