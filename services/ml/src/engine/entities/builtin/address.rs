//! E-mail and web addresses, in the characters of the original.

use regex::Regex;
use serde_json::Value;
use std::ops::Range;
use std::sync::LazyLock;
use url::Url;

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b[a-z0-9][a-z0-9._%+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b")
        .expect("the pattern is a constant that the tests compile")
});
/// With a scheme or `www.`; or a name under a domain that no sentence ends with by accident.
static URL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)\b(?:(?:https?|ftp)://|www\.)[^\s<>"]{1,500}[^\s<>".,;:!?)\]']"#,
        r"|\b(?:[a-z0-9][a-z0-9-]{0,62}\.){1,4}(?:com|org|net|io|dev|edu|gov|eu|info|co\.uk|gr|de)\b",
        r#"(?:/(?:[^\s<>"]{0,500}[^\s<>".,;:!?)\]'])?)?"#,
    ))
    .expect("the pattern is a constant that the tests compile")
});

/// Addresses that are looked at in an utterance.
const MOST: usize = 100;

/// An address: its kind, the characters that it takes, its value.
pub(super) type Address = (&'static str, Range<usize>, Value);

/// The addresses, in the order of the text.
pub(super) fn find(original: &str) -> Vec<Address> {
    let mut found: Vec<(&str, Range<usize>, Value)> = Vec::new();
    if original.contains('@') {
        let hits = EMAIL.find_iter(original).take(MOST);
        found.extend(hits.map(|hit| ("email", hit.range(), email(hit.as_str()))));
    }
    if has_point_within(original) || original.contains("://") {
        let emails: Vec<Range<usize>> = found.iter().map(|(_, range, _)| range.clone()).collect();
        let is_free = |range: &Range<usize>| {
            !emails
                .iter()
                .any(|email| email.start < range.end && range.start < email.end)
        };
        let hits = URL
            .find_iter(original)
            .filter(|hit| is_free(&hit.range()))
            .take(MOST);
        found.extend(hits.filter_map(|hit| Some(("url", hit.range(), web(hit.as_str())?))));
        found.sort_by_key(|(_, range, _)| range.start);
    }
    in_characters(original, found)
}

/// Whether a point stands between two letters or digits.
fn has_point_within(original: &str) -> bool {
    let bytes = original.as_bytes();
    bytes.windows(3).any(|three| {
        three[1] == b'.' && three[0].is_ascii_alphanumeric() && three[2].is_ascii_alphabetic()
    })
}

/// Upper and lower case are the same in a domain.
fn email(written: &str) -> Value {
    match written.split_once('@') {
        Some((name, domain)) => format!("{name}@{}", domain.to_ascii_lowercase()).into(),
        None => written.into(),
    }
}

/// The address in its normal form (WHATWG URL); https where it has no scheme.
fn web(written: &str) -> Option<Value> {
    let url = if written.contains("://") {
        Url::parse(written)
    } else {
        Url::parse(&format!("https://{written}"))
    };
    Some(String::from(url.ok()?).into())
}

/// Places in bytes as places in characters, in one pass.
fn in_characters(original: &str, mut found: Vec<Address>) -> Vec<Address> {
    let (mut byte, mut character) = (0, 0);
    for (_, range, _) in &mut found {
        let start = character + original[byte..range.start].chars().count();
        let end = start + original[range.clone()].chars().count();
        (byte, character) = (range.end, end);
        *range = start..end;
    }
    found
}
