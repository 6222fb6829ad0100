//! Days by their names: weekdays, with the dates behind them, and holidays.

use super::super::duration::Unit;
use super::super::vocabulary::Word;
use super::super::words::Words;
use super::calendar::{Calendar, day_number, is_named_before};
use super::stretch::Stretch;
use super::{numeric, period};
use jiff::civil::Date;

impl Calendar<'_> {
    /// "Friday", "Friday the 13th", "Friday 27 November", "Friday of next week".
    pub(super) fn weekday_first(&self, first: usize) -> Option<(Stretch, usize)> {
        let words = self.words;
        let Word::Weekday(weekday, is_doubtful) = words.at(first) else {
            return None;
        };
        let comma = usize::from(words.is_sign(first + 1, ','));
        if let Some(found) = self.thirteenth(weekday, first + 1 + comma) {
            return Some(found);
        }
        let date = self.find_date(first + 1 + comma);
        if let Some(found) = date {
            return Some(found);
        }
        let at = first
            + 1
            + usize::from(matches!(
                words.at(first + 1),
                Word::Of | Word::In | Word::On
            ));
        if let Some((weeks, end)) = period::weeks(words, at) {
            return Some((Stretch::day(self.weekday_of_week(weekday, weeks)?)?, end));
        }
        let is_named = match words.chars(first) {
            [letter, ..] if !letter.is_ascii() => is_greek_day(words, first),
            _ => is_named_before(words, first),
        };
        let is_day =
            !is_doubtful || is_named || matches!(words.at(first + 1), Word::At | Word::Part(_));
        Some((
            Stretch::day(self.weekday(weekday).filter(|_| is_day)?)?,
            first + 1,
        ))
    }

    /// A date behind its weekday.
    fn find_date(&self, first: usize) -> Option<(Stretch, usize)> {
        let at = first + usize::from(self.words.at(first) == Word::The);
        let found = match self.words.at(at) {
            Word::Digits => numeric::find(self, at).or_else(|| self.day_of_month(at)),
            Word::Month(..) => self.month_first(at),
            Word::NthSmall(_) | Word::NthTens(_) | Word::Tens(_) => self.day_of_month(at),
            _ => None,
        };
        found.filter(|(stretch, _)| stretch.is_day())
    }

    /// "Friday the 13th": the nearest one that is both.
    fn thirteenth(&self, weekday: i8, first: usize) -> Option<(Stretch, usize)> {
        let at = first + usize::from(self.words.at(first) == Word::The);
        let (day, end, is_ordinal) = day_number(self.words, at)?;
        if !is_ordinal || matches!(self.words.at(end), Word::Of | Word::Month(..)) {
            return None;
        }
        // A 31st falls on each day of the week within four years.
        let is_it = |date: Date| date.weekday().to_monday_one_offset() == weekday;
        let date = self.nearest_of_months(day, 48, is_it)?;
        Some((Stretch::day(date)?, end))
    }

    /// Days that have a name.
    pub(super) fn holiday(&self, first: usize) -> Option<(Stretch, usize)> {
        let words = self.words;
        let (month, day, end) = match (words.at(first), words.at(first + 1)) {
            (Word::Christmas, Word::Eve) => (12, 24, first + 2),
            (Word::Christmas, Word::Unit(Unit::Day)) => (12, 25, first + 2),
            (Word::Christmas, _) => (12, 25, first + 1),
            (Word::Halloween, _) => (10, 31, first + 1),
            _ => return self.new_year(first),
        };
        Some((Stretch::day(self.nearest(month, day)?)?, end))
    }

    /// "New Year", "New Year's Eve".
    fn new_year(&self, first: usize) -> Option<(Stretch, usize)> {
        let words = self.words;
        if words.at(first + 1) != Word::Unit(Unit::Year) {
            return None;
        }
        let is_possessive = words.is_glued_sign(first + 2, '\'');
        let at = first + 2 + if is_possessive { 2 } else { 0 };
        let (month, day) = match words.at(at) {
            Word::Eve => (12, 31),
            Word::Unit(Unit::Day) => (1, 1),
            _ => return None,
        };
        Some((Stretch::day(self.nearest(month, day)?)?, at + 1))
    }
}

/// Whether a Greek word that may be an ordinal is a weekday: "την τρίτη", "για Τρίτη", but not "την τρίτη επιλογή".
fn is_greek_day(words: &Words<'_>, first: usize) -> bool {
    let is_named = is_named_before(words, first) || words.before(first) == Word::Filler;
    match words.at(first + 1) {
        Word::Rate => false,
        Word::Other | Word::Unit(_) => is_named && words.is_capital(first),
        _ => is_named || words.is_capital(first),
    }
}
