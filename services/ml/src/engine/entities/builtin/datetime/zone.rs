//! Where a time of the day is said to be: "UTC", "EST", "+02:00".

use super::super::vocabulary::Word;
use super::super::words::Words;
use super::clock::Clock;
use super::stretch::Grain;
use jiff::tz::Offset;

/// Minutes that clocks are ahead of UTC or behind it, at most.
const MOST: i16 = 14 * 60;

/// A time that begins at `first`, with the offset behind it.
pub(super) fn placed(
    words: &Words<'_>,
    first: usize,
    (clock, end): (Clock, usize),
) -> (Clock, usize) {
    let is_iso = words.before(first) == Word::Letter('t') && words.is_glued(first);
    let is_stamp = is_iso || clock.grain == Grain::Second;
    match named(words, end).or_else(|| written(words, end, is_stamp)) {
        Some((offset, end)) => {
            let placed = Clock {
                offset: Some(offset),
                is_half: false,
                ..clock
            };
            (placed, end)
        }
        None => (clock, end),
    }
}

/// Z, an abbreviation, "UTC+2".
fn named(words: &Words<'_>, at: usize) -> Option<(Offset, usize)> {
    match words.at(at) {
        Word::Letter('z') if words.is_glued(at) => Some((Offset::UTC, at + 1)),
        Word::Zone(0) if words.is_glued(at + 1) && words.is_glued(at + 2) => {
            let sign = sign(words, at + 1);
            let more = sign.and_then(|sign| figures(words, at + 2, sign, true));
            Some(more.unwrap_or((Offset::UTC, at + 1)))
        }
        Word::Zone(hours) => Some((Offset::from_hours(hours).ok()?, at + 1)),
        _ => None,
    }
}

/// +02:00 or +0200. A minus stands between two times as well: of a time without seconds it takes four digits.
fn written(words: &Words<'_>, at: usize, is_stamp: bool) -> Option<(Offset, usize)> {
    let sign = sign(words, at)?;
    let is_minus = sign < 0 && !is_stamp && words.figures(at + 1, 4..5).is_none();
    let is_written = words.is_glued(at + 1) && !is_minus;
    is_written.then(|| figures(words, at + 1, sign, false))?
}

fn sign(words: &Words<'_>, at: usize) -> Option<i16> {
    match words.at(at) {
        Word::Sign('+') => Some(1),
        Word::Sign('-') => Some(-1),
        _ => None,
    }
}

fn figures(words: &Words<'_>, at: usize, sign: i16, may_be_hours: bool) -> Option<(Offset, usize)> {
    let hours = words.figures(at, 1..3);
    let past_colon = words
        .figures(at + 2, 2..3)
        .filter(|_| words.is_glued_sign(at + 1, ':') && words.is_glued(at + 2));
    let (minutes, end) = match (hours, past_colon, words.figures(at, 4..5)) {
        (Some(hours), Some(minutes), _) => (hours * 60 + minutes, at + 3),
        (Some(hours), None, _) if may_be_hours => (hours * 60, at + 1),
        (_, _, Some(both)) => (both / 100 * 60 + both % 100, at + 1),
        _ => return None,
    };
    let seconds = i32::from(minutes) * 60 * i32::from(sign);
    let offset = Offset::from_seconds(seconds).ok()?;
    (minutes <= MOST).then_some((offset, end))
}
