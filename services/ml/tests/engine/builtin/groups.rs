//! Digits in groups, as the language writes them.

use super::{
    AMERICAN, BRITISH, FRENCH, GERMAN, GREEK, LATVIAN, NOW, POLISH, SPANISH, check, found,
};
use serde_json::{Value, json};

fn euros(amount: impl Into<Value>) -> Value {
    json!({"amount": amount.into(), "currency": "EUR"})
}

#[test]
fn a_space_between_thousands_makes_one_number_where_it_is_written_so() {
    for model in [&*FRENCH, &*POLISH] {
        check(
            model,
            "money",
            &[
                ("1 500 €", &[("1 500 €", euros(1500))]),
                ("10 000 €", &[("10 000 €", euros(10_000))]),
                ("1 234 567,50 €", &[("1 234 567,50 €", euros(1_234_567.5))]),
                ("1\u{a0}500 €", &[("1\u{a0}500 €", euros(1500))]),
                ("1\u{202f}500 €", &[("1\u{202f}500 €", euros(1500))]),
            ],
        );
        check(
            model,
            "number",
            &[
                ("ok 12 345 ok", &[("12 345", json!(12_345))]),
                ("ok 12 34 ok", &[("12", json!(12)), ("34", json!(34))]),
                ("ok 12 3456 ok", &[("12", json!(12)), ("3456", json!(3456))]),
                ("ok 0 500 ok", &[("0", json!(0)), ("500", json!(500))]),
                ("ok 12  345 ok", &[("12", json!(12)), ("345", json!(345))]),
            ],
        );
    }
}

#[test]
fn elsewhere_only_a_space_that_no_line_breaks_at_does() {
    for model in [&*AMERICAN, &*BRITISH, &*GERMAN] {
        check(
            model,
            "number",
            &[
                ("room 12 345", &[("12", json!(12)), ("345", json!(345))]),
                ("room 12\u{202f}345", &[("12\u{202f}345", json!(12_345))]),
            ],
        );
    }
}

#[test]
fn a_number_in_groups_and_a_date_are_no_telephone_number() {
    check(
        &GERMAN,
        "number",
        &[(
            "Berlin hat 3.645.000 Einwohner",
            &[("3.645.000", json!(3_645_000))],
        )],
    );
    for text in [
        "27/11/2026 10 άτομα",
        "01/12/2026 10 άτομα",
        "27.11.2026 10 άτομα",
        "2026-11-27 1030",
        "27/11/26 1030",
    ] {
        for model in [&*GREEK, &*GERMAN] {
            let found = found(model, text, NOW);
            assert!(
                found[0].1 == "datetime" && found[1].1 == "number",
                "{found:?}"
            );
        }
    }
    let rows: &[super::Row<'_>] = &[
        ("600 123 456", &[("600 123 456", json!("+48600123456"))]),
        ("600.123.456", &[("600.123.456", json!("+48600123456"))]),
        (
            "+48 600 123 456",
            &[("+48 600 123 456", json!("+48600123456"))],
        ),
    ];
    check(&POLISH, "phone", rows);
    let row = ("612.345.678", json!("+34612345678"));
    check(&SPANISH, "phone", &[("612.345.678", &[row])]);
    let row = ("21 234 567", json!("+37121234567"));
    check(&LATVIAN, "phone", &[("zvaniet 21 234 567", &[row])]);
    let row = ("01.23.45.67.89", json!("+33123456789"));
    check(&FRENCH, "phone", &[("01.23.45.67.89", &[row])]);
}

#[test]
fn what_begins_with_a_nought_is_a_fraction() {
    for model in [&*GERMAN, &*GREEK] {
        check(model, "number", &[("0.500", &[("0.500", json!(0.5))])]);
    }
    check(
        &AMERICAN,
        "number",
        &[("0,125", &[("0,125", json!(0.125))])],
    );
}
