//! How an assistant understands: what its owner sets beside its training data. A default changes nothing.

use garde::Validate;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::parse::TIME_ZONE_LIMIT;

/// A kind of entity that needs no teaching.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BuiltinEntity {
    /// Dates and times.
    Datetime,
    /// How long something takes.
    Duration,
    /// Addresses of mail.
    Email,
    /// Amounts of a currency.
    Money,
    /// Numbers.
    Number,
    /// First, second ...
    Ordinal,
    /// Parts of a hundred.
    Percentage,
    /// Telephone numbers.
    Phone,
    /// Addresses of the web.
    Url,
}

impl BuiltinEntity {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Datetime,
        Self::Duration,
        Self::Email,
        Self::Money,
        Self::Number,
        Self::Ordinal,
        Self::Percentage,
        Self::Phone,
        Self::Url,
    ];

    /// As it stands in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Datetime => "datetime",
            Self::Duration => "duration",
            Self::Email => "email",
            Self::Money => "money",
            Self::Number => "number",
            Self::Ordinal => "ordinal",
            Self::Percentage => "percentage",
            Self::Phone => "phone",
            Self::Url => "url",
        }
    }

    /// The kind that has this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Reads a list of another release: a kind that is not known here cannot be looked for.
    pub(crate) fn read_known<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<Self>>, D::Error> {
        let names: Option<Vec<String>> = Deserialize::deserialize(deserializer)?;
        let known = |names: Vec<String>| {
            let kinds = Self::ALL.into_iter();
            kinds
                .filter(|kind| names.iter().any(|name| name == kind.as_str()))
                .collect()
        };
        Ok(names.map(known))
    }
}

/// How an assistant understands; what is absent is as if there were no such setting.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub struct Understanding {
    /// In which dates and times are meant by who does not say it, of the IANA database. Absent: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/Athens")]
    pub time_zone: Option<String>,
    /// The built-in entities that are looked for. Absent: all.
    #[serde(
        deserialize_with = "BuiltinEntity::read_known",
        skip_serializing_if = "Option::is_none"
    )]
    pub builtin_entities: Option<Vec<BuiltinEntity>>,
    /// What is understood with less confidence than this is out of scope. Absent: the model decides alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub min_confidence: Option<f64>,
    /// An answer is ambiguous if its second intent is no further behind the first than this. Absent: none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub ambiguity_margin: Option<f64>,
    /// Whether models are trained with a sentence encoder, where the platform has one: it knows words that no example has,
    /// in English, and costs some milliseconds for each utterance. Absent: they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<bool>,
}

/// Settings of understanding in a request: what is absent stays as it is, null takes a setting back.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateUnderstanding {
    /// In which dates and times are meant by who does not say it, of the IANA database.
    #[garde(inner(inner(length(min = 1, max = TIME_ZONE_LIMIT))))]
    #[serde(deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "Europe/Athens")]
    pub time_zone: Option<Option<String>>,
    /// The built-in entities that are looked for; an empty list for none.
    #[garde(inner(inner(length(max = 20))))]
    #[serde(deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<BuiltinEntity>>, max_items = 20)]
    pub builtin_entities: Option<Option<Vec<BuiltinEntity>>>,
    /// What is understood with less confidence than this is out of scope.
    #[garde(inner(inner(range(min = 0.0, max = 1.0))))]
    #[serde(deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1)]
    pub min_confidence: Option<Option<f64>>,
    /// An answer is ambiguous if its second intent is no further behind the first than this.
    #[garde(inner(inner(range(min = 0.0, max = 1.0))))]
    #[serde(deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1)]
    pub ambiguity_margin: Option<Option<f64>>,
    /// Whether models are trained with a sentence encoder; holds from the next training on.
    #[garde(skip)]
    #[serde(deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<bool>)]
    pub encoder: Option<Option<bool>>,
}

/// Reads what is named, null or not.
#[expect(
    clippy::option_option,
    reason = "what is absent and what is null are two things in a change"
)]
pub(crate) fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl Understanding {
    /// These settings with what a request names.
    #[must_use]
    pub fn with(self, change: UpdateUnderstanding) -> Self {
        let mut kinds = change.builtin_entities;
        if let Some(Some(kinds)) = &mut kinds {
            kinds.sort_unstable();
            kinds.dedup();
        }
        Self {
            time_zone: change.time_zone.unwrap_or(self.time_zone),
            builtin_entities: kinds.unwrap_or(self.builtin_entities),
            min_confidence: change.min_confidence.unwrap_or(self.min_confidence),
            ambiguity_margin: change.ambiguity_margin.unwrap_or(self.ambiguity_margin),
            encoder: change.encoder.unwrap_or(self.encoder),
        }
    }

    /// Whether an answer with this confidence is too unsure to be one.
    pub fn is_unsure(&self, confidence: f64) -> bool {
        self.min_confidence.is_some_and(|least| confidence < least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_replaces_what_it_names_and_takes_back_what_it_names_as_null() {
        let before: Understanding = serde_json::from_value(json!({
            "time_zone": "Europe/Athens", "min_confidence": 0.4, "builtin_entities": ["number"],
        }))
        .unwrap();
        let change: UpdateUnderstanding = serde_json::from_value(json!({
            "time_zone": null, "ambiguity_margin": 0.1, "builtin_entities": ["url", "email", "url"],
        }))
        .unwrap();
        let after = serde_json::to_value(before.with(change)).unwrap();
        let expected = json!({
            "min_confidence": 0.4, "ambiguity_margin": 0.1, "builtin_entities": ["email", "url"],
        });
        assert_eq!(after, expected);
    }

    #[test]
    fn a_kind_of_a_later_release_is_passed_over() {
        let later = json!({"builtin_entities": ["colour", "number"], "mood": "good"});
        let read: Understanding = serde_json::from_value(later.clone()).unwrap();
        assert_eq!(read.builtin_entities, Some(vec![BuiltinEntity::Number]));
        assert!(serde_json::from_value::<UpdateUnderstanding>(later).is_err());
    }

    #[test]
    fn kinds_are_written_as_answers_spell_them() {
        for kind in BuiltinEntity::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
