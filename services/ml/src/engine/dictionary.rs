//! Which features a model knows, each with the number of its row of weights.

use super::random::mix;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// Features by their hash.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u64>", into = "Vec<u64>")]
pub(super) struct Dictionary {
    rows: HashMap<u64, u32, Seeded>,
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
        let mut counts: HashMap<u64, (u32, u32), Seeded> = HashMap::default();
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
        let features = kept.into_iter().map(|(_, feature)| feature);
        Self {
            rows: features.zip(0u32..).collect(),
        }
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

    /// Bytes in memory: a table has room for more than it holds, and a byte of control for each place.
    pub(super) fn bytes(&self) -> usize {
        self.rows.capacity().saturating_mul(8) / 7 * (size_of::<(u64, u32)>() + 1)
    }

    /// How many features there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Features that are said twice: their rows would be beyond the weights.
#[derive(Debug, thiserror::Error)]
#[error("a feature has two rows")]
pub(super) struct Repeated;

impl TryFrom<Vec<u64>> for Dictionary {
    type Error = Repeated;

    fn try_from(features: Vec<u64>) -> Result<Self, Repeated> {
        let count = features.len();
        let rows: HashMap<_, _, _> = features.into_iter().zip(0u32..).collect();
        if rows.len() == count {
            Ok(Self { rows })
        } else {
            Err(Repeated)
        }
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

/// Features are hashes already, but of what people write: with a seed of the process mixed in, nobody can choose
/// features that fall on one place, which would make a dictionary slow.
#[derive(Clone, Copy)]
pub(super) struct Seeded(u64);

impl Default for Seeded {
    fn default() -> Self {
        static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(MARK));
        Self(*SEED)
    }
}

/// What is hashed to get the seed; any will do.
const MARK: u64 = 0;

impl BuildHasher for Seeded {
    type Hasher = Mixed;

    fn build_hasher(&self) -> Mixed {
        Mixed(self.0)
    }
}

/// The hash of one feature.
pub(super) struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = mix(self.0 ^ hash);
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
        assert_eq!(Dictionary::try_from(written).unwrap(), dictionary);
        assert!(Dictionary::try_from(vec![9, 4, 9]).is_err());
    }
}
