//! Numbers as people type them.

use regex::Regex;
use std::sync::LazyLock;

/// A number: groups of three digits with an optional fraction, or plain digits with one.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"-?\d{1,3}(?:[ '.,]\d{3})+(?:[.,]\d{1,2})?\b|-?\d+(?:[.,]\d+)?")
        .expect("a constant that the tests compile")
});

/// What may stand between thousands.
const SEPARATORS: [char; 4] = [' ', '\'', '.', ','];

/// The only number in a text, and whether it is most of the text. `None` if there is none, or
/// more than one.
///
/// Digits may be grouped (`48,213`, `48.213`, `48'213`, `48 213`) and have a fraction (`84.20`,
/// `84,20`). The last separator groups if exactly three digits follow, one to three digits but no
/// lone zero begin the number, and no other mark groups it; else it starts the fraction.
pub(super) fn only_number(text: &str) -> Option<(f64, bool)> {
    let mut found = NUMBER.find_iter(text);
    let (token, None) = (found.next()?, found.next()) else {
        return None;
    };
    if text[..token.start()].ends_with(char::is_alphanumeric) {
        return None;
    }
    let digits = token.as_str().matches(|c: char| c.is_ascii_digit()).count();
    let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
    Some((parse(token.as_str())?, digits * 2 >= letters))
}

fn parse(token: &str) -> Option<f64> {
    let last = token.rfind(['.', ',']);
    let (whole, fraction) = match last.filter(|&at| starts_fraction(token, at)) {
        Some(at) => (&token[..at], &token[at + 1..]),
        None => (token, "0"),
    };
    let whole: String = whole.chars().filter(|c| !SEPARATORS.contains(c)).collect();
    // 15 digits are exact in an f64.
    if whole.len() > 15 {
        return None;
    }
    format!("{whole}.{fraction}").parse().ok()
}

/// Whether the point or comma at a place starts the fraction of a number.
fn starts_fraction(token: &str, at: usize) -> bool {
    let (before, after) = (&token[..at], &token[at + 1..]);
    let before = before.trim_start_matches('-');
    if after.len() != 3 || before == "0" {
        return true;
    }
    if before.contains(SEPARATORS) {
        // The thousands of a number are separated alike.
        return !before.contains(&token[at..=at]);
    }
    before.len() > 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_people_type_it() {
        for (text, number) in [
            ("48213", 48213.0),
            ("it says 48,213 kWh", 48213.0),
            ("48.213", 48213.0),
            ("48'213", 48213.0),
            ("48 213", 48213.0),
            ("1 048 213 kWh", 1_048_213.0),
            ("about 84.20 euros", 84.2),
            ("84,20", 84.2),
            ("1,234.56", 1234.56),
            ("48213kWh.", 48213.0),
            ("-5 degrees", -5.0),
            ("0.125", 0.125),
            ("-0.125", -0.125),
            ("1234.567", 1234.567),
            ("48213,567 kWh", 48213.567),
            ("1,234.567", 1234.567),
            ("1 234,567", 1234.567),
            ("1.048.213", 1_048_213.0),
        ] {
            assert_eq!(only_number(text).map(|(n, _)| n), Some(number), "{text}");
        }
    }

    #[test]
    fn words_codes_and_several_numbers_are_no_number() {
        for text in [
            "",
            "none",
            "A12B",
            "between 5 and 7",
            "12/03/2026",
            "-",
            "1.2.3,4,5x9",
            "١.٢٣٤ ٥٦٧.٨٩٠",
            "٤٨٢١٣.٥٦٧",
        ] {
            assert_eq!(only_number(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_within_a_sentence_is_not_most_of_it() {
        assert!(only_number("48213 kWh").is_some_and(|(_, bare)| bare));
        assert!(only_number("why was I charged 80 euros in May").is_some_and(|(_, bare)| !bare));
    }
}
