//! Dates and times, resolved against the time at which an utterance was said.
//!
//! [`calendar`], [`named`], [`numeric`] and [`period`] read days and longer stretches, [`dial`] times of the day; [`point`]
//! joins them to one time, [`range`] makes intervals of two, [`relative`] counts from one. Every rule looks only a
//! few tokens ahead, so that an utterance of any length takes time in proportion to it.

mod calendar;
mod clock;
mod dial;
mod named;
mod numeric;
mod period;
mod point;
mod range;
mod relative;
mod stretch;
mod zone;

use super::Found;
use super::vocabulary::Word;
use super::words::Words;
use calendar::Calendar;
use jiff::Zoned;
use point::Point;
use serde_json::Value;
pub(super) use stretch::Part;
use stretch::{Grain, Stretch};

/// The longest time that begins here.
pub(super) fn find(words: &Words<'_>, now: &Zoned, first: usize) -> Option<Found> {
    if !may_begin(words.at(first)) {
        return None;
    }
    let calendar = Calendar {
        words,
        now: now.datetime(),
        offset: now.offset(),
        is_past: false,
    };
    let bound = range::bound(&calendar, first);
    let bound =
        bound.and_then(|(side, stretch, end)| Some((stretch.open(side, now.time_zone())?, end)));
    let found = [
        whole(relative::find(&calendar, now, first), now),
        whole(range::find(&calendar, first), now),
        bound,
        whole(single(&calendar, now, first), now),
    ];
    let (value, end) = found.into_iter().flatten().max_by_key(|(_, end)| *end)?;
    Some(Found {
        kind: "datetime",
        tokens: first..end,
        value,
    })
}

fn whole(found: Option<(Stretch, usize)>, now: &Zoned) -> Option<(Value, usize)> {
    let (stretch, end) = found?;
    Some((stretch.json(now.time_zone())?, end))
}

fn single(calendar: &Calendar<'_>, now: &Zoned, first: usize) -> Option<(Stretch, usize)> {
    if calendar.words.at(first) == Word::Now {
        let now = now.with().subsec_nanosecond(0).build().ok()?;
        return Some((Stretch::instant(now, Grain::Second)?, first + 1));
    }
    let point = Point::at(calendar, first, false)?;
    Some((point.resolve(calendar)?, point.end))
}

/// Whether a time can begin with this word.
const fn may_begin(word: Word) -> bool {
    !matches!(
        word,
        Word::End
            | Word::Other
            | Word::Sign(_)
            | Word::Currency(_)
            | Word::Dollar
            | Word::Cent(_)
            | Word::Percent
            | Word::Per
            | Word::And
            | Word::Of
            | Word::To
            | Word::On
            | Word::At
            | Word::Filler
            | Word::Pointing
            | Word::Rate
            | Word::Suffix
            | Word::Meridiem(_)
    )
}
