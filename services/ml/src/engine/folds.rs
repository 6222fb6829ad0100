//! Which examples are held out to see how good a model is.

use super::random::Random;

/// The part that is held out at a time is one of this many.
const FOLDS: usize = 5;
/// Up to here every example is held out once; above, a single fifth tells enough.
const SMALL: usize = 3_000;

/// What one held-out training learns from and is then asked.
pub(super) struct Fold {
    /// The examples that it learns from.
    pub(super) learned: Vec<usize>,
    /// The examples that it is asked.
    pub(super) asked: Vec<usize>,
}

/// The folds, in which every label has its part of the examples. A label's only example is
/// never held out. Empty where nothing can be held out.
pub(super) fn split(labels: &[u32], random: &mut Random) -> Vec<Fold> {
    let mut folds = divide(labels, FOLDS, random);
    if labels.len() > SMALL {
        folds.truncate(1);
    }
    folds
}

/// As many folds as said, fewer where there are fewer examples to hold out.
pub(super) fn divide(labels: &[u32], count: usize, random: &mut Random) -> Vec<Fold> {
    let fold_of = assign(labels, count, random);
    let fold = |number: usize| {
        let (asked, learned) = (0..labels.len()).partition(|index| fold_of[*index] == Some(number));
        Fold { learned, asked }
    };
    (0..count)
        .map(fold)
        .filter(|fold| !fold.asked.is_empty())
        .collect()
}

fn assign(labels: &[u32], count: usize, random: &mut Random) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    random.shuffle(&mut order);
    order.sort_by_key(|index| labels[*index]);
    let mut fold_of = vec![None; labels.len()];
    let mut next = 0;
    for group in order
        .chunk_by(|a, b| labels[*a] == labels[*b])
        .filter(|group| group.len() > 1)
    {
        for index in group {
            fold_of[*index] = Some(next % count);
            next += 1;
        }
    }
    fold_of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_every_example_of_a_small_set_out_once() {
        let labels: Vec<u32> = (0..50).map(|index| index % 7).collect();
        let folds = split(&labels, &mut Random::new(1));
        let mut asked: Vec<usize> = folds.iter().flat_map(|fold| fold.asked.clone()).collect();
        asked.sort_unstable();
        assert_eq!(asked, (0..50).collect::<Vec<_>>());
        for fold in folds {
            assert_eq!(fold.asked.len() + fold.learned.len(), 50);
        }
    }

    #[test]
    fn never_holds_out_the_only_example_of_a_label() {
        let folds = split(&[0, 0, 1], &mut Random::new(1));
        assert!(folds.iter().all(|fold| fold.learned.contains(&2)));
    }

    #[test]
    fn has_no_folds_where_nothing_can_be_held_out() {
        assert!(split(&[0, 1], &mut Random::new(1)).is_empty());
    }
}
