//! Rasa 3 NLU YAML.
//!
//! Rasa files hold more than training data (stories, rules, a domain). Such things do not stop an import: each is
//! named in a hint, with its line. Anything that would be misunderstood is an error.

use serde_json::Value as Json;
use stoa_contracts::training_data::{Example, Hint, TrainingData};

use super::annotation;
use super::blocks::Source;
use super::collect::{Collector, noted};
use crate::document::{DocumentError, Entry, Node, Position, Size, Value, read_yaml};

/// The keys that say what an item is.
const KINDS: [&str; 4] = ["intent", "synonym", "lookup", "regex"];

/// Reads Rasa YAML.
pub(super) fn read(text: &str, size: Size) -> Result<(TrainingData, Vec<Hint>), DocumentError> {
    let tree = read_yaml(text, size)?;
    let mut reader = Reader {
        source: Source::new(text),
        collector: Collector::default(),
    };
    reader.document(&tree);
    reader.collector.finish()
}

struct Reader<'a> {
    source: Source<'a>,
    collector: Collector,
}

impl Reader<'_> {
    fn document(&mut self, tree: &Node) {
        let Value::Map(entries) = &tree.value else {
            let found = tree.value.kind();
            self.collector.wrong(
                tree.at,
                format!("expected a mapping with the key `nlu`, found {found}"),
            );
            return;
        };
        for entry in entries {
            match entry.key.as_str() {
                "nlu" => self.items(&entry.value),
                "version" => {}
                other => self.collector.ignore(
                    entry.at,
                    &format!("`{other}` is not training data and is not kept"),
                ),
            }
        }
        if tree.get("nlu").is_none() {
            self.collector.wrong(tree.at, "the list `nlu` is missing");
        }
    }

    fn items(&mut self, nlu: &Node) {
        match &nlu.value {
            Value::List(items) => items.iter().for_each(|item| self.item(item)),
            Value::Null => {}
            other => self
                .collector
                .wrong(nlu.at, format!("`nlu` is a list, not {}", other.kind())),
        }
    }

    fn item(&mut self, item: &Node) {
        let Value::Map(entries) = &item.value else {
            let kinds = KINDS.join("`, `");
            self.collector.wrong(
                item.at,
                format!("an item is a mapping with one of the keys `{kinds}`"),
            );
            return;
        };
        let mut kinds = entries
            .iter()
            .filter(|entry| KINDS.contains(&entry.key.as_str()));
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            let kinds = KINDS.join("`, `");
            self.collector.wrong(
                item.at,
                format!("an item has exactly one of the keys `{kinds}`"),
            );
            return;
        };
        let name = self.scalar(&kind.value);
        for entry in entries {
            match entry.key.as_str() {
                "examples" => {}
                "metadata" if kind.key == "intent" => {
                    self.intent((kind.at, name.as_deref()), entry);
                }
                _ if std::ptr::eq(entry, kind) => {}
                other => self
                    .collector
                    .ignore(entry.at, &format!("`{other}` is not kept")),
            }
        }
        let Some(name) = name else {
            self.collector.wrong(
                kind.value.at,
                format!("the name of the {} is missing", kind.key),
            );
            return;
        };
        let Some(examples) = item.get("examples") else {
            self.collector
                .wrong(item.at, format!("`{name}` has no `examples`"));
            return;
        };
        let lines = self.examples(&examples.value);
        self.take(kind, &name, lines);
    }

    fn intent(&mut self, (at, name): (Position, Option<&str>), metadata: &Entry) {
        if let (Some(name), Some(metadata)) = (name, noted(metadata)) {
            self.collector.intent(at, name, metadata);
        }
    }

    fn take(&mut self, kind: &Entry, name: &str, lines: Vec<Line>) {
        if kind.key == "intent" {
            for line in lines {
                self.example(name, line);
            }
            return;
        }
        let lines = lines.into_iter().map(|line| {
            if line.metadata.is_some() {
                let what = format!("`metadata` of a {} is not kept", kind.key);
                self.collector.ignore(line.at, &what);
            }
            (line.at, line.text)
        });
        let lines: Vec<_> = lines.collect();
        match kind.key.as_str() {
            "synonym" => self.collector.synonym(kind.value.at, name, lines),
            "lookup" => self.collector.lookup(kind.value.at, name, lines),
            _ => lines
                .into_iter()
                .for_each(|(at, line)| self.collector.regex(at, name, &line)),
        }
    }

    fn example(&mut self, intent: &str, line: Line) {
        let Line { at, text, metadata } = line;
        match annotation::parse(&text) {
            Err(error) => self.collector.wrong(at.right(error.column), error.message),
            Ok(read) => {
                for (column, key) in read.ignored {
                    self.collector.ignore(
                        at.right(column),
                        &format!("`{key}` of an annotation is not kept"),
                    );
                }
                let (text, entities) = (read.text, read.entities);
                let intent = Some(intent.trim().to_owned());
                self.collector.example(
                    at,
                    Example {
                        text,
                        intent,
                        entities,
                        metadata,
                    },
                );
            }
        }
    }

    /// The examples of an item: lines of a block, or a list of texts or of `text:` mappings.
    fn examples(&mut self, node: &Node) -> Vec<Line> {
        match &node.value {
            Value::Text(block) => self.block(node.at, block),
            Value::List(items) => items.iter().filter_map(|item| self.listed(item)).collect(),
            Value::Null => Vec::new(),
            other => {
                let message = format!(
                    "`examples` is a block of lines (`|`) or a list, not {}",
                    other.kind()
                );
                self.collector.wrong(node.at, message);
                Vec::new()
            }
        }
    }

    fn block(&mut self, at: Position, block: &str) -> Vec<Line> {
        let mut examples = Vec::new();
        for (at, line) in self.source.lines(at, block) {
            let bare = line.trim_start();
            if bare.trim_end().is_empty() {
                continue;
            }
            let Some(example) = bare.strip_prefix('-') else {
                self.collector
                    .wrong(at, "a line of examples begins with `- `");
                continue;
            };
            let text = example.trim_start();
            let skipped = line.chars().count() - text.chars().count();
            examples.push(Line {
                at: at.right(skipped),
                text: text.trim_end().to_owned(),
                metadata: None,
            });
        }
        examples
    }

    fn listed(&mut self, item: &Node) -> Option<Line> {
        let (text, metadata) = match &item.value {
            Value::Map(entries) => {
                let is_kept = |entry: &&Entry| ["text", "metadata"].contains(&entry.key.as_str());
                for entry in entries.iter().filter(|entry| !is_kept(entry)) {
                    self.collector.ignore(
                        entry.at,
                        &format!("`{}` of an example is not kept", entry.key),
                    );
                }
                let text = item.get("text").map(|entry| &entry.value);
                (text, item.get("metadata").and_then(noted))
            }
            _ => (Some(item), None),
        };
        let Some((at, text)) = text.and_then(|node| Some((node.at, self.scalar(node)?))) else {
            self.collector.wrong(
                item.at,
                "an example is a text, or a mapping with the key `text`",
            );
            return None;
        };
        Some(Line {
            at,
            text: text.trim().to_owned(),
            metadata,
        })
    }
}

impl Reader<'_> {
    /// The text of a scalar. YAML takes a name such as `2024` for a number; one that it would write otherwise, such as
    /// `007`, has to be quoted.
    fn scalar(&mut self, node: &Node) -> Option<String> {
        let text = match &node.value {
            Value::Text(text) => return Some(text.clone()),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Null | Value::List(_) | Value::Map(_) => return None,
        };
        if !self.source.has(node.at, &text) {
            let kind = node.value.kind();
            let message = format!("YAML takes this for {kind}, `{text}`: put it in quotes");
            self.collector.wrong(node.at, message);
        }
        Some(text)
    }
}

/// A line of the examples of an item.
struct Line {
    at: Position,
    text: String,
    metadata: Option<Json>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(TrainingData, Vec<Hint>), DocumentError> {
        super::read(text, Size::Request)
    }
    use serde_json::json;
    use stoa_contracts::training_data::{HintKind, IntentMetadata, Lookup, RegexPattern, Synonym};

    const FILE: &str = r#"version: "3.1"
nlu:
- intent: greet
  examples: |
    - hi
    - hello [Ada](name)
- intent: out_of_scope
  metadata: {team: 3}
  examples:
    - text: |
        sing me a song
      metadata: {sentiment: neutral}
      origin: log
- synonym: credit
  examples: |
    - credit card
- lookup: bank
  examples: |
    - Ada Bank
- regex: zip
  examples: |
    - \d{5}
stories:
- story: x
"#;

    #[test]
    fn what_yaml_would_write_otherwise_has_to_be_quoted() {
        let list = |example: &str| format!("nlu:\n- intent: call\n  examples:\n  - {example}\n");
        for plain in [
            "2024",
            "-3",
            "2.5",
            "\"007\"",
            "'+3069'",
            "true",
            "007 please",
        ] {
            let (data, _) = read(&list(plain)).unwrap();
            assert_eq!(data.examples[0].text, plain.trim_matches(['"', '\'']));
        }
        for lost in ["007", "+306912345678", "1.50", "1e3", "text: 00"] {
            let Err(DocumentError::Content(findings)) = read(&list(lost)) else {
                panic!("{lost}")
            };
            assert_eq!(findings.told()[0].line, Some(4), "{lost}");
        }
        assert!(read("nlu:\n- lookup: 007\n  examples: |\n    - Bond\n").is_err());
        assert!(read("nlu:\n- examples:\n  - 007\n  intent: 5\n").is_err());
    }

    #[test]
    fn numbers_are_told_where_they_are_defined_and_many_of_one_line_take_no_time() {
        let file = "nlu:\n- intent: pin\n  examples: &p\n  - 1234\n- lookup: pin\n  examples: *p\n";
        assert_eq!(read(file).unwrap().0.lookups[0].values, ["1234"]);
        let numbers = "1, ".repeat(90_000);
        let file = format!("nlu: [{{intent: a, examples: [{numbers}007]}}]");
        let Err(DocumentError::Content(findings)) = read(&file) else {
            panic!("content")
        };
        assert_eq!(findings.told()[0].column, Some(30 + 3 * 90_000));
    }

    #[test]
    fn a_rasa_file_is_read() {
        let (data, hints) = read(FILE).unwrap();
        let texts: Vec<_> = data
            .examples
            .iter()
            .map(|e| (e.text.as_str(), e.intent.as_deref()))
            .collect();
        assert_eq!(
            texts,
            [
                ("hi", Some("greet")),
                ("hello Ada", Some("greet")),
                ("sing me a song", None)
            ]
        );
        assert_eq!(data.examples[1].entities[0].entity, "name");
        assert_eq!(
            data.examples[2].metadata,
            Some(json!({"sentiment": "neutral"}))
        );
        assert_eq!(
            data.intents,
            [IntentMetadata {
                intent: "out_of_scope".into(),
                metadata: json!({"team": 3})
            }]
        );
        assert_eq!(
            data.synonyms,
            [Synonym {
                value: "credit".into(),
                variants: vec!["credit card".into()]
            }]
        );
        assert_eq!(
            data.lookups,
            [Lookup {
                entity: "bank".into(),
                values: vec!["Ada Bank".into()]
            }]
        );
        assert_eq!(
            data.regexes,
            [RegexPattern {
                entity: "zip".into(),
                pattern: r"\d{5}".into()
            }]
        );
        let hints: Vec<_> = hints
            .iter()
            .map(|hint| (hint.kind, hint.message.as_str()))
            .collect();
        assert_eq!(
            hints,
            [
                (
                    HintKind::Ignored,
                    "Line 13: `origin` of an example is not kept."
                ),
                (
                    HintKind::Ignored,
                    "Line 23: `stories` is not training data and is not kept."
                ),
            ]
        );
    }

    #[test]
    fn faults_in_a_block_are_told_by_line_and_column() {
        let file = "nlu:\n- intent: go\n  examples: |\n    - to [Rome]{\"role\": 1}\n\n    rome\n    - [a](x) b [c](\n- intent: [a]\n  examples: 3\n- examples: |\n    - x\n";
        let DocumentError::Content(findings) = read(file).unwrap_err() else {
            panic!("content")
        };
        let told: Vec<_> = findings
            .told()
            .iter()
            .map(|told| {
                (
                    told.line.unwrap(),
                    told.column.unwrap(),
                    told.message.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (6, 5, "a line of examples begins with `- `"),
                (4, 16, "the annotation has no `entity`"),
                (7, 19, "the annotation is not closed by `)`"),
                (8, 11, "the name of the intent is missing"),
                (
                    10,
                    3,
                    "an item has exactly one of the keys `intent`, `synonym`, `lookup`, `regex`"
                ),
            ]
        );
    }

    #[test]
    fn an_entity_with_space_at_the_end_ends_with_its_utterance() {
        let file =
            "nlu:\n- intent: go\n  examples: |\n    - to [Rome ](city)\n    - [ Rome ](city)\n";
        let (data, _) = read(file).unwrap();
        let places: Vec<_> = data
            .examples
            .iter()
            .map(|e| (e.text.as_str(), e.entities[0].start, e.entities[0].end))
            .collect();
        assert_eq!(places, [("to Rome", 3, 7), ("Rome", 0, 4)]);
        let blank = "nlu:\n- intent: go\n  examples: |\n    - to Rome [ ](city)\n";
        assert!(read(blank).is_err());
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_do_no_harm() {
        let file = "nlu:\r\n- intent: greet\r\n  examples: |\r\n    - hi\r\n    - hello\r\n";
        let (data, _) = read(file).unwrap();
        assert_eq!(data.examples[1].text, "hello");
    }

    #[test]
    fn a_document_that_is_no_mapping_is_refused() {
        for text in ["", "nlu", "- a", "nlu: {a: b}", "version: '3.1'"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
