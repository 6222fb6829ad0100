//! What the tokens of an utterance mean where they stand, as an encoder has read them, and what that says of their labels.

use super::super::encoder::Reading;
use super::super::text::Text;
use super::super::weights::{Learned, Quantised};

/// How long the meaning of a token is, beside its forty features of which each is 1 long. Longer ones learn what stands in
/// the examples by heart.
const LENGTH: f32 = 2.0;

/// For each token the numbers of its meaning, and where they stand; none of what the encoder has not read.
pub(super) type Meanings = Vec<Vec<(u32, f32)>>;

/// The meanings of an utterance.
pub(super) fn meanings(text: &Text, reading: &Reading) -> Meanings {
    let tokens = text.tokens().iter();
    let meaning = |token| {
        let meaning = reading.meaning_of(token);
        (0..)
            .zip(meaning.iter().map(|number| number * LENGTH))
            .collect()
    };
    tokens.map(meaning).collect()
}

/// The same in a byte for each number, while others are learned from.
#[derive(Clone)]
pub(super) struct Kept(Quantised);

impl Kept {
    pub(super) fn new(meanings: &Meanings) -> Self {
        let columns = meanings.first().map_or(0, Vec::len);
        let mut rows = Learned::new(meanings.len(), columns);
        for (row, meaning) in (0..).zip(meanings) {
            let numbers = rows.row_mut(row).iter_mut().zip(meaning);
            numbers.for_each(|(kept, (_, number))| *kept = *number);
        }
        Self(rows.quantise())
    }

    pub(super) fn meanings(&self) -> Meanings {
        self.0.rows().map(|row| (0..).zip(row).collect()).collect()
    }
}

/// What each number says for each label, while it is learned.
pub(super) struct Lessons {
    /// A row per number, a column per label.
    weights: Learned,
    /// Of each of them each change times the step at which it was made: what the average lacks.
    lags: Learned,
    numbers: u32,
}

impl Lessons {
    pub(super) fn new(numbers: usize, labels: usize) -> Self {
        Self {
            weights: Learned::new(numbers, labels),
            lags: Learned::new(numbers, labels),
            numbers: u32::try_from(numbers).expect("an encoder has some hundred numbers"),
        }
    }

    /// Adds what a meaning says to a sum per label.
    pub(super) fn add_to(&self, meaning: &[(u32, f32)], sums: &mut [f32]) {
        self.weights.add_rows(meaning, sums);
    }

    /// Moves the weights of a label at a step towards a meaning, or away from it.
    pub(super) fn change(&mut self, meaning: &[(u32, f32)], label: u16, by: f32, step: f32) {
        for (row, number) in meaning {
            self.weights.row_mut(*row)[usize::from(label)] += by * number;
            self.lags.row_mut(*row)[usize::from(label)] += by * number * step;
        }
    }

    /// The averages over so many steps.
    pub(super) fn average(mut self, steps: f32) -> Quantised {
        for row in 0..self.numbers {
            let lags = self.lags.row(row).iter();
            let weights = self.weights.row_mut(row).iter_mut();
            weights.zip(lags).for_each(|(w, lag)| *w -= lag / steps);
        }
        self.weights.quantise()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_meaning_is_the_same_within_a_hundredth() {
        let meanings: Meanings = vec![vec![(0, 1.27), (1, -0.5)], vec![(0, 0.0), (1, 0.0)]];
        let kept = Kept::new(&meanings).meanings();
        let numbers = kept.iter().flatten().zip(meanings.iter().flatten());
        for ((at, got), (wanted_at, wanted)) in numbers {
            assert!(at == wanted_at && (got - wanted).abs() < 0.01, "{kept:?}");
        }
        assert_eq!((kept.len(), kept[1].len()), (2, 2));
        assert_eq!(Kept::new(&Vec::new()).meanings(), Meanings::new());
    }

    #[test]
    fn averages_what_was_learned() {
        let mut lessons = Lessons::new(2, 2);
        lessons.change(&[(0, 1.0), (1, -2.0)], 1, 1.0, 0.0);
        lessons.change(&[(0, 4.0)], 0, -1.0, 5.0);
        let mut sums = [0.0; 2];
        lessons.add_to(&[(0, 1.0), (1, 1.0)], &mut sums);
        let is_near = |sums: [f32; 2], wanted: [f32; 2]| {
            let mut both = sums.iter().zip(wanted);
            both.all(|(got, wanted)| (got - wanted).abs() < 0.01)
        };
        assert!(is_near(sums, [-4.0, -1.0]), "{sums:?}");
        let averages = lessons.average(10.0);
        for (meaning, wanted) in [(0, [-2.0, 1.0]), (1, [0.0, -2.0])] {
            let mut sums = [0.0; 2];
            averages.add_rows(&[(meaning, 1.0)], &mut sums);
            assert!(is_near(sums, wanted), "{meaning}: {sums:?}");
        }
    }
}
