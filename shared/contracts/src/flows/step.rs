//! What happens in a flow.

use super::condition::Conditions;
use super::forms::{either, text};
use super::scalar::Scalar;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Object, ObjectBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// One step of a flow, written as a map with one key, or as the bare word `end` or `stop`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Says a response.
    Say(String),
    /// Asks for a slot, unless it is filled, and waits for the answer.
    Ask(Ask),
    /// Gives slots a value; null empties them.
    Set(Assignments),
    /// Goes the first way whose conditions hold.
    Branch(Branch),
    /// Runs another flow, then goes on.
    Call(String),
    /// Says a response and hands the conversation over to a person.
    Handover(String),
    /// Ends this flow.
    End,
    /// Ends every flow, also those that were interrupted.
    Stop,
}

/// Values by slot; null empties the slot.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Assignments(pub BTreeMap<String, Option<Scalar>>);

/// Asks for a slot. Written as the slot's name or as a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ask {
    /// The slot.
    pub slot: String,
    /// The response that asks, if it is not the slot's own question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// Whether to ask although the slot is filled.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// Goes the first way whose conditions hold.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// The ways, in order.
    pub cases: Vec<Case>,
    /// The steps when none of them holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub otherwise: Vec<Step>,
}

/// One way of a branch.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What must hold, all of it.
    pub when: Conditions,
    /// The steps if it does.
    #[schema(no_recursion)]
    pub then: Vec<Step>,
}

impl<'de> Deserialize<'de> for Ask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AskVisitor)
    }
}

/// The long form of a question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LongAsk {
    /// The slot.
    slot: String,
    /// The response that asks, if it is not the slot's own question.
    #[serde(default)]
    question: Option<String>,
    /// Whether to ask although the slot is filled.
    #[serde(default)]
    again: bool,
}

impl PartialSchema for Assignments {
    fn schema() -> RefOr<Schema> {
        let scalar = Ref::from_schema_name(Scalar::name());
        let null = Schema::Object(Object::with_type(Type::Null));
        let value = either("Null empties the slot.", [scalar.into(), null.into()]);
        let slots = ObjectBuilder::new().additional_properties(Some(value));
        let description = "Values by slot; null empties the slot.";
        Schema::from(slots.description(Some(description))).into()
    }
}

impl ToSchema for Assignments {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Scalar::name().into_owned(), Scalar::schema()));
    }
}

impl PartialSchema for Ask {
    fn schema() -> RefOr<Schema> {
        let description = "Asks for a slot. Written as the slot's name or as a map.";
        either(description, [text(), LongAsk::schema()]).into()
    }
}

impl ToSchema for Ask {}

/// Reads a slot's name or the long form.
struct AskVisitor;

impl<'de> Visitor<'de> for AskVisitor {
    type Value = Ask;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a slot, or a map with `slot`, `question` and `again`")
    }

    fn visit_str<E: de::Error>(self, slot: &str) -> Result<Ask, E> {
        Ok(Ask {
            slot: slot.to_owned(),
            ..Ask::default()
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Ask, A::Error> {
        let LongAsk {
            slot,
            question,
            again,
        } = LongAsk::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Ask {
            slot,
            question,
            again,
        })
    }
}
