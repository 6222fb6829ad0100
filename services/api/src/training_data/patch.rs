//! Changes of a few utterances of many, as a JSON Patch (RFC 6902).
//!
//! What it puts in is read and checked as whole data is. It is done to typed data: as loose values, which a library for
//! any JSON needs, the largest would take several times the memory.

use stoa_contracts::training_data::{Example, Hint, TrainingData};

use super::Reading;
use super::bounds::excess;
use super::hints;
use super::json::{Fields, Reader};
use crate::document::{DocumentError, Findings, Node, Position, Size, Value, read_json, text_of};

/// Operations of one patch: each may move all utterances behind its own.
const OPERATIONS_LIMIT: usize = 1_000;
const PATHS: &str =
    "`path` is neither `/examples/` with the number of an utterance, from 0, nor `/examples/-`";

/// Operations that are to be done one after the other.
#[derive(Debug)]
pub(crate) struct Patch {
    steps: Vec<(Position, Operation)>,
    hints: Vec<Hint>,
}

#[derive(Debug)]
enum Operation {
    /// Before the utterance that has this number; none is behind the last.
    Add(Option<usize>, Example),
    Replace(usize, Example),
    Remove(usize),
}

/// What an operation does, apart from what it puts in.
#[derive(Clone, Copy)]
enum Verb {
    Add(Option<usize>),
    Replace(usize),
    Remove(usize),
}

/// Reads a patch.
pub(crate) fn read_patch(bytes: &[u8]) -> Result<Patch, DocumentError> {
    let tree = read_json(text_of(bytes)?, Size::Request)?;
    let mut reader = Reader::default();
    let operations = match &tree.value {
        Value::List(operations) if operations.len() <= OPERATIONS_LIMIT => operations.as_slice(),
        Value::List(_) => {
            let message = format!(
                "more than {OPERATIONS_LIMIT} operations are not allowed: send several patches, each on top of the one before"
            );
            reader.wrong(tree.at, message);
            &[]
        }
        other => {
            reader.expected(tree.at, "a list of operations", other);
            &[]
        }
    };
    let mut verbs = Vec::with_capacity(operations.len());
    for operation in operations {
        if let Some(verb) = verb(&mut reader, operation) {
            verbs.push((operation.at, verb));
        }
    }
    let (put_in, hints) = reader.finish()?;
    // Nothing was wrong, so there is one for each operation that needs one.
    let mut put_in = put_in.examples.into_iter();
    let mut example = || put_in.next().unwrap_or_default();
    let steps = verbs.into_iter().map(|(at, verb)| {
        let operation = match verb {
            Verb::Add(index) => Operation::Add(index, example()),
            Verb::Replace(index) => Operation::Replace(index, example()),
            Verb::Remove(index) => Operation::Remove(index),
        };
        (at, operation)
    });
    Ok(Patch {
        steps: steps.collect(),
        hints,
    })
}

/// What an operation does; what it puts in goes to the reader.
fn verb(reader: &mut Reader, operation: &Node) -> Option<Verb> {
    let fields = Fields::of_any(reader, operation)?;
    let (op, path) = (reader.text(&fields, "op"), reader.text(&fields, "path"));
    let (op, path) = op.zip(path)?;
    let Some(index) = index(&path) else {
        reader.wrong(operation.at, PATHS);
        return None;
    };
    let verb = match (op.as_str(), index) {
        ("add", index) => Verb::Add(index),
        ("replace", Some(index)) => Verb::Replace(index),
        ("remove", Some(index)) => return Some(Verb::Remove(index)),
        ("replace" | "remove", None) => {
            let message = format!("there is nothing to {op} at `-`, behind the last utterance");
            reader.wrong(operation.at, message);
            return None;
        }
        _ => {
            let message =
                format!("`op` is `{op}`; the operations are `add`, `replace` and `remove`");
            reader.wrong(operation.at, message);
            return None;
        }
    };
    let Some(value) = fields.get("value") else {
        reader.wrong(operation.at, "`value` is missing: the utterance");
        return None;
    };
    reader.example(&value.value);
    Some(verb)
}

/// The number that a path ends with; the inner none is `-`.
#[expect(
    clippy::option_option,
    reason = "no path of an utterance, and one without a number"
)]
fn index(path: &str) -> Option<Option<usize>> {
    let index = path.strip_prefix("/examples/")?;
    if index == "-" {
        return Some(None);
    }
    let is_number = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_number && (index == "0" || !index.starts_with('0'));
    index.parse().ok().filter(|_| is_plain).map(Some)
}

impl Patch {
    /// Does the operations, all or none; what may be worth a look is told of all of the data.
    pub(crate) fn apply(self, mut data: TrainingData) -> Result<Reading, DocumentError> {
        let examples = &mut data.examples;
        for (at, operation) in self.steps {
            let many = examples.len();
            match operation {
                Operation::Add(None, example) => examples.push(example),
                Operation::Add(Some(index), example) if index <= many => {
                    examples.insert(index, example);
                }
                Operation::Replace(index, example) if index < many => examples[index] = example,
                Operation::Remove(index) if index < many => drop(examples.remove(index)),
                Operation::Add(Some(index), _)
                | Operation::Replace(index, _)
                | Operation::Remove(index) => {
                    let message =
                        format!("there is no utterance {index}: here the data has {many}, from 0");
                    return Err(refused(at, message));
                }
            }
        }
        if let Some(message) = excess(&data) {
            return Err(refused(Position::new(1, 1), message));
        }
        let remarks = hints::of(&data, 0);
        let mut hints = self.hints;
        hints.extend(remarks.hints);
        Ok(Reading {
            data,
            hints,
            contradictions: remarks.contradictions,
        })
    }
}

fn refused(at: Position, message: String) -> DocumentError {
    let mut findings = Findings::default();
    findings.add(at, message);
    DocumentError::Content(findings)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::EXAMPLES_LIMIT;
    use super::*;

    fn data(texts: &[&str]) -> TrainingData {
        let example = |text: &&str| Example {
            text: (*text).to_owned(),
            intent: Some("greet".to_owned()),
            ..Example::default()
        };
        TrainingData {
            examples: texts.iter().map(example).collect(),
            ..TrainingData::default()
        }
    }

    fn greet(text: &str) -> Value {
        json!({"text": text, "intent": "greet"})
    }

    fn patched(patch: &Value) -> Result<TrainingData, DocumentError> {
        let patch = read_patch(patch.to_string().as_bytes())?;
        Ok(patch.apply(data(&["a", "b", "c"]))?.data)
    }

    #[test]
    fn operations_are_done_one_after_the_other() {
        let patch = json!([
            {"op": "replace", "path": "/examples/1", "value": greet("B"), "comment": "members that nobody knows are ignored"},
            {"op": "remove", "path": "/examples/0"},
            {"op": "add", "path": "/examples/0", "value": greet("first")},
            {"op": "add", "path": "/examples/-", "value": greet("last")},
            {"op": "add", "path": "/examples/4", "value": greet("the very last")},
        ]);
        assert_eq!(
            patched(&patch).unwrap(),
            data(&["first", "B", "c", "last", "the very last"])
        );
        assert_eq!(patched(&json!([])).unwrap(), data(&["a", "b", "c"]));
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        let patch = r#"[
 {"op": "move", "from": "/examples/0", "path": "/examples/1"},
 {"op": "remove", "path": "/examples/-"},
 {"op": "remove", "path": "/examples/01"},
 {"op": "remove", "path": "/synonyms/0"},
 {"op": "replace", "path": "/examples/0"},
 {"op": "add", "path": "/examples/-", "value": {"text": " ", "label": "x"}},
 {"path": "/examples/0"},
 7
]"#;
        let Err(DocumentError::Content(findings)) = read_patch(patch.as_bytes()) else {
            panic!("content")
        };
        let lines: Vec<_> = findings
            .told()
            .iter()
            .map(|told| told.line.unwrap())
            .collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7, 7, 8, 9], "{findings:?}");
        assert!(matches!(read_patch(b"[{"), Err(DocumentError::Syntax(_))));
        assert!(read_patch(b"{}").is_err());
    }

    #[test]
    fn an_utterance_that_is_not_there_is_named() {
        for (op, index) in [("add", 4), ("replace", 3), ("remove", 3)] {
            let there = format!("/examples/{index}");
            let one = json!([{"op": op, "path": there, "value": greet("x")}]);
            let Err(DocumentError::Content(findings)) = patched(&one) else {
                panic!("content")
            };
            let told = &findings.told()[0].message;
            assert!(told.contains(&format!("no utterance {index}")), "{told}");
        }
    }

    #[test]
    fn what_comes_of_it_has_the_bounds_of_all_data() {
        let add = json!({"op": "add", "path": "/examples/-", "value": greet("x")});
        let patch = |many: usize| {
            let patch = Value::Array(vec![add.clone(); many]);
            read_patch(patch.to_string().as_bytes())
        };
        assert!(patch(OPERATIONS_LIMIT + 1).is_err());
        let full = TrainingData {
            examples: vec![data(&["a"]).examples.remove(0); EXAMPLES_LIMIT - 1],
            ..TrainingData::default()
        };
        assert!(patch(1).unwrap().apply(full.clone()).is_ok());
        assert!(patch(2).unwrap().apply(full).is_err());
    }
}
