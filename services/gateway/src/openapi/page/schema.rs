//! Schemas as people read them: the type in words, the fields in a table, an example.

use super::{prose, slug};
use maud::{Markup, html};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The prefix of a reference to a schema.
const SCHEMA: &str = "#/components/schemas/";
/// An example that is deeper than this is no help.
const DEPTH: usize = 5;

/// Where the page has a schema.
pub(super) fn anchor(name: &str) -> String {
    format!("schema-{}", slug(name))
}

/// What a `$ref` within the document stands for.
pub(super) fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let pointer = value["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
    let found = pointer.and_then(|pointer| document.pointer(pointer));
    found.unwrap_or(value)
}

/// The schemas that the operations lead to.
pub(super) fn reachable(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![&document["paths"]];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                open.extend(fields.values());
                let name = value["$ref"]
                    .as_str()
                    .and_then(|to| to.strip_prefix(SCHEMA));
                let schema = name.and_then(|name| document["components"]["schemas"].get(name));
                if let (Some(name), Some(schema)) = (name, schema)
                    && found.insert(name.to_owned())
                {
                    open.push(schema);
                }
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

/// A named schema as the page shows it.
pub(super) fn article(document: &Value, name: &str) -> Markup {
    let schema = &document["components"]["schemas"][name];
    let anchor = anchor(name);
    html! {
        article id=(anchor) data-words=(name.to_lowercase()) {
            h3 { a href={ "#" (anchor) } { code { (name) } } }
            @if let Some(text) = schema["description"].as_str() { p { (prose(text)) } }
            @match schema.get("properties") {
                Some(_) => (table(schema)),
                None => { p { (kind(schema)) } (limits(schema)) (parts(schema)) }
            }
        }
    }
}

/// The parts of a composed schema that have fields of their own, or a text.
fn parts(schema: &Value) -> Markup {
    let parts = ["oneOf", "anyOf", "allOf"]
        .into_iter()
        .flat_map(|word| list(schema, word));
    html! {
        @for part in parts {
            @if let Some(text) = part["description"].as_str() { p.more { (kind(part)) ": " (prose(text)) } }
            @if part.get("properties").is_some() { (table(part)) }
        }
    }
}

/// The fields of an object.
pub(super) fn table(schema: &Value) -> Markup {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let is_required = |name: &str| list(schema, "required").iter().any(|one| one == name);
    html! {
        div.wide tabindex="0" role="region" aria-label="Fields" {
            table {
                thead { tr { th scope="col" { "Field" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
                tbody {
                    @for (name, field) in fields {
                        tr {
                            td {
                                code { (name) }
                                @if is_required(name) { div.must { "required" } }
                            }
                            td { (kind(field)) }
                            td {
                                @if let Some(text) = field["description"].as_str() { p { (prose(text)) } }
                                (limits(field))
                                @if field.get("properties").is_some() { (table(field)) }
                                @if field["items"].get("properties").is_some() { (table(&field["items"])) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn list<'s>(schema: &'s Value, word: &str) -> &'s [Value] {
    schema[word].as_array().map_or(&[], Vec::as_slice)
}

/// The type of a schema in words.
pub(super) fn kind(schema: &Value) -> Markup {
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.strip_prefix(SCHEMA).unwrap_or(target);
        return html! { a href={ "#" (anchor(name)) } { (name) } };
    }
    for (word, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
        let parts = list(schema, word);
        if !parts.is_empty() {
            return html! {
                @for (at, part) in parts.iter().enumerate() {
                    @if at > 0 { (between) }
                    (kind(part))
                }
            };
        }
    }
    let values = list(schema, "enum");
    if !values.is_empty() {
        return html! {
            @for (at, value) in values.iter().enumerate() {
                @if at > 0 { ", " }
                code { (text(value)) }
            }
        };
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec!["anything"],
    };
    html! {
        @for (at, name) in names.iter().enumerate() {
            @if at > 0 { " or " }
            (plain_kind(schema, name))
        }
    }
}

fn plain_kind(schema: &Value, name: &str) -> Markup {
    let values = schema
        .get("additionalProperties")
        .filter(|values| values.is_object());
    html! {
        @match (name, values) {
            ("array", _) => { "list of " (kind(&schema["items"])) },
            ("object", Some(values)) => { "map of " (kind(values)) },
            _ => {
                (name)
                @if let Some(format) = schema["format"].as_str() {
                    @if name != "null" { " (" (format) ")" }
                }
            }
        }
    }
}

/// What a value must keep to, and what it is without one.
pub(super) fn limits(schema: &Value) -> Markup {
    const WORDS: [(&str, &str, &str); 8] = [
        ("minimum", "at least ", ""),
        ("maximum", "at most ", ""),
        ("minLength", "at least ", " characters"),
        ("maxLength", "at most ", " characters"),
        ("minItems", "at least ", " items"),
        ("maxItems", "at most ", " items"),
        ("pattern", "pattern ", ""),
        ("default", "default ", ""),
    ];
    let known = WORDS.into_iter().filter_map(|(field, before, after)| {
        let value = schema.get(field).filter(|value| !value.is_null())?;
        Some((before, text(value), after))
    });
    let known: Vec<_> = known.collect();
    html! {
        @if !known.is_empty() {
            p.more {
                @for (at, (before, value, after)) in known.iter().enumerate() {
                    @if at > 0 { "; " }
                    (before) code { (value) } (after)
                }
            }
        }
        @if let Some(example) = schema.get("example") { (sample(example)) }
    }
}

/// A value that could stand here.
pub(super) fn sample(value: &Value) -> Markup {
    html! { p.more { "such as " code { (text(value)) } } }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// An example of a body in JSON: the document's own, or one made of the examples of its fields.
pub(super) fn example(document: &Value, media: &Value) -> Option<String> {
    let own = media.get("example").cloned();
    let value = own.or_else(|| made(document, &media["schema"], DEPTH))?;
    match &value {
        Value::String(text) => Some(text.clone()),
        value => serde_json::to_string_pretty(value).ok(),
    }
}

fn made(document: &Value, schema: &Value, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    if schema["$ref"].is_string() {
        let target = resolve(document, schema);
        return (target != schema).then(|| made(document, target, depth))?;
    }
    let given = ["example", "default"]
        .iter()
        .find_map(|word| schema.get(*word));
    let given = given.filter(|value| !value.is_null());
    if let Some(value) = given.or_else(|| list(schema, "enum").first()) {
        return Some(value.clone());
    }
    if let Some(first) = list(schema, "oneOf")
        .first()
        .or_else(|| list(schema, "anyOf").first())
    {
        return made(document, first, depth);
    }
    let name = match &schema["type"] {
        Value::Array(names) => names.first().and_then(Value::as_str),
        name => name.as_str(),
    };
    match name {
        Some("string") => Some(json!(string(schema["format"].as_str()))),
        Some("integer" | "number") => Some(schema.get("minimum").cloned().unwrap_or(json!(1))),
        Some("boolean") => Some(json!(true)),
        Some("array") => Some(Value::Array(
            made(document, &schema["items"], depth)
                .into_iter()
                .collect(),
        )),
        Some("object") => Some(object(document, schema, depth).into()),
        _ if !list(schema, "allOf").is_empty() => Some(object(document, schema, depth).into()),
        _ => None,
    }
}

fn object(document: &Value, schema: &Value, depth: usize) -> Map<String, Value> {
    let mut fields = Map::new();
    for part in list(schema, "allOf") {
        if let Some(Value::Object(more)) = made(document, part, depth) {
            fields.extend(more);
        }
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = made(document, field, depth) {
            fields.insert(name.clone(), value);
        }
    }
    fields
}

fn string(format: Option<&str>) -> &'static str {
    match format {
        Some("uuid") => "0198c0de-7a11-7b2c-8d3e-4f5061728394",
        Some("date-time") => "2026-01-31T12:00:00Z",
        Some("date") => "2026-01-31",
        Some("uri") => "https://example.org/",
        Some("email") => "ada@example.org",
        _ => "text",
    }
}
