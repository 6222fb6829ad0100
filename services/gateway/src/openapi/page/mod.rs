//! `GET /api/docs`: the document of all services as one page to read.
//!
//! It is made here, on the server: what a browser gets is HTML that needs nothing else, with one
//! style and one script of a few lines. The services' texts are data and are escaped by `maud`.

mod operation;
mod schema;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use operation::Operation;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The group of operations that have no tag.
const UNTAGGED: &str = "other";

/// Nothing may be loaded, and nothing run but the script above.
pub(super) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// The page of a merged document.
pub fn page(document: &Value) -> String {
    let groups = groups(document);
    let schemas = schema::reachable(document);
    let title = document["info"]["title"].as_str().unwrap_or("API");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " API" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "Skip to the operations" }
                (index(&groups, &schemas))
                main #content tabindex="-1" {
                    (introduction(document, title))
                    @for (tag, operations) in &groups {
                        section #{ "tag-" (slug(tag)) } data-group {
                            h2 { (tag) }
                            @for operation in operations { (operation.article(document)) }
                        }
                    }
                    @if !schemas.is_empty() {
                        section #schemas data-group {
                            h2 { "Schemas" }
                            @for name in &schemas { (schema::article(document, name)) }
                        }
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn introduction(document: &Value, title: &str) -> Markup {
    let bearer = &document["components"]["securitySchemes"]["bearer"]["description"];
    html! {
        h1 {
            (title) " API"
            @if let Some(version) = document["info"]["version"].as_str() { small { (version) } }
        }
        p {
            "Everything that this platform answers, as its services describe it. For programs: "
            a href="/api/openapi.json" { "openapi.json" } "."
        }
        @if let Some(bearer) = bearer.as_str() {
            p { "Where a token is needed it is sent as " code { "Authorization: Bearer …" } ": " (prose(bearer)) }
        }
    }
}

fn index(groups: &BTreeMap<&str, Vec<Operation>>, schemas: &BTreeSet<String>) -> Markup {
    html! {
        nav aria-label="Contents" {
            div role="search" hidden {
                label for="filter" { "Filter (press /)" }
                input #filter type="search" autocomplete="off" spellcheck="false";
                p #count role="status" {}
            }
            div.index {
                @for (tag, operations) in groups {
                    div data-group {
                        h2 { (tag) }
                        ul {
                            @for operation in operations {
                                li data-words=(operation.words()) {
                                    a href={ "#" (operation.anchor()) } { (operation.title()) }
                                }
                            }
                        }
                    }
                }
                @if !schemas.is_empty() {
                    div data-group {
                        h2 { "Schemas" }
                        ul {
                            @for name in schemas {
                                li data-words=(name.to_lowercase()) {
                                    a href={ "#" (schema::anchor(name)) } { (name) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The operations by tag, each in the order of the paths.
fn groups(document: &Value) -> BTreeMap<&str, Vec<Operation<'_>>> {
    let mut groups: BTreeMap<&str, Vec<Operation>> = BTreeMap::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, item) in paths {
        for operation in Operation::of(path, item) {
            let tag = operation.tag().unwrap_or(UNTAGGED);
            groups.entry(tag).or_default().push(operation);
        }
    }
    groups
}

/// A text of a document, in which `` `code` `` is code.
fn prose(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// A name that can stand in an anchor.
fn slug(text: &str) -> String {
    let plain = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() || letter == '_' => letter.to_ascii_lowercase(),
        _ => '-',
    };
    text.chars().map(plain).collect()
}
