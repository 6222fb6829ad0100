//! The kinds of entity that are annotated, and the labels of tokens: 0 is "nothing", then come begin (odd) and inside
//! (even) of each kind.

use super::super::text::Text;
use super::super::train::TrainError;
use std::collections::BTreeSet;
use std::ops::Range;
use stoa_contracts::training_data::Example;

/// A kind of entity with its role.
pub(super) type Tag = (String, Option<String>);

/// Kinds of entity with their roles; `api` takes no more of them.
pub(super) const MOST_TAGS: usize = 250;

/// Whether there are so few tags that they can be learned.
pub(super) fn check(examples: &[Example]) -> Result<(), TrainError> {
    if tags(examples).len() > MOST_TAGS {
        return Err(TrainError::ManyEntities(MOST_TAGS));
    }
    Ok(())
}

/// The tags of the examples, in their order.
pub(super) fn tags(examples: &[Example]) -> Vec<Tag> {
    let annotations = examples.iter().flat_map(|example| &example.entities);
    let tags: BTreeSet<(&String, &Option<String>)> =
        annotations.map(|a| (&a.entity, &a.role)).collect();
    let owned = |(entity, role): (&String, &Option<String>)| (entity.clone(), role.clone());
    tags.into_iter().map(owned).collect()
}

/// For each tag the number of its entity, whatever its role.
pub(super) fn numbers(tags: &[Tag]) -> Vec<u16> {
    let mut names: Vec<&String> = tags.iter().map(|(entity, _)| entity).collect();
    names.dedup();
    let number = |(entity, _): &Tag| names.binary_search(&entity).unwrap_or_default();
    tags.iter().map(|tag| small(number(tag))).collect()
}

/// How many labels so many tags have.
pub(super) const fn label_count(tags: usize) -> usize {
    1 + 2 * tags
}

/// The label of each token of an example.
pub(super) fn labels(example: &Example, text: &Text, tags: &[Tag]) -> Vec<u16> {
    let mut labels = vec![0; text.tokens().len()];
    for annotation in &example.entities {
        let is_tag =
            |(entity, role): &Tag| *entity == annotation.entity && *role == annotation.role;
        let Some(tag) = tags.iter().position(is_tag) else {
            continue;
        };
        let mut label = small(1 + 2 * tag);
        for (token, slot) in text.tokens().iter().zip(&mut labels) {
            if token.start < annotation.end && annotation.start < token.end && *slot == 0 {
                *slot = label;
                label = small(2 + 2 * tag);
            }
        }
    }
    labels
}

fn small(number: usize) -> u16 {
    u16::try_from(number).expect("there are at most 501 labels")
}

/// The tokens of each entity, and the number of its tag.
pub(super) fn spans(labels: &[u16]) -> Vec<(Range<usize>, usize)> {
    let mut spans = Vec::new();
    let mut first = 0;
    while let Some(label) = labels.get(first) {
        // "Nothing" goes on for no further token.
        let inside = labels[first + 1..].iter();
        let inside = inside.take_while(|next| *label > 0 && **next == label + 1);
        let end = first + 1 + inside.count();
        if let Some(place) = label.checked_sub(1) {
            spans.push((first..end, usize::from(place) / 2));
        }
        first = end;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_what_begins_and_what_is_inside_behind_it() {
        let found = spans(&[0, 1, 2, 2, 1, 3, 0, 4, 3, 4]);
        assert_eq!(
            found,
            [(1..4, 0), (4..5, 0), (5..6, 1), (7..8, 1), (8..10, 1)]
        );
    }

    #[test]
    fn an_entity_has_one_number_in_all_its_roles() {
        let tag = |entity: &str, role: Option<&str>| (entity.into(), role.map(Into::into));
        let tags = [
            tag("account", None),
            tag("city", Some("from")),
            tag("city", Some("to")),
            tag("day", None),
        ];
        assert_eq!(numbers(&tags), [0, 1, 1, 2]);
    }
}
