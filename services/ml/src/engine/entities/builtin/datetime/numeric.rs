//! Dates in digits: 2026-11-27, 27/11/2026, 27.11.26, 27/11.

use super::super::vocabulary::Word;
use super::super::words::Words;
use super::calendar::{Calendar, is_named_before, year_of};
use super::stretch::{Grain, Stretch, midnight};
use jiff::civil::Date;
use std::ops::Range;

/// Years that are told so wherever another calendar, or another number, might be meant.
const YEARS: Range<i16> = 1900..2200;

/// A date in digits. What joins its parts stands between them without a space.
pub(super) fn find(calendar: &Calendar<'_>, first: usize) -> Option<(Stretch, usize)> {
    let words = calendar.words;
    let joint = joint(words, first)?;
    let second = part(words, first + 2)?;
    let is_whole = is_joined(words, first + 2, joint);
    match words.digits(first)?.len() {
        4 if is_whole => {
            let (year, day) = (year(words, first)?, part(words, first + 4)?);
            ends(words, first + 4, joint).then_some(())?;
            day_of(year, second, day).map(|day| (day, first + 5))
        }
        4 => month_of_year(words, first, joint),
        1 | 2 if is_whole => {
            let year = year(words, first + 4)?;
            ends(words, first + 4, joint).then_some(())?;
            let (month, day) = order(words, part(words, first)?, second);
            day_of(year, month, day).map(|day| (day, first + 5))
        }
        1 | 2 => without_year(calendar, first, joint, second),
        _ => None,
    }
}

/// The sign behind a part, if a further part follows.
fn joint(words: &Words<'_>, first: usize) -> Option<char> {
    match words.at(first + 1) {
        Word::Sign(joint @ ('-' | '/' | '.')) if is_joined(words, first, joint) => Some(joint),
        _ => None,
    }
}

fn is_joined(words: &Words<'_>, index: usize, joint: char) -> bool {
    words.is_glued_sign(index + 1, joint)
        && words.at(index + 2) == Word::Digits
        && words.is_glued(index + 2)
}

/// Whether no further part follows.
fn ends(words: &Words<'_>, last: usize, joint: char) -> bool {
    !is_joined(words, last, joint)
}

fn part(words: &Words<'_>, index: usize) -> Option<i8> {
    i8::try_from(words.figures(index, 1..3)?).ok()
}

/// The year; with the digits of another script people write those of other calendars too, which are not read.
fn year(words: &Words<'_>, index: usize) -> Option<i16> {
    year_of(words, index).filter(|year| !words.is_foreign(index) || YEARS.contains(year))
}

fn day_of(year: i16, month: i8, day: i8) -> Option<Stretch> {
    Stretch::day(Date::new(year, month, day).ok()?)
}

/// Month and day, in the order of the language unless only the other one makes a date.
fn order(words: &Words<'_>, first: i8, second: i8) -> (i8, i8) {
    let day_first = if first > 12 {
        true
    } else {
        second <= 12 && words.locale.day_first
    };
    if day_first {
        (second, first)
    } else {
        (first, second)
    }
}

/// 2026-11, in ISO 8601.
fn month_of_year(words: &Words<'_>, first: usize, joint: char) -> Option<(Stretch, usize)> {
    let year = words
        .figures(first, 4..5)
        .filter(|year| YEARS.contains(year))?;
    let month = i8::try_from(words.figures(first + 2, 2..3)?).ok()?;
    let stretch = Stretch::month(year, month).filter(|_| joint == '-')?;
    Some((stretch, first + 3))
}

/// 27/11, the nearest one, where the words before say that it is a date.
fn without_year(
    calendar: &Calendar<'_>,
    first: usize,
    joint: char,
    second: i8,
) -> Option<(Stretch, usize)> {
    let words = calendar.words;
    let is_answer = first == 0 && words.len() == 3;
    let is_behind = matches!(words.before(first), Word::At | Word::The) || is_answer;
    let is_named = is_named_before(words, first) || is_behind && !words.locale.english;
    if joint != '/' || !is_named || is_share(words, first) {
        return None;
    }
    let (month, day) = order(words, part(words, first)?, second);
    let day = calendar.nearest(month, day)?;
    Some((Stretch::one(midnight(day), Grain::Day)?, first + 3))
}

/// Whether an article stands before that Greek days do not have, but fractions: "το 1/3", "τα 3/4".
fn is_share(words: &Words<'_>, first: usize) -> bool {
    const ARTICLES: [&[char]; 5] = [
        &['τ', 'ο'],
        &['τ', 'α'],
        &['τ', 'ο', 'ν'],
        &['σ', 'τ', 'ο'],
        &['σ', 'τ', 'ο', 'ν'],
    ];
    first
        .checked_sub(1)
        .is_some_and(|article| ARTICLES.contains(&words.chars(article)))
}
