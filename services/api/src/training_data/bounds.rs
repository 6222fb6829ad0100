//! How many different things training data may speak of. What a model takes while it is learned grows with them, and
//! `ml` has to learn any data that is kept within 400 MB, beside the models that it serves (its `compose.yml`).

use std::{collections::HashSet, io};

use stoa_contracts::training_data::{EntityAnnotation, TrainingData};

use super::collect::EXAMPLES_LIMIT;

/// Different entities, each with its role and group: what is learned has a column or two for each. Lists count as well.
/// The largest public sets have about a hundred.
const LABELS_LIMIT: usize = 250;
/// Different intents: an evaluation tells of as many.
const INTENTS_LIMIT: usize = 2_000;
/// Regular expressions: each may take some hundreds of kilobytes when it is compiled.
const PATTERNS_LIMIT: usize = 500;
/// The most that is kept of an assistant's training data, in bytes of JSON: as much as can be brought in at once.
const DATA_LIMIT: usize = 32 << 20;

/// An entity with its role and group.
pub(crate) type Label = (String, Option<String>, Option<String>);

/// Counts what is different. Each of its methods answers what is wrong when a bound is passed, and only then.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    labels: HashSet<Label>,
    intents: HashSet<String>,
    patterns: usize,
}

impl Bounds {
    pub(super) fn annotation(&mut self, annotation: &EntityAnnotation) -> Option<String> {
        self.label(label_of(annotation))
    }

    pub(super) fn list(&mut self, entity: &str) -> Option<String> {
        self.label((entity.to_owned(), None, None))
    }

    fn label(&mut self, label: Label) -> Option<String> {
        let is_full = self.labels.len() > LABELS_LIMIT;
        let is_over = !is_full && self.labels.insert(label) && self.labels.len() > LABELS_LIMIT;
        is_over.then(too_many_labels)
    }

    pub(super) fn intent(&mut self, intent: &str) -> Option<String> {
        let is_full = self.intents.len() > INTENTS_LIMIT;
        let is_new = !is_full && self.intents.insert(intent.to_owned());
        is_new
            .then(|| excess_of_intents(self.intents.len()))
            .flatten()
    }

    pub(super) fn pattern(&mut self) -> Option<String> {
        self.patterns += 1;
        let is_over = self.patterns == PATTERNS_LIMIT + 1;
        is_over.then(|| format!("more than {PATTERNS_LIMIT} regular expressions are not allowed"))
    }
}

fn label_of(annotation: &EntityAnnotation) -> Label {
    let EntityAnnotation {
        entity,
        role,
        group,
        ..
    } = annotation;
    (entity.clone(), role.clone(), group.clone())
}

fn too_many_labels() -> String {
    format!(
        "more than {LABELS_LIMIT} different entities, counted with their roles and groups, are not allowed \
         (values may stand where the name of their entity belongs)"
    )
}

/// What is wrong where these entities come to data that has such ones.
pub(crate) fn excess_of_labels(
    mut labels: HashSet<Label>,
    more: &[EntityAnnotation],
) -> Option<String> {
    let before = labels.len();
    labels.extend(more.iter().map(label_of));
    let is_over = labels.len() > before && labels.len() > LABELS_LIMIT;
    is_over.then(too_many_labels)
}

/// What is wrong with so many different intents.
pub(crate) fn excess_of_intents(intents: usize) -> Option<String> {
    let is_over = intents > INTENTS_LIMIT;
    is_over.then(|| format!("more than {INTENTS_LIMIT} different intents are not allowed"))
}

/// What is beyond a bound in data that was put together of several documents.
pub(crate) fn excess(data: &TrainingData) -> Option<String> {
    let examples = data.examples.len();
    let too_many =
        || format!("{examples} utterances are more than the {EXAMPLES_LIMIT} that are allowed");
    let too_many = (examples > EXAMPLES_LIMIT).then(too_many);
    too_many
        .or_else(|| excess_of_names(data))
        .or_else(|| excess_of_size(data))
}

fn excess_of_size(data: &TrainingData) -> Option<String> {
    let mut size = Count(0);
    serde_json::to_writer(&mut size, data).expect("training data has string keys only");
    let Count(size) = size;
    (size > DATA_LIMIT).then(|| {
        format!("the data would take {size} bytes as JSON, and at most {DATA_LIMIT} are kept")
    })
}

/// Counts what is written to it.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn excess_of_names(data: &TrainingData) -> Option<String> {
    let mut bounds = Bounds::default();
    let mut annotations = data.examples.iter().flat_map(|example| &example.entities);
    let intents = data.examples.iter().filter_map(|e| e.intent.as_ref());
    let mut intents = intents.chain(data.intents.iter().map(|noted| &noted.intent));
    annotations
        .find_map(|annotation| bounds.annotation(annotation))
        .or_else(|| {
            data.lookups
                .iter()
                .find_map(|list| bounds.list(&list.entity))
        })
        .or_else(|| intents.find_map(|intent| bounds.intent(intent)))
        .or_else(|| data.regexes.iter().find_map(|_| bounds.pattern()))
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Size, read};
    use super::*;
    use crate::document::DocumentError;

    /// What is wrong with a Rasa file, each with its line and column.
    fn faults(file: &str) -> Vec<(u64, u64, String)> {
        match read(file.as_bytes(), Format::Yaml, Size::Request) {
            Ok(_) => Vec::new(),
            Err(DocumentError::Content(findings)) => findings
                .told()
                .iter()
                .map(|told| {
                    (
                        told.line.unwrap(),
                        told.column.unwrap(),
                        told.message.clone(),
                    )
                })
                .collect(),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn entities(many: usize) -> String {
        let lines = (0..many).map(|n| format!("    - to [x{n}](e{n})\n"));
        format!(
            "nlu:\n- intent: go\n  examples: |\n{}",
            lines.collect::<String>()
        )
    }

    #[test]
    fn values_written_as_names_of_entities_are_told_once_where_they_become_too_many() {
        assert_eq!(faults(&entities(LABELS_LIMIT)), []);
        let faults = faults(&entities(5_000));
        let line = u64::try_from(LABELS_LIMIT).unwrap() + 4;
        assert_eq!(faults.len(), 1);
        assert_eq!((faults[0].0, faults[0].1), (line, 7));
        assert!(faults[0].2.contains("more than 250 different entities"));
    }

    #[test]
    fn roles_and_lists_count_as_well() {
        let roles =
            (0..200).map(|n| format!("    - [x]{{\"entity\": \"e\", \"role\": \"r{n}\"}}\n"));
        let roles: String = roles.collect();
        let lists = (0..51).map(|n| format!("- lookup: l{n}\n  examples: |\n    - a\n"));
        let lists: String = lists.collect();
        let file = format!("nlu:\n- intent: go\n  examples: |\n{roles}{lists}");
        assert_eq!(faults(&file).len(), 1);
    }

    #[test]
    fn intents_and_patterns_have_a_bound() {
        let intents = |many: usize| {
            let items = (0..many).map(|n| format!("- intent: i{n}\n  examples: |\n    - a{n}\n"));
            format!("nlu:\n{}", items.collect::<String>())
        };
        assert_eq!(faults(&intents(INTENTS_LIMIT)), []);
        assert_eq!(faults(&intents(INTENTS_LIMIT + 9)).len(), 1);
        let patterns = |many: usize| {
            let lines = (0..many).map(|n| format!("    - x{n}\n"));
            format!(
                "nlu:\n- regex: zip\n  examples: |\n{}",
                lines.collect::<String>()
            )
        };
        assert_eq!(faults(&patterns(PATTERNS_LIMIT)), []);
        assert_eq!(faults(&patterns(PATTERNS_LIMIT + 9)).len(), 1);
    }

    #[test]
    fn data_put_together_of_several_documents_has_the_same_bounds() {
        let read = |from: usize| {
            let file = entities(from + 200).replace("to [x", &format!("{from} [x"));
            let file = file.replace("](e", &format!("](e{from}"));
            read(file.as_bytes(), Format::Yaml, Size::Request)
                .unwrap()
                .data
        };
        let (one, other) = (read(0), read(1));
        assert_eq!(excess(&one), None);
        assert!(excess(&super::super::merge(one, &other).data).is_some());
    }
}
