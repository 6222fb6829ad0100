//! Stretches with two ends, or with one: "from Monday to Wednesday", "9-11 am", "by Friday".

use super::super::vocabulary::Word;
use super::calendar::{self, Calendar};
use super::point::Point;
use super::stretch::{Grain, Side, Stretch};
use jiff::civil::Date;

/// A stretch with both ends.
pub(super) fn find(calendar: &Calendar<'_>, first: usize) -> Option<(Stretch, usize)> {
    let (opener, at) = opener(calendar, first);
    let found = days(calendar, at, opener).or_else(|| points(calendar, at, opener, None));
    found.or_else(|| on_day(calendar, first))
}

/// "from" or "between", and what is behind.
fn opener(calendar: &Calendar<'_>, at: usize) -> (Word, usize) {
    let opener = calendar.words.at(at);
    (
        opener,
        at + usize::from(matches!(opener, Word::From | Word::Between)),
    )
}

/// A day, and from when to when: "tomorrow from 9 to 5".
fn on_day(calendar: &Calendar<'_>, first: usize) -> Option<(Stretch, usize)> {
    let (day, end) = calendar.find(first).filter(|(day, _)| day.is_day())?;
    let (opener, at) = opener(calendar, end);
    points(calendar, at, opener, Some(day))
}

/// Past "to", or what else stands between the ends.
fn past_joint(calendar: &Calendar<'_>, at: usize, opener: Word) -> Option<usize> {
    match calendar.words.at(at) {
        Word::To | Word::Until | Word::Sign('-') => Some(at + 1),
        Word::And if opener == Word::Between => Some(at + 1),
        _ => None,
    }
}

/// Past what Greek has between these words and a time: "πριν από τις 5", "από την Παρασκευή".
fn past_article(calendar: &Calendar<'_>, at: usize) -> usize {
    let words = calendar.words;
    if words.locale.english {
        return at;
    }
    let at = at + usize::from(words.at(at) == Word::From);
    at + usize::from(matches!(words.at(at), Word::The | Word::On | Word::At))
}

/// Whether the article of hours stands before.
fn has_article(calendar: &Calendar<'_>, at: usize) -> bool {
    matches!(calendar.words.before(at), Word::The | Word::At)
}

/// Days of one month: "3-5 May", "the 3rd to the 5th of May", "May 3 to 5".
fn days(calendar: &Calendar<'_>, first: usize, opener: Word) -> Option<(Stretch, usize)> {
    let words = calendar.words;
    let past_the = |at: usize| at + usize::from(words.at(at) == Word::The);
    let (named, at) = match words.at(first) {
        Word::Month(month, _) => (Some(month), past_the(first + 1)),
        _ => (None, past_the(first)),
    };
    let (from, end, _) = calendar::day_number(words, at)?;
    let at = past_the(past_joint(calendar, end, opener)?);
    let (to, end, _) = calendar::day_number(words, at)?;
    let (month, end) = match (named, words.at(end), words.at(end + 1)) {
        (Some(_), Word::Meridiem(_) | Word::Month(..), _) => return None,
        (Some(month), ..) => (month, end),
        (None, Word::Month(month, _), _) => (month, end + 1),
        (None, Word::Of, Word::Month(month, _)) => (month, end + 2),
        _ => return None,
    };
    let (year, end) = match calendar.year_behind(end) {
        Some((year, end)) => (year, end),
        None => (calendar.nearest(month, to)?.year(), end),
    };
    let from = Stretch::day(Date::new(year, month, from).ok()?)?;
    let to = Stretch::day(Date::new(year, month, to).ok()?)?;
    (from.from < to.from).then(|| (Stretch::interval(from.from, to.to, Grain::Day), end))
}

/// Any two times.
fn points(
    calendar: &Calendar<'_>,
    first: usize,
    opener: Word,
    day: Option<Stretch>,
) -> Option<(Stretch, usize)> {
    let mut left = Point::at(calendar, past_article(calendar, first), true)?;
    if day.is_some() {
        // Only times of that day.
        left.clock.filter(|_| left.date.is_none())?;
        left.date = day;
    }
    let at = past_article(calendar, past_joint(calendar, left.end, opener)?);
    let mut right = Point::at(calendar, at, true)?;
    if !is_pair(&left, &right) {
        return None;
    }
    let date = |point: &Point| point.date.clone().filter(Stretch::is_day);
    if left.date.is_none() && left.clock.is_some() {
        left.date = date(&right);
    }
    if right.date.is_none() {
        right.date = date(&left);
    }
    share_offset(&mut left, &mut right)?;
    let (from, to) = ends(calendar, &left, &right).or_else(|| later(calendar, &left, at))?;
    let end = if to.grain < Grain::Day && !to.is_interval {
        to.from
    } else {
        to.to
    };
    let stretch = Stretch {
        instant: from.instant.clone(),
        ..Stretch::interval(from.from, end, from.grain.min(to.grain))
    };
    (from.from < end).then_some((stretch, right.end))
}

/// "9 to 11 am EST": where the one end is, the other one is too.
fn share_offset(left: &mut Point, right: &mut Point) -> Option<()> {
    let (Some(left), Some(right)) = (&mut left.clock, &mut right.clock) else {
        return Some(());
    };
    let offset = left.offset.or(right.offset);
    left.offset = offset;
    right.offset = right.offset.or(offset);
    (left.offset == right.offset).then_some(())
}

/// A number by itself is an hour only opposite one, and two of them only with something that says so.
fn is_pair(left: &Point, right: &Point) -> bool {
    let is_bare = |point: &Point| point.clock.is_some_and(|clock| clock.is_bare);
    let is_named = |point: &Point| point.date.is_some() || !is_bare(point);
    let opposite = |one: &Point, other: &Point| !is_bare(one) || other.clock.is_some();
    (is_named(left) || is_named(right)) && opposite(left, right) && opposite(right, left)
}

/// Both ends, in their order.
fn ends(calendar: &Calendar<'_>, left: &Point, right: &Point) -> Option<(Stretch, Stretch)> {
    let mut from = left.resolve(calendar)?;
    let reference = match (left.clock, right.clock) {
        (Some(_), Some(_)) => calendar.counted_from(&from),
        _ => *calendar,
    };
    let to = right.resolve(&reference)?;
    // "2 to 4 pm" begins in the afternoon.
    let nearer = left.clock.and_then(|clock| clock.before(to.from));
    if let Some(nearer) = nearer.filter(|nearer| right.clock.is_some() && nearer.from > from.from) {
        from = nearer;
    }
    (from.from <= to.from).then_some((from, to))
}

/// The second end counted from the first: on a Tuesday, "Monday to Wednesday".
fn later(calendar: &Calendar<'_>, left: &Point, at: usize) -> Option<(Stretch, Stretch)> {
    let from = left.resolve(calendar)?;
    let reference = calendar.counted_from(&from);
    let to = Point::at(&reference, at, true)?.resolve(&reference)?;
    (from.from <= to.from).then_some((from, to))
}

/// A stretch of which one end is told.
pub(super) fn bound(calendar: &Calendar<'_>, first: usize) -> Option<(Side, Stretch, usize)> {
    let (side, is_bare) = match calendar.words.at(first) {
        Word::Since | Word::From => (Side::Since, false),
        Word::After => (Side::After, true),
        Word::Before => (Side::Before, true),
        Word::Until | Word::By => (Side::Until, true),
        _ => return None,
    };
    let at = past_article(calendar, first + 1);
    // "έως τις 10" is a time, "από 5 έως 10" are numbers.
    let is_bare = is_bare && (calendar.words.locale.english || has_article(calendar, at));
    let calendar = &Calendar {
        is_past: calendar.words.at(first) == Word::Since,
        ..*calendar
    };
    let point = Point::at(calendar, at, is_bare)?;
    Some((side, point.resolve(calendar)?, point.end))
}
