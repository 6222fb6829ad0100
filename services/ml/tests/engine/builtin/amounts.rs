//! Numbers and sums where one word more or less makes another number of them.

use super::{AMERICAN, check};
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
