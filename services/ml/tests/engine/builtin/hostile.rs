//! What nobody says.

use super::{AMERICAN, NOW, now};
use crate::cpu::Cpu;
use proptest::prelude::*;
use std::time::Duration;

/// Words that the rules know, in any order.
const WORDS: &[&str] = &[
    "one",
    "two",
    "twenty",
    "hundred",
    "thousand",
    "and",
    "a",
    "half",
    "point",
    "5",
    "12",
    "2026",
    "31",
    "0",
    "-",
    "/",
    ".",
    ":",
    ",",
    "%",
    "$",
    "€",
    "+",
    "(",
    ")",
    "'",
    "st",
    "rd",
    "first",
    "second",
    "quarter",
    "of",
    "the",
    "from",
    "to",
    "between",
    "until",
    "by",
    "next",
    "last",
    "this",
    "past",
    "week",
    "month",
    "year",
    "day",
    "hours",
    "monday",
    "sun",
    "may",
    "february",
    "tomorrow",
    "at",
    "in",
    "on",
    "ago",
    "before",
    "after",
    "morning",
    "night",
    "noon",
    "pm",
    "o",
    "clock",
    "eve",
    "new",
    "christmas",
    "end",
    "weekend",
    "now",
    "dozen",
    "million",
    "k",
    "q",
    "3",
    "t",
    "z",
    "euros",
    "cents",
    "a@b.cc",
    "www.x.org",
    "🦀",
    "é",
    "later",
    "within",
    "minus",
    "one",
    "couple",
    "99999999999",
];

fn check(text: &str) -> Result<(), TestCaseError> {
    // Trained before the clock runs.
    let (model, now) = (&*AMERICAN, now(NOW));
    let started = Cpu::start();
    let entities = model.parse(text, 1, &now).entities;
    prop_assert!(started.elapsed() < Duration::from_secs(2), "{text}");
    let length = text.chars().count();
    let mut before = 0;
    for entity in entities {
        prop_assert!(
            before <= entity.start && entity.start < entity.end && entity.end <= length,
            "{text}: {entity:?}"
        );
        before = entity.end;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_sentence_of_known_words_breaks_a_rule(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..24),
        joint in prop::sample::select(&["", " ", " "][..]),
    ) {
        check(&words.join(joint))?;
    }

    #[test]
    fn no_text_breaks_a_rule(text in "\\PC{0,80}") {
        check(&text)?;
    }

    #[test]
    fn no_mixture_of_digits_and_signs_breaks_a_rule(text in "[0-9:./, +()$%€a-z-]{0,60}") {
        check(&text)?;
    }
}

#[test]
fn a_long_text_takes_time_in_proportion() {
    for word in WORDS.iter().chain(&[
        "one and ",
        "end of ",
        "1.",
        "1,",
        "1-",
        "12:",
        "5 to ",
        "from ",
        "two hundred ",
        "first of ",
        "3rd of ",
        "in 2 ",
        "1 hour and ",
        "a@b.cc ",
        "x.com ",
        "+1 ",
        "(2) ",
        "monday the ",
        "next ",
        "before ",
        "may 3 to ",
        "noon on ",
        "2 days after ",
        "\u{0}",
        "👩‍👩‍👧",
        "1 2 3 4 5 6 7 ",
        "the 5th to ",
        "until ",
        "quarter past ",
    ]) {
        let text = format!("{word} ").repeat(100_000 / (word.len() + 1));
        let (model, now) = (&*AMERICAN, now(NOW));
        let started = Cpu::start();
        model.parse(&text, 1, &now);
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "{word} took {:?}",
            started.elapsed()
        );
    }
}

#[test]
fn times_at_the_ends_of_the_calendar_are_left_out() {
    for text in [
        "in 999999 years",
        "999999 years ago",
        "in 999999 months",
        "next year",
        "next 10000 years",
        "tomorrow",
    ] {
        for at in [
            "9999-12-29T00:00:00+00:00[UTC]",
            "-009999-01-03T00:00:00+00:00[UTC]",
        ] {
            AMERICAN.parse(text, 1, &now(at));
        }
    }
}
