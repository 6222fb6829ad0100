//! The formats and their media types.

use stoa_contracts::transfers::DataFormat;

use crate::media::essence;

/// A format of training data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The contract's own JSON.
    Json,
    /// Rasa 3 NLU YAML.
    Yaml,
    /// A table of texts and intents.
    Csv,
}

impl Format {
    /// Every format; the first is what a client gets that does not say.
    pub const ALL: [Self; 3] = [Self::Json, Self::Yaml, Self::Csv];

    /// The media type in answers.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
            Self::Csv => "text/csv",
        }
    }

    /// The format of a `Content-Type`, if it is one of ours.
    pub fn of_content_type(value: &str) -> Option<Self> {
        match essence(value).as_str() {
            "application/json" => Some(Self::Json),
            "application/yaml" | "application/x-yaml" | "text/yaml" => Some(Self::Yaml),
            "text/csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

impl From<DataFormat> for Format {
    fn from(format: DataFormat) -> Self {
        match format {
            DataFormat::Json => Self::Json,
            DataFormat::Yaml => Self::Yaml,
            DataFormat::Csv => Self::Csv,
        }
    }
}

impl From<Format> for DataFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Yaml => Self::Yaml,
            Format::Csv => Self::Csv,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_names_a_format_whatever_its_parameters() {
        assert_eq!(
            Format::of_content_type("Text/CSV; charset=utf-8"),
            Some(Format::Csv)
        );
        assert_eq!(
            Format::of_content_type("application/x-yaml"),
            Some(Format::Yaml)
        );
        assert_eq!(Format::of_content_type("text/plain"), None);
    }
}
