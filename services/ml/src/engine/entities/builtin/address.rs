//! E-mail and web addresses, in the characters of the original.

use regex::{Captures, Regex};
use serde_json::Value;
use std::ops::Range;
use std::sync::LazyLock;
use url::Url;

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b[a-z0-9][a-z0-9._%+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b")
        .expect("the pattern is a constant that the tests compile")
});
/// With a scheme or `www.`; or a name under a domain, with what follows it.
static URL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)\b(?:(?P<begin>(?:https?|ftp)://|www\.)[^\s<>"]+"#,
        r"|(?P<host>(?:[a-z0-9][a-z0-9-]{0,62}\.){1,8}[a-z]{2,24})\b",
        r#"(?::[0-9]{1,5}\b)?(?:[/?#][^\s<>"]*)?)"#,
    ))
    .expect("the pattern is a constant that the tests compile")
});
/// Domains that no sentence ends with by accident.
const DOMAINS: [&str; 11] = [
    "com", "org", "net", "io", "dev", "edu", "gov", "info", "eu", "gr", "de",
];
/// What many countries have below their own domain: `com.br`, `co.uk`.
const BELOW: [&str; 6] = ["com", "co", "org", "net", "gov", "edu"];

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
            .captures_iter(original)
            .filter_map(|hit| extent(original, &hit))
            .filter(is_free)
            .take(MOST);
        found.extend(hits.filter_map(|range| {
            let value = web(&original[range.clone()])?;
            Some(("url", range, value))
        }));
        found.sort_by_key(|(_, range, _)| range.start);
    }
    in_characters(original, found)
}

/// Where the address is, without the signs of the sentence behind it; none where it is only like one.
fn extent(original: &str, hit: &Captures<'_>) -> Option<Range<usize>> {
    let whole = hit.get(0)?;
    let address = without_end(whole.as_str());
    let range = whole.start()..whole.start() + address.len();
    if let Some(begin) = hit.name("begin") {
        return (address.len() >= begin.len() + 2).then_some(range);
    }
    let host = hit.name("host")?;
    let mut behind = original[host.end()..].chars();
    let goes_on = behind.next() == Some('.') && behind.next().is_some_and(char::is_alphanumeric);
    (is_host(host.as_str()) && !goes_on).then_some(range)
}

/// Whether it is under a domain of [`DOMAINS`], or under one that a country has for the same.
fn is_host(host: &str) -> bool {
    let mut labels = host.rsplit('.');
    let (last, below) = (
        labels.next().unwrap_or_default(),
        labels.next().unwrap_or_default(),
    );
    let is =
        |name: &str, names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    // "at example.com.It works" has no Italian address.
    let is_sentence = last.starts_with(|c: char| c.is_ascii_uppercase())
        && below.starts_with(|c: char| c.is_ascii_lowercase());
    let is_country = last.len() == 2 && is(below, &BELOW) && labels.next().is_some();
    (is(last, &DOMAINS) || is_country) && !is_sentence
}

/// Without points and quotes at the end, and without brackets that it does not open.
fn without_end(address: &str) -> &str {
    let count = |sign: char| address.matches(sign).count();
    let mut open = [(')', count('('), count(')')), (']', count('['), count(']'))];
    let mut kept = address;
    while let Some(last) = kept.chars().next_back() {
        if let Some((_, opened, closed)) = open.iter_mut().find(|(sign, ..)| *sign == last) {
            if *opened >= *closed {
                break;
            }
            *closed -= 1;
        } else if !matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '\'') {
            break;
        }
        kept = &kept[..kept.len() - last.len_utf8()];
    }
    kept
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
