//! Entities by regular expression, in bounded time and memory whatever the pattern.

use super::super::text::place;
use super::super::train::TrainError;
use super::REGEX;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use stoa_contracts::parse::Entity;
use stoa_contracts::training_data::RegexPattern;

/// Bytes that a compiled pattern may take.
const COMPILED: usize = 1 << 18;
/// The least of these that is enough tells how large it is.
const SIZES: [usize; 4] = [1 << 12, 1 << 14, 1 << 16, COMPILED];
/// It is compiled forwards and backwards, and each way keeps what it has seen.
const PARTS: usize = 4;
/// Patterns of an assistant; `api` takes no more of them.
const MOST: usize = 500;
/// Matches of a pattern that are looked at in an utterance.
const MATCHES: usize = 100;

/// The compiled patterns; written as their text and compiled again when they are read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<(String, String)>", into = "Vec<(String, String)>")]
pub(super) struct Patterns {
    patterns: Vec<(String, Regex)>,
    /// Bytes in memory, roughly.
    bytes: usize,
}

/// A pattern that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the pattern `{pattern}` of the entity `{entity}` cannot be used: {reason}")]
pub struct BadPattern {
    entity: String,
    pattern: String,
    reason: String,
}

impl Patterns {
    /// Compiles the patterns.
    pub(super) fn new(patterns: &[RegexPattern]) -> Result<Self, TrainError> {
        if patterns.len() > MOST {
            return Err(TrainError::ManyPatterns(MOST));
        }
        let pairs = patterns
            .iter()
            .map(|p| (p.entity.clone(), p.pattern.clone()));
        Ok(pairs.collect::<Vec<_>>().try_into()?)
    }

    /// What the patterns match.
    pub(super) fn find(&self, original: &str) -> Vec<Entity> {
        let mut found = Vec::new();
        for (entity, regex) in &self.patterns {
            let matches = regex
                .find_iter(original)
                .filter(|hit| !hit.is_empty())
                .take(MATCHES);
            found.extend(matches.map(|hit| Entity {
                entity: entity.clone(),
                start: place(original, hit.start()),
                end: place(original, hit.end()),
                value: hit.as_str().into(),
                confidence: 1.0,
                extractor: REGEX.into(),
                role: None,
                group: None,
            }));
        }
        found
    }

    /// The names of the entities that have patterns.
    pub(super) fn entities(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(|(entity, _)| entity.as_str())
    }

    /// Bytes in memory, roughly.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl TryFrom<Vec<(String, String)>> for Patterns {
    type Error = BadPattern;

    fn try_from(pairs: Vec<(String, String)>) -> Result<Self, BadPattern> {
        let mut compiled = Self::default();
        for (entity, pattern) in pairs {
            match compile(&pattern) {
                Ok((regex, bytes)) => {
                    compiled.bytes += bytes + entity.len() + pattern.len();
                    compiled.patterns.push((entity, regex));
                }
                Err(error) => {
                    let reason = error.to_string();
                    return Err(BadPattern {
                        entity,
                        pattern,
                        reason,
                    });
                }
            }
        }
        Ok(compiled)
    }
}

/// The pattern, and how many bytes it takes, roughly.
fn compile(pattern: &str) -> Result<(Regex, usize), regex::Error> {
    let mut builder = RegexBuilder::new(pattern);
    builder.case_insensitive(true).dfa_size_limit(COMPILED);
    let build = |size: &usize| {
        let built = builder.size_limit(*size).build();
        built.map(|regex| (regex, PARTS * size))
    };
    let mut sizes = SIZES.iter().map(build);
    sizes
        .find(|built| !matches!(built, Err(regex::Error::CompiledTooBig(_))))
        .unwrap_or_else(|| Err(regex::Error::CompiledTooBig(COMPILED)))
}

impl From<Patterns> for Vec<(String, String)> {
    fn from(patterns: Patterns) -> Self {
        let write = |(entity, regex): (String, Regex)| (entity, regex.as_str().to_owned());
        patterns.patterns.into_iter().map(write).collect()
    }
}

impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        let texts = |patterns: &Self| Vec::<(String, String)>::from(patterns.clone());
        texts(self) == texts(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(pattern: &str) -> Result<Patterns, TrainError> {
        Patterns::new(&[RegexPattern {
            entity: "meter".into(),
            pattern: pattern.into(),
        }])
    }

    #[test]
    fn places_count_characters() {
        let found = patterns(r"\bM-\d+").unwrap().find("Zähler 🦀 m-12");
        assert_eq!((found[0].start, found[0].end), (9, 13));
        assert_eq!(found[0].value, "m-12");
    }

    #[test]
    fn a_bad_pattern_is_refused_by_name() {
        let message = patterns("(").unwrap_err().to_string();
        assert!(
            message.contains("`(`") && message.contains("`meter`"),
            "{message}"
        );
    }

    #[test]
    fn a_pattern_weighs_what_it_takes() {
        let (small, large) = (patterns("abc").unwrap(), patterns(r"\w{4}").unwrap());
        assert!(small.bytes() < 32 << 10, "{}", small.bytes());
        assert!(large.bytes() >= 256 << 10, "{}", large.bytes());
    }

    #[test]
    fn more_patterns_than_there_is_memory_for_are_refused() {
        let pattern = |number: usize| RegexPattern {
            entity: "meter".into(),
            pattern: format!("m{number}"),
        };
        let patterns: Vec<RegexPattern> = (0..=MOST).map(pattern).collect();
        assert!(Patterns::new(&patterns[1..]).is_ok());
        let error = Patterns::new(&patterns).unwrap_err();
        assert!(matches!(error, TrainError::ManyPatterns(MOST)), "{error}");
    }

    #[test]
    fn a_pattern_that_would_take_much_memory_is_refused() {
        assert!(patterns(r"(\w{1000}){1000}").is_err());
    }
}
