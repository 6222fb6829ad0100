//! How times of the day are said: "17:30", "5 pm", "half past six", "noon".

use super::super::duration::Unit;
use super::super::spelled;
use super::super::vocabulary::Word;
use super::super::words::Words;
use super::clock::Clock;
use super::stretch::Grain;
use super::zone;

/// The time of the day that begins here, and where it is this time.
pub(super) fn find(words: &Words<'_>, first: usize) -> Option<(Clock, usize)> {
    let (clock, end) = said(words, first)?;
    Some(zone::placed(words, first, (clock, end)))
}

fn said(words: &Words<'_>, first: usize) -> Option<(Clock, usize)> {
    if words.is_glued(first)
        && matches!(
            words.before(first),
            Word::Other | Word::Sign('.' | ',' | '/' | ':')
        )
    {
        return None;
    }
    if let Some(twelve) = twelve(words, first) {
        return Some(twelve);
    }
    match words.at(first) {
        Word::Digits | Word::Small(_)
            if words.before(first) == Word::At && !words.locale.english =>
        {
            digital(words, first)
                .or_else(|| with_minutes(words, first))
                .or_else(|| hour(words, first))
        }
        Word::Digits => digital(words, first)
            .or_else(|| hours_and_minutes(words, first))
            .or_else(|| past(words, first))
            .or_else(|| hour(words, first)),
        Word::Small(_) | Word::Tens(_) | Word::Half | Word::Quarter => {
            past(words, first).or_else(|| hour(words, first))
        }
        Word::A if words.at(first + 1) == Word::Quarter => past(words, first + 1),
        Word::Noon => Some((Clock::new(12, 0, Grain::Hour)?, first + 1)),
        Word::Midnight => Some((Clock::new(0, 0, Grain::Hour)?, first + 1)),
        _ => None,
    }
}

/// "12 noon", "12:00 midnight", "twelve o'clock noon".
fn twelve(words: &Words<'_>, first: usize) -> Option<(Clock, usize)> {
    let (hour, at) = hour_number(words, first)?;
    let is_whole = words.is_glued_sign(at, ':')
        && words.is_glued(at + 1)
        && words.figures(at + 1, 2..3) == Some(0);
    let at = at + if is_whole { 2 } else { 0 };
    let at = oclock(words, at).unwrap_or(at);
    let hour = match words.at(at) {
        Word::Noon if hour == 12 => 12,
        Word::Midnight if hour == 12 => 0,
        _ => return None,
    };
    Some((Clock::new(hour, 0, Grain::Hour)?, at + 1))
}

/// 17:30, 5:30 pm, 5.30pm, 17:30:15, 14:30:00Z.
fn digital(words: &Words<'_>, first: usize) -> Option<(Clock, usize)> {
    let hour = words.figures(first, 1..3).filter(|hour| *hour < 24)?;
    let part = |at: usize, sign: char| {
        let is_part = words.is_glued_sign(at, sign) && words.is_glued(at + 1);
        words
            .figures(at + 1, 2..3)
            .filter(|part| is_part && *part < 60)
    };
    let Some(minute) = part(first + 1, ':') else {
        let minute = part(first + 1, '.')?;
        let settled = meridiem(words, first + 3).or_else(|| small_am(words, first + 3));
        let (is_afternoon, end) = settled?;
        let clock = Clock::half(hour, minute, Grain::Minute)?;
        return Some((clock.settled(is_afternoon)?, end));
    };
    let is_half = words.digits(first)?.len() == 1 && words.locale.english;
    let mut end = first + 3;
    let mut clock = Clock::half(hour, minute, Grain::Minute)?;
    if let Some(second) = part(end, ':') {
        clock.time = clock
            .time
            .with()
            .second(i8::try_from(second).ok()?)
            .build()
            .ok()?;
        clock.grain = Grain::Second;
        end += 3 - 1;
        end += if words.is_glued_sign(end, '.')
            && words.is_glued(end + 1)
            && words.digits(end + 1).is_some()
        {
            2
        } else {
            0
        };
    }
    if words.is_glued_sign(end, ':') && words.at(end + 1) == Word::Digits {
        return None;
    }
    let settled = meridiem(words, end).or_else(|| small_am(words, end));
    if let Some((is_afternoon, end)) = settled {
        return Some((clock.settled(is_afternoon)?, end));
    }
    clock.is_half &= is_half;
    Some((clock, end))
}

/// 15h30, which only in English is a length; 2h30m is one everywhere.
fn hours_and_minutes(words: &Words<'_>, first: usize) -> Option<(Clock, usize)> {
    let end = first + 3;
    let is_joined = words.at(first + 1) == Word::Letter('h')
        && words.is_glued(first + 1)
        && words.is_glued(first + 2);
    let goes_on = words.is_glued(end) && !matches!(words.at(end), Word::Sign(_));
    if words.locale.english || !is_joined || goes_on {
        return None;
    }
    let hour = words.figures(first, 1..3).filter(|hour| *hour < 24)?;
    let minute = words.figures(first + 2, 2..3)?;
    Some((Clock::new(hour, minute, Grain::Minute)?, end))
}

/// am, pm, a.m., p.m.; π.μ., μ.μ.
fn meridiem(words: &Words<'_>, at: usize) -> Option<(bool, usize)> {
    let (is_afternoon, middle) = match words.at(at) {
        Word::Meridiem(is_afternoon) => return Some((is_afternoon, at + 1)),
        Word::A => (false, 'm'),
        Word::Letter('p') => (true, 'm'),
        Word::Letter('π') => (false, 'μ'),
        Word::Letter('μ') => (true, 'μ'),
        _ => return None,
    };
    let is_dotted = words.is_glued_sign(at + 1, '.')
        && words.is_glued(at + 2)
        && words.at(at + 2) == Word::Letter(middle);
    let end = at + 3 + usize::from(words.is_glued_sign(at + 3, '.'));
    is_dotted.then_some((is_afternoon, end))
}

/// "5:30 am" where "am" in small letters is a word of the language: not "12:30 am Montag", "la 12:30 am o întâlnire".
fn small_am(words: &Words<'_>, at: usize) -> Option<(bool, usize)> {
    let is_am = words.at(at) == Word::Other && words.chars(at) == ['a', 'm'];
    let is_end = words.is_glued(at) || !matches!(words.at(at + 1), Word::Other | Word::Digits);
    (is_am && is_end).then_some((false, at + 1))
}

/// "5 pm", "five o'clock", "at 5", "at five thirty".
fn hour(words: &Words<'_>, first: usize) -> Option<(Clock, usize)> {
    let (hour, at) = hour_number(words, first)?;
    let (minute, at) = match words.at(first) {
        Word::Digits => (0, at),
        _ => spelled::small(words, at)
            .filter(|(minute, _)| (10..60).contains(minute))
            .unwrap_or((0, at)),
    };
    let grain = if minute > 0 {
        Grain::Minute
    } else {
        Grain::Hour
    };
    if let Some((is_afternoon, end)) = meridiem(words, at) {
        let clock = Clock::half(hour, minute, grain).filter(|clock| clock.is_half)?;
        return Some((clock.settled(is_afternoon)?, end));
    }
    let clock = Clock::half(hour, minute, grain)?;
    if let Some(end) = oclock(words, at) {
        return Some((clock, end));
    }
    let is_name = words.at(at) == Word::Other && words.is_capital(at);
    let is_in_part = words.at(at) == Word::In
        && words.at(at + 1) == Word::The
        && matches!(words.at(at + 2), Word::Part(_));
    let is_time = is_in_part || words.before(first) == Word::At && ends(words, at) && !is_name;
    is_time.then_some((clock, at))
}

/// Behind "στις": "5 και μισή", "5 παρά τέταρτο", "5 και 45".
fn with_minutes(words: &Words<'_>, first: usize) -> Option<(Clock, usize)> {
    let (hour, at) = hour_number(words, first)?;
    let is_to = words.at(at) == Word::Less;
    if !is_to && words.at(at) != Word::And {
        return None;
    }
    let (minutes, end) = match words.at(at + 1) {
        Word::Half if !is_to => (30, at + 2),
        Word::Quarter => (15, at + 2),
        _ => {
            let most = if is_to { 30 } else { 59 };
            let (minutes, end, _) = minutes(words, at + 1, most)?;
            let is_end = ends(words, end) && words.at(end) != Word::Other;
            is_end.then_some((minutes, end))?
        }
    };
    let (hour, minute) = if is_to {
        (hour - 1, 60 - minutes)
    } else {
        (hour, minutes)
    };
    let hour = if hour == 0 { 12 } else { hour };
    let clock = Clock::half(hour, minute, Grain::Minute)?;
    match meridiem(words, end) {
        Some((is_afternoon, end)) => Some((clock.settled(is_afternoon)?, end)),
        None => Some((clock, end)),
    }
}

/// An hour of which nothing but the number is said, in a place where only a time makes sense.
pub(super) fn bare(words: &Words<'_>, first: usize) -> Option<(Clock, usize)> {
    let (hour, end) = hour_number(words, first)?;
    let is_number = words.at(end) == Word::Other || !ends(words, end);
    let clock = Clock::half(hour, 0, Grain::Hour).filter(|_| !is_number)?;
    let (clock, end) = zone::placed(words, first, (clock, end));
    let is_bare = clock.offset.is_none();
    Some((Clock { is_bare, ..clock }, end))
}

fn hour_number(words: &Words<'_>, first: usize) -> Option<(i16, usize)> {
    let (hour, end) = match words.figures(first, 1..3) {
        Some(hour) => (hour, first + 1),
        None => spelled::small(words, first)?,
    };
    (hour < 24).then_some((hour, end))
}

/// Whether what follows does not make the number one of something else.
fn ends(words: &Words<'_>, at: usize) -> bool {
    match words.at(at) {
        Word::Unit(_)
        | Word::Currency(_)
        | Word::Dollar
        | Word::Cent(_)
        | Word::Percent
        | Word::Per
        | Word::Suffix
        | Word::Scale(_)
        | Word::Hundred
        | Word::Hundreds(_)
        | Word::Dozen
        | Word::Month(..)
        | Word::Letter(_)
        | Word::Digits
        | Word::NthSmall(_)
        | Word::Of
        | Word::Weekend
        | Word::Small(_)
        | Word::Tens(_)
        | Word::Point
        | Word::Rate
        | Word::Sign('%' | '°' | '€' | '$' | '£' | '+' | '*' | '=') => false,
        Word::Sign('.' | ',' | '/' | ':') => {
            words.at(at + 1) != Word::Digits || !words.is_glued(at + 1)
        }
        Word::Other => !words.is_glued(at),
        _ => true,
    }
}

fn oclock(words: &Words<'_>, at: usize) -> Option<usize> {
    match words.at(at) {
        Word::OClock => Some(at + 1),
        Word::Letter('o') if words.is_sign(at + 1, '\'') && words.at(at + 2) == Word::Clock => {
            Some(at + 3)
        }
        Word::Letter('o') if words.at(at + 1) == Word::Clock => Some(at + 2),
        _ => None,
    }
}

/// "half past six", "quarter to five", "ten minutes past 4", "half six".
fn past(words: &Words<'_>, first: usize) -> Option<(Clock, usize)> {
    let (minutes, at, is_sure) = match words.at(first) {
        Word::Half if words.at(first + 1) == Word::Past => (30, first + 1, true),
        Word::Half => return half(words, first),
        Word::Quarter => (15, first + 1, true),
        _ => minutes(words, first, 29)?,
    };
    let is_to = match words.at(at) {
        Word::Past | Word::After => false,
        Word::To | Word::Before | Word::Until => true,
        _ => return None,
    };
    let is_sure = is_sure || words.at(at) == Word::Past || words.before(first) == Word::At;
    let (hour, end, is_half) = whole_hour(words, at + 1)?;
    let settled = meridiem(words, end);
    if !is_sure && settled.is_none() && oclock(words, end).is_none() {
        return None;
    }
    let end = oclock(words, end).unwrap_or(end);
    let (hour, minute) = if is_to {
        ((hour + 11) % 12, 60 - minutes)
    } else {
        (hour % 12, minutes)
    };
    let hour = if hour == 0 { 12 } else { hour };
    let clock = Clock::half(hour, minute, Grain::Minute)?;
    match (settled, is_half) {
        (Some((is_afternoon, end)), _) => Some((clock.settled(is_afternoon)?, end)),
        (None, true) => Some((clock, end)),
        // Of noon and midnight both halves are known.
        (None, false) => Some((
            clock.settled((words.at(at + 1) == Word::Noon) != is_to)?,
            end,
        )),
    }
}

/// "half six", as the British say.
fn half(words: &Words<'_>, first: usize) -> Option<(Clock, usize)> {
    let (hour, end, _) = whole_hour(words, first + 1).filter(|(.., is_half)| *is_half)?;
    let is_time = ends(words, end) && words.at(end) != Word::Other;
    Some((
        Clock::half(hour, 30, Grain::Minute).filter(|_| is_time)?,
        end,
    ))
}

/// Minutes up to so many, where they end, and whether it was said that they are minutes.
fn minutes(words: &Words<'_>, first: usize, most: i16) -> Option<(i16, usize, bool)> {
    let (minutes, at) = match words.figures(first, 1..3) {
        Some(minutes) => (minutes, first + 1),
        None => spelled::small(words, first)?,
    };
    let is_named = words.at(at) == Word::Unit(Unit::Minute);
    let is_fine = (1..=most).contains(&minutes);
    is_fine.then_some((minutes, at + usize::from(is_named), is_named))
}

/// An hour of the dial; noon and midnight are no half of a day.
fn whole_hour(words: &Words<'_>, first: usize) -> Option<(i16, usize, bool)> {
    match words.at(first) {
        Word::Noon | Word::Midnight => Some((12, first + 1, false)),
        _ => {
            let (hour, end) = hour_number(words, first)?;
            (1..=12).contains(&hour).then_some((hour, end, true))
        }
    }
}
