//! The contract's own JSON.
//!
//! It is read through the tree, not by `serde`: that would stop at the first fault, and could
//! not say on which line an entity is outside of its utterance.

use std::ops::RangeInclusive;

use stoa_contracts::evaluations::{
    CreateEvaluation, CrossValidation, FEWEST_FOLDS, LabelledSet, MOST_FOLDS, USUAL_FOLDS,
};
use stoa_contracts::training_data::{EntityAnnotation, Example, Hint, TrainingData};

use super::collect::{Collector, noted};
use crate::document::{DocumentError, Entry, Node, Position, Size, Value, read_json};

/// Reads JSON.
pub(super) fn read(text: &str, size: Size) -> Result<(TrainingData, Vec<Hint>), DocumentError> {
    let tree = read_json(text, size)?;
    let mut reader = Reader::default();
    let root = Fields::of(
        &mut reader,
        &tree,
        &["examples", "synonyms", "lookups", "regexes", "intents"],
    );
    if let (Some(root), None) = (&root, tree.get("examples")) {
        reader
            .collector
            .wrong(root.at, "the list `examples` is missing");
    }
    for example in reader.items(&tree, "examples") {
        reader.example(example);
    }
    for synonym in reader.items(&tree, "synonyms") {
        reader.named_list(synonym, ("value", "variants"), Collector::synonym);
    }
    for lookup in reader.items(&tree, "lookups") {
        reader.named_list(lookup, ("entity", "values"), Collector::lookup);
    }
    for regex in reader.items(&tree, "regexes") {
        reader.regex(regex);
    }
    for intent in reader.items(&tree, "intents") {
        reader.intent(intent);
    }
    reader.collector.finish()
}

/// Reads what an evaluation is to do.
pub(super) fn read_evaluation(text: &str) -> Result<CreateEvaluation, DocumentError> {
    let tree = read_json(text, Size::Request)?;
    let mut reader = Reader::default();
    let root = Fields::of(&mut reader, &tree, &["folds", "examples", "model"]);
    let whole = |reader: &mut Reader, key, range| reader.whole(root.as_ref()?, key, range);
    let folds = whole(&mut reader, "folds", FEWEST_FOLDS..=MOST_FOLDS);
    let model = whole(&mut reader, "model", 1..=i32::MAX.unsigned_abs());
    let has_examples = tree.get("examples").is_some();
    for example in reader.items(&tree, "examples") {
        reader.example(example);
    }
    let contradiction = match (has_examples, folds, model) {
        (true, Some(_), _) => "give either `folds` or `examples`: a set is not cross-validated",
        (false, _, Some(_)) => "a `model` is asked `examples`: give some, or leave it out",
        _ => "",
    };
    if !contradiction.is_empty() {
        reader.collector.wrong(tree.at, contradiction);
    }
    let is_empty = has_examples && reader.items(&tree, "examples").is_empty();
    if is_empty {
        reader
            .collector
            .wrong(tree.at, "the list `examples` is empty");
    }
    let (data, _) = reader.collector.finish()?;
    if !has_examples {
        let folds = folds.unwrap_or(USUAL_FOLDS);
        return Ok(CreateEvaluation::CrossValidation(CrossValidation { folds }));
    }
    Ok(CreateEvaluation::LabelledSet(LabelledSet {
        examples: data.examples,
        model: model.and_then(|model| i32::try_from(model).ok()),
    }))
}

/// Takes the items of a document, and what is wrong with them.
#[derive(Default)]
pub(super) struct Reader {
    collector: Collector,
}

type TakeList = fn(&mut Collector, Position, &str, Vec<(Position, String)>);

impl Reader {
    /// Notes something that is wrong.
    pub(super) fn wrong(&mut self, at: Position, message: impl Into<String>) {
        self.collector.wrong(at, message);
    }

    /// What was taken, if nothing was wrong.
    pub(super) fn finish(self) -> Result<(TrainingData, Vec<Hint>), DocumentError> {
        self.collector.finish()
    }

    pub(super) fn example(&mut self, node: &Node) {
        let Some(fields) = Fields::of(self, node, &["text", "intent", "entities", "metadata"])
        else {
            return;
        };
        let Some(text) = self.text(&fields, "text") else {
            return;
        };
        let intent = self.optional_text(&fields, "intent");
        let entities = self.items(node, "entities").iter();
        let entities = entities.filter_map(|entity| self.entity(entity)).collect();
        let metadata = fields.get("metadata").and_then(noted);
        self.collector.example(
            node.at,
            Example {
                text,
                intent,
                entities,
                metadata,
            },
        );
    }

    fn entity(&mut self, node: &Node) -> Option<EntityAnnotation> {
        let fields = Fields::of(
            self,
            node,
            &["start", "end", "entity", "role", "group", "value"],
        )?;
        let (start, end) = (self.index(&fields, "start"), self.index(&fields, "end"));
        let entity = self.text(&fields, "entity");
        let role = self.optional_text(&fields, "role");
        let group = self.optional_text(&fields, "group");
        let value = self.optional_text(&fields, "value");
        Some(EntityAnnotation {
            start: start?,
            end: end?,
            entity: entity?,
            role,
            group,
            value,
        })
    }

    fn named_list(&mut self, node: &Node, (name, list): (&str, &str), take: TakeList) {
        let Some(fields) = Fields::of(self, node, &[name, list]) else {
            return;
        };
        let name = self.text(&fields, name);
        if fields.get(list).is_none() {
            self.collector
                .wrong(node.at, format!("the list `{list}` is missing"));
        }
        let mut values = Vec::new();
        for item in self.items(node, list) {
            match &item.value {
                Value::Text(text) => values.push((item.at, text.clone())),
                other => self.expected(item.at, "text", other),
            }
        }
        if let Some(name) = name {
            take(&mut self.collector, node.at, &name, values);
        }
    }

    fn regex(&mut self, node: &Node) {
        let Some(fields) = Fields::of(self, node, &["entity", "pattern"]) else {
            return;
        };
        let (entity, pattern) = (self.text(&fields, "entity"), self.text(&fields, "pattern"));
        if let (Some(entity), Some(pattern)) = (entity, pattern) {
            let at = fields
                .get("pattern")
                .map_or(node.at, |entry| entry.value.at);
            self.collector.regex(at, &entity, &pattern);
        }
    }

    fn intent(&mut self, node: &Node) {
        let Some(fields) = Fields::of(self, node, &["intent", "metadata"]) else {
            return;
        };
        let intent = self.text(&fields, "intent");
        match (intent, fields.get("metadata").and_then(noted)) {
            (Some(intent), Some(metadata)) => self.collector.intent(node.at, &intent, metadata),
            (Some(_), None) => self.collector.wrong(node.at, "`metadata` is missing"),
            (None, _) => {}
        }
    }

    fn items<'a>(&mut self, node: &'a Node, key: &str) -> &'a [Node] {
        match node.get(key).map(|entry| &entry.value) {
            None => &[],
            Some(Node {
                value: Value::List(items),
                ..
            }) => items,
            Some(other) => {
                self.expected(other.at, &format!("a list in `{key}`"), &other.value);
                &[]
            }
        }
    }

    pub(super) fn text(&mut self, fields: &Fields<'_>, key: &str) -> Option<String> {
        let Some(entry) = fields.get(key) else {
            self.collector
                .wrong(fields.at, format!("`{key}` is missing"));
            return None;
        };
        let Value::Text(text) = &entry.value.value else {
            self.expected(
                entry.value.at,
                &format!("text in `{key}`"),
                &entry.value.value,
            );
            return None;
        };
        Some(text.clone())
    }

    fn optional_text(&mut self, fields: &Fields<'_>, key: &str) -> Option<String> {
        let entry = fields.get(key)?;
        (entry.value.value != Value::Null)
            .then(|| self.text(fields, key))
            .flatten()
    }

    fn index(&mut self, fields: &Fields<'_>, key: &str) -> Option<usize> {
        let value = fields.get(key).map(|entry| &entry.value);
        let at = value.map_or(fields.at, |value| value.at);
        let index = match value.map(|value| &value.value) {
            Some(Value::Int(number)) => usize::try_from(*number).ok(),
            _ => None,
        };
        if index.is_none() {
            self.collector
                .wrong(at, format!("`{key}` is not a count of characters"));
        }
        index
    }

    /// A whole number within a range; none where it is absent or null.
    fn whole(&mut self, fields: &Fields<'_>, key: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = &fields.get(key)?.value;
        let number = match &value.value {
            Value::Null => return None,
            Value::Int(number) => u32::try_from(*number).ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            self.collector.wrong(
                value.at,
                format!("`{key}` is not a whole number from {least} to {most}"),
            );
        }
        number
    }

    pub(super) fn expected(&mut self, at: Position, what: &str, found: &Value) {
        self.collector
            .wrong(at, format!("expected {what}, found {}", found.kind()));
    }
}

/// A mapping.
pub(super) struct Fields<'a> {
    at: Position,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// One whose keys are known.
    fn of(reader: &mut Reader, node: &'a Node, known: &[&str]) -> Option<Self> {
        let fields = Self::of_any(reader, node)?;
        for entry in fields
            .entries
            .iter()
            .filter(|entry| !known.contains(&entry.key.as_str()))
        {
            let known = known.join("`, `");
            let message = format!("unknown key `{}`; the keys are `{known}`", entry.key);
            reader.collector.wrong(entry.at, message);
        }
        Some(fields)
    }

    /// One that may have other keys as well.
    pub(super) fn of_any(reader: &mut Reader, node: &'a Node) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            reader.expected(node.at, "an object", &node.value);
            return None;
        };
        Some(Self {
            at: node.at,
            entries,
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(TrainingData, Vec<Hint>), DocumentError> {
        super::read(text, Size::Request)
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let text = r#"{
  "examples": [
    {"text": "hi", "intent": 7},
    {"intent": "greet"},
    {"text": "to Rome", "intent": "go", "entities": [{"start": 3, "end": 9, "entity": "city"}]},
    {"text": "  ", "label": "x"}
  ],
  "regexes": [{"entity": "zip", "pattern": "("}, {"entity": "zip", "pattern": "\\d*"}],
  "intents": [{"intent": "go"}, {"intent": "hi", "metadata": ["a\u0000"]}]
}"#;
        let DocumentError::Content(findings) = read(text).unwrap_err() else {
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
                (3, 30, "expected text in `intent`, found a number"),
                (4, 5, "`text` is missing"),
                (5, 5, "`city` is at characters 3 to 9 of a text of 7"),
                (
                    6,
                    20,
                    "unknown key `label`; the keys are `text`, `intent`, `entities`, `metadata`"
                ),
                (6, 5, "an utterance is empty"),
                (
                    8,
                    44,
                    "the pattern of `zip` is not valid: error: unclosed group"
                ),
                (
                    8,
                    79,
                    "the pattern of `zip` is not valid: it matches the empty text"
                ),
                (9, 15, "`metadata` is missing"),
                (9, 33, "`metadata` holds a NUL character"),
            ]
        );
    }

    #[test]
    fn a_note_has_its_limit() {
        let example = |length| {
            let note = "a".repeat(length);
            format!(r#"{{"examples": [{{"text": "hi", "intent": "go", "metadata": "{note}"}}]}}"#)
        };
        assert!(read(&example(9_998)).is_ok());
        assert!(read(&example(9_999)).is_err());
    }

    #[test]
    fn a_document_that_is_no_object_is_refused() {
        assert!(read("[]").is_err());
        assert!(read("null").is_err());
        assert!(read("").is_err());
    }
}
