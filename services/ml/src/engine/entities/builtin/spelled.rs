//! Numbers in words, counting and ordering: "two hundred and five", "twenty-first".

use super::number::Number;
use super::vocabulary::Word;
use super::words::Words;

/// What words say, and whether the last one orders.
#[derive(Clone, Copy)]
struct Spelled {
    value: u64,
    end: usize,
    is_ordinal: bool,
}

impl Spelled {
    const fn counting(value: u64, end: usize) -> Self {
        Self {
            value,
            end,
            is_ordinal: false,
        }
    }

    const fn ordering(value: u64, end: usize) -> Self {
        Self {
            value,
            end,
            is_ordinal: true,
        }
    }
}

/// A counting number in words, with its fraction: "half a dozen", "two point five".
pub(super) fn spelled(words: &Words<'_>, first: usize) -> Option<(Number, usize)> {
    if let Some((value, end)) = dozens(words, first) {
        return Some((Number::Whole(value), end));
    }
    if let Some(found) = share(words, first) {
        return Some(found);
    }
    let found = whole(words, first).filter(|found| !found.is_ordinal)?;
    let value = Number::Whole(found.value.cast_signed());
    let (value, end) = decimals(words, value, found.end);
    match words.at(end) {
        Word::Scale(scale) if end > found.end => Some((value.times(scale.cast_signed()), end + 1)),
        _ => Some((value, end)),
    }
}

/// An ordinal in words.
pub(super) fn ordinal(words: &Words<'_>, first: usize) -> Option<(u64, usize)> {
    let found = whole(words, first).filter(|found| found.is_ordinal)?;
    Some((found.value, found.end))
}

/// A counting number below a hundred, without anything behind: hours, minutes, days.
pub(super) fn small(words: &Words<'_>, first: usize) -> Option<(i16, usize)> {
    let found = below_hundred(words, first).filter(|found| !found.is_ordinal)?;
    Some((i16::try_from(found.value).ok()?, found.end))
}

fn dozens(words: &Words<'_>, first: usize) -> Option<(i64, usize)> {
    let (count, at) = match (words.at(first), words.at(first + 1)) {
        (Word::Half, Word::A) => {
            return (words.at(first + 2) == Word::Dozen).then_some((6, first + 3));
        }
        (Word::Dozen, _) => (1, first),
        (Word::A, _) => (1, first + 1),
        (Word::Small(count), _) => (i64::from(count), first + 1),
        _ => return None,
    };
    (words.at(at) == Word::Dozen).then_some((12 * count, at + 1))
}

/// A part of what numbers are counted in: "half a million", "a quarter of a million".
fn share(words: &Words<'_>, first: usize) -> Option<(Number, usize)> {
    let is_of_a = |at: usize| words.at(at) == Word::Of && words.at(at + 1) == Word::A;
    let (part, at) = match (words.at(first), words.at(first + 1)) {
        (Word::Half, Word::A) | (Word::A, Word::Half) => (0.5, first + 2),
        (Word::Half, _) => (0.5, first + 1),
        (Word::Quarter, _) if is_of_a(first + 1) => (0.25, first + 3),
        (Word::A, Word::Quarter) if is_of_a(first + 2) => (0.25, first + 4),
        (Word::Small(3), Word::Quarter) if is_of_a(first + 2) => (0.75, first + 4),
        _ => return None,
    };
    let whole = match words.at(at) {
        Word::Hundred => 100,
        Word::Scale(scale) => scale.cast_signed(),
        _ => return None,
    };
    Some((Number::of(part * Number::Whole(whole).value()), at + 1))
}

/// Digits behind "point".
fn decimals(words: &Words<'_>, number: Number, end: usize) -> (Number, usize) {
    const MOST: usize = 9;
    let digit = |index: usize| match words.at(index) {
        Word::Small(digit) if digit < 10 => Some(f64::from(digit)),
        _ => None,
    };
    if words.at(end) != Word::Point || digit(end + 1).is_none() {
        return (number, end);
    }
    let (mut value, mut place, mut index) = (0.0, 1.0, end + 1);
    while let Some(digit) = digit(index).filter(|_| index <= end + MOST) {
        value = value * 10.0 + digit;
        place *= 10.0;
        index += 1;
    }
    (Number::Real(number.value() + value / place), index)
}

/// Groups with falling scales: "three million two hundred thousand and five".
fn whole(words: &Words<'_>, first: usize) -> Option<Spelled> {
    let (mut total, mut end, mut last) = (0, first, u64::MAX);
    loop {
        let from = if end == first {
            first
        } else {
            past_joint(words, end)
        };
        let Some(group) = group(words, from, end == first) else {
            break;
        };
        match words.at(group.end) {
            Word::Scale(scale) if scale < last && !group.is_ordinal => {
                total += group.value * scale;
                (end, last) = (group.end + 1, scale);
            }
            Word::NthScale(scale) if scale < last && !group.is_ordinal => {
                return Some(Spelled::ordering(
                    total + group.value * scale,
                    group.end + 1,
                ));
            }
            Word::Scale(_) if end > first => break,
            _ => {
                let value = total + group.value;
                return Some(Spelled { value, ..group });
            }
        }
    }
    (end > first).then(|| Spelled::counting(total, end))
}

/// "and", a comma or a hyphen between the parts of a number.
fn past_joint(words: &Words<'_>, index: usize) -> usize {
    match words.at(index) {
        Word::And | Word::Sign(',' | '-') => index + 1,
        _ => index,
    }
}

/// A number below a thousand. What begins a number may have its 1 left out: "a hundred", "thousand".
fn group(words: &Words<'_>, first: usize, begins: bool) -> Option<Spelled> {
    if let Word::Hundreds(value) = words.at(first) {
        return Some(hundreds(words, value.into(), first + 1));
    }
    let head = match (words.at(first), words.at(first + 1)) {
        (Word::A, Word::Hundred | Word::Scale(_) | Word::NthHundred | Word::NthScale(_))
            if begins =>
        {
            Spelled::counting(1, first + 1)
        }
        (Word::Hundred | Word::Scale(_) | Word::NthHundred | Word::NthScale(_), _) if begins => {
            Spelled::counting(1, first)
        }
        _ => below_hundred(words, first)?,
    };
    let at = words.skip_hyphen(head.end);
    match words.at(at) {
        _ if head.is_ordinal => Some(head),
        Word::NthHundred => Some(Spelled::ordering(head.value * 100, at + 1)),
        Word::Hundred => Some(hundreds(words, head.value * 100, at + 1)),
        _ => Some(head),
    }
}

/// What follows the hundreds, unless it has hundreds of its own: "one hundred and two hundred" are two numbers.
fn hundreds(words: &Words<'_>, value: u64, end: usize) -> Spelled {
    let is_joined = matches!(words.at(end), Word::And | Word::Sign('-'));
    let has_hundreds = |rest: &Spelled| {
        let behind = words.at(words.skip_hyphen(rest.end));
        matches!(behind, Word::Hundred | Word::NthHundred)
    };
    let rest = below_hundred(words, end + usize::from(is_joined))
        .filter(|rest| rest.value > 0 && !has_hundreds(rest));
    match rest {
        Some(rest) => Spelled {
            value: value + rest.value,
            ..rest
        },
        None => Spelled::counting(value, end),
    }
}

fn below_hundred(words: &Words<'_>, first: usize) -> Option<Spelled> {
    let tens = match words.at(first) {
        Word::Small(value) => return Some(Spelled::counting(value.into(), first + 1)),
        Word::NthSmall(value) | Word::NthTens(value) => {
            return Some(Spelled::ordering(value.into(), first + 1));
        }
        Word::Tens(value) => u64::from(value),
        _ => return None,
    };
    let at = words.skip_hyphen(first + 1);
    Some(match words.at(at) {
        Word::Small(unit @ 1..=9) => Spelled::counting(tens + u64::from(unit), at + 1),
        // In Greek the article is the number.
        Word::A if !words.locale.english => Spelled::counting(tens + 1, at + 1),
        Word::NthSmall(unit @ 1..=9) => Spelled::ordering(tens + u64::from(unit), at + 1),
        _ => Spelled::counting(tens, first + 1),
    })
}
