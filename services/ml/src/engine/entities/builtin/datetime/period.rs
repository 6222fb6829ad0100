//! Stretches counted from now: "next week", "this weekend", "the last three months", "end of the month".

use super::super::duration::Unit;
use super::super::number::{self, Number};
use super::super::ordinal;
use super::super::vocabulary::Word;
use super::super::words::Words;
use super::calendar::Calendar;
use super::stretch::{Grain, Stretch, midnight};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::{Span, ToSpan as _};

/// More of a unit is not counted from now.
const MOST: f64 = 10_000.0;

/// A stretch that begins here.
pub(super) fn find(calendar: &Calendar<'_>, first: usize) -> Option<(Stretch, usize)> {
    let words = calendar.words;
    let the = usize::from(words.at(first) == Word::The);
    let at = first + the;
    match words.at(at) {
        Word::Next | Word::Last | Word::This | Word::Past => shifted(calendar, at),
        Word::Weekend => {
            (the == 1 || words.before(first) == Word::At || words.before(first) == Word::On)
                .then(|| Some((nearest_weekend(calendar)?, at + 1)))?
        }
        Word::Ending | Word::Beginning => edge(calendar, at),
        Word::Letter('q') => quarter(calendar, at),
        Word::NthSmall(_) | Word::Digits => nth(calendar, at),
        _ => None,
    }
    .or_else(|| (words.at(at) == Word::Last).then(|| last_weekday(calendar, at))?)
}

/// 0 for this, 1 for the next, -1 for the last.
fn shift(word: Word) -> Option<i32> {
    match word {
        Word::This => Some(0),
        Word::Next => Some(1),
        Word::Last | Word::Past => Some(-1),
        _ => None,
    }
}

/// "next" and what it is next of.
fn shifted(calendar: &Calendar<'_>, first: usize) -> Option<(Stretch, usize)> {
    let words = calendar.words;
    let shift = shift(words.at(first))?;
    let end = first + 2;
    match words.at(first + 1) {
        Word::Unit(unit) => Some((one(calendar, unit, shift)?, end)),
        Word::Quarter => Some((one(calendar, Unit::Quarter, shift)?, end)),
        Word::Weekend => Some((weekend(calendar, shift)?, end)),
        Word::Weekday(weekday, _) if words.at(first) != Word::Past && !is_nth_of(words, first) => {
            Some((Stretch::day(weekday_of(calendar, weekday, shift)?)?, end))
        }
        Word::Month(month, _) if words.at(first) != Word::Past => {
            Some((month_of(calendar, month, shift)?, end))
        }
        _ if shift != 0 => several(calendar, first + 1, shift),
        _ => None,
    }
}

/// "last Friday of the month" is none that was last.
fn is_nth_of(words: &Words<'_>, first: usize) -> bool {
    words.at(first + 2) == Word::Of
}

/// "next Friday" is the one of next week; "last Friday" the one before today.
fn weekday_of(calendar: &Calendar<'_>, weekday: i8, shift: i32) -> Option<Date> {
    let day = Weekday::from_monday_one_offset(weekday).ok()?;
    match shift {
        -1 => calendar.today().nth_weekday(-1, day).ok(),
        1 => calendar.weekday_of_week(weekday, 1),
        _ if calendar.today().weekday() == day => Some(calendar.today()),
        _ => calendar.weekday(weekday),
    }
}

fn month_of(calendar: &Calendar<'_>, month: i8, shift: i32) -> Option<Stretch> {
    let (year, now) = (calendar.today().year(), calendar.today().month());
    let year = match shift {
        1 => year + i16::from(month <= now),
        -1 => year - i16::from(month >= now),
        _ => year,
    };
    Stretch::month(year, month)
}

/// The begin of the unit that a day is in, its grain and length.
fn unit_of(calendar: &Calendar<'_>, unit: Unit) -> Option<(DateTime, Grain, Span)> {
    let today = calendar.today();
    let first = |month: i8| Date::new(today.year(), month, 1).ok().map(midnight);
    Some(match unit {
        Unit::Year => (first(1)?, Grain::Year, 1.year()),
        Unit::Decade => (first(1)?, Grain::Year, 10.years()),
        Unit::Quarter => (
            first((today.month() - 1) / 3 * 3 + 1)?,
            Grain::Quarter,
            3.months(),
        ),
        Unit::Month => (first(today.month())?, Grain::Month, 1.month()),
        Unit::Fortnight => (
            midnight(calendar.weekday_of_week(1, 0)?),
            Grain::Week,
            2.weeks(),
        ),
        Unit::Week => (
            midnight(calendar.weekday_of_week(1, 0)?),
            Grain::Week,
            1.week(),
        ),
        Unit::Day => (midnight(today), Grain::Day, 1.day()),
        Unit::Hour => (
            calendar
                .now
                .with()
                .minute(0)
                .second(0)
                .subsec_nanosecond(0)
                .build()
                .ok()?,
            Grain::Hour,
            1.hour(),
        ),
        Unit::Minute => (
            calendar
                .now
                .with()
                .second(0)
                .subsec_nanosecond(0)
                .build()
                .ok()?,
            Grain::Minute,
            1.minute(),
        ),
        Unit::Second => (
            calendar.now.with().subsec_nanosecond(0).build().ok()?,
            Grain::Second,
            1.second(),
        ),
    })
}

/// "next month"; "next day" and "last minute" are said of other things.
fn one(calendar: &Calendar<'_>, unit: Unit, shift: i32) -> Option<Stretch> {
    if matches!(
        unit,
        Unit::Day | Unit::Minute | Unit::Second | Unit::Decade | Unit::Fortnight
    ) {
        return None;
    }
    let (from, grain, length) = unit_of(calendar, unit)?;
    let from = from
        .checked_add(length.checked_mul(i64::from(shift)).ok()?)
        .ok()?;
    Stretch::one(from, grain)
}

/// "next three days": whole ones, without the present one.
#[expect(clippy::cast_possible_truncation, reason = "at most `MOST`")]
fn several(calendar: &Calendar<'_>, first: usize, shift: i32) -> Option<(Stretch, usize)> {
    let is_couple =
        calendar.words.at(first) == Word::Couple && calendar.words.at(first + 1) == Word::Of;
    let (count, at) = if is_couple {
        (Number::Whole(2), first + 2)
    } else {
        number::unsigned(calendar.words, first)?
    };
    let count = count.value();
    let unit = match calendar.words.at(at) {
        Word::Unit(unit) => unit,
        Word::Quarter => Unit::Quarter,
        _ => return None,
    };
    if count.fract() != 0.0 || !(1.0..=MOST).contains(&count) {
        return None;
    }
    let (begin, grain, length) = unit_of(calendar, unit)?;
    let whole = length.checked_mul(count as i64).ok()?;
    let stretch = if shift > 0 {
        let from = begin.checked_add(length).ok()?;
        Stretch::interval(from, from.checked_add(whole).ok()?, grain)
    } else {
        Stretch::interval(begin.checked_sub(whole).ok()?, begin, grain)
    };
    Some((stretch, at + 1))
}

/// Saturday and Sunday of a week, counted from this one.
fn weekend(calendar: &Calendar<'_>, weeks: i32) -> Option<Stretch> {
    let from = midnight(calendar.weekday_of_week(6, weeks)?);
    Some(Stretch::interval(
        from,
        from.checked_add(2.days()).ok()?,
        Grain::Day,
    ))
}

/// The weekend of this week, or the one before where it has to have begun.
fn nearest_weekend(calendar: &Calendar<'_>) -> Option<Stretch> {
    let this = weekend(calendar, 0)?;
    if calendar.is_past && this.from > calendar.now {
        weekend(calendar, -1)
    } else {
        Some(this)
    }
}

/// "next week" behind a weekday.
pub(super) fn weeks(words: &Words<'_>, first: usize) -> Option<(i32, usize)> {
    let shift = shift(words.at(first))?;
    (words.at(first + 1) == Word::Unit(Unit::Week)).then_some((shift, first + 2))
}

/// "the month", "next month", "May", "May 2026" behind "of".
pub(super) fn month(calendar: &Calendar<'_>, first: usize) -> Option<(Stretch, usize)> {
    let words = calendar.words;
    if words.at(first) == Word::The && words.at(first + 1) == Word::Unit(Unit::Month) {
        return Some((one(calendar, Unit::Month, 0)?, first + 2));
    }
    let found = match words.at(first) {
        Word::Month(..) => calendar.month_first(first),
        _ => shifted(calendar, first),
    };
    found.filter(|(stretch, _)| stretch.grain == Grain::Month && !stretch.is_interval)
}

/// The first or last day of something: "end of the month".
fn edge(calendar: &Calendar<'_>, first: usize) -> Option<(Stretch, usize)> {
    let words = calendar.words;
    if words.at(first + 1) != Word::Of {
        return None;
    }
    let (whole, end) = match (words.at(first + 2), words.at(first + 3)) {
        (Word::The, Word::Unit(unit)) => (one(calendar, unit, 0)?, first + 4),
        (Word::The, Word::Quarter) => (one(calendar, Unit::Quarter, 0)?, first + 4),
        (Word::Month(..), _) => calendar.month_first(first + 2)?,
        _ => shifted(calendar, first + 2)?,
    };
    if whole.grain <= Grain::Day {
        return None;
    }
    let day = match words.at(first) {
        Word::Ending => whole.to.date().yesterday().ok()?,
        _ => whole.from.date(),
    };
    Some((Stretch::day(day)?, end))
}

/// "Q3", "Q3 2026".
fn quarter(calendar: &Calendar<'_>, first: usize) -> Option<(Stretch, usize)> {
    let words = calendar.words;
    let number = words
        .figures(first + 1, 1..2)
        .filter(|_| words.is_glued(first + 1))?;
    quarter_of(calendar, number, first + 2)
}

fn quarter_of(calendar: &Calendar<'_>, number: i16, at: usize) -> Option<(Stretch, usize)> {
    let number = i8::try_from(number)
        .ok()
        .filter(|number| (1..=4).contains(number))?;
    let words = calendar.words;
    let of = usize::from(words.at(at) == Word::Of);
    let year = words
        .figures(at + of, 4..5)
        .filter(|year| (1900..2200).contains(year));
    let (month, today) = (number * 3 - 2, calendar.today());
    let this = today.year() - i16::from(calendar.is_past && month > today.month());
    let (year, end) = year.map_or((this, at), |year| (year, at + of + 1));
    let from = midnight(Date::new(year, month, 1).ok()?);
    Some((Stretch::one(from, Grain::Quarter)?, end))
}

/// "third quarter of 2026", "first Monday of May".
fn nth(calendar: &Calendar<'_>, first: usize) -> Option<(Stretch, usize)> {
    let words = calendar.words;
    let (number, at) = ordinal::at(words, first)?;
    let number = i8::try_from(number)
        .ok()
        .filter(|number| (1..=5).contains(number))?;
    match words.at(at) {
        Word::Quarter if words.at(at + 1) == Word::Of => {
            quarter_of(calendar, number.into(), at + 1)
        }
        Word::Weekday(weekday, _) => nth_weekday(calendar, number, weekday, at + 1),
        _ => None,
    }
}

/// "last Friday of the month".
fn last_weekday(calendar: &Calendar<'_>, first: usize) -> Option<(Stretch, usize)> {
    match calendar.words.at(first + 1) {
        Word::Weekday(weekday, _) => nth_weekday(calendar, -1, weekday, first + 2),
        _ => None,
    }
}

fn nth_weekday(
    calendar: &Calendar<'_>,
    number: i8,
    weekday: i8,
    at: usize,
) -> Option<(Stretch, usize)> {
    let is_of = matches!(calendar.words.at(at), Word::Of | Word::In);
    let (month, end) = month(calendar, at + 1).filter(|_| is_of)?;
    let weekday = Weekday::from_monday_one_offset(weekday).ok()?;
    let day = month
        .from
        .date()
        .nth_weekday_of_month(number, weekday)
        .ok()?;
    Some((Stretch::day(day)?, end))
}
