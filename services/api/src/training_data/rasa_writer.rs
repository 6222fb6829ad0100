//! Writing Rasa 3 NLU YAML: utterances grouped by intent, in the order of the intents'
//! first appearance.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value as Json;
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
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Json>,
    examples: Examples<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Examples<'a> {
    Block(LitString),
    List(Vec<Line<'a>>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Bare(String),
    Noted { text: String, metadata: &'a Json },
}

impl Default for Examples<'_> {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// Writes `data`.
pub(super) fn write(data: &TrainingData) -> String {
    let mut nlu = intents(data);
    nlu.extend(data.synonyms.iter().map(|synonym| Item {
        synonym: Some(&synonym.value),
        examples: examples(bare(&synonym.variants)),
        ..Item::default()
    }));
    nlu.extend(data.lookups.iter().map(|lookup| Item {
        lookup: Some(&lookup.entity),
        examples: examples(bare(&lookup.values)),
        ..Item::default()
    }));
    nlu.extend(data.regexes.iter().map(|regex| Item {
        regex: Some(&regex.entity),
        examples: examples(bare(std::slice::from_ref(&regex.pattern))),
        ..Item::default()
    }));
    let document = Document {
        version: DoubleQuoted(VERSION),
        nlu,
    };
    serde_saphyr::to_string(&document).expect("texts and lists can be written as YAML")
}

/// An intent with its utterances and what is noted beside it.
#[derive(Default)]
struct Group<'a> {
    intent: &'a str,
    metadata: Option<&'a Json>,
    lines: Vec<Line<'a>>,
}

fn intents<'a>(data: &'a TrainingData) -> Vec<Item<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut places = HashMap::new();
    let mut place = |groups: &mut Vec<Group<'a>>, intent: &'a str| {
        *places.entry(intent).or_insert_with(|| {
            groups.push(Group {
                intent,
                ..Group::default()
            });
            groups.len() - 1
        })
    };
    for example in &data.examples {
        let intent = example.intent.as_deref().unwrap_or(OUT_OF_SCOPE);
        let at = place(&mut groups, intent);
        groups[at].lines.push(line(example));
    }
    for noted in &data.intents {
        let at = place(&mut groups, &noted.intent);
        groups[at].metadata = Some(&noted.metadata);
    }
    let item = |group: Group<'a>| Item {
        intent: Some(group.intent),
        metadata: group.metadata,
        examples: examples(group.lines),
        ..Item::default()
    };
    groups.into_iter().map(item).collect()
}

fn line(example: &Example) -> Line<'_> {
    let text = annotation::render(example);
    match &example.metadata {
        None => Line::Bare(text),
        Some(metadata) => Line::Noted { text, metadata },
    }
}

fn bare<'a>(texts: &[String]) -> Vec<Line<'a>> {
    texts.iter().cloned().map(Line::Bare).collect()
}

/// Lines as the block that Rasa's own tools write, or as a list where a text would not survive
/// there: it has several lines, or characters that YAML has to escape, or something is noted beside it.
fn examples(lines: Vec<Line<'_>>) -> Examples<'_> {
    if lines.is_empty() {
        return Examples::List(lines);
    }
    let mut block = String::new();
    for line in &lines {
        match line {
            Line::Bare(text) if is_plain(text) => block.extend(["- ", text, "\n"]),
            _ => return Examples::List(lines),
        }
    }
    Examples::Block(LitString(block))
}

fn is_plain(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c))
}
