//! Weights of features of which each knows few labels: only those that are not nothing are kept.

use super::super::dictionary::{Dictionary, Seeded};
use super::super::weights::is_usable;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// Smaller weights are next to nothing.
const LEAST: f32 = 0.05;

/// A weight that is being learned.
#[derive(Clone, Copy, Default)]
struct Cell {
    label: u16,
    weight: f32,
}

/// Where the weights of a feature are, side by side, and for how many there is room.
#[derive(Clone, Copy, Default)]
struct Row {
    start: u32,
    len: u16,
    room: u16,
}

impl Row {
    const fn places(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

/// Weights that are being learned.
pub(super) struct Learned {
    rows: HashMap<u64, Row, Seeded>,
    cells: Vec<Cell>,
    /// Of each of them each change times the step at which it was made: what the average lacks.
    lags: Vec<f32>,
    /// Where rows were that have moved, by their room.
    free: BTreeMap<u16, Vec<u32>>,
    /// How many weights there are.
    count: usize,
    most: usize,
}

impl Learned {
    /// None yet, and never more than `most` weights.
    pub(super) fn new(most: usize) -> Self {
        Self {
            rows: HashMap::default(),
            cells: Vec::new(),
            lags: Vec::new(),
            free: BTreeMap::new(),
            count: 0,
            most,
        }
    }

    /// Adds the weights of features to a sum per label. They lie all over the memory: all are looked up before any is
    /// read, so that many are waited for at a time.
    pub(super) fn add_to(&self, features: &[u64], sums: &mut [f32]) {
        let rows = features.iter().filter_map(|feature| self.rows.get(feature));
        let rows: Vec<Row> = rows.copied().collect();
        for row in rows {
            for cell in &self.cells[row.places()] {
                sums[usize::from(cell.label)] += cell.weight;
            }
        }
    }

    /// Moves a feature's weight for a label at a step. Where there are too many weights the smallest make room.
    pub(super) fn change(&mut self, feature: u64, label: u16, by: f32, step: f32) {
        let mut places = self.row(feature).places();
        if let Some(place) = places.find(|place| self.cells[*place].label == label) {
            self.cells[place].weight += by;
            self.lags[place] += by * step;
            return;
        }
        if self.count >= self.most {
            self.thin_out();
        }
        let row = self.with_room(feature);
        let place = row.places().end;
        self.cells[place] = Cell { label, weight: by };
        self.lags[place] = by * step;
        self.count += 1;
        let len = row.len + 1;
        self.rows.insert(feature, Row { len, ..row });
    }

    /// The row of a feature, with room for one more weight.
    fn with_room(&mut self, feature: u64) -> Row {
        let row = self.row(feature);
        if row.len < row.room {
            return row;
        }
        if self.cells.len() > self.most / 2 * 3 {
            self.keep(|_| true);
        }
        let row = self.row(feature);
        let room = row.room + (row.room / 2).max(2);
        let free = self.free.get_mut(&room).and_then(Vec::pop);
        let start = free.unwrap_or_else(|| {
            let start = self.cells.len();
            self.cells
                .resize(start + usize::from(room), Cell::default());
            self.lags.resize(self.cells.len(), 0.0);
            position(start)
        });
        self.cells.copy_within(row.places(), start as usize);
        self.lags.copy_within(row.places(), start as usize);
        if row.room > 0 {
            self.free.entry(row.room).or_default().push(row.start);
        }
        Row { start, room, ..row }
    }

    /// Forgets the smallest weights, a quarter of all at least.
    fn thin_out(&mut self) {
        let mut least = 1.0;
        while self.count > self.most / 4 * 3 {
            self.keep(|cell| cell.weight.abs() > least);
            least *= 2.0;
        }
    }

    /// Keeps some of the weights, each row without room for more, and no free places.
    fn keep(&mut self, is_kept: impl Fn(&Cell) -> bool) {
        let (mut cells, mut lags) = (Vec::new(), Vec::new());
        self.rows.retain(|_, row| {
            let start = cells.len();
            for place in row.places().filter(|place| is_kept(&self.cells[*place])) {
                cells.push(self.cells[place]);
                lags.push(self.lags[place]);
            }
            let len = u16::try_from(cells.len() - start).expect("there are at most 501 labels");
            (row.start, row.len, row.room) = (position(start), len, len);
            len > 0
        });
        self.free.clear();
        self.count = cells.len();
        (self.cells, self.lags) = (cells, lags);
    }

    /// The averages over so many steps, without what is next to nothing; of each feature the latest weight first.
    pub(super) fn average(&self, steps: f32) -> (Dictionary, Sparse) {
        let mut rows: Vec<(u64, Row)> = self.rows.iter().map(|(f, row)| (*f, *row)).collect();
        rows.sort_unstable_by_key(|(feature, _)| *feature);
        let rows = rows.into_iter().map(|(feature, row)| {
            let average = move |place: usize| {
                let Cell { label, weight } = self.cells[place];
                (label, weight - self.lags[place] / steps)
            };
            (feature, row.places().rev().map(average))
        });
        Sparse::of(rows)
    }

    fn row(&self, feature: u64) -> Row {
        self.rows.get(&feature).copied().unwrap_or_default()
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
    use super::super::super::random::Random;
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
    fn many_weights_of_many_features_are_as_they_were_changed() {
        // So few places that rows move, and are put together, all the time.
        let (mut learned, mut wanted) = (Learned::new(250), BTreeMap::new());
        let mut random = Random::new(1);
        for step in 0..2_000_u16 {
            let feature = random.below(50) as u64;
            let (label, by) = (random.below(5), [-1.0, 1.0][random.below(2)]);
            learned.change(feature, u16::try_from(label).unwrap(), by, f32::from(step));
            *wanted.entry((feature, label)).or_insert(0.0_f32) += by;
        }
        assert_eq!(learned.count, wanted.len());
        for feature in 0..50 {
            let mut sums = [0.0; 5];
            learned.add_to(&[feature, 99, feature], &mut sums);
            for (label, sum) in sums.into_iter().enumerate() {
                let wanted = 2.0 * wanted.get(&(feature, label)).copied().unwrap_or_default();
                assert!((sum - wanted).abs() < 0.1, "{feature}, {label}: {sum}");
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
            learned.add_to(&[feature], &mut sums);
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
