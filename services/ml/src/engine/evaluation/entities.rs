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
            let counts = self.0.entry(name).or_default();
            counts.annotated += more.annotated;
            counts.found += more.found;
            counts.right += more.right;
        }
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
