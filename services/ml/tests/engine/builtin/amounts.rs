//! Numbers and sums where one word more or less makes another number of them.

use super::{AMERICAN, GERMAN, MEXICAN, NOW, SPANISH, check, found};
use serde_json::{Value, json};

fn money(amount: impl Into<Value>, currency: &str) -> Value {
    json!({"amount": amount.into(), "currency": currency})
}

#[test]
fn two_numbers_of_hundreds_are_not_one() {
    check(
        &AMERICAN,
        "number",
        &[
            (
                "between one hundred and two hundred",
                &[("one hundred", json!(100)), ("two hundred", json!(200))],
            ),
            (
                "from one hundred to two hundred and three",
                &[
                    ("one hundred", json!(100)),
                    ("two hundred and three", json!(203)),
                ],
            ),
            (
                "one hundred and two thousand",
                &[("one hundred and two thousand", json!(102_000))],
            ),
        ],
    );
}

#[test]
fn half_of_what_is_counted_in_is_half_of_it() {
    check(
        &AMERICAN,
        "number",
        &[
            (
                "a million and a half",
                &[("a million and a half", json!(1_500_000))],
            ),
            (
                "3 thousand and a half",
                &[("3 thousand and a half", json!(3500))],
            ),
            (
                "a dozen and a half eggs",
                &[("a dozen and a half", json!(18))],
            ),
            ("a half million", &[("a half million", json!(500_000))]),
            (
                "a quarter of a million",
                &[("a quarter of a million", json!(250_000))],
            ),
        ],
    );
    let half = ("half a million dollars", money(500_000, "USD"));
    check(&AMERICAN, "money", &[("half a million dollars", &[half])]);
    let hours = json!({"iso": "PT6H", "seconds": 21_600});
    check(
        &AMERICAN,
        "duration",
        &[("half a dozen hours", &[("half a dozen hours", hours)])],
    );
}

#[test]
fn cents_of_what_is_owed_are_owed_as_well() {
    for (text, amount) in [
        ("-5 euros and 50 cents", json!(-5.5)),
        ("minus five euros and fifty cents", json!(-5.5)),
        ("5 euros and 50 cents", json!(5.5)),
    ] {
        check(
            &AMERICAN,
            "money",
            &[(text, &[(text, money(amount, "EUR"))])],
        );
    }
}

#[test]
fn digits_above_the_line_are_of_no_number() {
    check(
        &AMERICAN,
        "money",
        &[("only €5⁹⁹", &[("€5", money(5, "EUR"))])],
    );
    check(
        &AMERICAN,
        "number",
        &[("it is 5² or 7₂", &[("5", json!(5)), ("7", json!(7))])],
    );
}

#[test]
fn names_before_a_number_are_no_currency() {
    for text in ["call Ron 5 times", "the cad 5 of us met", "rub 5 times"] {
        let found = found(&AMERICAN, text, NOW);
        assert!(found.iter().all(|f| f.1 != "money"), "{text}: {found:?}");
    }
    for (text, currency) in [("RON 5", "RON"), ("5 ron", "RON"), ("usd 5", "USD")] {
        check(&AMERICAN, "money", &[(text, &[(text, money(5, currency))])]);
    }
}

#[test]
fn a_region_writes_its_numbers_and_money_in_its_own_way() {
    for (text, amount) in [
        ("$1,500", json!(1500)),
        ("$1,500.50", json!(1500.5)),
        ("$0.5", json!(0.5)),
    ] {
        check(
            &MEXICAN,
            "money",
            &[(text, &[(text, money(amount, "MXN"))])],
        );
    }
    check(
        &MEXICAN,
        "money",
        &[("US$20", &[("US$20", money(20, "USD"))])],
    );
    for model in [&*SPANISH, &*GERMAN] {
        check(
            model,
            "number",
            &[("1.500,50", &[("1.500,50", json!(1500.5))])],
        );
    }
}

#[test]
fn a_sign_with_digits_behind_it_belongs_to_them_and_not_to_the_count_before() {
    for (text, count, sum, amount, currency) in [
        ("send 3 $20 vouchers", 3, "$20", json!(20), "USD"),
        ("2 €50 cards", 2, "€50", json!(50), "EUR"),
        ("4 £1.50 stamps", 4, "£1.50", json!(1.5), "GBP"),
    ] {
        let found = found(&AMERICAN, text, NOW);
        let expected = [
            (count.to_string(), "number".to_owned(), json!(count)),
            (sum.to_owned(), "money".to_owned(), money(amount, currency)),
        ];
        assert_eq!(found, expected, "{text}");
    }
    for text in ["20 $", "20$", "20 € 50"] {
        let found = found(&AMERICAN, text, NOW);
        assert_eq!(found[0].1, "money", "{text}: {found:?}");
    }
}

#[test]
fn sums_and_numbers_are_as_exact_as_they_were_said() {
    for (text, amount) in [
        ("$2.05 million", json!(2_050_000)),
        ("$1.13bn", json!(1_130_000_000)),
        ("€4.02k", json!(4_020)),
        ("-$8.2 thousand", json!(-8_200)),
    ] {
        let found = found(&AMERICAN, text, NOW);
        let [(part, kind, value)] = &found[..] else {
            panic!("{text}: {found:?}")
        };
        assert_eq!((part.as_str(), kind.as_str()), (text, "money"));
        assert_eq!(value["amount"], amount, "{text}");
    }
    check(
        &AMERICAN,
        "number",
        &[
            ("4.02k", &[("4.02k", json!(4_020))]),
            ("1.1 dozen", &[("1.1 dozen", json!(13.2))]),
            (
                "two point zero five million",
                &[("two point zero five million", json!(2_050_000))],
            ),
            (
                "1.0000001 million",
                &[("1.0000001 million", json!(1_000_000.1))],
            ),
        ],
    );
}
