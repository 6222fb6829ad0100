//! Weights of features of which each knows few labels: only those that are not nothing are kept.

use super::super::dictionary::{Dictionary, Seeded};
use super::super::weights::is_usable;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;

/// Where a feature's weights end.
const END: u32 = u32::MAX;

/// Smaller weights are next to nothing.
const LEAST: f32 = 0.05;

/// A weight that is being learned.
#[derive(Clone, Copy)]
struct Cell {
    label: u16,
    weight: f32,
    /// Each change times the step at which it was made: what the average lacks.
    lag: f32,
    /// The feature's next weight.
    next: u32,
}

/// Weights that are being learned.
pub(super) struct Learned {
    /// A feature's first weight.
    firsts: HashMap<u64, u32, Seeded>,
    cells: Vec<Cell>,
    most: usize,
}

impl Learned {
    /// None yet, and never more than `most` weights.
    pub(super) fn new(most: usize) -> Self {
        Self {
            firsts: HashMap::default(),
            cells: Vec::new(),
            most,
        }
    }

    /// Adds the weights of a feature to a sum per label.
    pub(super) fn add_to(&self, feature: u64, sums: &mut [f32]) {
        for cell in chain(&self.cells, self.first(feature)) {
            sums[usize::from(cell.label)] += cell.weight;
        }
    }

    /// Moves a feature's weight for a label at a step. Where there are too many weights the smallest make room.
    pub(super) fn change(&mut self, feature: u64, label: u16, by: f32, step: f32) {
        let mut place = self.first(feature);
        while let Some(cell) = self.cells.get_mut(place as usize) {
            if cell.label == label {
                cell.weight += by;
                cell.lag += by * step;
                return;
            }
            place = cell.next;
        }
        if self.cells.len() >= self.most {
            self.thin_out();
        }
        let next = self.first(feature);
        self.firsts.insert(feature, position(self.cells.len()));
        self.cells.push(Cell {
            label,
            weight: by,
            lag: by * step,
            next,
        });
    }

    /// Forgets the smallest weights, a quarter of all at least.
    fn thin_out(&mut self) {
        let mut least = 1.0;
        while self.cells.len() > self.most / 4 * 3 {
            let mut kept = Vec::with_capacity(self.most);
            self.firsts.retain(|_, first| {
                let all = chain(&self.cells, *first);
                let large = all.filter(|cell| cell.weight.abs() > least);
                *first = link(large, &mut kept);
                *first != END
            });
            self.cells = kept;
            least *= 2.0;
        }
    }

    /// The averages over so many steps, without what is next to nothing.
    pub(super) fn average(&self, steps: f32) -> (Dictionary, Sparse) {
        let mut firsts: Vec<_> = self.firsts.iter().collect();
        firsts.sort_unstable();
        let rows = firsts.into_iter().map(|(feature, first)| {
            let weights = chain(&self.cells, *first);
            let average = move |cell: &Cell| (cell.label, cell.weight - cell.lag / steps);
            (*feature, weights.map(average))
        });
        Sparse::of(rows)
    }

    fn first(&self, feature: u64) -> u32 {
        self.firsts.get(&feature).copied().unwrap_or(END)
    }
}

/// The weights of a feature, from its first on.
fn chain(cells: &[Cell], mut place: u32) -> impl Iterator<Item = &Cell> {
    std::iter::from_fn(move || {
        let cell = cells.get(place as usize)?;
        place = cell.next;
        Some(cell)
    })
}

/// Puts the weights of a feature behind others, in their order; answers where the first is.
fn link<'a>(weights: impl Iterator<Item = &'a Cell>, cells: &mut Vec<Cell>) -> u32 {
    let start = cells.len();
    for cell in weights {
        let next = position(cells.len() + 1);
        cells.push(Cell { next, ..*cell });
    }
    match cells[start..].last_mut() {
        Some(last) => {
            last.next = END;
            position(start)
        }
        None => END,
    }
}

fn position(place: usize) -> u32 {
    u32::try_from(place).expect("there is no memory for 2^32")
}

/// Weights that serve, in two bytes each, with their labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sparse {
    /// What a step of a weight is worth.
    scale: f32,
    /// For each row one past its last weight.
    ends: Vec<u32>,
    labels: Vec<u16>,
    weights: Vec<i16>,
}

impl Sparse {
    /// The weights of features, and a row for each feature that has one.
    pub(super) fn of<W>(rows: impl Iterator<Item = (u64, W)> + Clone) -> (Dictionary, Self)
    where
        W: Iterator<Item = (u16, f32)>,
    {
        let all = rows.clone().flat_map(|(_, weights)| weights);
        let largest = all.fold(0.0_f32, |largest, (_, weight)| largest.max(weight.abs()));
        let scale = (largest / f32::from(i16::MAX)).max(f32::MIN_POSITIVE);
        let mut dictionary = Dictionary::default();
        let mut kept = Self {
            scale,
            ..Self::default()
        };
        for (feature, weights) in rows {
            let before = kept.labels.len();
            for (label, weight) in weights.filter(|(_, weight)| weight.abs() >= LEAST) {
                kept.labels.push(label);
                kept.weights.push(steps(weight / scale));
            }
            if kept.labels.len() > before {
                dictionary.row_or_new(feature);
                kept.ends.push(
                    kept.labels
                        .len()
                        .try_into()
                        .expect("there is no memory for 2^32"),
                );
            }
        }
        (dictionary, kept)
    }

    /// Adds the weights of a row to a sum per label.
    pub(super) fn add_to(&self, row: u32, sums: &mut [f32]) {
        let place = self.place(row as usize);
        for (label, weight) in self.labels[place.clone()].iter().zip(&self.weights[place]) {
            sums[usize::from(*label)] += f32::from(*weight) * self.scale;
        }
    }

    fn place(&self, row: usize) -> Range<usize> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        start as usize..self.ends[row] as usize
    }

    /// Bytes in memory.
    pub(super) const fn bytes(&self) -> usize {
        self.labels.len() * 4 + self.ends.len() * 4
    }

    /// Whether it has so many rows, of weights for so many labels.
    pub(super) fn is_sound(&self, rows: usize, labels: usize) -> bool {
        self.ends.len() == rows
            && self.ends.is_sorted()
            && self.ends.last().map_or(0, |end| *end as usize) == self.labels.len()
            && self.weights.len() == self.labels.len()
            && self.labels.iter().all(|label| usize::from(*label) < labels)
            && is_usable(self.scale)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the scale keeps the value within -32767..=32767"
)]
fn steps(weight: f32) -> i16 {
    weight.round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a feature adds to the sums of three labels.
    fn sums(dictionary: &Dictionary, weights: &Sparse, feature: u64) -> [f32; 3] {
        let mut sums = [0.0; 3];
        weights.add_to(dictionary.row(feature).unwrap(), &mut sums);
        sums
    }

    #[test]
    fn averages_what_was_learned_and_leaves_out_what_is_nothing() {
        let mut learned = Learned::new(10);
        learned.change(7, 0, 2.0, 0.0);
        learned.change(7, 2, -3.0, 5.0);
        // Went up and down again at once.
        learned.change(8, 1, 1.0, 4.0);
        learned.change(8, 1, -1.0, 4.0);
        learned.change(9, 1, 1.0, 0.0);
        learned.change(9, 1, 1.0, 5.0);
        let (dictionary, weights) = learned.average(10.0);
        assert!(weights.is_sound(2, 3));
        assert_eq!(dictionary.in_order(), [7, 9]);
        for (feature, wanted) in [(7, [2.0, 0.0, -1.5]), (9, [0.0, 1.5, 0.0])] {
            for (got, wanted) in sums(&dictionary, &weights, feature).iter().zip(wanted) {
                assert!(
                    (got - wanted).abs() < 0.001,
                    "{feature}: {got}, not {wanted}"
                );
            }
        }
    }

    #[test]
    fn forgets_the_smallest_weights_where_there_are_too_many() {
        let mut learned = Learned::new(4);
        for (feature, label, by) in [(7, 0, 3.0), (7, 1, 1.0), (7, 2, -2.0), (8, 0, 1.0)] {
            learned.change(feature, label, by, 0.0);
        }
        learned.change(9, 1, 1.0, 0.0);
        for (feature, wanted) in [(7, [3.0, 0.0, -2.0]), (8, [0.0; 3]), (9, [0.0, 1.0, 0.0])] {
            let mut sums = [0.0; 3];
            learned.add_to(feature, &mut sums);
            let differs = sums
                .iter()
                .zip(wanted)
                .any(|(sum, wanted)| (sum - wanted).abs() > 0.1);
            assert!(!differs, "{feature}: {sums:?}");
        }
        assert_eq!(learned.average(1.0).0.in_order(), [7, 9]);
    }

    #[test]
    fn a_label_a_row_or_a_number_that_cannot_be_is_unsound() {
        let rows = [(7, vec![(0, 1.0), (2, -1.0)]), (8, vec![(1, 0.5)])];
        let rows = rows
            .iter()
            .map(|(feature, weights)| (*feature, weights.iter().copied()));
        let (_, sound) = Sparse::of(rows);
        assert!(sound.is_sound(2, 3));
        assert!(!sound.is_sound(2, 2) && !sound.is_sound(3, 3) && !sound.is_sound(1, 3));
        let changed = |change: fn(&mut Sparse)| {
            let mut changed = sound.clone();
            change(&mut changed);
            changed.is_sound(2, 3)
        };
        assert!(!changed(|weights| weights.scale = f32::NAN));
        assert!(!changed(|weights| weights.ends[0] = 4));
        assert!(!changed(|weights| weights.ends[1] = 2));
        assert!(!changed(|weights| weights.weights.push(1)));
        assert!(!changed(|weights| weights.ends.clear()));
    }
}
