//! Everything but dates and times.

use super::{AMERICAN, BRITISH, GERMAN, GREEK, IRISH, NOW, check, found, now};
use ml::engine::Builtins;
use serde_json::{Value, json};
use stoa_contracts::understanding::BuiltinEntity;

fn money(amount: impl Into<Value>, currency: &str) -> Value {
    json!({"amount": amount.into(), "currency": currency})
}

fn length(iso: &str, seconds: u64) -> Value {
    json!({"iso": iso, "seconds": seconds})
}

#[test]
fn numbers_are_read_in_digits_and_in_words() {
    let rows: &[super::Row<'_>] = &[
        ("my meter shows 48213", &[("48213", json!(48213))]),
        ("it used 1,234.50 units", &[("1,234.50", json!(1234.5))]),
        (
            "exactly 1,000,000 of them",
            &[("1,000,000", json!(1_000_000))],
        ),
        ("about 0.75 of it", &[("0.75", json!(0.75))]),
        ("it is -4 outside", &[("-4", json!(-4))]),
        ("minus seven", &[("minus seven", json!(-7))]),
        ("48213kWh.", &[("48213", json!(48213))]),
        ("I have 3.", &[("3", json!(3))]),
        ("rooms 3-5", &[("3", json!(3)), ("5", json!(5))]),
        ("twenty-three people", &[("twenty-three", json!(23))]),
        ("twenty three people", &[("twenty three", json!(23))]),
        (
            "two hundred and five",
            &[("two hundred and five", json!(205))],
        ),
        ("a hundred", &[("a hundred", json!(100))]),
        ("a dozen eggs", &[("a dozen", json!(12))]),
        ("two dozen eggs", &[("two dozen", json!(24))]),
        ("half a dozen eggs", &[("half a dozen", json!(6))]),
        ("seventeen", &[("seventeen", json!(17))]),
        ("Zero complaints", &[("Zero", json!(0))]),
        (
            "one thousand two hundred thirty four",
            &[("one thousand two hundred thirty four", json!(1234))],
        ),
        (
            "three million two hundred thousand and five",
            &[(
                "three million two hundred thousand and five",
                json!(3_200_005),
            )],
        ),
        (
            "five hundred thousand",
            &[("five hundred thousand", json!(500_000))],
        ),
        ("2.5 million", &[("2.5 million", json!(2_500_000))]),
        ("5k followers", &[("5k", json!(5000))]),
        ("two point five", &[("two point five", json!(2.5))]),
        (
            "one point five million",
            &[("one point five million", json!(1_500_000))],
        ),
        ("two and a half pages", &[("two and a half", json!(2.5))]),
        ("3 and a half pages", &[("3 and a half", json!(3.5))]),
        (
            "one two three",
            &[("one", json!(1)), ("two", json!(2)), ("three", json!(3))],
        ),
        ("the １２ apostles", &[("１２", json!(12))]),
        ("a table for four please", &[("four", json!(4))]),
    ];
    check(&AMERICAN, "number", rows);
}

#[test]
fn what_only_looks_like_a_number_is_none() {
    for text in [
        "AB12",
        "192.168.1.1",
        "1.2.3.4.5",
        "this one please",
        "the other one",
        "no one came",
        "one of them",
        "and so on",
        "a point of order",
        &"9".repeat(40),
        "hundreds of thousands",
        "the past and the present",
        "I may be late",
        "please march on",
        "the sun shines",
        "we sat down",
        "good morning",
        "have a nice day",
        "wait for the second",
        "give me a hand",
        "last minute offers",
        "what is next",
        "it is half full",
    ] {
        let found = found(&AMERICAN, text, NOW);
        let kinds: Vec<_> = found.iter().filter(|f| f.1 != "ordinal").collect();
        assert!(kinds.is_empty(), "{text}: {kinds:?}");
    }
}

#[test]
fn ordinals_are_read_in_digits_and_in_words() {
    let rows: &[super::Row<'_>] = &[
        ("the 3rd floor", &[("3rd", json!(3))]),
        ("on the 21st floor", &[("21st", json!(21))]),
        ("my 102nd try", &[("102nd", json!(102))]),
        ("the first option", &[("first", json!(1))]),
        ("the second one", &[("second", json!(2))]),
        ("twenty first", &[("twenty first", json!(21))]),
        ("the twenty-first customer", &[("twenty-first", json!(21))]),
        ("the hundredth customer", &[("hundredth", json!(100))]),
        (
            "the two hundred and fifth",
            &[("two hundred and fifth", json!(205))],
        ),
        ("the thirtieth", &[("thirtieth", json!(30))]),
    ];
    check(&AMERICAN, "ordinal", rows);
}

#[test]
fn percentages_are_not_numbers() {
    let rows: &[super::Row<'_>] = &[
        ("12.5% off", &[("12.5%", json!(12.5))]),
        ("12,5 % mehr", &[("12,5 %", json!(12.5))]),
        ("ten percent", &[("ten percent", json!(10))]),
        (
            "twenty-five per cent",
            &[("twenty-five per cent", json!(25))],
        ),
        ("half a percent", &[("half a percent", json!(0.5))]),
        ("it fell by -3%", &[("-3%", json!(-3))]),
        (
            "two and a half percent",
            &[("two and a half percent", json!(2.5))],
        ),
    ];
    check(&AMERICAN, "percentage", rows);
}

#[test]
fn money_has_an_amount_and_a_currency() {
    let rows: &[super::Row<'_>] = &[
        ("I paid $5.50", &[("$5.50", money(5.5, "USD"))]),
        ("it costs $5", &[("$5", money(5, "USD"))]),
        ("20 euros", &[("20 euros", money(20, "EUR"))]),
        ("EUR 12", &[("EUR 12", money(12, "EUR"))]),
        ("12 EUR", &[("12 EUR", money(12, "EUR"))]),
        ("USD12", &[("USD12", money(12, "USD"))]),
        ("5k dollars", &[("5k dollars", money(5000, "USD"))]),
        ("20€", &[("20€", money(20, "EUR"))]),
        ("20 €", &[("20 €", money(20, "EUR"))]),
        ("€20.00", &[("€20.00", money(20.0, "EUR"))]),
        ("£3.99 a pop", &[("£3.99", money(3.99, "GBP"))]),
        ("¥10,000", &[("¥10,000", money(10_000, "JPY"))]),
        (
            "$1,234,567.89",
            &[("$1,234,567.89", money(1_234_567.89, "USD"))],
        ),
        ("$2.5m", &[("$2.5m", money(2_500_000, "USD"))]),
        (
            "$3 billion",
            &[("$3 billion", money(3_000_000_000_i64, "USD"))],
        ),
        ("-$5", &[("-$5", money(-5, "USD"))]),
        ("US$20", &[("US$20", money(20, "USD"))]),
        ("A$20", &[("A$20", money(20, "AUD"))]),
        ("20 US dollars", &[("20 US dollars", money(20, "USD"))]),
        (
            "20 Canadian dollars",
            &[("20 Canadian dollars", money(20, "CAD"))],
        ),
        (
            "two hundred bucks",
            &[("two hundred bucks", money(200, "USD"))],
        ),
        ("a dollar", &[("a dollar", money(1, "USD"))]),
        ("fifty cents", &[("fifty cents", money(0.5, "USD"))]),
        ("50 pence", &[("50 pence", money(0.5, "GBP"))]),
        (
            "five euros and fifty cents",
            &[("five euros and fifty cents", money(5.5, "EUR"))],
        ),
        ("ten quid", &[("ten quid", money(10, "GBP"))]),
        (
            "two and a half million dollars",
            &[("two and a half million dollars", money(2_500_000, "USD"))],
        ),
        (
            "100 pounds sterling",
            &[("100 pounds sterling", money(100, "GBP"))],
        ),
        ("300 kronor", &[("300 kronor", money(300, "SEK"))]),
        ("a 20-euro note", &[("20-euro", money(20, "EUR"))]),
    ];
    check(&AMERICAN, "money", rows);
    check(
        &IRISH,
        "money",
        &[("fifty cents", &[("fifty cents", money(0.5, "EUR"))])],
    );
}

#[test]
fn durations_have_an_iso_form_and_seconds() {
    let rows: &[super::Row<'_>] = &[
        (
            "two and a half hours",
            &[("two and a half hours", length("PT2H30M", 9000))],
        ),
        ("90 minutes", &[("90 minutes", length("PT90M", 5400))]),
        ("it took 5 days", &[("5 days", length("P5D", 432_000))]),
        ("2 weeks of leave", &[("2 weeks", length("P2W", 1_209_600))]),
        ("an hour", &[("an hour", length("PT1H", 3600))]),
        (
            "an hour and a half",
            &[("an hour and a half", length("PT1H30M", 5400))],
        ),
        ("half an hour", &[("half an hour", length("PT30M", 1800))]),
        (
            "a quarter of an hour",
            &[("a quarter of an hour", length("PT15M", 900))],
        ),
        (
            "three quarters of an hour",
            &[("three quarters of an hour", length("PT45M", 2700))],
        ),
        (
            "2 hours and 30 minutes",
            &[("2 hours and 30 minutes", length("PT2H30M", 9000))],
        ),
        (
            "1 hour, 5 min",
            &[("1 hour, 5 min", length("PT1H5M", 3900))],
        ),
        ("2h30m", &[("2h30m", length("PT2H30M", 9000))]),
        ("1.5 hours", &[("1.5 hours", length("PT1H30M", 5400))]),
        ("2.5 days", &[("2.5 days", length("P2DT12H", 216_000))]),
        (
            "a couple of days",
            &[("a couple of days", length("P2D", 172_800))],
        ),
        ("a fortnight", &[("a fortnight", length("P2W", 1_209_600))]),
        ("a 5-day trip", &[("5-day", length("P5D", 432_000))]),
        ("thirty seconds", &[("thirty seconds", length("PT30S", 30))]),
        ("wait a second", &[("a second", length("PT1S", 1))]),
        (
            "three months",
            &[("three months", length("P3M", 7_776_000))],
        ),
        (
            "one and a half years",
            &[("one and a half years", length("P1Y6M", 47_088_000))],
        ),
        (
            "a year and two weeks",
            &[("a year and two weeks", length("P1Y14D", 32_745_600))],
        ),
    ];
    check(&AMERICAN, "duration", rows);
}

#[test]
fn a_second_before_a_noun_is_another_one_and_elsewhere_a_moment() {
    for text in [
        "can I get a second card",
        "we need a second 5 year plan",
        "open a second euro account",
        "the cost of a second card",
        "a second one",
        "for a second time",
        "a second-hand car",
        "not in a second language",
    ] {
        let found = found(&AMERICAN, text, NOW);
        let seconds: Vec<_> = found.iter().filter(|f| f.0.contains("second")).collect();
        let [(part, kind, value)] = &seconds[..] else {
            panic!("{text}: {found:?}")
        };
        let ordinal = (part.as_str(), kind.as_str(), value);
        assert_eq!(ordinal, ("second", "ordinal", &json!(2)), "{text}");
    }
    for text in [
        "give me a second please",
        "wait a second, I look",
        "hold on a second while I look",
        "it takes a second to load",
        "just a second or so",
        "a second of your time",
        "wait a second how do I pay",
        "a second why is it so much",
        "hold on a second are you a robot",
        "it took a second longer",
        "give me a second sorry",
        "just a second may I ask",
        "wait a second your price is wrong",
    ] {
        let second = ("a second", length("PT1S", 1));
        check(&AMERICAN, "duration", &[(text, &[second])]);
    }
}

#[test]
fn a_part_of_a_second_is_a_moment_before_a_noun_too() {
    let length = |iso: &str, seconds: f64| json!({"iso": iso, "seconds": seconds});
    for (text, part, value) in [
        (
            "half a second delay",
            "half a second",
            length("PT0.5S", 0.5),
        ),
        (
            "a quarter of a second penalty",
            "a quarter of a second",
            length("PT0.25S", 0.25),
        ),
        (
            "three quarters of a second gap",
            "three quarters of a second",
            length("PT0.75S", 0.75),
        ),
    ] {
        check(&AMERICAN, "duration", &[(text, &[(part, value)])]);
    }
}

#[test]
fn email_and_web_addresses_are_in_their_normal_form() {
    check(
        &AMERICAN,
        "email",
        &[
            (
                "write to ann.lee@Mail.Example.ORG.",
                &[(
                    "ann.lee@Mail.Example.ORG",
                    json!("ann.lee@mail.example.org"),
                )],
            ),
            (
                "a+b@x.io, c@y.eu",
                &[("a+b@x.io", json!("a+b@x.io")), ("c@y.eu", json!("c@y.eu"))],
            ),
            (
                "🦀 an@example.com 🦀",
                &[("an@example.com", json!("an@example.com"))],
            ),
        ],
    );
    check(
        &AMERICAN,
        "url",
        &[
            (
                "see https://example.org/a?b=1.",
                &[(
                    "https://example.org/a?b=1",
                    json!("https://example.org/a?b=1"),
                )],
            ),
            (
                "see WWW.Example.org",
                &[("WWW.Example.org", json!("https://www.example.org/"))],
            ),
            (
                "go to example.com/help, please",
                &[("example.com/help", json!("https://example.com/help"))],
            ),
            (
                "(http://localhost:8080/x)",
                &[("http://localhost:8080/x", json!("http://localhost:8080/x"))],
            ),
            (
                "https://x.org/2026-11-27/5",
                &[(
                    "https://x.org/2026-11-27/5",
                    json!("https://x.org/2026-11-27/5"),
                )],
            ),
        ],
    );
}

#[test]
fn telephone_numbers_are_in_the_international_form() {
    let rows: &[super::Row<'_>] = &[
        (
            "call +30 210 123 4567",
            &[("+30 210 123 4567", json!("+302101234567"))],
        ),
        (
            "call +302101234567.",
            &[("+302101234567", json!("+302101234567"))],
        ),
        (
            "call 0044 20 7946 0018",
            &[("0044 20 7946 0018", json!("+442079460018"))],
        ),
        (
            "my number is (212) 555-0123",
            &[("(212) 555-0123", json!("+12125550123"))],
        ),
        ("212-555-0123", &[("212-555-0123", json!("+12125550123"))]),
        ("212.555.0123", &[("212.555.0123", json!("+12125550123"))]),
        (
            "+1 (212) 555-0123",
            &[("+1 (212) 555-0123", json!("+12125550123"))],
        ),
        ("+49 30 901820", &[("+49 30 901820", json!("+4930901820"))]),
    ];
    check(&AMERICAN, "phone", rows);
    check(
        &BRITISH,
        "phone",
        &[(
            "ring 020 7946 0018",
            &[("020 7946 0018", json!("+442079460018"))],
        )],
    );
    check(
        &GREEK,
        "phone",
        &[(
            "τηλέφωνο 210 123 4567",
            &[("210 123 4567", json!("+302101234567"))],
        )],
    );
    check(
        &GREEK,
        "phone",
        &[("2101234567", &[("2101234567", json!("+302101234567"))])],
    );
}

#[test]
fn digits_that_are_no_telephone_number_stay_numbers() {
    for text in ["my meter shows 5550123", "order 123456", "12345678"] {
        assert_eq!(found(&AMERICAN, text, NOW)[0].1, "number", "{text}");
    }
}

#[test]
fn other_languages_have_signs_and_digits_but_no_english_words() {
    check(
        &GERMAN,
        "number",
        &[("zahle 1.234,50 jetzt", &[("1.234,50", json!(1234.5))])],
    );
    check(
        &GERMAN,
        "money",
        &[("zahle 1.234,50 €", &[("1.234,50 €", money(1234.5, "EUR"))])],
    );
    check(
        &GREEK,
        "percentage",
        &[("έκπτωση 12,5%", &[("12,5%", json!(12.5))])],
    );
    assert_eq!(found(&GERMAN, "die ten in one may so", NOW), []);
}

#[test]
fn the_more_specific_kind_wins() {
    for (text, kind) in [
        ("$5", "money"),
        ("5%", "percentage"),
        ("5 days", "duration"),
        ("in 5 days", "datetime"),
        ("5", "number"),
        ("5th", "ordinal"),
        ("5 May", "datetime"),
        ("5 pm", "datetime"),
        ("at 5", "datetime"),
        ("5 dollars", "money"),
    ] {
        let found = found(&AMERICAN, text, NOW);
        assert_eq!(
            (found.len(), found[0].1.as_str()),
            (1, kind),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn only_the_kinds_that_are_asked_for_are_found() {
    use BuiltinEntity::{Duration, Email, Number};
    let text = "write to a5@example.org in 5 days";
    for (kinds, expected) in [
        (&[Duration][..], &[("duration", "5 days")][..]),
        (
            &[Number, Email],
            &[("email", "a5@example.org"), ("number", "5")],
        ),
        // Within an address nothing else is found, also if it is not looked for.
        (&[Number], &[("number", "5")]),
        (&[], &[]),
    ] {
        let builtins = Builtins::of(Some(kinds));
        let entities = AMERICAN.parse_for(text, 1, &now(NOW), builtins).entities;
        let found: Vec<(&str, &str)> = entities
            .iter()
            .map(|entity| (entity.entity.as_str(), &text[entity.start..entity.end]))
            .collect();
        assert_eq!(found, expected, "{kinds:?}");
    }
    let all = AMERICAN.parse_for(text, 1, &now(NOW), Builtins::of(None));
    assert_eq!(all, AMERICAN.parse(text, 1, &now(NOW)));
}
