//! What the assistant can say.

use super::forms::{either, text};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::openapi::{Array, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A response: one of its variants is said. Written as one text, one variant or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Response(pub Vec<Variant>);

/// One way to say it. Written as a text, or as a map with `text` and `buttons`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Variant {
    /// The text; `{slot}` stands for the slot's value.
    pub text: String,
    /// Answers to choose from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<ResponseButton>,
}

/// An answer to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseButton {
    /// What the user sees.
    pub title: String,
    /// What is sent when it is pressed: an utterance, or `/intent` or `/intent{"entity":"value"}`
    /// to skip understanding; the title if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// Whether a payload can name an intent: `/faq/ask` does, `/report reading` is an utterance.
pub fn is_payload_name(intent: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_-+/.:".contains(c);
    !intent.is_empty() && intent.chars().all(is_part)
}

/// Whether it may as well be a path that somebody has typed, and not the name of an intent in a payload.
pub fn is_doubtful_name(intent: &str) -> bool {
    intent.contains(['/', '.', ':'])
}

/// The names in braces in a text, such as `city` in `Hello {city}`, with the text around them.
/// Yields `(literal, Some(name))` pairs and a last `(literal, None)`.
pub fn placeholders(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let whole = rest?;
        let mut from = 0;
        while let Some(open) = whole[from..].find('{').map(|at| from + at) {
            let inside = &whole[open + 1..];
            let end = inside.find(|c: char| !super::check::is_name_character(c));
            if let Some(end) = end.filter(|&end| end > 0 && inside[end..].starts_with('}')) {
                rest = Some(&inside[end + 1..]);
                return Some((&whole[..open], Some(&inside[..end])));
            }
            from = open + 1;
        }
        rest = None;
        Some((whole, None))
    })
}

impl<'de> Deserialize<'de> for Response {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ResponseVisitor)
    }
}

impl PartialSchema for Response {
    fn schema() -> RefOr<Schema> {
        let description = "A response: one of its variants is said. Written as one text, one variant or a list of them.";
        let variant = || Ref::from_schema_name(Variant::name());
        let list = Array::new(variant());
        either(description, [variant().into(), Schema::Array(list).into()]).into()
    }
}

impl ToSchema for Response {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Variant::name().into_owned(), Variant::schema()));
        Variant::schemas(schemas);
    }
}

/// Reads one variant or a list of them.
struct ResponseVisitor;

impl<'de> Visitor<'de> for ResponseVisitor {
    type Value = Response;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a map with `text` and `buttons`, or a list of these")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Response, E> {
        VariantVisitor
            .visit_str(text)
            .map(|variant| Response(vec![variant]))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Response, A::Error> {
        VariantVisitor
            .visit_map(map)
            .map(|variant| Response(vec![variant]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Response, A::Error> {
        let mut variants = Vec::new();
        while let Some(variant) = list.next_element()? {
            variants.push(variant);
        }
        Ok(Response(variants))
    }
}

impl<'de> Deserialize<'de> for Variant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(VariantVisitor)
    }
}

/// The long form of a variant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LongVariant {
    /// The text; `{slot}` stands for the slot's value.
    text: String,
    /// Answers to choose from.
    #[serde(default)]
    buttons: Vec<ResponseButton>,
}

impl PartialSchema for Variant {
    fn schema() -> RefOr<Schema> {
        let description =
            "One way to say it. Written as a text, or as a map with `text` and `buttons`.";
        either(description, [text(), LongVariant::schema()]).into()
    }
}

impl ToSchema for Variant {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        LongVariant::schemas(schemas);
    }
}

/// Reads a text or the long form.
struct VariantVisitor;

impl<'de> Visitor<'de> for VariantVisitor {
    type Value = Variant;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a map with `text` and `buttons`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Variant, E> {
        Ok(Variant {
            text: text.to_owned(),
            buttons: Vec::new(),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Variant, A::Error> {
        let LongVariant { text, buttons } =
            LongVariant::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Variant { text, buttons })
    }
}
