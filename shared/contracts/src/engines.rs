//! Engines: who understands what is said to an assistant, and in which order they are asked.

use crate::understanding::named;
use garde::Validate;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::fmt;
use utoipa::ToSchema;

/// Engines of one assistant.
pub const ENGINES_LIMIT: usize = 4;
/// How long an engine may take if nothing else is said, in milliseconds.
pub const DEFAULT_TIMEOUT_MS: u32 = 2_000;
/// The longest that an engine may take, in milliseconds; all of them together stay below what clients wait.
pub const LONGEST_TIMEOUT_MS: u32 = 5_000;

/// A sort of engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// The built-in one, with the assistant's own model.
    #[default]
    Ml,
    /// A server that speaks as Rasa does.
    Rasa,
}

impl EngineKind {
    /// Every sort.
    pub const ALL: [Self; 2] = [Self::Ml, Self::Rasa];

    /// As it stands in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ml => "ml",
            Self::Rasa => "rasa",
        }
    }
}

/// An engine in a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, Validate, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum UpdateEngine {
    /// The built-in one, with the assistant's own model.
    Ml {},
    /// A server that speaks as Rasa does: `POST /model/parse` below its URL.
    Rasa {
        /// Where it answers: `https`, at a public address.
        #[garde(length(chars, min = 1, max = 2000))]
        #[schema(
            min_length = 1,
            max_length = 2000,
            example = "https://rasa.example.org"
        )]
        url: String,
        /// What it lets us in by, as its `--auth-token` says. Absent: the one that was given before for this URL; null: none.
        #[garde(inner(inner(length(chars, min = 1, max = 500))))]
        #[serde(
            default,
            deserialize_with = "named",
            skip_serializing_if = "Option::is_none"
        )]
        #[schema(value_type = Option<String>, min_length = 1, max_length = 500)]
        token: Option<Option<String>>,
        /// How long it may take, in milliseconds.
        #[garde(range(min = 50, max = LONGEST_TIMEOUT_MS))]
        #[serde(default = "default_timeout")]
        #[schema(minimum = 50, maximum = 5000, default = 2000)]
        timeout_ms: u32,
    },
}

const fn default_timeout() -> u32 {
    DEFAULT_TIMEOUT_MS
}

/// Input of `update_engines`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateEngines {
    /// The engines in the order in which they are asked: the next one when one has no answer. Each one once.
    #[garde(length(min = 1, max = ENGINES_LIMIT), dive)]
    #[schema(min_items = 1, max_items = 4)]
    pub engines: Vec<UpdateEngine>,
}

/// The engines of an assistant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Engines {
    /// In the order in which they are asked.
    pub engines: Vec<Engine>,
}

/// An engine, without its token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Engine {
    /// The built-in one, with the assistant's own model.
    Ml {},
    /// A server that speaks as Rasa does.
    Rasa {
        /// Where it answers.
        url: String,
        /// Whether there is a token for it.
        has_token: bool,
        /// How long it may take, in milliseconds.
        timeout_ms: u32,
    },
}

/// Internal: an engine as it is kept, and as `nlu` needs it.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeptEngine {
    /// The built-in one.
    Ml {},
    /// A server that speaks as Rasa does.
    Rasa {
        /// Where it answers.
        url: String,
        /// What it lets us in by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// How long it may take, in milliseconds.
        timeout_ms: u32,
    },
}

impl KeptEngine {
    /// Reads a list of another release: an engine that is not known here cannot be asked.
    pub fn read_known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Self>, D::Error> {
        let all: Vec<Value> = Deserialize::deserialize(deserializer)?;
        let known = all
            .into_iter()
            .filter_map(|one| serde_json::from_value(one).ok());
        Ok(known.collect())
    }
}

impl From<&KeptEngine> for Engine {
    fn from(kept: &KeptEngine) -> Self {
        match kept {
            KeptEngine::Ml {} => Self::Ml {},
            KeptEngine::Rasa {
                url,
                token,
                timeout_ms,
            } => Self::Rasa {
                url: url.clone(),
                has_token: token.is_some(),
                timeout_ms: *timeout_ms,
            },
        }
    }
}

/// Without the token.
impl fmt::Debug for KeptEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Engine::from(self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistants::AssistantRuntime;
    use serde_json::json;

    #[test]
    fn an_engine_of_a_later_release_is_passed_over() {
        let runtime: AssistantRuntime = serde_json::from_value(json!({
            "id": uuid::Uuid::nil(), "account_id": uuid::Uuid::nil(), "name": "Care", "language": "en",
            "active_model": 1, "flows_version": null,
            "engines": [{"kind": "oracle", "temple": "Delphi"}, {"kind": "ml"}],
        }))
        .unwrap();
        assert_eq!(runtime.engines, [KeptEngine::Ml {}]);
    }

    #[test]
    fn what_does_not_belong_to_an_engine_is_refused() {
        for wrong in [
            json!({"kind": "ml", "url": "https://a.example"}),
            json!({"kind": "rasa", "url": "https://a.example", "tokn": "x"}),
            json!({"kind": "rasa"}),
            json!({"kind": "oracle"}),
        ] {
            assert!(
                serde_json::from_value::<UpdateEngine>(wrong.clone()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_token_is_not_shown() {
        let kept = KeptEngine::Rasa {
            url: "https://rasa.example.org".into(),
            token: Some("open sesame".into()),
            timeout_ms: 2_000,
        };
        let engine = serde_json::to_string(&Engine::from(&kept)).unwrap();
        for shown in [format!("{kept:?}"), engine] {
            assert!(
                shown.contains("has_token") && !shown.contains("sesame"),
                "{shown}"
            );
        }
    }
}
