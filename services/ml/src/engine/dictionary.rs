//! Which features a model knows, each with the number of its row of weights.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Features by their hash.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub(super) struct Dictionary {
    rows: HashMap<u64, u32, BuildHasherDefault<Identity>>,
}

impl Clone for Dictionary {
    fn clone(&self) -> Self {
        Self {
            rows: self.rows.clone(),
        }
    }
}

impl Dictionary {
    /// The features that occur in at least `least` utterances, the most frequent `limit` of
    /// them.
    pub(super) fn count(
        utterances: impl Iterator<Item = impl Iterator<Item = u64>>,
        least: u32,
        limit: usize,
    ) -> Self {
        // Per feature: in how many utterances, and the number of the last of them.
        let mut counts: HashMap<u64, (u32, u32), BuildHasherDefault<Identity>> = HashMap::default();
        for (number, features) in (1u32..).zip(utterances) {
            for feature in features {
                let (count, seen) = counts.entry(feature).or_default();
                *count += u32::from(*seen != number);
                *seen = number;
            }
        }
        let mut kept: Vec<(u32, u64)> = counts
            .into_iter()
            .filter(|(_, (count, _))| *count >= least)
            .map(|(feature, (count, _))| (count, feature))
            .collect();
        kept.sort_unstable_by(|a, b| b.cmp(a));
        kept.truncate(limit);
        kept.into_iter()
            .map(|(_, feature)| feature)
            .collect::<Vec<_>>()
            .into()
    }

    /// The row of a feature.
    pub(super) fn row(&self, feature: u64) -> Option<u32> {
        self.rows.get(&feature).copied()
    }

    /// The row of a feature, which is made where there is none.
    pub(super) fn row_or_new(&mut self, feature: u64) -> u32 {
        let next = u32::try_from(self.rows.len()).expect("fewer than 2^32 features fit in memory");
        *self.rows.entry(feature).or_insert(next)
    }

    /// How many features there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

impl From<Vec<u64>> for Dictionary {
    fn from(features: Vec<u64>) -> Self {
        let rows = features.into_iter().zip(0u32..).collect();
        Self { rows }
    }
}

impl From<Dictionary> for Vec<u64> {
    fn from(dictionary: Dictionary) -> Self {
        let mut features: Vec<(u32, u64)> = dictionary
            .rows
            .into_iter()
            .map(|(feature, row)| (row, feature))
            .collect();
        features.sort_unstable();
        features.into_iter().map(|(_, feature)| feature).collect()
    }
}

/// Passes a hash through: features are hashes already.
#[derive(Default)]
pub(super) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_a_feature_once_per_utterance() {
        let utterances = [vec![1, 1, 1], vec![2, 3], vec![2]];
        let dictionary = Dictionary::count(utterances.iter().map(|u| u.iter().copied()), 2, 10);
        assert_eq!((dictionary.len(), dictionary.row(2)), (1, Some(0)));
    }

    #[test]
    fn keeps_the_most_frequent_up_to_the_limit() {
        let utterances = [vec![1, 2, 3], vec![2, 3], vec![3]];
        let dictionary = Dictionary::count(utterances.iter().map(|u| u.iter().copied()), 1, 2);
        assert_eq!(
            (dictionary.row(3), dictionary.row(2), dictionary.row(1)),
            (Some(0), Some(1), None)
        );
    }

    #[test]
    fn rows_survive_being_written() {
        let mut dictionary = Dictionary::default();
        for feature in [9, 4, 7, 4] {
            dictionary.row_or_new(feature);
        }
        let written: Vec<u64> = dictionary.clone().into();
        assert_eq!(written, [9, 4, 7]);
        assert_eq!(Dictionary::from(written), dictionary);
    }
}
