//! What languages other than English write with letters that English knows.

use super::datetime::check_at;
use super::{AMERICAN, FRENCH, GERMAN, NOW, SPANISH, check, found, model};
use serde_json::json;

#[test]
fn words_of_another_language_are_no_abbreviations() {
    for (text, part, number) in [
        ("wir sind 4 am Tisch", "4", 4),
        ("Timer auf 30 Sek", "30", 30),
        ("noch 30 sek", "30", 30),
        ("um 8 pst leise", "8", 8),
    ] {
        check(&GERMAN, "number", &[(text, &[(part, json!(number))])]);
    }
}

#[test]
fn halves_of_the_day_are_named_in_every_language() {
    check_at(
        &SPANISH,
        NOW,
        r"
        mañana a las 5:30 pm | 5:30 pm | 2026-11-27T17:30 | minute
        10 pm | 10 pm | 2026-11-27T22:00 | hour
        5pm | 5pm | 2026-11-27T17:00 | hour
        10 AM | 10 AM | 2026-11-28T10:00 | hour
        mañana a las 12:30 am. | 12:30 am | 2026-11-28T00:30 | minute
        5:30am | 5:30am | 2026-11-28T05:30 | minute
        ",
    );
    check_at(
        &GERMAN,
        NOW,
        "um 12:30 am Montag | 12:30 | 2026-11-27T12:30 | minute",
    );
}

#[test]
fn codes_are_read_in_capitals_and_in_english_however_they_are_written() {
    let crowns = json!({"amount": 30, "currency": "SEK"});
    check(
        &GERMAN,
        "money",
        &[("für 30 SEK", &[("30 SEK", crowns.clone())])],
    );
    check(&AMERICAN, "money", &[("for 30 sek", &[("30 sek", crowns)])]);
    let euros = json!({"amount": 20, "currency": "EUR"});
    check(&GERMAN, "money", &[("für 20 eur", &[("20 eur", euros)])]);
    let five = json!({"value": "2026-11-27T17:00:00+00:00", "grain": "minute"});
    check(
        &GERMAN,
        "datetime",
        &[("um 17:00 UTC", &[("17:00 UTC", five)])],
    );
}

#[test]
fn hours_and_minutes_around_an_h_are_a_time_but_for_english() {
    let time = json!({"value": "2026-11-27T15:30:00+02:00", "grain": "minute"});
    for model in [&*FRENCH, &*GERMAN] {
        check(
            model,
            "datetime",
            &[("à 15h30.", &[("15h30", time.clone())])],
        );
    }
    for model in [&*FRENCH, &*AMERICAN] {
        let length = json!({"iso": "PT2H30M", "seconds": 9000});
        check(model, "duration", &[("2h30m", &[("2h30m", length)])]);
    }
    let kinds: Vec<_> = found(&AMERICAN, "15h30", NOW)
        .into_iter()
        .map(|found| found.1)
        .collect();
    assert!(!kinds.contains(&"datetime".to_owned()), "{kinds:?}");
}

#[test]
fn digits_are_read_in_every_script() {
    for (language, text, part, number) in [
        ("ar", "أريد ٢٠ تذكرة", "٢٠", json!(20)),
        ("fa", "۱۲ بلیط", "۱۲", json!(12)),
        ("hi", "मुझे ३ टिकट चाहिए", "३", json!(3)),
        ("hi", "१.५", "१.५", json!(1.5)),
        ("th", "๔๒ บาท", "๔๒", json!(42)),
    ] {
        let row = (part, number);
        check(&model(language), "number", &[(text, &[row])]);
    }
    let date = json!({"value": "2026-12-03T00:00:00+02:00", "grain": "day"});
    let row = ("٣/١٢/٢٠٢٦", date);
    check(&model("ar"), "datetime", &[("٣/١٢/٢٠٢٦", &[row])]);
}

#[test]
fn numbers_in_arabic_digits_have_their_own_signs() {
    let money = |amount: f64, currency: &str| json!({"amount": amount, "currency": currency});
    for (language, text, kind, value) in [
        ("ar", "١٬٥٠٠", "number", json!(1500)),
        ("ar", "٢٠٫٥", "number", json!(20.5)),
        ("fa", "۱٬۲۳۴٫۵", "number", json!(1234.5)),
        ("ar", "٢٠٪", "percentage", json!(20)),
        ("fa", "۱۲٫۵ ٪", "percentage", json!(12.5)),
        ("ar", "٢٠٫٥ €", "money", money(20.5, "EUR")),
        ("fa", "۲۰٫۵ €", "money", money(20.5, "EUR")),
        ("ar-MA", "١٫٥٠٠ €", "money", money(1.5, "EUR")),
    ] {
        let all = vec![(text.to_owned(), kind.to_owned(), value)];
        assert_eq!(found(&model(language), text, NOW), all, "{text}");
    }
    let dollars = json!({"amount": 1500, "currency": "USD"});
    let row = ("١٬٥٠٠ $", dollars);
    check(&model("ar"), "money", &[("١٬٥٠٠ $", &[row])]);
}

#[test]
fn years_of_another_calendar_are_none_of_ours() {
    for (language, text) in [("fa", "۱۴۰۳/۰۵/۱۲"), ("th", "๑๒/๐๕/๒๕๖๗")] {
        let found = found(&model(language), text, NOW);
        assert!(found.iter().all(|found| found.1 == "number"), "{found:?}");
    }
    let found = found(&GERMAN, "25.03.1821", NOW);
    assert_eq!(found[0].1, "datetime", "{found:?}");
}

#[test]
fn the_month_stands_first_where_the_language_or_its_region_writes_so() {
    for (language, text, date) in [
        ("ja", "11/3/2027", "2027-11-03T00:00:00+02:00"),
        ("ko", "11/3", "2027-11-03T00:00:00+02:00"),
        ("hu", "11/3", "2027-11-03T00:00:00+02:00"),
        ("fil-PH", "3/4/2027", "2027-03-04T00:00:00+02:00"),
        ("zh-HK", "3/4/2027", "2027-04-03T00:00:00+03:00"),
        ("de", "3/4/2027", "2027-04-03T00:00:00+03:00"),
    ] {
        let value = json!({"value": date, "grain": "day"});
        let row = (text, value);
        check(&model(language), "datetime", &[(text, &[row])]);
    }
}
