//! The contract's own JSON, with a line for each item: what people read, search, edit and compare.

use serde::Serialize;
use stoa_contracts::training_data::TrainingData;

/// Writes JSON.
pub(super) fn write(data: &TrainingData) -> Vec<u8> {
    let TrainingData {
        examples,
        synonyms,
        lookups,
        regexes,
        intents,
    } = data;
    let mut written = b"{\n".to_vec();
    list(&mut written, "examples", examples);
    list_unless_empty(&mut written, "synonyms", synonyms);
    list_unless_empty(&mut written, "lookups", lookups);
    list_unless_empty(&mut written, "regexes", regexes);
    list_unless_empty(&mut written, "intents", intents);
    written.extend(b"\n}\n");
    written
}

fn list_unless_empty(written: &mut Vec<u8>, name: &str, items: &[impl Serialize]) {
    if !items.is_empty() {
        written.extend(b",\n");
        list(written, name, items);
    }
}

fn list(written: &mut Vec<u8>, name: &str, items: &[impl Serialize]) {
    written.extend(format!("  \"{name}\": [").as_bytes());
    for (index, item) in items.iter().enumerate() {
        written.extend(if index == 0 {
            &b"\n    "[..]
        } else {
            b",\n    "
        });
        serde_json::to_writer(&mut *written, item).expect("training data has string keys only");
    }
    written.extend(if items.is_empty() {
        &b"]"[..]
    } else {
        b"\n  ]"
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoa_contracts::training_data::{Example, Synonym};

    #[test]
    fn each_item_has_a_line() {
        let example = |text: &str| Example {
            text: text.into(),
            intent: Some("greet".into()),
            ..Example::default()
        };
        let synonym = Synonym {
            value: "Athens".into(),
            variants: vec!["Athina".into(), "ATH".into()],
        };
        let data = TrainingData {
            examples: vec![example("hi"), example("good \"day\"\nto you")],
            synonyms: vec![synonym],
            ..TrainingData::default()
        };
        let lines = [
            "{",
            "  \"examples\": [",
            "    {\"text\":\"hi\",\"intent\":\"greet\"},",
            "    {\"text\":\"good \\\"day\\\"\\nto you\",\"intent\":\"greet\"}",
            "  ],",
            "  \"synonyms\": [",
            "    {\"value\":\"Athens\",\"variants\":[\"Athina\",\"ATH\"]}",
            "  ]",
            "}",
        ];
        let written = String::from_utf8(write(&data)).unwrap();
        assert_eq!(written.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn what_is_empty_is_json_too() {
        let written = write(&TrainingData::default());
        let read: TrainingData = serde_json::from_slice(&written).unwrap();
        assert_eq!(read, TrainingData::default());
    }
}
