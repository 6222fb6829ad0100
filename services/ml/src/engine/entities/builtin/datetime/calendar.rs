//! Days, months and years by their names, counted from a day.

use super::super::duration::Unit;
use super::super::ordinal;
use super::super::spelled;
use super::super::vocabulary::Word;
use super::super::words::Words;
use super::stretch::Stretch;
use super::{numeric, period};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::Offset;
use jiff::{ToSpan as _, Zoned};

/// An utterance, and the day from which its dates are counted.
#[derive(Clone, Copy)]
pub(super) struct Calendar<'a> {
    /// The utterance.
    pub(super) words: &'a Words<'a>,
    /// When it was said, on the clock of the speaker.
    pub(super) now: DateTime,
    /// How far that clock is from UTC.
    pub(super) offset: Offset,
    /// Whether the last such time is meant instead of the next one: "since Monday", "since May".
    pub(super) is_past: bool,
}

impl Calendar<'_> {
    /// The day on which it was said.
    pub(super) fn today(&self) -> Date {
        self.now.date()
    }

    /// The same, as if it had been said at the begin of a stretch.
    pub(super) fn counted_from(&self, stretch: &Stretch) -> Self {
        let instant = stretch.instant.as_ref();
        Self {
            now: stretch.from,
            offset: instant.map_or(self.offset, Zoned::offset),
            ..*self
        }
    }

    /// When it was said, on a clock so far from UTC.
    pub(super) fn now_at(&self, offset: Option<Offset>) -> Option<DateTime> {
        let Some(offset) = offset else {
            return Some(self.now);
        };
        let ahead = offset.seconds() - self.offset.seconds();
        self.now.checked_add(ahead.seconds()).ok()
    }

    /// 1 where the next such time is meant, -1 where the last one is.
    fn way(&self) -> i8 {
        if self.is_past { -1 } else { 1 }
    }

    /// Whether a day is to come, or has passed where that is meant; today is both.
    fn fits(&self, date: Date) -> bool {
        if self.is_past {
            date <= self.today()
        } else {
            date >= self.today()
        }
    }

    /// The nearest such day of the year, today included.
    pub(super) fn nearest(&self, month: i8, day: i8) -> Option<Date> {
        let year = self.today().year();
        // Eight years hold a 29 February, even about a year 2100.
        let years = (0..=8).filter_map(|more: i16| year.checked_add(more * i16::from(self.way())));
        let mut dates = years.filter_map(|year| Date::new(year, month, day).ok());
        dates.find(|date| self.fits(*date))
    }

    /// The nearest such day of so many months, from this one on, today included.
    pub(super) fn nearest_of_months(
        &self,
        day: i8,
        months: i32,
        is_it: impl Fn(Date) -> bool,
    ) -> Option<Date> {
        let this = self.today().first_of_month();
        let way = i32::from(self.way());
        let firsts = (0..months).filter_map(|more| this.checked_add((more * way).months()).ok());
        let mut dates = firsts.filter_map(|first| Date::new(first.year(), first.month(), day).ok());
        dates.find(|date| self.fits(*date) && is_it(*date))
    }

    /// The nearest such day that is not today.
    pub(super) fn weekday(&self, weekday: i8) -> Option<Date> {
        let weekday = Weekday::from_monday_one_offset(weekday).ok()?;
        self.today().nth_weekday(self.way().into(), weekday).ok()
    }

    /// Such a day of the week, so many weeks from this one.
    pub(super) fn weekday_of_week(&self, weekday: i8, weeks: i32) -> Option<Date> {
        let days = i32::from(weekday) - i32::from(self.today().weekday().to_monday_one_offset());
        self.today().checked_add((7 * weeks + days).days()).ok()
    }

    /// So many days from today.
    pub(super) fn days(&self, days: i32) -> Option<Date> {
        self.today().checked_add(days.days()).ok()
    }

    /// The nearest such month, this one included.
    pub(super) fn month(&self, month: i8) -> Option<Stretch> {
        let this = self.today().month();
        let years = if self.is_past {
            -i16::from(month > this)
        } else {
            i16::from(month < this)
        };
        Stretch::month(self.today().year() + years, month)
    }

    /// The date, or stretch of days, that begins here.
    pub(super) fn find(&self, first: usize) -> Option<(Stretch, usize)> {
        let found = match self.words.at(first) {
            Word::The => self.named_by_article(first + 1),
            Word::Digits => numeric::find(self, first)
                .or_else(|| self.day_of_month(first))
                .or_else(|| self.year(first)),
            Word::NthSmall(_) | Word::NthTens(_) | Word::Tens(_) | Word::Small(_) => {
                self.day_of_month(first)
            }
            Word::Month(..) => self.month_first(first),
            Word::Weekday(..) => self.weekday_first(first),
            Word::Day(days) => Some((Stretch::day(self.days(days.into())?)?, first + 1)),
            Word::Unit(Unit::Day) if is_single(self.words, first) => self.around(first),
            Word::Christmas | Word::New | Word::Halloween => self.holiday(first),
            _ => None,
        };
        found.or_else(|| period::find(self, first))
    }

    /// What needs its article: "the 15th", "the day after tomorrow".
    fn named_by_article(&self, first: usize) -> Option<(Stretch, usize)> {
        match self.words.at(first) {
            Word::Unit(_) => self.around(first),
            Word::Digits | Word::NthSmall(_) | Word::NthTens(_) | Word::Tens(_) => {
                self.day_of_month(first).or_else(|| self.day_alone(first))
            }
            _ => None,
        }
    }

    /// "day after tomorrow", "day before yesterday".
    fn around(&self, first: usize) -> Option<(Stretch, usize)> {
        let days = match (self.words.at(first + 1), self.words.at(first + 2)) {
            (Word::After, Word::Day(1)) => 2,
            (Word::Before, Word::Day(-1)) => -2,
            _ => return None,
        };
        Some((Stretch::day(self.days(days)?)?, first + 3))
    }

    /// "3 May", "3rd of May 2026", "the third of next month".
    pub(super) fn day_of_month(&self, first: usize) -> Option<(Stretch, usize)> {
        let words = self.words;
        let (day, end, is_ordinal) = day_number(words, first)?;
        let is_of = words.at(end) == Word::Of;
        let at = words.skip_hyphen(end + usize::from(is_of));
        let Word::Month(month, is_doubtful) = words.at(at) else {
            let month = period::month(self, at).filter(|_| is_ordinal && is_of);
            let (month, end) = month?;
            return Some((on(&month, day)?, end));
        };
        let (year, end) = match self.year_behind(at + 1) {
            Some((year, end)) => (Some(year), end),
            None => (None, at + 1),
        };
        if is_doubtful && !is_ordinal && !is_of && year.is_none() && words.at(end) == Word::Other {
            return None;
        }
        self.dated(year, month, day).map(|day| (day, end))
    }

    /// A day of the month by itself: "on the 15th", not "the 15th time".
    fn day_alone(&self, first: usize) -> Option<(Stretch, usize)> {
        let words = self.words;
        let (day, end, is_ordinal) = day_number(words, first)?;
        let is_end = !matches!(
            words.at(end),
            Word::Other
                | Word::Unit(_)
                | Word::Of
                | Word::Digits
                | Word::Small(_)
                | Word::Weekend
                | Word::Weekday(..)
                | Word::Month(..)
                | Word::Quarter
                | Word::Part(_)
                | Word::Letter(_)
                | Word::Pointing
        );
        if !is_ordinal || !is_end || !is_named_before(words, first - 1) {
            return None;
        }
        let date = self.nearest_of_months(day, 3, |_| true)?;
        Some((Stretch::day(date)?, end))
    }

    /// "May 3", "May 2026", "May".
    pub(super) fn month_first(&self, first: usize) -> Option<(Stretch, usize)> {
        let words = self.words;
        let Word::Month(month, is_doubtful) = words.at(first) else {
            return None;
        };
        let behind = first + 1 + usize::from(words.is_glued_sign(first + 1, '.'));
        let day_at = words.skip_hyphen(behind + usize::from(words.at(behind) == Word::The));
        if let Some((day, end, _)) =
            day_number(words, day_at).filter(|(_, end, _)| !is_clock(words, day_at, *end))
        {
            let (year, end) = self
                .year_behind(end)
                .map_or((None, end), |(year, end)| (Some(year), end));
            return self.dated(year, month, day).map(|day| (day, end));
        }
        if let Some((year, end)) = self.year_behind(first + 1) {
            return Some((Stretch::month(year, month)?, end));
        }
        let is_named =
            is_named_before(words, first) || matches!(words.before(first), Word::In | Word::Of);
        let is_month = !is_doubtful || is_named;
        Some((self.month(month).filter(|_| is_month)?, first + 1))
    }

    /// A year by itself: "in 2026".
    fn year(&self, first: usize) -> Option<(Stretch, usize)> {
        let words = self.words;
        let year = plausible_year(words, first)?;
        let is_year = matches!(
            words.before(first),
            Word::In | Word::Since | Word::Until | Word::By | Word::During | Word::Unit(Unit::Year)
        ) && !matches!(
            words.at(first + 1),
            Word::Other
                | Word::Unit(_)
                | Word::Currency(_)
                | Word::Dollar
                | Word::Sign('%' | '€' | '$' | '£')
        );
        Some((Stretch::year(year).filter(|_| is_year)?, first + 1))
    }

    /// The year behind a month: "2026", ", 2026".
    pub(super) fn year_behind(&self, first: usize) -> Option<(i16, usize)> {
        let words = self.words;
        let is_joined = matches!(words.at(first), Word::Of | Word::Sign(',' | '-'));
        let at = first + usize::from(is_joined);
        Some((plausible_year(words, at)?, at + 1))
    }

    fn dated(&self, year: Option<i16>, month: i8, day: i8) -> Option<Stretch> {
        match year {
            Some(year) => Stretch::day(Date::new(year, month, day).ok()?),
            None => Stretch::day(self.nearest(month, day)?),
        }
    }
}

/// Whether it is one day that is spoken of: not "any day", "days".
fn is_single(words: &Words<'_>, first: usize) -> bool {
    words.chars(first) == ['d', 'a', 'y']
        && !matches!(words.before(first), Word::Rate | Word::Pointing)
}

/// A day of a month.
pub(super) fn on(month: &Stretch, day: i8) -> Option<Stretch> {
    Stretch::day(Date::new(month.from.year(), month.from.month(), day).ok()?)
}

/// A number from 1 to 31 and whether it is an ordinal.
pub(super) fn day_number(words: &Words<'_>, first: usize) -> Option<(i8, usize, bool)> {
    if let Some((day, end)) = ordinal::at(words, first) {
        let day = i8::try_from(day)
            .ok()
            .filter(|day| (1..=31).contains(day))?;
        return Some((day, end, true));
    }
    let (day, end) = match words.figures(first, 1..3) {
        Some(day) => (day, first + 1),
        None => spelled::small(words, first)?,
    };
    let day = i8::try_from(day)
        .ok()
        .filter(|day| (1..=31).contains(day))?;
    Some((day, end, false))
}

/// Whether a number is an hour: "5 pm", "5:30".
fn is_clock(words: &Words<'_>, first: usize, end: usize) -> bool {
    matches!(words.at(end), Word::Meridiem(_))
        || (words.at(first) == Word::Digits && words.is_glued_sign(end, ':'))
}

/// Four digits of a year that people speak of.
fn plausible_year(words: &Words<'_>, index: usize) -> Option<i16> {
    words
        .figures(index, 4..5)
        .filter(|year| (1900..2200).contains(year))
}

/// The year of a date in digits; of two digits the next 30 years belong to this century.
pub(super) fn year_of(words: &Words<'_>, index: usize) -> Option<i16> {
    let year = words.figures(index, 2..5)?;
    match words.digits(index)?.len() {
        4 => Some(year),
        2 => Some(if year < 70 { 2000 + year } else { 1900 + year }),
        _ => None,
    }
}

/// Whether the words before say that a time follows.
pub(super) fn is_named_before(words: &Words<'_>, first: usize) -> bool {
    matches!(
        words.before(first),
        Word::On
            | Word::By
            | Word::Until
            | Word::Since
            | Word::From
            | Word::To
            | Word::Before
            | Word::After
            | Word::During
            | Word::Next
            | Word::Last
            | Word::This
            | Word::Between
            | Word::Weekday(..)
    )
}
