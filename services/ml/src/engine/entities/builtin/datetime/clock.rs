//! Times of the day, and which of the times that one may be is meant. What they are called, [`super::dial`] reads.

use super::stretch::{Grain, Part, Stretch};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{ToSpan as _, Zoned};

/// The hour at which a night ends.
const MORNING: i8 = 6;

/// A time of the day as it was said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Clock {
    pub(super) time: Time,
    pub(super) grain: Grain,
    /// Whether it is one of two, twelve hours apart.
    pub(super) is_half: bool,
    /// Whether only a number was said.
    pub(super) is_bare: bool,
    /// Where it is this time, if that was said.
    pub(super) offset: Option<Offset>,
}

impl Clock {
    /// At an hour of 24.
    pub(super) fn new(hour: i16, minute: i16, grain: Grain) -> Option<Self> {
        let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?);
        Some(Self {
            time: Time::new(hour, minute, 0, 0).ok()?,
            grain,
            is_half: false,
            is_bare: false,
            offset: None,
        })
    }

    /// On the dial of twelve hours.
    pub(super) fn half(hour: i16, minute: i16, grain: Grain) -> Option<Self> {
        let clock = Self::new(hour, minute, grain)?;
        Some(Self {
            is_half: (1..=12).contains(&hour),
            ..clock
        })
    }

    /// With am or pm, or a part of the day.
    pub(super) fn settled(self, is_afternoon: bool) -> Option<Self> {
        if !self.is_half {
            return Some(self);
        }
        let hour = self.time.hour() % 12 + if is_afternoon { 12 } else { 0 };
        let time = self.time.with().hour(hour).build().ok()?;
        Some(Self {
            time,
            is_half: false,
            ..self
        })
    }

    fn in_part(self, part: Option<Part>) -> Option<Self> {
        match part {
            None => Some(self),
            Some(Part::Morning) => self.settled(false),
            // Twelve at night is the end of the day; three at night is before the morning.
            Some(Part::Night) => self.settled((6..12).contains(&self.time.hour())),
            Some(Part::Afternoon) => self.settled(true),
            Some(Part::Evening) => self.settled(self.time.hour() != 12),
        }
    }

    /// The times that it may be, in order.
    fn times(self) -> [Option<Time>; 2] {
        if !self.is_half {
            return [Some(self.time), None];
        }
        let time = |clock: Option<Self>| clock.map(|clock| clock.time);
        [time(self.settled(false)), time(self.settled(true))]
    }

    /// On a day: of two times the one that is still to come today, else the one at which people are awake. Its night
    /// goes on into the next day.
    pub(super) fn on(self, date: Date, part: Option<Part>, now: DateTime) -> Option<Stretch> {
        let clock = self.in_part(part)?;
        let to_come = |time: &Time| date.to_datetime(*time) > now && date == now.date();
        let time = clock.times().into_iter().flatten().find(to_come);
        let is_late =
            matches!(part, Some(Part::Evening | Part::Night)) && clock.time.hour() < MORNING;
        if is_late && time.is_none() {
            return clock.stretch(date.tomorrow().ok()?.to_datetime(clock.time));
        }
        let awake = || {
            clock
                .settled(matches!(clock.time.hour(), 1..=6 | 12))
                .map(|clock| clock.time)
        };
        self.stretch(date.to_datetime(time.or_else(awake)?))
    }

    /// On a day: of two times the later one that has passed today, else as on any day.
    pub(super) fn passed_on(
        self,
        date: Date,
        part: Option<Part>,
        now: DateTime,
    ) -> Option<Stretch> {
        let clock = self.in_part(part)?;
        let passed = |time: &Time| date.to_datetime(*time) <= now && date == now.date();
        match clock.times().into_iter().flatten().rfind(passed) {
            Some(time) => self.stretch(date.to_datetime(time)),
            None => self.on(date, part, now),
        }
    }

    /// The last time that it was.
    pub(super) fn last(self, part: Option<Part>, now: DateTime) -> Option<Stretch> {
        let clock = self.in_part(part)?;
        let days = [now.date().yesterday().ok()?, now.date()];
        let times = days.map(|day| clock.times().map(|time| Some(day.to_datetime(time?))));
        let mut times = times.into_iter().flatten().flatten();
        let last = times.rfind(|time| *time <= now)?;
        self.stretch(last)
    }

    /// The next time that it is.
    pub(super) fn next(self, part: Option<Part>, now: DateTime) -> Option<Stretch> {
        let clock = self.in_part(part)?;
        let days = [now.date(), now.date().tomorrow().ok()?];
        let times = days.map(|day| clock.times().map(|time| Some(day.to_datetime(time?))));
        let next = times
            .into_iter()
            .flatten()
            .flatten()
            .find(|time| *time > now)?;
        self.stretch(next)
    }

    /// The last of its times on a day that is before another, as in "9 to 11 am".
    pub(super) fn before(self, end: DateTime) -> Option<Stretch> {
        let times = self.times().map(|time| Some(end.date().to_datetime(time?)));
        let last = times.into_iter().flatten().rfind(|time| *time < end)?;
        self.stretch(last)
    }

    fn stretch(self, at: DateTime) -> Option<Stretch> {
        match self.offset {
            None => Stretch::one(at, self.grain),
            Some(offset) => {
                let instant: Zoned = offset
                    .to_timestamp(at)
                    .ok()?
                    .to_zoned(offset.to_time_zone());
                Stretch::instant(instant, self.grain)
            }
        }
    }
}

/// The last such part of the day that has begun.
pub(super) fn last_part(part: Part, now: DateTime) -> Option<Stretch> {
    let today = Stretch::day(now.date())?.part(part)?;
    if today.from <= now {
        return Some(today);
    }
    Stretch::day(now.date().yesterday().ok()?)?.part(part)
}

/// The next such part of the day, or the present one.
pub(super) fn part(part: Part, now: DateTime) -> Option<Stretch> {
    let today = Stretch::day(now.date())?.part(part)?;
    if today.to > now {
        return Some(today);
    }
    Stretch::day(now.date().checked_add(1.day()).ok()?)?.part(part)
}
