//! Reading a flow document in three steps: syntax, shape, meaning; each tells all that it finds.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use stoa_contracts::FieldError;
use stoa_contracts::flows::{Flow, Flows, Response, Slot};

use super::Form;
use crate::document::{
    DocumentError, Findings, Node, Size, Value, finding, read_json, read_yaml, text_of,
};

/// What the training data knows; empty sets when there is none yet.
#[derive(Debug, Default)]
pub struct Known {
    /// The names of its intents.
    pub intents: BTreeSet<String>,
    /// The names of its entities.
    pub entities: BTreeSet<String>,
}

/// Reads and checks a flow document.
pub fn read(bytes: &[u8], form: Form, known: &Known) -> Result<Flows, DocumentError> {
    let text = text_of(bytes)?;
    let tree = match form {
        Form::Yaml => read_yaml(text, Size::Request)?,
        Form::Json => read_json(text, Size::Request)?,
    };
    let mut findings = Findings::default();
    let Some(flows) = shape(&tree, &mut findings) else {
        return Err(DocumentError::Content(findings));
    };
    for problem in flows.check(&known.intents, &known.entities) {
        findings.push(at_pointer(&tree, problem.pointer, problem.message));
    }
    findings.into_result()?;
    Ok(flows)
}

/// The document as flows. Where it is not, its entries are tried one by one, because `serde`
/// alone would tell only the first of them that is wrong.
fn shape(tree: &Node, findings: &mut Findings) -> Option<Flows> {
    let Value::Map(_) = &tree.value else {
        let message = format!("expected a mapping, found {}", tree.value.kind());
        findings.add(tree.at, message);
        return None;
    };
    let first = match parse::<Flows>(tree, tree, "") {
        Ok(flows) => return Some(flows),
        Err(first) => first,
    };
    entries::<Response>(tree, "responses", findings);
    entries::<Slot>(tree, "slots", findings);
    entries::<Flow>(tree, "flows", findings);
    if findings.total() == 0 {
        findings.push(first);
    }
    None
}

fn entries<T: DeserializeOwned>(tree: &Node, section: &str, findings: &mut Findings) {
    let Some(Value::Map(entries)) = tree.get(section).map(|entry| &entry.value.value) else {
        return;
    };
    for entry in entries {
        let pointer = format!("/{section}{}", step(&entry.key));
        if let Err(found) = parse::<T>(tree, &entry.value, &pointer) {
            findings.push(found);
        }
    }
}

fn parse<T: DeserializeOwned>(tree: &Node, node: &Node, base: &str) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(node.to_json()).map_err(|error| {
        let steps = error.path().iter().map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => step(key),
            Segment::Enum { variant } => step(variant),
            Segment::Unknown => String::new(),
        });
        let pointer = format!("{base}{}", steps.collect::<String>());
        at_pointer(tree, pointer, error.inner().to_string())
    })
}

fn step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn at_pointer(tree: &Node, pointer: String, message: impl Into<String>) -> FieldError {
    let at = tree.locate(&pointer);
    FieldError {
        pointer: Some(pointer),
        ..finding(at, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOWS: &str = "\
settings: {start: welcome}
responses:
  hello: Hello!
flows:
  welcome:
    steps: [say: hello]
  bye:
    triggers: [goodbye]
    steps:
      - say: hello
";

    fn known(intents: &[&str]) -> Known {
        let intents = intents.iter().map(ToString::to_string).collect();
        Known {
            intents,
            entities: BTreeSet::new(),
        }
    }

    fn told(text: &str, form: Form, known: &Known) -> Vec<(String, u64, u64)> {
        match read(text.as_bytes(), form, known).unwrap_err() {
            DocumentError::Syntax(found) => {
                vec![(String::new(), found.line.unwrap(), found.column.unwrap())]
            }
            DocumentError::Content(findings) => findings
                .told()
                .iter()
                .map(|found| {
                    (
                        found.pointer.clone().unwrap(),
                        found.line.unwrap(),
                        found.column.unwrap(),
                    )
                })
                .collect(),
        }
    }

    #[test]
    fn a_document_is_the_same_in_both_forms() {
        let flows = read(FLOWS.as_bytes(), Form::Yaml, &known(&["goodbye"])).unwrap();
        for form in [Form::Json, Form::Yaml] {
            let written = super::super::write(&flows, form);
            assert_eq!(
                read(written.as_bytes(), form, &Known::default()).unwrap(),
                flows
            );
        }
    }

    #[test]
    fn names_that_lead_nowhere_are_told_with_pointer_line_and_column() {
        let text = FLOWS
            .replace("{start: welcome}", "{start: gone}")
            .replace("- say: hello", "- say: gone");
        let found = told(&text, Form::Yaml, &known(&["greet"]));
        assert!(
            found.contains(&("/settings/start".into(), 1, 19)),
            "{found:?}"
        );
        assert!(
            found.contains(&("/flows/bye/triggers/0".into(), 8, 16)),
            "{found:?}"
        );
        assert!(
            found.contains(&("/flows/bye/steps/0/say".into(), 10, 14)),
            "{found:?}"
        );
    }

    #[test]
    fn every_entry_of_the_wrong_shape_is_told() {
        let text = "responses:\n  a: 1\n  b: ok\nflows:\n  x: {steps: 7}\n  y:\n    stepz: []\n";
        let lines: Vec<u64> = told(text, Form::Yaml, &Known::default())
            .iter()
            .map(|found| found.1)
            .collect();
        assert_eq!(
            lines,
            [2, 5, 7],
            "{:?}",
            read(text.as_bytes(), Form::Yaml, &Known::default())
        );
    }

    #[test]
    fn syntax_and_form_are_told_by_place() {
        assert_eq!(
            told("{\n \"flows\": }", Form::Json, &Known::default()),
            [(String::new(), 2, 11)]
        );
        assert!(read(b"- a", Form::Yaml, &Known::default()).is_err());
        assert!(read(b"", Form::Yaml, &Known::default()).is_err());
        assert!(read(b"nonsense: 1", Form::Yaml, &Known::default()).is_err());
    }
}
