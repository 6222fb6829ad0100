//! Labelled utterances as rows of features, one after the other.

use super::ngrams::Feature;

/// Examples that a classifier learns from.
pub(super) struct Examples {
    /// The known features of each of the first ones, which are kept.
    kept: Vec<Box<[Known]>>,
    /// How many more features may be kept.
    room: usize,
    factors: Vec<f32>,
    labels: Vec<u32>,
    /// How often each known feature was seen.
    seen: Vec<u32>,
}

/// Features that are kept, 64 MiB: as many as 70,000 examples of 70 characters have. Those of the examples behind are looked up
/// each time that they are seen.
pub(super) const KEPT: usize = 1 << 24;

/// A feature that the dictionary knows: its row of weights, and in the lowest byte the word that it belongs to. There are
/// many, and each is read once in every epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Those of the features that have a row.
pub(super) fn known(
    features: &[Feature],
    row: impl Fn(u64) -> Option<u32>,
) -> impl Iterator<Item = Known> {
    features.iter().filter_map(move |feature| {
        let word = feature.word;
        row(feature.hash).map(|row| Known::new(row, word))
    })
}

impl Examples {
    /// None yet, of so many features; so many are kept (`room`).
    pub(super) fn new(features: usize, room: usize) -> Self {
        Self {
            kept: Vec::new(),
            room,
            factors: Vec::new(),
            labels: Vec::new(),
            seen: vec![0; features],
        }
    }

    /// Adds an example: its features, the row of each if it is known, and its label.
    pub(super) fn push(
        &mut self,
        features: &[Feature],
        row: impl Fn(u64) -> Option<u32>,
        label: u32,
    ) {
        let known: Vec<Known> = known(features, row).collect();
        for feature in &known {
            self.seen[feature.row() as usize] += 1;
        }
        let is_first = self.kept.len() == self.len();
        self.room = self
            .room
            .checked_sub(known.len())
            .filter(|_| is_first)
            .unwrap_or(0);
        // Where one does not fit, nor do those behind.
        if is_first && (self.room > 0 || known.is_empty()) {
            self.kept.push(known.into());
        }
        self.factors.push(factor(features.len()));
        self.labels.push(label);
    }

    /// How many examples there are.
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// The known features of an example, if they are kept.
    #[inline]
    pub(super) fn kept(&self, index: usize) -> Option<&[Known]> {
        self.kept.get(index).map(AsRef::as_ref)
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
    pub(super) fn strides(&self) -> Vec<f32> {
        // A feature that repeats within an utterance may be seen more often than there are any.
        let rarity = |seen: &u32| ((self.len() + 1) as f32 / (*seen + 1) as f32).ln().max(0.1);
        let strides: Vec<f32> = self.seen.iter().map(rarity).collect();
        let all = strides.iter().zip(&self.seen);
        let all = all.map(|(stride, seen)| stride * *seen as f32);
        let count: usize = self.seen.iter().map(|seen| *seen as usize).sum();
        let mean = all.sum::<f32>() / (count.max(1) as f32);
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
        let mut examples = Examples::new(1, KEPT);
        let row = |hash| (hash == 7).then_some(0);
        examples.push(&[seen(7), seen(8), seen(9), seen(9)], row, 1);
        assert_eq!(examples.kept(0).map(<[_]>::len), Some(1));
        assert!((examples.factor(0) - 0.5).abs() < f32::EPSILON);
    }

    #[test]
    fn a_rare_feature_moves_farther_than_a_frequent_one() {
        let mut examples = Examples::new(2, 0);
        for index in 0..100 {
            let features = [seen(0), seen(1)];
            let features = if index < 5 {
                &features[..]
            } else {
                &features[..1]
            };
            examples.push(features, |hash| u32::try_from(hash).ok(), 0);
        }
        let strides = examples.strides();
        assert!(strides[1] > 5.0 * strides[0], "{strides:?}");
    }
}
