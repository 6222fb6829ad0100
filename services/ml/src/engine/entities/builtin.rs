//! Entities that need no teaching: numbers, e-mail addresses, web addresses.

use super::super::text::{Kind, Text, Token, place, slice};
use super::BUILTIN;
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::LazyLock;
use stoa_contracts::parse::Entity;

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b[a-z0-9][a-z0-9._%+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b")
        .expect("the pattern is a constant that the tests compile")
});
static URL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(?:https?://|www\.)[^\s<>"]{1,500}[^\s<>".,;:!?)\]]"#)
        .expect("the pattern is a constant that the tests compile")
});

/// Numbers that are looked at in an utterance.
const MOST_NUMBERS: usize = 200;

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Numbers {
    /// 1,234.5
    DecimalPoint,
    /// 1.234,5
    DecimalComma,
}

impl Numbers {
    /// How the speakers of a language write them.
    pub(super) fn of(language: &str) -> Self {
        let language = language.split(['-', '_']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "en" | "zh" | "ja" | "ko" | "th" | "he" | "hi" | "ga" | "mt" => Self::DecimalPoint,
            _ => Self::DecimalComma,
        }
    }

    const fn decimal(self) -> char {
        match self {
            Self::DecimalPoint => '.',
            Self::DecimalComma => ',',
        }
    }
}

/// All that needs no teaching.
pub(super) fn find(original: &str, text: &Text, numbers: Numbers) -> Vec<Entity> {
    let mut found = find_numbers(original, text, numbers);
    if original.contains('@') {
        found.extend(matches("email", &EMAIL, original));
    }
    if original.contains("://") || original.contains("www.") || original.contains("WWW.") {
        found.extend(matches("url", &URL, original));
    }
    found
}

fn matches(name: &str, regex: &Regex, original: &str) -> Vec<Entity> {
    let entity = |hit: regex::Match<'_>| {
        let (start, end) = (place(original, hit.start()), place(original, hit.end()));
        entity(name, start, end, hit.as_str().into())
    };
    regex.find_iter(original).map(entity).collect()
}

fn entity(name: &str, start: usize, end: usize, value: Value) -> Entity {
    let (entity, extractor) = (name.into(), BUILTIN.into());
    Entity {
        entity,
        start,
        end,
        value,
        confidence: 1.0,
        extractor,
        role: None,
    }
}

fn find_numbers(original: &str, text: &Text, numbers: Numbers) -> Vec<Entity> {
    let tokens = text.tokens();
    let mut found = Vec::new();
    let mut index = 0;
    while index < tokens.len() && found.len() < MOST_NUMBERS {
        let digits = number_end(text, index);
        if digits > index && !follows_word(tokens, index) {
            let start = signed_start(text, index);
            let end = tokens[digits - 1].end;
            let value = value(slice(original, start, end), numbers);
            found.extend(value.map(|value| entity("number", start, end, value)));
        }
        index = digits.max(index + 1);
    }
    found
}

/// One past the last token of the number that begins here: digits joined by points or commas.
fn number_end(text: &Text, first: usize) -> usize {
    let tokens = text.tokens();
    let is_digits = |index: usize| {
        tokens.get(index).is_some_and(|t| {
            t.kind == Kind::Number && text.chars(t).iter().all(char::is_ascii_digit)
        })
    };
    if !is_digits(first) {
        return first;
    }
    let mut end = first + 1;
    while is_digits(end + 1) && is_joint(text, end) {
        end += 2;
    }
    end
}

fn is_joint(text: &Text, index: usize) -> bool {
    let tokens = text.tokens();
    let sign = &tokens[index];
    matches!(text.chars(sign), ['.' | ','])
        && tokens[index - 1].end == sign.start
        && sign.end == tokens[index + 1].start
}

/// Whether letters stand right before, as in `AB12`.
fn follows_word(tokens: &[Token], index: usize) -> bool {
    let before = index.checked_sub(1).map(|before| &tokens[before]);
    before.is_some_and(|t| t.kind == Kind::Word && t.end == tokens[index].start)
}

/// Where the number starts, with a minus before it that is no hyphen.
fn signed_start(text: &Text, index: usize) -> usize {
    let tokens = text.tokens();
    let start = tokens[index].start;
    let Some(sign) = index.checked_sub(1).map(|before| &tokens[before]) else {
        return start;
    };
    let is_minus = matches!(text.chars(sign), ['-' | '−']) && sign.end == start;
    let is_hyphen = index
        .checked_sub(2)
        .is_some_and(|before| tokens[before].end == sign.start);
    if is_minus && !is_hyphen {
        sign.start
    } else {
        start
    }
}

/// The number that was written; none where it is not one, such as a date or an IP address.
fn value(written: &str, numbers: Numbers) -> Option<Value> {
    let negative = written.starts_with(['-', '−']);
    let digits = written.trim_start_matches(['-', '−']);
    let plain = without_groups(digits, numbers)?;
    let plain = if negative { format!("-{plain}") } else { plain };
    if let Ok(whole) = plain.parse::<i64>() {
        return Some(whole.into());
    }
    let number: f64 = plain
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    plain.contains('.').then(|| number.into())
}

/// Digits with a point before the fraction and nothing between the thousands.
fn without_groups(digits: &str, numbers: Numbers) -> Option<String> {
    let decimal = numbers.decimal();
    let group = if decimal == '.' { ',' } else { '.' };
    let (whole, fraction) = match digits.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let mut groups = whole.split(group);
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let grouped = first.len() <= 3 && rest.iter().all(|group| group.len() == 3);
    match (rest.as_slice(), fraction) {
        ([], None) => Some(first.into()),
        ([], Some(fraction)) if is_digits(fraction) => Some(format!("{first}.{fraction}")),
        (_, None) if grouped => Some(format!("{first}{}", rest.concat())),
        (_, Some(fraction)) if grouped && is_digits(fraction) => {
            Some(format!("{first}{}.{fraction}", rest.concat()))
        }
        // One mark that cannot separate thousands is the other way to write a fraction.
        ([fraction], None) if is_digits(fraction) => Some(format!("{first}.{fraction}")),
        _ => None,
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(original: &str, language: &str) -> Vec<(String, Value)> {
        let found = find(original, &Text::new(original), Numbers::of(language));
        found
            .into_iter()
            .map(|e| (slice(original, e.start, e.end).into(), e.value))
            .collect()
    }

    #[test]
    fn numbers_are_read_as_the_language_writes_them() {
        assert_eq!(
            values("pay 1,234.50 now", "en"),
            [("1,234.50".into(), json!(1234.5))]
        );
        assert_eq!(
            values("zahle 1.234,50 jetzt", "de"),
            [("1.234,50".into(), json!(1234.5))]
        );
        assert_eq!(values("12,5 %", "en"), [("12,5".into(), json!(12.5))]);
    }

    #[test]
    fn units_signs_and_sentences_end_a_number() {
        assert_eq!(values("48213kWh.", "en"), [("48213".into(), json!(48213))]);
        assert_eq!(values("it is -4", "en"), [("-4".into(), json!(-4))]);
        assert_eq!(values("I have 3.", "en"), [("3".into(), json!(3))]);
    }

    #[test]
    fn codes_and_addresses_are_no_numbers() {
        assert_eq!(values("AB12", "en"), []);
        assert_eq!(values("192.168.1.1", "en"), []);
        assert_eq!(values(&"9".repeat(40), "en"), []);
    }

    #[test]
    fn email_and_web_addresses_end_before_the_full_stop() {
        let found = values(
            "write to ann.lee@mail.example.org, or see https://example.org/a?b=1.",
            "en",
        );
        let texts: Vec<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(
            texts,
            ["1", "ann.lee@mail.example.org", "https://example.org/a?b=1"]
        );
    }
}
