//! How well entities are found.

use super::scores::{f1, share};
use std::collections::BTreeMap;
use stoa_contracts::evaluations::EntityScore;
use stoa_contracts::parse::Entity;
use stoa_contracts::training_data::Example;

/// Counts of each entity that is annotated anywhere in the examples; what else a model finds (numbers, addresses)
/// nobody has said to be wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct EntityTally<'a>(BTreeMap<&'a str, Counts>);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    annotated: usize,
    found: usize,
    right: usize,
}

impl Counts {
    fn add(&mut self, more: &Self) {
        self.annotated += more.annotated;
        self.found += more.found;
        self.right += more.right;
    }
}

impl<'a> EntityTally<'a> {
    /// Nothing counted yet, of the entities of these examples.
    pub(super) fn new(examples: &'a [Example]) -> Self {
        let annotations = examples.iter().flat_map(|example| &example.entities);
        let names = annotations.map(|annotation| (annotation.entity.as_str(), Counts::default()));
        Self(names.collect())
    }

    /// Counts what was found in an example. Right is the same entity with the same role in exactly the same place.
    pub(super) fn count(&mut self, example: &Example, found: &[Entity]) {
        for annotation in &example.entities {
            if let Some(counts) = self.0.get_mut(annotation.entity.as_str()) {
                counts.annotated += 1;
            }
        }
        for entity in found {
            let Some(counts) = self.0.get_mut(entity.entity.as_str()) else {
                continue;
            };
            counts.found += 1;
            let is_right = example.entities.iter().any(|annotation| {
                (annotation.start, annotation.end) == (entity.start, entity.end)
                    && annotation.entity == entity.entity
                    && annotation.role == entity.role
            });
            counts.right += usize::from(is_right);
        }
    }

    /// Adds the counts of another part of the same examples.
    pub(super) fn add(&mut self, other: &Self) {
        for (name, more) in &other.0 {
            self.0.entry(name).or_default().add(more);
        }
    }

    /// F1 of all of them together; none where nothing is annotated.
    pub(super) fn f1(&self) -> Option<f64> {
        let mut all = Counts::default();
        for counts in self.0.values() {
            all.add(counts);
        }
        (all.annotated > 0).then(|| f1(all.right, all.found, all.annotated))
    }

    /// The scores, by name.
    pub(super) fn scores(&self) -> Vec<EntityScore> {
        let score = |(name, counts): (&&str, &Counts)| EntityScore {
            entity: (*name).to_owned(),
            precision: share(counts.right, counts.found),
            recall: share(counts.right, counts.annotated),
            f1: f1(counts.right, counts.found, counts.annotated),
            support: counts.annotated,
        };
        self.0.iter().map(score).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoa_contracts::training_data::EntityAnnotation;

    fn annotated(entities: &[(&str, usize)]) -> Example {
        let annotation = |(entity, start): &(&str, usize)| EntityAnnotation {
            entity: (*entity).to_owned(),
            start: *start,
            end: start + 1,
            role: None,
            group: None,
            value: None,
        };
        Example {
            entities: entities.iter().map(annotation).collect(),
            ..Example::default()
        }
    }

    fn found(entities: &[(&str, usize)]) -> Vec<Entity> {
        let entity = |(entity, start): &(&str, usize)| Entity {
            entity: (*entity).to_owned(),
            start: *start,
            end: start + 1,
            value: serde_json::Value::Null,
            confidence: 1.0,
            extractor: "model".to_owned(),
            role: None,
            group: None,
        };
        entities.iter().map(entity).collect()
    }

    #[test]
    fn all_entities_together_have_a_score_and_one_that_is_never_right_counts_in_it() {
        let examples = [annotated(&[("city", 0), ("city", 5), ("day", 9)])];
        let mut tally = EntityTally::new(&examples);
        tally.count(
            &examples[0],
            &found(&[("city", 0), ("day", 3), ("number", 7)]),
        );
        // 1 right, 2 of those that are annotated anywhere found, 3 annotated.
        assert_eq!(tally.f1(), Some(2.0 / 5.0));
        let day = &tally.scores()[1];
        assert_eq!(
            (day.precision, day.recall, day.support),
            (Some(0.0), Some(0.0), 1)
        );
    }

    #[test]
    fn without_annotations_there_is_no_score() {
        let examples = [annotated(&[])];
        let mut tally = EntityTally::new(&examples);
        tally.count(&examples[0], &found(&[("number", 7)]));
        assert_eq!(tally.f1(), None);
    }
}
