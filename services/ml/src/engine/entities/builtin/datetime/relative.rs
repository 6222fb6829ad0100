//! Times counted from now or from another one: "in two weeks", "an hour ago", "3 days after Monday".

use super::super::duration::{self, Length};
use super::super::vocabulary::Word;
use super::calendar::Calendar;
use super::point::Point;
use super::stretch::{Grain, Stretch};
use jiff::{Span, Zoned};

/// A time at a distance.
pub(super) fn find(calendar: &Calendar<'_>, now: &Zoned, first: usize) -> Option<(Stretch, usize)> {
    let words = calendar.words;
    match words.at(first) {
        Word::In => {
            let (length, end) = duration::at(words, first + 1)?;
            Some((from_now(now, &length, length.span()?)?, end))
        }
        Word::Within => {
            let (length, end) = duration::at(words, first + 1)?;
            Some((within(now, &length)?, end))
        }
        // "πριν από 2 ώρες", "μετά από 2 ώρες".
        word @ (Word::Before | Word::After) if !words.locale.english => {
            let from = usize::from(words.at(first + 1) == Word::From);
            let (length, end) = duration::at(words, first + 1 + from)?;
            let span = length.span()?;
            let span = if word == Word::Before {
                span.negate()
            } else {
                span
            };
            Some((from_now(now, &length, span)?, end))
        }
        _ => {
            let (length, end) = duration::at(words, first)?;
            behind(calendar, now, &length, end)
        }
    }
}

/// What stands behind the length.
fn behind(
    calendar: &Calendar<'_>,
    now: &Zoned,
    length: &Length,
    at: usize,
) -> Option<(Stretch, usize)> {
    let words = calendar.words;
    let span = length.span()?;
    match (words.at(at), words.at(at + 1)) {
        (Word::Ago, _) => Some((from_now(now, length, span.negate())?, at + 1)),
        (Word::Later, _) => Some((from_now(now, length, span)?, at + 1)),
        (Word::From, Word::Now) => Some((from_now(now, length, span)?, at + 2)),
        (Word::From | Word::After, _) => shifted(calendar, length, span, at + 1),
        (Word::Before, _) => shifted(calendar, length, span.negate(), at + 1),
        _ => None,
    }
}

/// How finely a time is told that is so far away.
fn grain(length: &Length) -> Grain {
    match length.finest() {
        0..=3 => Grain::Day,
        4 | 5 => Grain::Minute,
        _ => Grain::Second,
    }
}

fn from_now(now: &Zoned, length: &Length, span: Span) -> Option<Stretch> {
    let then = now.checked_add(span).ok()?;
    let then = then.with().subsec_nanosecond(0);
    match grain(length) {
        Grain::Day => Stretch::day(then.build().ok()?.date()),
        Grain::Minute => Stretch::instant(then.second(0).build().ok()?, Grain::Minute),
        grain => Stretch::instant(then.build().ok()?, grain),
    }
}

fn within(now: &Zoned, length: &Length) -> Option<Stretch> {
    let begin = now.with().subsec_nanosecond(0).build().ok()?;
    let end = begin.checked_add(length.span()?).ok()?;
    let stretch = Stretch::interval(begin.datetime(), end.datetime(), Grain::Second);
    Some(Stretch {
        instant: Some(begin),
        ..stretch
    })
}

fn shifted(
    calendar: &Calendar<'_>,
    length: &Length,
    span: Span,
    at: usize,
) -> Option<(Stretch, usize)> {
    let point = Point::at(calendar, at, false)?;
    let origin = point.resolve(calendar)?;
    let grain = grain(length).min(origin.grain);
    let then = match origin.instant {
        Some(instant) => Stretch::instant(instant.checked_add(span).ok()?, grain)?,
        None => Stretch::one(origin.from.checked_add(span).ok()?, grain)?,
    };
    Some((then, point.end))
}
