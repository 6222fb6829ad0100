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
    Quoted(DoubleQuoted<String>),
    List(Vec<Line<'a>>),
}

/// A line of examples; where they are a list, Rasa wants each of them like this.
#[derive(Serialize)]
struct Line<'a> {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Json>,
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
    Line {
        text: annotation::render(example),
        metadata: example.metadata.as_ref(),
    }
}

fn bare<'a>(texts: &[String]) -> Vec<Line<'a>> {
    let bare = |text: &String| Line {
        text: text.clone(),
        metadata: None,
    };
    texts.iter().map(bare).collect()
}

/// Lines as the block that Rasa's own tools write; quoted where YAML has to escape a character of them. As a list where
/// something is noted beside a line, or a line breaks: Rasa takes lists of intents only, and refuses the file where
/// another entry breaks, for which it has no way at all.
fn examples(lines: Vec<Line<'_>>) -> Examples<'_> {
    let is_more = |line: &Line<'_>| line.metadata.is_some() || line.text.contains(is_break);
    if lines.iter().any(is_more) {
        return Examples::List(lines);
    }
    let block: String = lines
        .iter()
        .flat_map(|line| ["- ", &line.text, "\n"])
        .collect();
    if lines.is_empty() || !lines.iter().all(|line| is_plain(&line.text)) {
        return Examples::Quoted(DoubleQuoted(block));
    }
    Examples::Block(LitString(block))
}

/// Whether Python, which reads Rasa's files, ends a line there.
fn is_break(character: char) -> bool {
    matches!(
        character,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || c == '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use stoa_contracts::training_data::{Lookup, RegexPattern, Synonym};

    fn said(text: &str) -> Example {
        Example {
            text: text.into(),
            intent: Some("go".into()),
            entities: Vec::new(),
            metadata: None,
        }
    }

    /// The examples of each item that was written.
    fn written(data: &TrainingData) -> Vec<Json> {
        let document: Json = serde_saphyr::from_str(&write(data)).unwrap();
        let items = document["nlu"].as_array().unwrap().clone();
        items
            .into_iter()
            .map(|item| item["examples"].clone())
            .collect()
    }

    #[test]
    fn every_line_of_a_list_is_a_mapping() {
        let mut data = TrainingData {
            examples: vec![said("to Rome"), said("to Oslo")],
            ..TrainingData::default()
        };
        assert_eq!(written(&data), [json!("- to Rome\n- to Oslo\n")]);
        data.examples[1].metadata = Some(json!({"by": "Ann"}));
        let noted = json!({"text": "to Oslo", "metadata": {"by": "Ann"}});
        assert_eq!(written(&data), [json!([{"text": "to Rome"}, noted])]);
        data.examples[1] = said("to\nOslo");
        let list = json!([{"text": "to Rome"}, {"text": "to\nOslo"}]);
        assert_eq!(written(&data), [list]);
    }

    #[test]
    fn entries_that_are_no_utterances_are_one_text_whatever_is_in_them() {
        let data = TrainingData {
            synonyms: vec![
                Synonym {
                    value: "a".into(),
                    variants: vec!["b\tc".into(), "\u{feff}d".into()],
                },
                Synonym {
                    value: "e".into(),
                    variants: Vec::new(),
                },
            ],
            lookups: vec![Lookup {
                entity: "bank".into(),
                values: vec!["Ada Bank".into()],
            }],
            regexes: vec![RegexPattern {
                entity: "zip".into(),
                pattern: "\u{7}".into(),
            }],
            ..TrainingData::default()
        };
        let texts = [
            json!("- b\tc\n- \u{feff}d\n"),
            json!(""),
            json!("- Ada Bank\n"),
            json!("- \u{7}\n"),
        ];
        assert_eq!(written(&data), texts);
    }
}
