//! Entities by regular expression, in bounded time and memory whatever the pattern.

use super::super::text::Places;
use super::super::train::TrainError;
use super::REGEX;
use regex::{Match, Regex, RegexBuilder};
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
/// Matches of all patterns in an utterance, apart from the first of each.
const FOUND: usize = 1_000;
/// Steps that an utterance may take beyond one look of each pattern at all of it: a step is a byte that a search may look
/// at, for each `SIZES[0]` of its pattern. Most take a nanosecond, and none more than some microseconds.
pub const STEPS: usize = 1 << 22;
/// Steps that those first looks may take: 500 patterns with `\d` look at 2,000 bytes.
const FIRST: usize = 4 * STEPS;

/// The compiled patterns; written as their text and compiled again when they are read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<(String, String)>", into = "Vec<(String, String)>")]
pub(super) struct Patterns {
    patterns: Vec<Pattern>,
    /// Bytes in memory, roughly.
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Pattern {
    entity: String,
    regex: Regex,
    /// Steps for each byte that a search may look at.
    weight: usize,
    /// Whether it matches the empty text, of which no entity comes. `api` takes no such pattern any more.
    matches_nothing: bool,
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
        let pairs = patterns
            .iter()
            .map(|p| (p.entity.clone(), p.pattern.clone()));
        pairs.collect::<Vec<_>>().try_into()
    }

    /// What the patterns match: all of it, or what is found within the steps that there are.
    pub(super) fn find(&self, original: &str) -> Vec<Entity> {
        let mut found = Vec::new();
        let (mut first, mut steps) = (FIRST, STEPS);
        for pattern in &self.patterns {
            let Some(left) = first.checked_sub(pattern.weight * original.len()) else {
                continue;
            };
            first = left;
            let mut places = Places::of(original);
            let matches = pattern.find(original, &mut steps).into_iter();
            // One at least: what a pattern finds is not taken away by those before it.
            let room = FOUND.saturating_sub(found.len()).max(1);
            found.extend(matches.take(room).map(|hit| Entity {
                entity: pattern.entity.clone(),
                start: places.of_byte(hit.start()),
                end: places.of_byte(hit.end()),
                value: hit.as_str().into(),
                confidence: 1.0,
                extractor: REGEX.into(),
                role: None,
                group: None,
            }));
        }
        found
    }

    /// The most steps that an utterance of so many bytes may take.
    pub(super) fn steps(&self, bytes: usize) -> usize {
        let steps = self.patterns.iter().map(|pattern| pattern.steps(bytes));
        steps.fold(0, usize::saturating_add).min(STEPS)
    }

    /// The names of the entities that have patterns.
    pub(super) fn entities(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(|pattern| pattern.entity.as_str())
    }

    /// Bytes in memory, roughly.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Pattern {
    /// The most steps that it may take in a text of so many bytes: one that matches the empty text is looked for everywhere.
    fn steps(&self, bytes: usize) -> usize {
        let everywhere = bytes.saturating_mul(bytes + 1) / 2;
        let looks = if self.matches_nothing {
            everywhere
        } else {
            everywhere.min(bytes.saturating_mul(MATCHES))
        };
        looks.saturating_mul(self.weight)
    }

    /// What it matches, apart from the empty text, while there are steps. The first search looks at the text once, at most;
    /// any other may look at all that is left of it again, whatever it finds: as many steps it takes.
    fn find<'t>(&self, text: &'t str, steps: &mut usize) -> Vec<Match<'t>> {
        let mut found = Vec::new();
        let mut from = 0;
        while from < text.len() && found.len() < MATCHES {
            if from > 0 {
                let Some(left) = steps.checked_sub(self.weight * (text.len() - from)) else {
                    break;
                };
                *steps = left;
            }
            let Some(hit) = self.regex.find_at(text, from) else {
                break;
            };
            from = hit.end();
            if hit.is_empty() {
                let next = text[from..].chars().next();
                from += next.map_or(1, char::len_utf8);
            } else {
                found.push(hit);
            }
        }
        found
    }
}

impl TryFrom<Vec<(String, String)>> for Patterns {
    type Error = TrainError;

    fn try_from(pairs: Vec<(String, String)>) -> Result<Self, TrainError> {
        if pairs.len() > MOST {
            return Err(TrainError::ManyPatterns(MOST));
        }
        let mut compiled = Self::default();
        for (entity, pattern) in pairs {
            match compile(&pattern) {
                Ok((regex, size)) => {
                    compiled.bytes += PARTS * size + entity.len() + pattern.len();
                    compiled.patterns.push(Pattern {
                        entity,
                        matches_nothing: regex.is_match(""),
                        regex,
                        weight: size / SIZES[0],
                    });
                }
                Err(error) => {
                    let reason = error.to_string();
                    return Err(TrainError::Pattern(BadPattern {
                        entity,
                        pattern,
                        reason,
                    }));
                }
            }
        }
        Ok(compiled)
    }
}

/// The pattern, and how large it is, roughly.
fn compile(pattern: &str) -> Result<(Regex, usize), regex::Error> {
    let mut builder = RegexBuilder::new(pattern);
    builder.case_insensitive(true).dfa_size_limit(COMPILED);
    let build = |size: &usize| {
        let built = builder.size_limit(*size).build();
        built.map(|regex| (regex, *size))
    };
    let mut sizes = SIZES.iter().map(build);
    sizes
        .find(|built| !matches!(built, Err(regex::Error::CompiledTooBig(_))))
        .unwrap_or_else(|| Err(regex::Error::CompiledTooBig(COMPILED)))
}

impl From<Patterns> for Vec<(String, String)> {
    fn from(patterns: Patterns) -> Self {
        let write = |pattern: Pattern| (pattern.entity, pattern.regex.as_str().to_owned());
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
    fn an_artefact_with_more_patterns_is_refused() {
        let written: Vec<_> = vec![("meter", "m"); MOST + 1];
        let read = |pairs: &[(&str, &str)]| {
            let bytes = postcard::to_stdvec(pairs).unwrap();
            postcard::from_bytes::<Patterns>(&bytes)
        };
        assert!(read(&written[1..]).is_ok());
        assert!(read(&written).is_err());
    }

    #[test]
    fn of_a_pattern_that_matches_the_empty_text_the_rest_is_found() {
        assert!(patterns("").unwrap().find("12").is_empty());
        let found = patterns(r"\d*").unwrap().find("né 12 34é");
        let places: Vec<_> = found.iter().map(|found| (found.start, found.end)).collect();
        assert_eq!(places, [(3, 5), (6, 8)]);
    }

    /// As many patterns as there may be, all the same.
    fn most(pattern: &str) -> Patterns {
        Patterns::try_from(vec![("meter".into(), pattern.into()); MOST]).unwrap()
    }

    #[test]
    fn searches_that_look_far_are_as_many_as_there_are_steps_for() {
        // Each may look at 9,900 bytes and more; the first of each pattern needs no steps.
        let searches = MOST + STEPS / 9_900;
        let found = most("[^z]*z").find(&"z".repeat(10_000));
        assert!(
            (MOST + MATCHES..=searches).contains(&found.len()),
            "{}",
            found.len()
        );
        let (mut steps, text) = (STEPS, "a".repeat(10_000));
        for pattern in &most("(?:[^z]*z)?").patterns {
            assert!(pattern.find(&text, &mut steps).is_empty());
        }
        assert!(steps < text.len(), "{steps} are left, and are not counted");
    }

    #[test]
    fn there_are_steps_for_all_patterns_in_an_ordinary_utterance() {
        let text = format!("{}12", "abc ".repeat(100));
        let ordinary = most(r"\d+");
        assert_eq!(ordinary.find(&text).len(), MOST);
        assert_eq!(
            ordinary.steps(text.len()),
            STEPS,
            "the most, with as many matches as bytes"
        );
        assert!(ordinary.steps(1) < STEPS);
    }

    #[test]
    fn an_utterance_has_a_bounded_number_of_matches() {
        let each = FOUND / MATCHES;
        let found = most("a").find(&"a".repeat(200)).len();
        assert_eq!(found, FOUND + MOST - each, "and one of each of the others");
    }

    #[test]
    fn first_looks_have_steps_as_well() {
        let text = "abcd".repeat(10_000);
        let look = most(r"\w{4}").patterns[0].weight * text.len();
        let found = most(r"\w{4}").find(&text).len();
        assert_eq!(found, FIRST / look + STEPS / look);
    }

    #[test]
    fn a_pattern_that_would_take_much_memory_is_refused() {
        assert!(patterns(r"(\w{1000}){1000}").is_err());
    }
}
