//! The taggers of artefacts up to format 3: a row of a weight per label for each feature.

use super::super::dictionary::Dictionary;
use super::super::weights::Quantised;
use super::sparse::Sparse;
use super::tagger::Tagger;
use super::tags::{MOST_TAGS, Tag, label_count};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

#[derive(Deserialize)]
struct Dense {
    tags: Vec<Tag>,
    dictionary: Dictionary,
    weights: Quantised,
    transitions: Vec<f32>,
    lead: f32,
}

impl Dense {
    /// The same, without the weights that are nothing; none where its parts do not fit together.
    fn thinned(self) -> Option<Tagger> {
        let labels = label_count(self.tags.len());
        if self.tags.len() > MOST_TAGS || !self.weights.is_sound(self.dictionary.len(), labels) {
            return None;
        }
        let features = self.dictionary.in_order();
        let rows = (0..).zip(&features).map(|(row, feature)| {
            let mut weights = vec![0.0; labels];
            self.weights.add_rows(&[(row, 1.0)], &mut weights);
            (*feature, (0..).zip(weights))
        });
        let (dictionary, weights) = Sparse::of(rows);
        Some(Tagger {
            tags: self.tags,
            dictionary,
            weights,
            meant: None,
            values: None,
            transitions: self.transitions,
            lead: self.lead,
        })
    }
}

/// Reads one that may be there.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Tagger>, D::Error> {
    let Some(dense) = Option::<Dense>::deserialize(from)? else {
        return Ok(None);
    };
    let tagger = dense.thinned();
    let tagger =
        tagger.ok_or_else(|| D::Error::custom("the weights of the entities do not fit"))?;
    Ok(Some(tagger))
}

/// Writes that none is there: since format 4 it stands behind the rest.
pub(super) fn serialize<T, S: Serializer>(_: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_none()
}
