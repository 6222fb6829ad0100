//! Conditions on slots.

use super::scalar::Scalar;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use utoipa::ToSchema;

/// Conditions by slot; all of them must hold.
pub type Conditions = BTreeMap<String, Test>;

/// What must hold for one slot: a value, a list of values, or a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Test {
    /// It has this value.
    Is(Scalar),
    /// It has one of these values.
    OneOf(Vec<Scalar>),
    /// It compares so.
    Compare(Comparison),
}

/// How a slot compares; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Comparison {
    /// Whether it has a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filled: Option<bool>,
    /// It does not have this value (an empty slot does not either).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_not: Option<Scalar>,
    /// It is a number greater than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// It is a number less than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
}

impl Test {
    /// Whether it holds for a slot's value.
    pub fn holds(&self, value: Option<&Scalar>) -> bool {
        match self {
            Self::Is(wanted) => value.is_some_and(|value| same(value, wanted)),
            Self::OneOf(wanted) => {
                value.is_some_and(|value| wanted.iter().any(|wanted| same(value, wanted)))
            }
            Self::Compare(comparison) => comparison.holds(value),
        }
    }
}

/// Whether two values are the same, written as text: what is answered for a slot of any kind is text,
/// also where the document has a number for it. Slots of the other kinds have values of one kind.
fn same(value: &Scalar, wanted: &Scalar) -> bool {
    value == wanted || value.to_string() == wanted.to_string()
}

impl Comparison {
    fn holds(&self, value: Option<&Scalar>) -> bool {
        let number = match value {
            Some(Scalar::Number(number)) => Some(*number),
            _ => None,
        };
        let is = |wanted: &Scalar| value.is_some_and(|value| same(value, wanted));
        self.filled.is_none_or(|filled| filled == value.is_some())
            && self.is_not.as_ref().is_none_or(|not| !is(not))
            && self
                .above
                .is_none_or(|least| number.is_some_and(|n| n > least))
            && self
                .below
                .is_none_or(|most| number.is_some_and(|n| n < most))
    }
}

impl<'de> Deserialize<'de> for Test {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TestVisitor)
    }
}

/// Reads a value, a list or a comparison; its own visitor, so that a mistake in a comparison is
/// reported as such.
struct TestVisitor;

/// Reads a scalar from a value that the visitor already holds.
fn scalar<'de, V, E>(value: V) -> Result<Test, E>
where
    V: IntoDeserializer<'de, E>,
    E: de::Error,
{
    Scalar::deserialize(value.into_deserializer()).map(Test::Is)
}

impl<'de> Visitor<'de> for TestVisitor {
    type Value = Test;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list of values, or a map of `filled`, `is_not`, `above`, `below`")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Test, E> {
        scalar(value)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Test, E> {
        scalar(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Test, E> {
        scalar(value)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Test, E> {
        scalar(value)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Test, E> {
        scalar(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Test, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Test::OneOf)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Test, A::Error> {
        Comparison::deserialize(MapAccessDeserializer::new(map)).map(Test::Compare)
    }
}
