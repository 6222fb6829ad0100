//! Stretches of time, and how they are written.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};
use serde_json::{Value, json};

/// How finely a time was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grain {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Grain {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// A part of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Part {
    Morning,
    Afternoon,
    Evening,
    Night,
}

impl Part {
    /// Its first hour and one past its last.
    pub(super) const fn hours(self) -> (i8, i8) {
        match self {
            Self::Morning => (6, 12),
            Self::Afternoon => (12, 18),
            Self::Evening | Self::Night => (18, 24),
        }
    }
}

/// A stretch of time on the calendar and clock of the speaker.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stretch {
    /// Its begin.
    pub(super) from: DateTime,
    /// One past its end.
    pub(super) to: DateTime,
    /// How finely it was said.
    pub(super) grain: Grain,
    /// Whether it is longer than what its grain says, so that both ends are told.
    pub(super) is_interval: bool,
    /// The begin where it is an instant of its own, not one of the calendar.
    pub(super) instant: Option<Zoned>,
}

impl Stretch {
    /// From one time to another.
    pub(super) const fn interval(from: DateTime, to: DateTime, grain: Grain) -> Self {
        Self {
            from,
            to,
            grain,
            is_interval: true,
            instant: None,
        }
    }

    /// What is said by its begin: a day, a month, an hour.
    pub(super) fn one(from: DateTime, grain: Grain) -> Option<Self> {
        let length = match grain {
            Grain::Second => 1.second(),
            Grain::Minute => 1.minute(),
            Grain::Hour => 1.hour(),
            Grain::Day => 1.day(),
            Grain::Week => 1.week(),
            Grain::Month => 1.month(),
            Grain::Quarter => 3.months(),
            Grain::Year => 1.year(),
        };
        let to = from.checked_add(length).ok()?;
        Some(Self {
            is_interval: false,
            ..Self::interval(from, to, grain)
        })
    }

    /// A day.
    pub(super) fn day(date: Date) -> Option<Self> {
        Self::one(midnight(date), Grain::Day)
    }

    /// A month.
    pub(super) fn month(year: i16, month: i8) -> Option<Self> {
        Self::one(midnight(Date::new(year, month, 1).ok()?), Grain::Month)
    }

    /// A year.
    pub(super) fn year(year: i16) -> Option<Self> {
        Self::one(midnight(Date::new(year, 1, 1).ok()?), Grain::Year)
    }

    /// An instant.
    pub(super) fn instant(at: Zoned, grain: Grain) -> Option<Self> {
        let stretch = Self::one(at.datetime(), grain)?;
        Some(Self {
            instant: Some(at),
            ..stretch
        })
    }

    /// Whether it is a single day.
    pub(super) fn is_day(&self) -> bool {
        self.grain == Grain::Day && !self.is_interval
    }

    /// A part of the day that it is.
    pub(super) fn part(&self, part: Part) -> Option<Self> {
        let (from, to) = part.hours();
        let from = self.from.checked_add(from.hours()).ok()?;
        let to = self.from.checked_add(to.hours()).ok()?;
        Some(Self::interval(from, to, Grain::Hour))
    }

    /// Its begin as an instant. A time that the clocks leave out is as much later as they are put forward, and of
    /// one that they show twice the first is meant (RFC 5545).
    fn begin(&self, zone: &TimeZone) -> Option<String> {
        match &self.instant {
            Some(instant) => Some(written(instant)),
            None => at(self.from, zone),
        }
    }

    /// Where its begin is, or the speaker.
    fn zone<'a>(&'a self, speaker: &'a TimeZone) -> &'a TimeZone {
        self.instant.as_ref().map_or(speaker, Zoned::time_zone)
    }

    /// As a value: with its grain, or with both ends.
    pub(super) fn json(&self, zone: &TimeZone) -> Option<Value> {
        let grain = self.grain.as_str();
        let from = self.begin(zone)?;
        Some(if self.is_interval {
            json!({"from": from, "to": at(self.to, self.zone(zone))?, "grain": grain})
        } else {
            json!({"value": from, "grain": grain})
        })
    }

    /// Open at one side.
    pub(super) fn open(&self, side: Side, zone: &TimeZone) -> Option<Value> {
        let grain = self.grain.as_str();
        let end = if self.grain < Grain::Day {
            self.begin(zone)?
        } else {
            at(self.to, self.zone(zone))?
        };
        Some(match side {
            Side::Since => json!({"from": self.begin(zone)?, "grain": grain}),
            Side::After => json!({"from": end, "grain": grain}),
            Side::Before => json!({"to": self.begin(zone)?, "grain": grain}),
            Side::Until => json!({"to": end, "grain": grain}),
        })
    }
}

/// Which end of an interval is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Since,
    After,
    Before,
    Until,
}

fn at(civil: DateTime, zone: &TimeZone) -> Option<String> {
    let zoned = zone.to_ambiguous_zoned(civil).compatible().ok()?;
    Some(written(&zoned))
}

fn written(zoned: &Zoned) -> String {
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The begin of a day.
pub(super) const fn midnight(date: Date) -> DateTime {
    date.to_datetime(Time::midnight())
}
