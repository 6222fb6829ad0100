//! Which examples are held out to see how good a model is.
//!
//! Copies of an utterance are held out together: who has learned one knows the others by heart.

use super::random::Random;
use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// The part that is held out at a time is one of this many.
const FOLDS: usize = 5;

/// Where fewer than one of so many examples is a copy, a training takes no notice: that flatters hardly, and what is held
/// out is the same as in releases that knew no copies.
const FEW: usize = 100;

/// What one held-out training learns from and is then asked.
pub(super) struct Fold {
    /// The examples that it learns from.
    pub(super) learned: Vec<usize>,
    /// The examples that it is asked.
    pub(super) asked: Vec<usize>,
}

/// What a training holds out to calibrate itself: every example once where it can be, so that no draw decides which ones
/// tell how far to trust a model. Where hardly any are copies, these count as other examples.
pub(super) fn split(labels: &[u32], keys: &[u64], random: &mut Random) -> Vec<Fold> {
    let different: HashSet<&u64> = keys.iter().collect();
    let are_few = (keys.len() - different.len()) * FEW < keys.len();
    let others: Vec<u64> = (0..).take(keys.len()).collect();
    let keys = if are_few { &others } else { keys };
    divide(labels, keys, FOLDS, random)
}

/// As many folds as said, fewer where there are fewer examples to hold out, in which every label has its part of the
/// examples; those with the same key are copies. A label's only example, with its copies, is never held out. Empty where
/// nothing can be held out.
pub(super) fn divide(labels: &[u32], keys: &[u64], count: usize, random: &mut Random) -> Vec<Fold> {
    let fold_of = assign(labels, keys, count, random);
    let fold = |number: usize| {
        let (asked, learned) = (0..labels.len()).partition(|index| fold_of[*index] == Some(number));
        Fold { learned, asked }
    };
    (0..count)
        .map(fold)
        .filter(|fold| !fold.asked.is_empty())
        .collect()
}

/// The fold of each example; none of those that are never held out.
fn assign(labels: &[u32], keys: &[u64], count: usize, random: &mut Random) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    random.shuffle(&mut order);
    order.sort_by_key(|index| labels[*index]);
    let groups = || order.chunk_by(|a, b| labels[*a] == labels[*b]);
    let mut dealer = Dealer {
        fold_of: HashMap::new(),
        count,
        next: 0,
    };
    // Each label begins where it would without copies: one changes the folds of its own label, and of no other.
    let mut dealt = 0;
    for group in groups().filter(|group| group.len() > 1) {
        dealer.next = dealt;
        dealer.deal(&different(group, keys));
        dealt += group.len();
    }
    let mut fold_of = dealer.fold_of;
    // Where copies have several labels, one of these may have got nothing to learn from.
    for group in groups() {
        let mut folds = group.iter().map(|index| fold_of.get(&keys[*index]));
        let first = folds.next();
        if folds.all(|fold| Some(fold) == first) {
            fold_of.remove(&keys[group[0]]);
        }
    }
    keys.iter().map(|key| fold_of.get(key).copied()).collect()
}

/// The keys of a label's examples and how many have each, those of most first.
fn different(group: &[usize], keys: &[u64]) -> Vec<(u64, usize)> {
    let mut places = HashMap::new();
    let mut different: Vec<(u64, usize)> = Vec::new();
    for index in group {
        let key = keys[*index];
        let place = *places.entry(key).or_insert(different.len());
        match different.get_mut(place) {
            Some((_, copies)) => *copies += 1,
            None => different.push((key, 1)),
        }
    }
    different.sort_by_key(|(_, copies)| Reverse(*copies));
    different
}

/// Gives keys to folds.
struct Dealer {
    fold_of: HashMap<u64, usize>,
    count: usize,
    /// The fold whose turn it is.
    next: usize,
}

impl Dealer {
    /// Gives each key of a label to the fold that has the fewest of its examples, in turn where that is several; an only
    /// key to none.
    fn deal(&mut self, different: &[(u64, usize)]) {
        if different.len() < 2 {
            return;
        }
        let mut sizes = vec![0; self.count];
        for (key, copies) in different {
            if let Some(fold) = self.fold_of.get(key) {
                sizes[*fold] += copies;
            }
        }
        for (key, copies) in different {
            let Entry::Vacant(free) = self.fold_of.entry(*key) else {
                continue;
            };
            let turns = (0..self.count).map(|turn| (self.next + turn) % self.count);
            let fold = turns.min_by_key(|fold| sizes[*fold]).unwrap_or_default();
            free.insert(fold);
            sizes[fold] += copies;
            self.next = fold + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of examples of which none is a copy.
    fn different_keys(count: u64) -> Vec<u64> {
        (0..count).collect()
    }

    /// Whether every fold learns something of each label that it is asked.
    fn is_learned(folds: &[Fold], labels: &[u32]) -> bool {
        folds.iter().all(|fold| {
            let learned = |label| fold.learned.iter().any(|index| labels[*index] == label);
            fold.asked.iter().all(|index| learned(labels[*index]))
        })
    }

    #[test]
    fn every_example_is_held_out_once_however_many_there_are() {
        for count in [50_u32, 4_000] {
            let labels: Vec<u32> = (0..count).map(|index| index % 7).collect();
            let keys = different_keys(count.into());
            let folds = split(&labels, &keys, &mut Random::new(1));
            let mut asked: Vec<usize> = folds.iter().flat_map(|fold| fold.asked.clone()).collect();
            asked.sort_unstable();
            assert!(asked.into_iter().eq(0..labels.len()), "{count}");
            for fold in folds {
                assert_eq!(fold.asked.len() + fold.learned.len(), labels.len());
            }
        }
    }

    #[test]
    fn never_holds_out_the_only_example_of_a_label() {
        let folds = split(&[0, 0, 1], &[1, 2, 3], &mut Random::new(1));
        assert!(folds.iter().all(|fold| fold.learned.contains(&2)));
    }

    #[test]
    fn has_no_folds_where_nothing_can_be_held_out() {
        assert!(split(&[0, 1], &[1, 2], &mut Random::new(1)).is_empty());
        assert!(split(&[0, 0, 1, 1], &[1, 1, 2, 2], &mut Random::new(1)).is_empty());
    }

    #[test]
    fn examples_without_copies_are_divided_as_they_always_were() {
        let labels: Vec<u32> = (0..23).map(|index| index * index % 5).collect();
        let folds = divide(&labels, &different_keys(23), 4, &mut Random::new(1));
        let asked: Vec<Vec<usize>> = folds.into_iter().map(|fold| fold.asked).collect();
        let before = [
            vec![0, 1, 3, 19, 20, 22],
            vec![8, 9, 11, 12, 15, 16],
            vec![4, 6, 7, 10, 13, 17],
            vec![2, 5, 14, 18, 21],
        ];
        assert_eq!(asked, before);
    }

    #[test]
    fn a_copy_changes_the_folds_of_no_other_label() {
        let labels: Vec<u32> = (0..60).map(|index| index % 3).collect();
        let mut keys = different_keys(60);
        let folds = |keys: &[u64]| assign(&labels, keys, 5, &mut Random::new(1));
        let before = folds(&keys);
        keys[3] = 0;
        let after = folds(&keys);
        assert_eq!(after[0], after[3]);
        let others = (0..60).filter(|index| labels[*index] != labels[0]);
        assert!(
            others
                .into_iter()
                .all(|index| after[index] == before[index])
        );
    }

    #[test]
    fn a_rare_copy_changes_nothing_of_what_a_training_holds_out() {
        let labels: Vec<u32> = (0..300).map(|index| index % 3).collect();
        let mut keys = different_keys(300);
        let asked = |keys: &[u64]| {
            let folds = split(&labels, keys, &mut Random::new(1)).into_iter();
            folds.map(|fold| fold.asked).collect::<Vec<_>>()
        };
        let before = asked(&keys);
        keys[3] = 0;
        assert_eq!(asked(&keys), before);
        keys[6..9].fill(0);
        assert_ne!(asked(&keys), before);
    }

    #[test]
    fn copies_are_learned_together_or_asked_together_whatever_their_labels() {
        // 60 examples of two labels that say 15 things, some of them with both labels.
        let (labels, keys): (Vec<u32>, Vec<u64>) = (0..60)
            .map(|index: u64| (u32::from(index.is_multiple_of(4)), index * index % 29))
            .unzip();
        for seed in 0..20 {
            let folds = split(&labels, &keys, &mut Random::new(seed));
            assert!(folds.len() > 1 && is_learned(&folds, &labels));
            for fold in folds {
                let learned = |index: &usize| fold.learned.iter().any(|l| keys[*l] == keys[*index]);
                assert!(!fold.asked.iter().any(learned), "{:?}", fold.asked);
            }
        }
    }

    #[test]
    fn a_label_that_says_one_thing_only_is_never_held_out() {
        let (labels, keys) = ([0, 0, 0, 1, 1, 1], [7, 7, 7, 1, 2, 3]);
        let folds = split(&labels, &keys, &mut Random::new(1));
        let asked: usize = folds.iter().map(|fold| fold.asked.len()).sum();
        assert!(
            folds
                .iter()
                .all(|fold| fold.learned.starts_with(&[0, 1, 2]))
        );
        assert_eq!(asked, 3);
    }

    #[test]
    fn a_label_whose_examples_others_have_as_well_is_always_learned_from() {
        for seed in 0..20 {
            let (labels, keys) = ([0, 0, 1, 1, 2, 2, 2], [1, 3, 2, 4, 1, 2, 2]);
            let folds = divide(&labels, &keys, 2, &mut Random::new(seed));
            assert!(is_learned(&folds, &labels), "{seed}");
        }
    }

    #[test]
    fn folds_are_even_where_some_utterances_have_many_copies() {
        let labels = [0; 40];
        let keys: Vec<u64> = (0..40)
            .map(|index| if index < 20 { index / 5 } else { index })
            .collect();
        let folds = divide(&labels, &keys, 5, &mut Random::new(1));
        let sizes: Vec<usize> = folds.iter().map(|fold| fold.asked.len()).collect();
        assert_eq!(sizes, [8; 5]);
    }
}
