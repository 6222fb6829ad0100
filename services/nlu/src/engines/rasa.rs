//! What Rasa 3 is asked and what it answers, by the description that it publishes of its server.

use super::remotes::RemoteError;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stoa_contracts::engines::EngineKind;
use stoa_contracts::parse::{Entity, Intent, ParseResult, RankedIntent};

/// The intent by which Rasa's classifier of last resort says that it does not know.
const FALLBACK: &str = "nlu_fallback";
/// Lines of the ranking that are passed on.
const RANKED: usize = 10;
/// Entities of one utterance.
const ENTITIES: usize = 100;

/// The longest name of an intent, entity, role, group or extractor, in characters: as of our own.
const NAME: usize = 200;
/// The longest value of an entity, as JSON in bytes.
const VALUE: usize = 4 << 10;

/// Input of `POST /model/parse`.
#[derive(Debug, Serialize)]
pub(super) struct Question<'a> {
    pub(super) text: &'a str,
}

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    intent: Option<Guess>,
    #[serde(default)]
    intent_ranking: Vec<Guess>,
    #[serde(default)]
    entities: Vec<Found>,
}

#[derive(Debug, Deserialize)]
struct Guess {
    name: Option<String>,
    #[serde(default)]
    confidence: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Found {
    entity: String,
    start: usize,
    end: usize,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    confidence_entity: Option<f64>,
    #[serde(default)]
    extractor: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    group: Option<String>,
}

/// Where an utterance is understood, below the URL of a server; its token is a part of the query.
pub(super) fn parse_url(url: &str, token: Option<&str>) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .extend(["model", "parse"]);
    if let Some(token) = token {
        url.query_pairs_mut().append_pair("token", token);
    }
    Some(url)
}

/// What is asked of an utterance: Rasa takes away the space around it, and counts in the rest.
pub(super) fn stripped(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Whether Python, which Rasa is written in, calls it space.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// What an answer says of an utterance, or what is wrong with it.
pub(super) fn read(text: &str, body: &[u8]) -> Result<ParseResult, RemoteError> {
    let answer: Answer = serde_json::from_slice(body).map_err(RemoteError::Json)?;
    let intent = answer.intent.unwrap_or(Guess {
        name: None,
        confidence: None,
    });
    if !intent.name.iter().all(|name| is_name(name)) {
        return Err(RemoteError::Unfit);
    }
    // What nobody could keep is left out: one long entity of an utterance is no fault of the rest of its answer.
    let ranking = answer.intent_ranking.into_iter().filter_map(ranked);
    let ranking = ranking.filter(|ranked| is_name(&ranked.name));
    let entities = answer.entities.into_iter().filter(Found::is_fit);
    let (before, asked) = (
        text.chars().take_while(|c| is_space(*c)).count(),
        stripped(text),
    );
    let length = asked.chars().count();
    let entities = entities
        .take(ENTITIES)
        .map(|found| entity(found, before, length));
    let mut entities: Vec<Entity> = entities.collect::<Result<_, _>>()?;
    // Where they would stand in ours nobody knows.
    if !entities.is_empty() && answer.text.is_some_and(|text| text != asked) {
        return Err(RemoteError::AnotherText);
    }
    // Rasa tells what each of its extractors found, one after the other.
    entities.sort_by_key(|entity| entity.start);
    Ok(ParseResult {
        text: text.to_owned(),
        intent: Intent {
            confidence: share(intent.confidence),
            name: intent.name.filter(|name| name != FALLBACK),
        },
        intent_ranking: ranking.take(RANKED).collect(),
        entities,
        model_version: 0,
        engine: EngineKind::Rasa,
        ambiguous: false,
        alternatives: Vec::new(),
    })
}

fn ranked(guess: Guess) -> Option<RankedIntent> {
    let name = guess.name.filter(|name| name != FALLBACK)?;
    let confidence = share(guess.confidence);
    Some(RankedIntent { name, confidence })
}

impl Found {
    /// Whether its names are names, and its value is one.
    fn is_fit(&self) -> bool {
        let names = [&self.extractor, &self.role, &self.group];
        let mut names = names.into_iter().flatten().chain([&self.entity]);
        names.all(|name| is_name(name)) && is_value(&self.value)
    }
}

/// Rasa counts characters as we do, but in the stripped text; so many of ours stand `before` it.
fn entity(found: Found, before: usize, length: usize) -> Result<Entity, RemoteError> {
    if found.start >= found.end || found.end > length {
        return Err(RemoteError::OutsideText);
    }
    Ok(Entity {
        entity: found.entity,
        start: before + found.start,
        end: before + found.end,
        value: found.value,
        // Who matches words does not say how sure it is.
        confidence: found
            .confidence_entity
            .map_or(1.0, |confidence| share(Some(confidence))),
        extractor: found.extractor.unwrap_or_else(|| "rasa".to_owned()),
        role: found.role,
        group: found.group,
    })
}

/// Whether it is short, and PostgreSQL takes it.
fn is_name(name: &str) -> bool {
    name.chars().nth(NAME).is_none() && !name.contains('\0')
}

fn is_value(value: &Value) -> bool {
    value.to_string().len() <= VALUE && !has_nul(value)
}

/// Whether a text in it, of which it has as many as a short value may, holds a NUL character.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(entries) => {
            let mut entries = entries.iter();
            entries.any(|(key, value)| key.contains('\0') || has_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A confidence; some of Rasa's classifiers give more than 1.
fn share(confidence: Option<f64>) -> f64 {
    confidence.unwrap_or_default().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_json(text: &str, answer: &Value) -> Result<ParseResult, RemoteError> {
        read(text, answer.to_string().as_bytes())
    }

    #[test]
    fn the_parts_of_an_answer_come_over() {
        let answer = json!({
            "text": "από Πάτρα", "intent": {"name": "travel", "confidence": 1.2},
            "intent_ranking": [{"name": "travel", "confidence": 0.9}, {"name": "nlu_fallback", "confidence": 0.3}],
            "entities": [{"entity": "city", "start": 4, "end": 9, "value": "Patras", "confidence_entity": 0.8,
                "extractor": "DIETClassifier", "role": "from", "group": "1", "processors": []}],
            "text_tokens": [[0, 3], [4, 9]], "response_selector": {},
        });
        let result = read_json("από Πάτρα", &answer).unwrap();
        assert_eq!(
            serde_json::to_value(result).unwrap(),
            json!({
                "text": "από Πάτρα", "intent": {"name": "travel", "confidence": 1.0},
                "intent_ranking": [{"name": "travel", "confidence": 0.9}],
                "entities": [{"entity": "city", "start": 4, "end": 9, "value": "Patras", "confidence": 0.8,
                    "extractor": "DIETClassifier", "role": "from", "group": "1"}],
                "model_version": 0, "engine": "rasa",
            })
        );
    }

    #[test]
    fn entities_come_in_the_order_of_the_text() {
        let found = |name: &str, start: usize| json!({"entity": name, "start": start, "end": start + 1, "value": "v"});
        let answer =
            json!({"entities": [found("c", 4), found("a", 0), found("b", 2), found("d", 4)]});
        let result = read_json("a b c", &answer).unwrap();
        let names: Vec<_> = result.entities.iter().map(|e| e.entity.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
    }

    #[test]
    fn entities_stand_where_they_are_in_the_text_with_the_space_around_it() {
        let entity = json!([{"entity": "city", "start": 3, "end": 8, "value": "Πάτρα"}]);
        for (around, text) in [
            ("", "to Πάτρα"),
            (" \t\u{a0}", "to Πάτρα"),
            ("\u{1c}\u{1f}\u{2003}", "to Πάτρα"),
        ] {
            let said = format!("{around}{text}{around}");
            assert_eq!(stripped(&said), text);
            let result = read_json(&said, &json!({"text": text, "entities": entity})).unwrap();
            assert_eq!(result.text, said);
            let found = &result.entities[0];
            let place = said.chars().skip(found.start).take(found.end - found.start);
            assert_eq!(place.collect::<String>(), "Πάτρα", "{said:?}");
        }
    }

    #[test]
    fn entities_of_another_text_are_no_answer() {
        let answer = |text: &str, entities: Value| json!({"text": text, "entities": entities});
        let entity = json!([{"entity": "e", "start": 0, "end": 1, "value": "v"}]);
        let refused = read_json("abc", &answer("bc", entity.clone()));
        assert!(
            matches!(refused, Err(RemoteError::AnotherText)),
            "{refused:?}"
        );
        assert!(read_json("abc", &answer("bc", json!([]))).is_ok());
        assert!(read_json("abc", &json!({"entities": entity})).is_ok());
    }

    #[test]
    fn what_it_does_not_know_is_out_of_scope() {
        for answer in [
            json!({"text": "x", "intent": {"name": "nlu_fallback", "confidence": 0.7}}),
            json!({"text": "x", "intent": {"name": null, "confidence": 0.0}, "entities": []}),
            json!({"text": "x", "intent": null}),
        ] {
            let result = read_json("x", &answer).unwrap();
            assert_eq!(result.intent.name, None, "{answer}");
        }
    }

    #[test]
    fn an_answer_that_does_not_fit_is_none() {
        let entity = |start, end| json!({"entities": [{"entity": "e", "start": start, "end": end, "value": "v"}]});
        for wrong in [
            entity(0, 3),
            entity(1, 1),
            entity(2, 1),
            json!([1]),
            json!({"intent": "hello"}),
            json!({"entities": [{"entity": "e", "start": -1, "end": 1}]}),
        ] {
            assert!(read_json("ab", &wrong).is_err(), "{wrong}");
        }
        assert!(read("ab", b"<html>").is_err());
    }

    #[test]
    fn names_and_values_that_nobody_could_keep_are_left_out() {
        let named = |name: &str| json!({"intent": {"name": name, "confidence": 0.2}});
        let ranked = |name: &str| json!({"intent_ranking": [{"name": "a"}, {"name": name}]});
        let entity = |key: &str, content: Value| {
            let mut entity = json!({"entity": "e", "start": 0, "end": 1, "value": "v"});
            entity[key] = content;
            json!({ "entities": [entity] })
        };
        let texts = ["entity", "role", "group", "extractor"];
        let long = "ü".repeat(NAME);
        for good in [
            vec![named(&long), ranked(&long)],
            texts.iter().map(|key| entity(key, json!(long))).collect(),
            vec![entity("value", json!("x".repeat(VALUE - 2)))],
            vec![entity("value", json!({"to": ["\\u0000", 1, null]}))],
        ]
        .concat()
        {
            let read = read_json("ab", &good).unwrap();
            let (wanted, got) = (&good["entities"], read.entities.len());
            assert_eq!(wanted.as_array().map_or(0, Vec::len), got, "{good}");
        }
        let longer = long + "x";
        for wrong in [named(&longer), named("a\0")] {
            let refused = read_json("ab", &wrong);
            assert!(matches!(refused, Err(RemoteError::Unfit)), "{wrong}");
        }
        for wrong in [ranked(&longer), ranked("\0")] {
            let read = read_json("ab", &wrong).unwrap();
            assert_eq!(read.intent_ranking.len(), 1, "{wrong}");
        }
        for wrong in [
            texts.iter().map(|key| entity(key, json!(longer))).collect(),
            texts.iter().map(|key| entity(key, json!("a\0"))).collect(),
            vec![entity("value", json!("x".repeat(VALUE)))],
            vec![entity("value", json!({"to": ["a\0"]}))],
            vec![entity("value", json!({"a\0": 1}))],
        ]
        .concat()
        {
            let read = read_json("ab", &wrong).unwrap();
            assert!(read.entities.is_empty(), "{wrong}");
        }
    }

    #[test]
    fn the_address_keeps_what_stands_before_it() {
        for (url, expected) in [
            (
                "https://a.example",
                "https://a.example/model/parse?token=a+%26b",
            ),
            (
                "https://a.example/bot/",
                "https://a.example/bot/model/parse?token=a+%26b",
            ),
            (
                "https://a.example/x?y=1",
                "https://a.example/x/model/parse?y=1&token=a+%26b",
            ),
        ] {
            assert_eq!(parse_url(url, Some("a &b")).unwrap().as_str(), expected);
        }
        assert_eq!(
            parse_url("https://a.example", None).unwrap().as_str(),
            "https://a.example/model/parse"
        );
    }
}
