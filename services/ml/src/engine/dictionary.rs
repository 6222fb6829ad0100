//! Which features a model knows, each with the number of its row of weights.

use super::progress::{Cancelled, Progress};
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

/// Features that are counted at a time at most: as many as a table of 2^21 places takes, which are 36 MB.
pub(super) const COUNTED: usize = (1 << 21) / 8 * 7;

/// A part of all features: those whose lowest bits have this value.
#[derive(Clone, Copy, Default)]
struct Share {
    bits: u32,
    value: u64,
}

impl Share {
    const fn has(self, feature: u64) -> bool {
        feature & ((1 << self.bits) - 1) == self.value
    }

    /// Gives half of it away.
    const fn halve(&mut self) -> Self {
        let other = Self {
            bits: self.bits + 1,
            value: self.value | 1 << self.bits,
        };
        self.bits += 1;
        other
    }
}

/// Per feature: in how many utterances it occurs, and the number of the last of them.
#[derive(Default)]
struct Counts(HashMap<u64, (u32, u32), Seeded>);

impl Counts {
    fn is_full_for(&self, feature: u64, most: usize) -> bool {
        self.0.len() >= most && !self.0.contains_key(&feature)
    }

    fn keep(&mut self, share: Share) {
        self.0.retain(|feature, _| share.has(*feature));
    }

    fn add(&mut self, feature: u64, utterance: u32) {
        let (count, seen) = self.0.entry(feature).or_default();
        *count += u32::from(*seen != utterance);
        *seen = utterance;
    }

    /// Those that occur in so many utterances, behind their number.
    fn at_least(self, least: u32) -> impl Iterator<Item = (u32, u64)> {
        let frequent = self.0.into_iter();
        let frequent = frequent.filter(move |(_, (count, _))| *count >= least);
        frequent.map(|(feature, (count, _))| (count, feature))
    }
}

impl Dictionary {
    /// The features that occur in at least `least` utterances, the most frequent `limit` of them. So many are counted at
    /// a time (`most`), and the utterances gone through again for the others.
    pub(super) fn count<U: Iterator<Item = F>, F: IntoIterator<Item = u64>>(
        utterances: impl Fn() -> U,
        (least, limit, most): (u32, usize, usize),
        progress: &Progress,
    ) -> Result<Self, Cancelled> {
        let mut kept: Vec<(u32, u64)> = Vec::new();
        let mut shares = vec![Share::default()];
        while let Some(mut share) = shares.pop() {
            let mut counts = Counts::default();
            for (number, features) in (1u32..).zip(utterances()) {
                progress.advance(0)?;
                for feature in features {
                    while share.has(feature) && counts.is_full_for(feature, most) {
                        shares.push(share.halve());
                        counts.keep(share);
                    }
                    if share.has(feature) {
                        counts.add(feature, number);
                    }
                }
            }
            kept.extend(counts.at_least(least));
            kept.sort_unstable_by(|a, b| b.cmp(a));
            kept.truncate(limit);
        }
        let features = kept.into_iter().map(|(_, feature)| feature);
        Ok(Self {
            rows: features.zip(0u32..).collect(),
        })
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

    /// The features, in the order of their rows.
    pub(super) fn in_order(&self) -> Vec<u64> {
        let mut features: Vec<(u32, u64)> = self.rows.iter().map(|(f, row)| (*row, *f)).collect();
        features.sort_unstable();
        features.into_iter().map(|(_, feature)| feature).collect()
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
        dictionary.in_order()
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

    fn counted(utterances: &[&[u64]], bounds: (u32, usize, usize)) -> Dictionary {
        let utterances = || utterances.iter().map(|features| features.to_vec());
        Dictionary::count(utterances, bounds, &Progress::new()).expect("nobody cancels it")
    }

    #[test]
    fn counts_the_same_however_few_are_counted_at_a_time() {
        let mut utterances: Vec<Vec<u64>> = Vec::new();
        for number in 1..200 {
            let features = (0..40).map(|feature| mix(feature * number % 97));
            utterances.push(features.collect());
        }
        let utterances: Vec<&[u64]> = utterances.iter().map(Vec::as_slice).collect();
        let all = counted(&utterances, (2, 60, COUNTED));
        assert_eq!(all.len(), 60);
        for most in [1, 7, 50] {
            assert_eq!(counted(&utterances, (2, 60, most)), all, "{most}");
        }
    }

    #[test]
    fn counts_a_feature_once_per_utterance() {
        let dictionary = counted(&[&[1, 1, 1], &[2, 3], &[2]], (2, 10, COUNTED));
        assert_eq!((dictionary.len(), dictionary.row(2)), (1, Some(0)));
    }

    #[test]
    fn keeps_the_most_frequent_up_to_the_limit() {
        let dictionary = counted(&[&[1, 2, 3], &[2, 3], &[3]], (1, 2, COUNTED));
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
