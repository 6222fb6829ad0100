//! Flow documents: read with every fault and its place, and written in either form.

mod read;

use serde_json::Value as Json;
use stoa_contracts::flows::Flows;

pub use read::{Known, read};

use crate::media::essence;

/// The form of a flow document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// YAML, as designers write it.
    Yaml,
    /// JSON, as programs do.
    Json,
}

impl Form {
    /// Every form; the first is what a client gets that does not say.
    pub const ALL: [Self; 2] = [Self::Yaml, Self::Json];

    /// The media type in answers.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Yaml => "application/yaml",
            Self::Json => "application/json",
        }
    }

    /// The form of a `Content-Type`, if it is one of ours.
    pub fn of_content_type(value: &str) -> Option<Self> {
        match essence(value).as_str() {
            "application/yaml" | "application/x-yaml" | "text/yaml" => Some(Self::Yaml),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Writes flows anew, for a client that wants the form in which the author did not write them.
pub fn write(flows: &Flows, form: Form) -> String {
    let json: Json = serde_json::to_value(flows).expect("flows have string keys only");
    match form {
        Form::Json => json.to_string(),
        Form::Yaml => serde_saphyr::to_string(&json).expect("JSON can be written as YAML"),
    }
}
