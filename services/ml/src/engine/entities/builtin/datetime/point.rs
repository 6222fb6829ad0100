//! A date, a time of the day and a part of the day, in any order, as one time.

use super::super::vocabulary::Word;
use super::calendar::Calendar;
use super::clock::{self, Clock};
use super::dial;
use super::stretch::{Part, Stretch};

/// What was said of one time.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) date: Option<Stretch>,
    pub(super) clock: Option<Clock>,
    part: Option<Part>,
    /// One past its last token.
    pub(super) end: usize,
}

/// More is never said of one time.
const ITEMS: usize = 3;

impl Point {
    /// What begins here; with `is_bare` a number by itself may be an hour.
    pub(super) fn at(calendar: &Calendar<'_>, first: usize, is_bare: bool) -> Option<Self> {
        let mut point = Self {
            date: None,
            clock: None,
            part: None,
            end: first,
        };
        point.take(calendar, first, is_bare).then_some(())?;
        for _ in 1..ITEMS {
            let next = past_joints(calendar, point.end);
            if !point.take(calendar, next, false) {
                break;
            }
        }
        Some(point)
    }

    /// Takes one item; answers whether there was one.
    fn take(&mut self, calendar: &Calendar<'_>, at: usize, is_bare: bool) -> bool {
        let end = self.take_part(calendar, at);
        let end = end.or_else(|| self.take_date(calendar, at));
        let end = end.or_else(|| self.take_clock(calendar, at, is_bare));
        self.end = end.unwrap_or(self.end);
        end.is_some()
    }

    /// "this morning", "tonight"; behind a date or time "morning", "in the morning", "at night".
    fn take_part(&mut self, calendar: &Calendar<'_>, at: usize) -> Option<usize> {
        let words = calendar.words;
        if self.part.is_some() || !self.is_day() {
            return None;
        }
        let begun = self.date.is_some() || self.clock.is_some();
        let (day, part, end) = match (words.at(at), words.at(at + 1), words.at(at + 2)) {
            (Word::This, Word::Part(part), _) => (Some(0), part, at + 2),
            (Word::Last, Word::Part(part @ Part::Night), _) => (Some(-1), part, at + 2),
            (Word::Tonight, ..) => (Some(0), Part::Night, at + 1),
            (Word::In | Word::During, Word::The, Word::Part(part)) => (None, part, at + 3),
            (Word::Part(part), ..) if begun => (None, part, at + 1),
            _ => return None,
        };
        if let Some(day) = day {
            if self.date.is_some() {
                return None;
            }
            self.date = Some(Stretch::day(calendar.days(day)?)?);
        }
        self.part = Some(part);
        Some(end)
    }

    fn take_date(&mut self, calendar: &Calendar<'_>, at: usize) -> Option<usize> {
        if self.date.is_some() {
            return None;
        }
        let is_alone = self.clock.is_none() && self.part.is_none();
        let (date, end) = calendar
            .find(at)
            .filter(|(date, _)| is_alone || date.is_day())?;
        self.date = Some(date);
        Some(end)
    }

    fn take_clock(&mut self, calendar: &Calendar<'_>, at: usize, is_bare: bool) -> Option<usize> {
        if self.clock.is_some() || !self.is_day() {
            return None;
        }
        let found = dial::find(calendar.words, at);
        let bare = || dial::bare(calendar.words, at).filter(|_| is_bare);
        let (clock, end) = found.or_else(bare)?;
        self.clock = Some(clock);
        Some(end)
    }

    /// Whether a time of the day can be added.
    fn is_day(&self) -> bool {
        self.date.as_ref().is_none_or(Stretch::is_day)
    }

    /// The time that is meant.
    pub(super) fn resolve(&self, calendar: &Calendar<'_>) -> Option<Stretch> {
        let now = calendar.now_at(self.clock.and_then(|clock| clock.offset))?;
        match (&self.date, self.clock, self.part) {
            (Some(date), None, None) => Some(date.clone()),
            (Some(date), None, Some(part)) => date.part(part),
            (Some(date), Some(clock), part) if calendar.is_past => {
                clock.passed_on(date.from.date(), part, now)
            }
            (Some(date), Some(clock), part) => clock.on(date.from.date(), part, now),
            (None, Some(clock), part) if calendar.is_past => clock.last(part, now),
            (None, Some(clock), part) => clock.next(part, now),
            (None, None, Some(part)) if calendar.is_past => clock::last_part(part, calendar.now),
            (None, None, Some(part)) => clock::part(part, calendar.now),
            (None, None, None) => None,
        }
    }
}

/// Past what joins date and time: a comma, "at", "on", the `T` of ISO 8601.
fn past_joints(calendar: &Calendar<'_>, at: usize) -> usize {
    let words = calendar.words;
    let is_iso = words.at(at) == Word::Letter('t') && words.is_glued(at) && words.is_glued(at + 1);
    let at = at + usize::from(words.is_sign(at, ',') || is_iso);
    at + usize::from(matches!(words.at(at), Word::At | Word::On))
}
