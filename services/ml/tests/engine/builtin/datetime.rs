//! Dates and times, said on a Friday morning in Athens.

use super::{AMERICAN, BRITISH, GERMAN, NOW, found};
use jiff::civil::DateTime;
use ml::engine::Model;
use serde_json::{Value, json};

/// The whole value, for the short forms of the tables: without midnight and without the offset of Athens.
fn value(short: &str, grain: &str) -> Value {
    let full = |short: &str| match short.parse::<DateTime>() {
        Ok(civil) if short.len() < 20 => {
            let zoned = civil
                .in_tz("Europe/Athens")
                .expect("a time zone of the database");
            zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        }
        _ => short.to_owned(),
    };
    match short.split_once('/') {
        None => json!({"value": full(short), "grain": grain}),
        Some(("", to)) => json!({"to": full(to), "grain": grain}),
        Some((from, "")) => json!({"from": full(from), "grain": grain}),
        Some((from, to)) => json!({"from": full(from), "to": full(to), "grain": grain}),
    }
}

/// Of each row an utterance, the text of its time, its value and grain; of an interval both ends with a slash between.
pub(super) fn check_at(model: &Model, at: &str, table: &str) {
    let mut wrong = Vec::new();
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let &[text, part, short, grain] = cells.as_slice() else {
            panic!("{row} has no four cells");
        };
        let found = found(model, text, at);
        let expected = (part.to_owned(), "datetime".to_owned(), value(short, grain));
        if found != [expected.clone()] {
            wrong.push(format!("{text:?}: {found:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(table: &str) {
    check_at(&AMERICAN, NOW, table);
}

#[test]
fn days_have_their_date() {
    check(
        r"
        today please | today | 2026-11-27 | day
        ✈️tomorrow | tomorrow | 2026-11-28 | day
        remind me on wed every week | wed | 2026-12-02 | day
        we meet on sat twice | sat | 2026-11-28 | day
        Tomorrow | Tomorrow | 2026-11-28 | day
        since it was yesterday | yesterday | 2026-11-26 | day
        the day after tomorrow | the day after tomorrow | 2026-11-29 | day
        the day before yesterday | the day before yesterday | 2026-11-25 | day
        day after tomorrow | day after tomorrow | 2026-11-29 | day
        it was day before yesterday | day before yesterday | 2026-11-25 | day
        on 2026-11-30 | 2026-11-30 | 2026-11-30 | day
        2026/11/30 | 2026/11/30 | 2026-11-30 | day
        27/11/2026 | 27/11/2026 | 2026-11-27 | day
        11/27/2026 | 11/27/2026 | 2026-11-27 | day
        27.11.2026 | 27.11.2026 | 2026-11-27 | day
        3/4/27 | 3/4/27 | 2027-03-04 | day
        on 12/24 | 12/24 | 2026-12-24 | day
        the 3rd of may | the 3rd of may | 2027-05-03 | day
        May 3 | May 3 | 2027-05-03 | day
        may 3rd | may 3rd | 2027-05-03 | day
        3 May 2026 | 3 May 2026 | 2026-05-03 | day
        May 3, 2026 | May 3, 2026 | 2026-05-03 | day
        third of december | third of december | 2026-12-03 | day
        december twenty-first | december twenty-first | 2026-12-21 | day
        27 nov | 27 nov | 2026-11-27 | day
        26 nov | 26 nov | 2027-11-26 | day
        february 29 | february 29 | 2028-02-29 | day
        27-Nov-2026 | 27-Nov-2026 | 2026-11-27 | day
        on the 15th | the 15th | 2026-12-15 | day
        the first of next month | the first of next month | 2026-12-01 | day
        christmas | christmas | 2026-12-25 | day
        on new year's eve | new year's eve | 2026-12-31 | day
        end of the month | end of the month | 2026-11-30 | day
        the beginning of next year | the beginning of next year | 2027-01-01 | day
        ",
    );
}

#[test]
fn weekdays_are_to_come_unless_they_are_said_to_be_past() {
    check(
        r"
        on monday | monday | 2026-11-30 | day
        friday | friday | 2026-12-04 | day
        this friday | this friday | 2026-11-27 | day
        next friday | next friday | 2026-12-04 | day
        next wednesday | next wednesday | 2026-12-02 | day
        last friday | last friday | 2026-11-20 | day
        last monday | last monday | 2026-11-23 | day
        saturday | saturday | 2026-11-28 | day
        next saturday | next saturday | 2026-12-05 | day
        monday next week | monday next week | 2026-11-30 | day
        friday of last week | friday of last week | 2026-11-20 | day
        friday the 13th | friday the 13th | 2027-08-13 | day
        Monday, 30 November 2026 | Monday, 30 November 2026 | 2026-11-30 | day
        first monday of december | first monday of december | 2026-12-07 | day
        last friday of the month | last friday of the month | 2026-11-27 | day
        ",
    );
}

#[test]
fn longer_stretches_have_their_grain() {
    check(
        r"
        this week | this week | 2026-11-23 | week
        next week | next week | 2026-11-30 | week
        last month | last month | 2026-10-01 | month
        next month | next month | 2026-12-01 | month
        this year | this year | 2026-01-01T00:00 | year
        last year | last year | 2025-01-01 | year
        in 2019 | 2019 | 2019-01-01 | year
        in december | december | 2026-12-01 | month
        in may | may | 2027-05-01T00:00:00+03:00 | month
        next january | next january | 2027-01-01 | month
        last december | last december | 2025-12-01 | month
        december 2027 | december 2027 | 2027-12-01 | month
        next quarter | next quarter | 2027-01-01 | quarter
        Q1 2026 | Q1 2026 | 2026-01-01 | quarter
        the first quarter of 2027 | the first quarter of 2027 | 2027-01-01 | quarter
        2026-12 | 2026-12 | 2026-12-01 | month
        this weekend | this weekend | 2026-11-28/2026-11-30 | day
        at the weekend | the weekend | 2026-11-28/2026-11-30 | day
        next weekend | next weekend | 2026-12-05/2026-12-07 | day
        last weekend | last weekend | 2026-11-21/2026-11-23 | day
        the next three days | the next three days | 2026-11-28/2026-12-01 | day
        last 2 weeks | last 2 weeks | 2026-11-09/2026-11-23 | week
        the past 12 months | the past 12 months | 2025-11-01/2026-11-01 | month
        ",
    );
}

#[test]
fn times_of_the_day_are_the_next_ones() {
    check(
        r"
        at 5pm | 5pm | 2026-11-27T17:00 | hour
        5 p.m. | 5 p.m. | 2026-11-27T17:00 | hour
        at 9am | 9am | 2026-11-28T09:00 | hour
        12am | 12am | 2026-11-28T00:00 | hour
        12 pm | 12 pm | 2026-11-27T12:00 | hour
        17:30 | 17:30 | 2026-11-27T17:30 | minute
        08:00 | 08:00 | 2026-11-28T08:00 | minute
        5:30 pm | 5:30 pm | 2026-11-27T17:30 | minute
        5.30pm | 5.30pm | 2026-11-27T17:30 | minute
        17:30:15 | 17:30:15 | 2026-11-27T17:30:15 | second
        half past six | half past six | 2026-11-27T18:30 | minute
        quarter to five | quarter to five | 2026-11-27T16:45 | minute
        a quarter past 11 | a quarter past 11 | 2026-11-27T11:15 | minute
        ten past four | ten past four | 2026-11-27T16:10 | minute
        twenty minutes to eight pm | twenty minutes to eight pm | 2026-11-27T19:40 | minute
        five o'clock | five o'clock | 2026-11-27T17:00 | hour
        at 7 please | 7 | 2026-11-27T19:00 | hour
        at five thirty | five thirty | 2026-11-27T17:30 | minute
        noon | noon | 2026-11-27T12:00 | hour
        at midnight | midnight | 2026-11-28T00:00 | hour
        8 in the evening | 8 in the evening | 2026-11-27T20:00 | hour
        right now | now | 2026-11-27T10:15 | second
        ",
    );
}

#[test]
fn a_date_and_a_time_are_one_entity_in_any_order() {
    check(
        r"
        tomorrow at 5pm | tomorrow at 5pm | 2026-11-28T17:00 | hour
        5pm tomorrow | 5pm tomorrow | 2026-11-28T17:00 | hour
        tomorrow at 5 | tomorrow at 5 | 2026-11-28T17:00 | hour
        today at 9 | today at 9 | 2026-11-27T21:00 | hour
        tomorrow at nine | tomorrow at nine | 2026-11-28T09:00 | hour
        on friday at half past six | friday at half past six | 2026-12-04T18:30 | minute
        3rd of december 2026, 14:05 | 3rd of december 2026, 14:05 | 2026-12-03T14:05 | minute
        2026-12-03 14:05 | 2026-12-03 14:05 | 2026-12-03T14:05 | minute
        2026-12-03T14:05:09 | 2026-12-03T14:05:09 | 2026-12-03T14:05:09 | second
        2026-12-03T14:05:09Z | 2026-12-03T14:05:09Z | 2026-12-03T14:05:09+00:00 | second
        tomorrow morning | tomorrow morning | 2026-11-28T06:00/2026-11-28T12:00 | hour
        this afternoon | this afternoon | 2026-11-27T12:00/2026-11-27T18:00 | hour
        tonight | tonight | 2026-11-27T18:00/2026-11-28T00:00 | hour
        tonight at 8 | tonight at 8 | 2026-11-27T20:00 | hour
        tonight at 12 | tonight at 12 | 2026-11-28T00:00 | hour
        tonight at midnight | tonight at midnight | 2026-11-28T00:00 | hour
        tonight at 1 | tonight at 1 | 2026-11-28T01:00 | hour
        saturday night at 2 | saturday night at 2 | 2026-11-29T02:00 | hour
        last night at 11 | last night at 11 | 2026-11-26T23:00 | hour
        last night at 3 | last night at 3 | 2026-11-27T03:00 | hour
        this evening at 12 | this evening at 12 | 2026-11-28T00:00 | hour
        last night | last night | 2026-11-26T18:00/2026-11-27T00:00 | hour
        monday evening | monday evening | 2026-11-30T18:00/2026-12-01T00:00 | hour
        tomorrow at 8 in the morning | tomorrow at 8 in the morning | 2026-11-28T08:00 | hour
        in the morning | in the morning | 2026-11-27T06:00/2026-11-27T12:00 | hour
        ",
    );
}

#[test]
fn in_the_night_the_rest_of_it_is_of_today() {
    let at = "2026-11-28T00:30:00+02:00[Europe/Athens]";
    let rows = r"
        tonight at 1 | tonight at 1 | 2026-11-28T01:00 | hour
        tonight at midnight | tonight at midnight | 2026-11-29T00:00 | hour
        ";
    check_at(&AMERICAN, at, rows);
}

#[test]
fn a_time_is_where_it_is_said_to_be() {
    check(
        r"
        at 5 pm UTC | 5 pm UTC | 2026-11-27T17:00:00+00:00 | hour
        9am EST | 9am EST | 2026-11-27T09:00:00-05:00 | hour
        9 am utc | 9 am utc | 2026-11-27T09:00:00+00:00 | hour
        8 am gmt | 8 am gmt | 2026-11-28T08:00:00+00:00 | hour
        4am EST | 4am EST | 2026-11-27T04:00:00-05:00 | hour
        tomorrow at noon CET | tomorrow at noon CET | 2026-11-28T12:00:00+01:00 | hour
        half past six am PST | half past six am PST | 2026-11-27T06:30:00-08:00 | minute
        17:30 UTC+2 | 17:30 UTC+2 | 2026-11-27T17:30:00+02:00 | minute
        17:30 +0530 | 17:30 +0530 | 2026-11-27T17:30:00+05:30 | minute
        2026-12-03 14:05:09 -05:00 | 2026-12-03 14:05:09 -05:00 | 2026-12-03T14:05:09-05:00 | second
        2026-12-03T14:05-05:00 | 2026-12-03T14:05-05:00 | 2026-12-03T14:05:00-05:00 | minute
        14:00-16:30 | 14:00-16:30 | 2026-11-27T14:00/2026-11-27T16:30 | minute
        9-11 am EST | 9-11 am EST | 2026-11-27T09:00:00-05:00/2026-11-27T11:00:00-05:00 | hour
        before 5 pm UTC | before 5 pm UTC | /2026-11-27T17:00:00+00:00 | hour
        2 hours after 5 pm UTC | 2 hours after 5 pm UTC | 2026-11-27T19:00:00+00:00 | minute
        ",
    );
}

#[test]
fn distances_are_counted_from_now_or_from_another_time() {
    check(
        r"
        in two weeks | in two weeks | 2026-12-11 | day
        in 3 days | in 3 days | 2026-11-30 | day
        in a month | in a month | 2026-12-27 | day
        in 2 hours | in 2 hours | 2026-11-27T12:15 | minute
        in half an hour | in half an hour | 2026-11-27T10:45 | minute
        in two and a half hours | in two and a half hours | 2026-11-27T12:45 | minute
        in 90 seconds | in 90 seconds | 2026-11-27T10:16:30 | second
        10 minutes ago | 10 minutes ago | 2026-11-27T10:05 | minute
        a year ago | a year ago | 2025-11-27 | day
        two weeks ago | two weeks ago | 2026-11-13 | day
        3 days from now | 3 days from now | 2026-11-30 | day
        two days after christmas | two days after christmas | 2026-12-27 | day
        a week from tomorrow | a week from tomorrow | 2026-12-05 | day
        30 minutes before noon | 30 minutes before noon | 2026-11-27T11:30 | minute
        within 2 hours | within 2 hours | 2026-11-27T10:15/2026-11-27T12:15 | second
        ",
    );
}

#[test]
fn intervals_have_two_ends_or_one() {
    check(
        r"
        from monday to wednesday | from monday to wednesday | 2026-11-30/2026-12-03 | day
        monday to wednesday | monday to wednesday | 2026-11-30/2026-12-03 | day
        from saturday until monday | from saturday until monday | 2026-11-28/2026-12-01 | day
        between 3 and 5 december | between 3 and 5 december | 2026-12-03/2026-12-06 | day
        from the 3rd to the 5th of december | from the 3rd to the 5th of december | 2026-12-03/2026-12-06 | day
        december 3-5 | december 3-5 | 2026-12-03/2026-12-06 | day
        from 27/12/2026 to 3/1/2027 | from 27/12/2026 to 3/1/2027 | 2026-12-27/2027-03-02 | day
        from december to february | from december to february | 2026-12-01/2027-03-01 | month
        2pm to 4pm | 2pm to 4pm | 2026-11-27T14:00/2026-11-27T16:00 | hour
        2-4pm | 2-4pm | 2026-11-27T14:00/2026-11-27T16:00 | hour
        between 9 and 11 am tomorrow | between 9 and 11 am tomorrow | 2026-11-28T09:00/2026-11-28T11:00 | hour
        tomorrow from 9 to 5 | tomorrow from 9 to 5 | 2026-11-28T09:00/2026-11-28T17:00 | hour
        friday 2-4pm | friday 2-4pm | 2026-12-04T14:00/2026-12-04T16:00 | hour
        from 9 to 5 tomorrow | from 9 to 5 tomorrow | 2026-11-28T09:00/2026-11-28T17:00 | hour
        from 14:00 to 16:30 | from 14:00 to 16:30 | 2026-11-27T14:00/2026-11-27T16:30 | minute
        by friday | by friday | /2026-12-05 | day
        before 5pm | before 5pm | /2026-11-27T17:00 | hour
        until 6 | until 6 | /2026-11-27T18:00 | hour
        since last month | since last month | 2026-10-01/ | month
        after the 15th | after the 15th | 2026-12-16/ | day
        by the end of next month | by the end of next month | /2027-01-01 | day
        ",
    );
}

#[test]
fn what_is_since_has_begun() {
    check(
        r"
        since monday | since monday | 2026-11-23/ | day
        since friday | since friday | 2026-11-20/ | day
        since this monday | since this monday | 2026-11-23/ | day
        since may | since may | 2026-05-01T00:00:00+03:00/ | month
        since november | since november | 2026-11-01/ | month
        since december | since december | 2025-12-01/ | month
        since december 24 | since december 24 | 2025-12-24/ | day
        since 27 nov | since 27 nov | 2026-11-27/ | day
        since 12/24 | since 12/24 | 2025-12-24/ | day
        since the 15th | since the 15th | 2026-11-15/ | day
        since the 28th | since the 28th | 2026-10-28/ | day
        since christmas | since christmas | 2025-12-25/ | day
        since friday the 13th | since friday the 13th | 2026-11-13/ | day
        since the weekend | since the weekend | 2026-11-21/ | day
        since 9am | since 9am | 2026-11-27T09:00/ | hour
        since 5pm | since 5pm | 2026-11-26T17:00/ | hour
        since noon | since noon | 2026-11-26T12:00/ | hour
        since half past six | since half past six | 2026-11-27T06:30/ | minute
        since today at 9 | since today at 9 | 2026-11-27T09:00/ | hour
        since monday at 9 | since monday at 9 | 2026-11-23T09:00/ | hour
        since yesterday at 5pm | since yesterday at 5pm | 2026-11-26T17:00/ | hour
        since this morning | since this morning | 2026-11-27T06:00/ | hour
        since 2019 | since 2019 | 2019-01-01/ | year
        from monday | from monday | 2026-11-30/ | day
        ",
    );
    check_at(
        &AMERICAN,
        "2027-02-10T10:15:00+02:00[Europe/Athens]",
        "since Q3 | since Q3 | 2026-07-01T00:00:00+03:00/ | quarter",
    );
}

#[test]
fn twelve_is_noon_or_midnight_where_it_says_so() {
    check(
        r"
        at 12 noon | 12 noon | 2026-11-27T12:00 | hour
        at 12 midnight | 12 midnight | 2026-11-28T00:00 | hour
        twelve noon tomorrow | twelve noon tomorrow | 2026-11-28T12:00 | hour
        at 12:00 midnight | 12:00 midnight | 2026-11-28T00:00 | hour
        at 12 o'clock noon | 12 o'clock noon | 2026-11-27T12:00 | hour
        from 12 noon to 2pm | from 12 noon to 2pm | 2026-11-27T12:00/2026-11-27T14:00 | hour
        ",
    );
}

#[test]
fn britain_has_the_day_first() {
    check_at(
        &BRITISH,
        NOW,
        r"
        3/4/2027 | 3/4/2027 | 2027-04-03T00:00:00+03:00 | day
        ",
    );
    check_at(
        &GERMAN,
        NOW,
        r"
        am 3.4.2027, 14:30 Uhr | 3.4.2027, 14:30 | 2027-04-03T14:30 | minute
        ",
    );
}

#[test]
fn a_time_that_the_clocks_leave_out_is_as_much_later() {
    let before = "2027-03-27T12:00:00+02:00[Europe/Athens]";
    check_at(
        &AMERICAN,
        before,
        r"
        tomorrow at 03:30 | tomorrow at 03:30 | 2027-03-28T04:30:00+03:00 | minute
        in 24 hours | in 24 hours | 2027-03-28T13:00:00+03:00 | minute
        tomorrow at noon | tomorrow at noon | 2027-03-28T12:00:00+03:00 | hour
        ",
    );
}

#[test]
fn of_a_time_that_the_clocks_show_twice_the_first_is_meant() {
    let before = "2026-10-24T12:00:00+03:00[Europe/Athens]";
    let rows = r"
        tomorrow at 03:30 | tomorrow at 03:30 | 2026-10-25T03:30:00+03:00 | minute
        ";
    check_at(&AMERICAN, before, rows);
}

#[test]
fn today_depends_on_the_time_zone() {
    let instant = "2026-11-27T23:30:00+00:00[UTC]";
    check_at(
        &AMERICAN,
        instant,
        r"
        tomorrow | tomorrow | 2026-11-28T00:00:00+00:00 | day
        ",
    );
    let athens = "2026-11-28T01:30:00+02:00[Europe/Athens]";
    check_at(
        &AMERICAN,
        athens,
        r"
        tomorrow | tomorrow | 2026-11-29 | day
        ",
    );
}

#[test]
fn numbers_beside_other_words_are_no_times() {
    for text in [
        "from 5 to 10 people",
        "between 5 and 10 customers",
        "at 10 Downing Street",
        "at 5 percent",
        "24/7 support",
        "on the 3rd floor",
        "the ratio is 1/2",
        "5 to 10 boxes",
        "room 2026",
        "99/99/2026",
    ] {
        let found = found(&AMERICAN, text, NOW);
        assert!(found.iter().all(|f| f.1 != "datetime"), "{text}: {found:?}");
    }
}
