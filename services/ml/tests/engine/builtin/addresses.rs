//! Web addresses beside what people write around them.

use super::{AMERICAN, NOW, check, found};
use serde_json::json;

/// Utterances, each with its only address and what that is.
fn check_urls(rows: &[(&str, &str, &str)]) {
    for (text, part, value) in rows {
        check(&AMERICAN, "url", &[(text, &[(part, json!(value))])]);
    }
}

#[test]
fn the_whole_name_is_the_site() {
    check_urls(&[
        (
            "order from amazon.com.br",
            "amazon.com.br",
            "https://amazon.com.br/",
        ),
        ("see x.com.au.", "x.com.au", "https://x.com.au/"),
        ("see x.com.tr/a", "x.com.tr/a", "https://x.com.tr/a"),
        (
            "see shop.x.com.cy",
            "shop.x.com.cy",
            "https://shop.x.com.cy/",
        ),
        ("see X.CO.UK", "X.CO.UK", "https://x.co.uk/"),
        ("is it example.com?", "example.com", "https://example.com/"),
    ]);
}

#[test]
fn what_only_begins_like_a_site_is_none() {
    for text in [
        "open report.com.txt",
        "at example.com.It works",
        "at example.com.Then go",
        "com.br",
        "www.",
        "https://)",
        "main.rs",
    ] {
        assert_eq!(found(&AMERICAN, text, NOW), [], "{text}");
    }
}

#[test]
fn a_port_a_query_and_a_fragment_belong_to_it() {
    check_urls(&[
        (
            "go to example.com:8080/x please",
            "example.com:8080/x",
            "https://example.com:8080/x",
        ),
        (
            "go to example.com?id=5",
            "example.com?id=5",
            "https://example.com/?id=5",
        ),
        (
            "go to example.com#faq, please",
            "example.com#faq",
            "https://example.com/#faq",
        ),
    ]);
}

#[test]
fn a_bracket_that_it_opens_is_closed_within() {
    check_urls(&[
        (
            "https://en.wikipedia.org/wiki/Rust_(language)",
            "https://en.wikipedia.org/wiki/Rust_(language)",
            "https://en.wikipedia.org/wiki/Rust_(language)",
        ),
        (
            "(see en.wikipedia.org/wiki/Rust_(language)).",
            "en.wikipedia.org/wiki/Rust_(language)",
            "https://en.wikipedia.org/wiki/Rust_(language)",
        ),
        (
            "[https://x.org/a[1]]",
            "https://x.org/a[1]",
            "https://x.org/a[1]",
        ),
    ]);
}

#[test]
fn a_long_address_is_one_as_a_whole() {
    let path = "/1234567890".repeat(300);
    for begin in ["https://example.org", "example.org"] {
        let address = format!("{begin}{path}");
        let value = format!("https://example.org{path}");
        check_urls(&[(&format!("see {address}."), &address, &value)]);
    }
}
