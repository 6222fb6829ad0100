//! Lengths of time: "two and a half hours", "90 minutes", "an hour and 20 min".

use super::Found;
use super::number::{self, Number};
use super::vocabulary::Word;
use super::words::Words;
use jiff::Span;
use serde_json::{Value, json};

/// What lengths are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    Decade,
    Year,
    Quarter,
    Month,
    Fortnight,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

/// Years, months, weeks, days, hours, minutes, seconds, whole but for the last; months and years are not days.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Length([f64; 7]);

/// How many of the next smaller unit one has. Only fractions are carried down: half a month is 15 days, as in
/// Duckling; and the seconds of a length count so.
const PARTS: [f64; 6] = [12.0, 30.0, 7.0, 24.0, 60.0, 60.0];
/// Seconds of each unit, with a month of 30 days and a year of 365, as in Duckling.
const SECONDS: [f64; 7] = [
    31_536_000.0,
    2_592_000.0,
    604_800.0,
    86_400.0,
    3_600.0,
    60.0,
    1.0,
];
/// More of a unit is no length that anybody means.
const MOST: f64 = 1e6;

impl Length {
    fn of(amount: f64, unit: Unit) -> Self {
        let (place, factor) = match unit {
            Unit::Decade => (0, 10.0),
            Unit::Year => (0, 1.0),
            Unit::Quarter => (1, 3.0),
            Unit::Month => (1, 1.0),
            Unit::Fortnight => (2, 2.0),
            Unit::Week => (2, 1.0),
            Unit::Day => (3, 1.0),
            Unit::Hour => (4, 1.0),
            Unit::Minute => (5, 1.0),
            Unit::Second => (6, 1.0),
        };
        let mut length = Self::default();
        length.0[place] = amount * factor;
        length
    }

    fn add(&mut self, other: &Self) {
        for (own, more) in self.0.iter_mut().zip(other.0) {
            *own += more;
        }
    }

    /// Fractions carried down to smaller units; to the millisecond.
    fn carried(mut self) -> Self {
        for (place, parts) in PARTS.into_iter().enumerate() {
            let whole = (self.0[place] + 1e-9).floor();
            // A month has no whole number of weeks: its fraction is counted in days.
            let next = if place == 1 { 3 } else { place + 1 };
            let fraction = self.0[place] - whole;
            self.0[next] += (fraction * parts * 1e6).round() / 1e6;
            self.0[place] = whole;
        }
        self.0[6] = (self.0[6] * 1e3).round() / 1e3;
        self
    }

    /// The least unit that it has: 0 for years, 6 for seconds.
    pub(super) fn finest(&self) -> usize {
        self.0.iter().rposition(|amount| *amount > 0.0).unwrap_or(6)
    }

    /// As something to add to a time.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most a million of each, and carried to whole ones"
    )]
    pub(super) fn span(&self) -> Option<Span> {
        let [years, months, weeks, days, hours, minutes, seconds] = self.0;
        let span = Span::new().try_years(years as i64).ok()?;
        let span = span.try_months(months as i64).ok()?;
        let span = span.try_weeks(weeks as i64).ok()?;
        let span = span.try_days(days as i64).ok()?;
        let span = span.try_hours(hours as i64).ok()?;
        let span = span.try_minutes(minutes as i64).ok()?;
        let span = span.try_seconds(seconds as i64).ok()?;
        span.try_milliseconds((seconds.fract() * 1e3).round() as i64)
            .ok()
    }

    /// ISO 8601, which has weeks only by themselves.
    fn iso(mut self) -> Option<String> {
        let is_mixed = self.0.iter().filter(|amount| **amount > 0.0).count() > 1;
        if is_mixed {
            self.0[3] += 7.0 * self.0[2];
            self.0[2] = 0.0;
        }
        Some(self.span()?.to_string())
    }

    fn seconds(&self) -> f64 {
        self.0
            .iter()
            .zip(SECONDS)
            .map(|(amount, seconds)| amount * seconds)
            .sum()
    }

    fn json(self) -> Option<Value> {
        let seconds = Number::of(self.seconds()).json();
        Some(json!({"iso": self.iso()?, "seconds": seconds}))
    }
}

/// A length that is an entity by itself.
pub(super) fn find(words: &Words<'_>, first: usize) -> Option<Found> {
    let (length, end) = at(words, first)?;
    let is_rate = words.at(first) == Word::A
        && matches!(
            words.before(first),
            Word::Rate
                | Word::Currency(_)
                | Word::Dollar
                | Word::Cent(_)
                | Word::Percent
                | Word::Sign(_)
        );
    (!is_rate).then_some(())?;
    Some(Found {
        kind: "duration",
        tokens: first..end,
        value: length.json()?,
    })
}

/// The length that begins here: parts with falling units.
pub(super) fn at(words: &Words<'_>, first: usize) -> Option<(Length, usize)> {
    let (mut length, mut unit, mut end) = part(words, first)?;
    loop {
        let joint = matches!(words.at(end), Word::And | Word::Sign(','));
        match part(words, end + usize::from(joint)) {
            Some((more, smaller, behind)) if smaller > unit => {
                length.add(&more);
                (unit, end) = (smaller, behind);
            }
            _ => return Some((length.carried(), end)),
        }
    }
}

fn part(words: &Words<'_>, first: usize) -> Option<(Length, Unit, usize)> {
    let (amount, at) = amount(words, first)?;
    let at = words.skip_hyphen(at);
    let unit = unit(words, at)?;
    let (more, end) = number::fraction(words, at + 1).unwrap_or((0.0, at + 1));
    let amount = amount + more;
    let is_fine = amount > 0.0 && amount <= MOST;
    is_fine.then(|| (Length::of(amount, unit), unit, end))
}

/// How many: "2.5", "an", "half an", "a couple of", "three quarters of an".
fn amount(words: &Words<'_>, first: usize) -> Option<(f64, usize)> {
    let is = |ahead: usize, word: Word| words.at(first + ahead) == word;
    let quarter = |ahead: usize| {
        is(ahead, Word::Quarter) && is(ahead + 1, Word::Of) && is(ahead + 2, Word::A)
    };
    if is(0, Word::Small(3)) && quarter(1) && unit(words, first + 4).is_some() {
        return Some((0.75, first + 4));
    }
    if let Some((number, end)) = number::unsigned(words, first) {
        return Some((number.value(), end));
    }
    match words.at(first) {
        Word::A if is(1, Word::Couple) => Some((2.0, first + 2 + usize::from(is(2, Word::Of)))),
        Word::A if quarter(1) => Some((0.25, first + 4)),
        Word::A if is(1, Word::Half) => Some((0.5, first + 2)),
        Word::A => Some((1.0, first + 1)),
        Word::Quarter if quarter(0) => Some((0.25, first + 3)),
        Word::Half if is(1, Word::A) => Some((0.5, first + 2)),
        // "μισή ώρα".
        Word::Half if !words.locale.english => Some((0.5, first + 1)),
        _ => None,
    }
}

fn unit(words: &Words<'_>, at: usize) -> Option<Unit> {
    let is_behind_digits = words.is_glued(at) && words.before(at) == Word::Digits;
    match words.at(at) {
        Word::Unit(unit) => Some(unit),
        Word::NthSmall(2) if words.locale.english && !is_other(words, at) => Some(Unit::Second),
        Word::Letter('h') if is_behind_digits => Some(Unit::Hour),
        Word::Letter('m') if is_behind_digits && is_behind_hours(words, at) => Some(Unit::Minute),
        Word::Letter('s') if is_behind_digits && is_behind_hours(words, at) => Some(Unit::Second),
        _ => None,
    }
}

/// Words that the rules do not know, and that begin something new behind "a second": they name nothing of which there
/// may be a second one.
const GOING_ON: &str = "\
    actually again already although anything anyway apart are aren as because but can cannot cause could did didn do \
    does doesn don dont earlier everybody everyone everything exactly except faster had has have he hello her here \
    hey him his how however im instead isn it its ive just less let lets longer maybe me might more must nobody not \
    nothing oh ok okay otherwise our perhaps pls plz rather she should slower so someone something sooner sorry \
    still than thank thats their them then there these they those though thx too unless us was wasn we were what \
    whats when where whether while who whose why will without won would yeah yes yet you your";

/// Whether "second" behind "a" says that there is another of what follows: "a second card", not "wait a second" or "half
/// a second".
pub(super) fn is_other(words: &Words<'_>, at: usize) -> bool {
    let is_compound = words.is_glued_sign(at + 1, '-') && words.is_glued(at + 2);
    let names = match words.at(at + 1) {
        Word::Other => {
            let word: String = words.chars(at + 1).iter().collect();
            !GOING_ON.split(' ').any(|known| known == word)
        }
        Word::Unit(_)
        | Word::Half
        | Word::Quarter
        | Word::Small(_)
        | Word::Digits
        | Word::Currency(_)
        | Word::Dollar
        | Word::Weekend
        | Word::Weekday(_, false)
        | Word::Month(_, false)
        | Word::Part(_)
        | Word::New
        | Word::Point => true,
        _ => is_compound,
    };
    words.before(at) == Word::A && names && !is_part(words, at - 1)
}

/// Whether a part of what follows this article is said: "half a", "a quarter of a".
fn is_part(words: &Words<'_>, article: usize) -> bool {
    match words.before(article) {
        Word::Half => true,
        Word::Of => article > 1 && words.before(article - 1) == Word::Quarter,
        _ => false,
    }
}

/// Whether this letter stands behind "2h30" or "30m10": alone it may be a metre.
fn is_behind_hours(words: &Words<'_>, at: usize) -> bool {
    let before = at
        .checked_sub(2)
        .map_or(Word::End, |before| words.at(before));
    matches!(before, Word::Letter('h' | 'm') | Word::Unit(_))
}
