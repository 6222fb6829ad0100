//! Labelled utterances as rows of features, one after the other.

use super::ngrams::Feature;

/// Examples that a classifier learns from.
#[derive(Default)]
pub(super) struct Examples {
    ends: Vec<usize>,
    features: Vec<Known>,
    factors: Vec<f32>,
    labels: Vec<u32>,
}

/// A feature that the dictionary knows: its row of weights, and in the lowest byte the word that it belongs to. There are
/// many, and each is read once in every epoch.
#[derive(Clone, Copy)]
pub(super) struct Known(u32);

impl Known {
    /// Rows that can be told apart.
    pub(super) const ROWS: usize = 1 << 24;

    const fn new(row: u32, word: u8) -> Self {
        Self(row << 8 | word as u32)
    }

    /// Its row of weights.
    #[inline]
    pub(super) const fn row(self) -> u32 {
        self.0 >> 8
    }

    /// The word that it belongs to.
    #[inline]
    pub(super) const fn word(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

impl Examples {
    /// Adds an example: its features, the row of each if it is known, and its label.
    pub(super) fn push(
        &mut self,
        features: &[Feature],
        row: impl Fn(u64) -> Option<u32>,
        label: u32,
    ) {
        let known = features.iter().filter_map(|feature| {
            let word = feature.word;
            row(feature.hash).map(|row| Known::new(row, word))
        });
        self.features.extend(known);
        self.ends.push(self.features.len());
        self.factors.push(factor(features.len()));
        self.labels.push(label);
    }

    /// How many examples there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The known features of an example.
    pub(super) fn features(&self, index: usize) -> &[Known] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.features[start..self.ends[index]]
    }

    /// The factor of an example's features.
    pub(super) fn factor(&self, index: usize) -> f32 {
        self.factors[index]
    }

    /// The label of an example.
    pub(super) fn label(&self, index: usize) -> u32 {
        self.labels[index]
    }

    /// How far each of this many features moves at a step: the rarer it is, the more it tells
    /// and the less often it is seen. 1 in the mean over all that is seen.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of examples are far below 2^24"
    )]
    pub(super) fn strides(&self, features: usize) -> Vec<f32> {
        let mut seen = vec![0_u32; features];
        self.features
            .iter()
            .for_each(|feature| seen[feature.row() as usize] += 1);
        // A feature that repeats within an utterance may be seen more often than there are any.
        let rarity = |seen: &u32| ((self.len() + 1) as f32 / (*seen + 1) as f32).ln().max(0.1);
        let strides: Vec<f32> = seen.iter().map(rarity).collect();
        let all = strides.iter().zip(&seen).map(|(s, seen)| s * *seen as f32);
        let mean = all.sum::<f32>() / (self.features.len().max(1) as f32);
        strides.into_iter().map(|stride| stride / mean).collect()
    }
}

/// Long utterances weigh as much as short ones. Unknown features count as well: the less an
/// utterance has in common with the examples, the less sure is the answer.
#[expect(
    clippy::cast_precision_loss,
    reason = "a number of features is far below 2^24"
)]
pub(super) fn factor(features: usize) -> f32 {
    1.0 / (features.max(1) as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(hash: u64) -> Feature {
        Feature { hash, word: 0 }
    }

    #[test]
    fn features_that_are_not_known_shorten_the_others() {
        let mut examples = Examples::default();
        let row = |hash| (hash == 7).then_some(0);
        examples.push(&[seen(7), seen(8), seen(9), seen(9)], row, 1);
        assert_eq!(examples.features(0).len(), 1);
        assert!((examples.factor(0) - 0.5).abs() < f32::EPSILON);
    }

    #[test]
    fn a_rare_feature_moves_farther_than_a_frequent_one() {
        let mut examples = Examples::default();
        for index in 0..100 {
            let features = [seen(0), seen(1)];
            let features = if index < 5 {
                &features[..]
            } else {
                &features[..1]
            };
            examples.push(features, |hash| u32::try_from(hash).ok(), 0);
        }
        let strides = examples.strides(2);
        assert!(strides[1] > 5.0 * strides[0], "{strides:?}");
    }
}
