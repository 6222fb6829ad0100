//! What is written and read again is the same data, for any data that was accepted.

use proptest::prelude::*;
use serde_json::Value as Json;
use stoa_contracts::training_data::{
    EntityAnnotation, Example, IntentMetadata, Lookup, RegexPattern, Synonym, TrainingData,
};

use super::{Format, read, write};
use crate::document::Size;

/// Texts full of what the formats find special.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zé😀ß ]{1,6}",
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("](x)".to_owned()),
        Just("]{\"entity\": \"e\"}".to_owned()),
        Just("\\".to_owned()),
        Just("\"".to_owned()),
        Just("- ".to_owned()),
        Just(": #".to_owned()),
        Just("\n".to_owned()),
        Just("\t".to_owned()),
        Just(",;'|>&*!%@`{}()".to_owned()),
        Just("\u{7f}\u{92}\u{fffe}".to_owned()),
        Just("\u{7}\u{85}\u{2028}\u{feff}\u{a0}".to_owned()),
        "\\PC{1,4}",
    ];
    let texts = prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat());
    texts
        .prop_map(|text| text.trim().to_owned())
        .prop_filter("empty", |text| !text.is_empty())
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_]{1,12}",
        Just("yes".into()),
        Just("2024".into()),
        Just("faq/ask: #1".into())
    ]
}

fn example() -> impl Strategy<Value = Example> {
    let cuts = prop::collection::vec(0.0..1.0f64, 0..5);
    let labels = prop::collection::vec(
        (
            name(),
            prop::option::of(name()),
            prop::option::of(name()),
            prop::option::of(text()),
        ),
        2,
    );
    let noted = prop::option::of(metadata());
    let parts = (text(), prop::option::of(name()), cuts, labels, noted);
    parts.prop_map(|(text, intent, cuts, labels, metadata)| {
        let length = text.chars().count();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            clippy::cast_possible_truncation,
            reason = "a place in a short text"
        )]
        let mut places: Vec<usize> = cuts
            .iter()
            .map(|cut| (cut * (length + 1) as f64) as usize)
            .collect();
        places.sort_unstable();
        places.dedup();
        let spans = places.chunks_exact(2).zip(labels);
        let entities = spans.map(|(span, (entity, role, group, value))| EntityAnnotation {
            start: span[0],
            end: span[1],
            entity,
            role,
            group,
            value,
        });
        Example {
            entities: entities.collect(),
            text,
            intent,
            metadata,
        }
    })
}

/// Notes of any shape, with texts that look like something else.
fn metadata() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (i64::MAX as u64..=u64::MAX).prop_map(Json::from),
        (-1e9..1e9f64).prop_map(Json::from),
        name().prop_map(Json::from),
        text().prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(name(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<Json>()),
        ]
    })
}

fn data() -> impl Strategy<Value = TrainingData> {
    let list = || prop::collection::btree_map(name(), prop::collection::vec(text(), 0..3), 0..3);
    let noted = prop::collection::btree_map(name(), metadata(), 0..3);
    let examples = prop::collection::vec(example(), 0..6);
    (examples, list(), list(), noted).prop_map(|(examples, synonyms, lookups, intents)| {
        TrainingData {
            examples,
            synonyms: synonyms
                .into_iter()
                .map(|(value, variants)| Synonym { value, variants })
                .collect(),
            lookups: lookups
                .into_iter()
                .map(|(entity, values)| Lookup { entity, values })
                .collect(),
            regexes: vec![RegexPattern {
                entity: "zip".into(),
                pattern: r"\d{5} #".into(),
            }],
            intents: intents
                .into_iter()
                .map(|(intent, metadata)| IntentMetadata { intent, metadata })
                .collect(),
        }
    })
}

/// The data with its utterances and intents in the order in which Rasa YAML holds them.
fn grouped(mut data: TrainingData) -> TrainingData {
    let mut order: Vec<Option<String>> = Vec::new();
    for example in &data.examples {
        if !order.contains(&example.intent) {
            order.push(example.intent.clone());
        }
    }
    data.examples
        .sort_by_key(|example| order.iter().position(|intent| *intent == example.intent));
    let place = |of: &IntentMetadata| order.iter().position(|o| o.as_ref() == Some(&of.intent));
    data.intents
        .sort_by_key(|of| place(of).unwrap_or(usize::MAX));
    data
}

proptest! {
    #[test]
    fn json_keeps_everything(data in data()) {
        let again = read(&write(&data, Format::Json), Format::Json, Size::Request).unwrap().data;
        prop_assert_eq!(again, data);
    }

    #[test]
    fn rasa_yaml_keeps_everything_grouped_by_intent(data in data()) {
        let written = write(&data, Format::Yaml);
        let again = read(&written, Format::Yaml, Size::Request)
            .map_err(|error| format!("{error:?}\n{}", String::from_utf8_lossy(&written))).unwrap().data;
        prop_assert_eq!(again, grouped(data), "{}", String::from_utf8_lossy(&written));
    }

    #[test]
    fn csv_keeps_texts_and_intents(data in data()) {
        let again = read(&write(&data, Format::Csv), Format::Csv, Size::Request).unwrap().data;
        let pairs = |data: TrainingData| -> Vec<_> {
            data.examples.into_iter().map(|example| (example.text, example.intent)).collect()
        };
        prop_assert_eq!(pairs(again), pairs(data));
    }

    #[test]
    fn no_input_makes_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,300}") {
        for format in Format::ALL {
            let _ = read(&bytes, format, Size::Request);
            let _ = read(text.as_bytes(), format, Size::Request);
        }
    }
}
