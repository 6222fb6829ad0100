//! Writing Rasa 3 NLU YAML: utterances grouped by intent, in the order of the intents'
//! first appearance.

use serde::Serialize;
use serde_saphyr::{DoubleQuoted, LitString};
use stoa_contracts::training_data::{Example, TrainingData};

use super::annotation;
use super::collect::OUT_OF_SCOPE;

/// The version of Rasa's format.
const VERSION: &str = "3.1";

#[derive(Serialize)]
struct Document<'a> {
    version: DoubleQuoted<&'a str>,
    nlu: Vec<Item<'a>>,
}

#[derive(Default, Serialize)]
struct Item<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    synonym: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lookup: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    regex: Option<&'a str>,
    examples: Examples,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Examples {
    Block(LitString),
    List(Vec<String>),
}

impl Default for Examples {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// Writes `data`.
pub(super) fn write(data: &TrainingData) -> String {
    let mut nlu = intents(&data.examples);
    nlu.extend(data.synonyms.iter().map(|synonym| Item {
        synonym: Some(&synonym.value),
        examples: examples(synonym.variants.clone()),
        ..Item::default()
    }));
    nlu.extend(data.lookups.iter().map(|lookup| Item {
        lookup: Some(&lookup.entity),
        examples: examples(lookup.values.clone()),
        ..Item::default()
    }));
    nlu.extend(data.regexes.iter().map(|regex| Item {
        regex: Some(&regex.entity),
        examples: examples(vec![regex.pattern.clone()]),
        ..Item::default()
    }));
    let document = Document {
        version: DoubleQuoted(VERSION),
        nlu,
    };
    serde_saphyr::to_string(&document).expect("texts and lists can be written as YAML")
}

fn intents(all: &[Example]) -> Vec<Item<'_>> {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for example in all {
        let intent = example.intent.as_deref().unwrap_or(OUT_OF_SCOPE);
        let place = *places.entry(intent).or_insert_with(|| {
            groups.push((intent, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(annotation::render(example));
    }
    let item = |(intent, lines)| Item {
        intent: Some(intent),
        examples: examples(lines),
        ..Item::default()
    };
    groups.into_iter().map(item).collect()
}

/// Lines as the block that Rasa's own tools write, or as a list where a text would not survive
/// there: it has several lines, or characters that YAML has to escape.
fn examples(lines: Vec<String>) -> Examples {
    let plain = |line: &String| {
        !line
            .chars()
            .any(|c| c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c))
    };
    if lines.is_empty() || !lines.iter().all(plain) {
        return Examples::List(lines);
    }
    let mut block = String::new();
    for line in &lines {
        block.extend([
            "- ", line, "
",
        ]);
    }
    Examples::Block(LitString(block))
}
