//! The averaged structured perceptron: learns to label a sequence.
//!
//! Collins, "Discriminative Training Methods for Hidden Markov Models", 2002. It guesses a whole sequence, and where
//! the guess is wrong moves the weights from the guess to the truth; the average over all steps is what is kept. While
//! it learns every wrong label is given a margin, so that the truth has to lead by as much (Taskar, Guestrin and Koller,
//! "Max-Margin Markov Networks", 2003).

use super::super::dictionary::Dictionary;
use super::super::progress::{Cancelled, Progress};
use super::super::random::Random;
use super::super::weights::Quantised;
use super::meanings::{Lessons, Meanings};
use super::sparse::{Learned, Sparse};
use super::viterbi::viterbi;

/// Sentences that are looked at in all, where every one is not seen too often for that.
const LOOKS: usize = 60_000;
/// How often every sentence is seen at least, and at most.
const EPOCHS: (usize, usize) = (10, 40);

/// By how much the truth has to lead: a wrong token moves its score by two for each of its 40 features.
const MARGIN: f32 = 30.0;

/// Weights at most: 72 MiB while they are learned, with room for more, and as much for the dictionary.
const MOST_WEIGHTS: usize = 1 << 22;

/// How often each of so many sentences is seen.
pub(super) fn epochs(sentences: usize) -> usize {
    let (least, most) = EPOCHS;
    (LOOKS / sentences.max(1)).clamp(least, most)
}

/// A sentence: for each token its features, what it means, and its label.
pub(super) struct Sentence {
    /// The features of each token.
    pub(super) features: Vec<Vec<u64>>,
    /// The meaning of each token; empty without an encoder.
    pub(super) meanings: Meanings,
    /// The label of each token.
    pub(super) labels: Vec<u16>,
}

/// What was learned.
pub(super) struct Lesson {
    /// The features that made a difference.
    pub(super) dictionary: Dictionary,
    /// A row per feature.
    pub(super) weights: Sparse,
    /// A row per number of a meaning; none without an encoder.
    pub(super) meant: Option<Quantised>,
    /// From label to label, row by row.
    pub(super) transitions: Vec<f32>,
}

/// Learns from so many sentences, which are made each time that they are seen, with this many labels, and numbers of a
/// meaning if there is an encoder; label 0 is "nothing", then begin and inside of each kind in turn.
pub(super) fn learn(
    (count, sentence): (usize, impl Fn(usize, &mut Random) -> Sentence),
    (labels, numbers): (usize, Option<usize>),
    random: &mut Random,
    progress: &Progress,
) -> Result<Lesson, Cancelled> {
    let mut learner = Learner::new(labels, numbers);
    let mut order: Vec<usize> = (0..count).collect();
    for _ in 0..epochs(count) {
        random.shuffle(&mut order);
        for index in &order {
            learner.see(&sentence(*index, random));
            progress.advance(1)?;
        }
    }
    Ok(learner.average())
}

struct Learner {
    labels: usize,
    weights: Learned,
    meant: Option<Lessons>,
    /// From label to label, row by row.
    transitions: Vec<f32>,
    /// What their average lacks.
    transitions_lag: Vec<f32>,
    step: f32,
}

impl Learner {
    fn new(labels: usize, numbers: Option<usize>) -> Self {
        Self {
            labels,
            weights: Learned::new(MOST_WEIGHTS),
            meant: numbers.map(|numbers| Lessons::new(numbers, labels)),
            transitions: vec![0.0; labels * labels],
            transitions_lag: vec![0.0; labels * labels],
            step: 1.0,
        }
    }

    fn see(&mut self, sentence: &Sentence) {
        let mut emissions = vec![MARGIN; sentence.labels.len() * self.labels];
        let tokens = sentence.features.iter().zip(&sentence.labels);
        for ((features, truth), scores) in tokens.zip(emissions.chunks_exact_mut(self.labels)) {
            scores[usize::from(*truth)] = 0.0;
            self.weights.add_to(features, scores);
        }
        if let Some(meant) = &self.meant {
            let rows = emissions.chunks_exact_mut(self.labels);
            for (meaning, scores) in sentence.meanings.iter().zip(rows) {
                meant.add_to(meaning, scores);
            }
        }
        let guess = viterbi(&emissions, &self.transitions, self.labels);
        if guess != sentence.labels {
            self.correct(sentence, &guess);
        }
        self.step += 1.0;
    }

    fn correct(&mut self, sentence: &Sentence, guess: &[u16]) {
        let mut before = None;
        for (index, (truth, guess)) in sentence.labels.iter().zip(guess).enumerate() {
            if truth != guess {
                for feature in &sentence.features[index] {
                    self.weights.change(*feature, *truth, 1.0, self.step);
                    self.weights.change(*feature, *guess, -1.0, self.step);
                }
                if let Some((meant, meaning)) =
                    self.meant.as_mut().zip(sentence.meanings.get(index))
                {
                    meant.change(meaning, *truth, 1.0, self.step);
                    meant.change(meaning, *guess, -1.0, self.step);
                }
            }
            if let Some((truth_before, guess_before)) = before {
                self.move_transition(truth_before, *truth, 1.0);
                self.move_transition(guess_before, *guess, -1.0);
            }
            before = Some((*truth, *guess));
        }
    }

    fn move_transition(&mut self, from: u16, to: u16, by: f32) {
        let place = usize::from(from) * self.labels + usize::from(to);
        self.transitions[place] += by;
        self.transitions_lag[place] += by * self.step;
    }

    fn average(self) -> Lesson {
        let (dictionary, weights) = self.weights.average(self.step);
        let transitions = self.transitions.iter().zip(&self.transitions_lag);
        let transitions = transitions.map(|(weight, lag)| weight - lag / self.step);
        Lesson {
            dictionary,
            weights,
            meant: self.meant.map(|meant| meant.average(self.step)),
            transitions: transitions.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_what_begins_and_continues_a_thing() {
        let sentence = |features: &[u64], labels: &[u16]| Sentence {
            features: features.iter().map(|feature| vec![*feature]).collect(),
            meanings: Meanings::new(),
            labels: labels.to_vec(),
        };
        let sentences = |index, _: &mut Random| match index {
            0 => sentence(&[1, 2, 3, 1], &[0, 1, 2, 0]),
            _ => sentence(&[1, 1, 2], &[0, 0, 1]),
        };
        let random = &mut Random::new(1);
        let lesson = learn((2, sentences), (3, None), random, &Progress::new()).unwrap();
        let mut emissions = [0.0; 9];
        for (feature, sums) in [2, 3, 1].iter().zip(emissions.chunks_exact_mut(3)) {
            let row = lesson.dictionary.row(*feature).unwrap();
            lesson.weights.add_to(row, sums);
        }
        assert_eq!(viterbi(&emissions, &lesson.transitions, 3), [1, 2, 0]);
    }

    #[test]
    fn learns_from_meanings_what_no_feature_tells() {
        let meaning = |is_thing| {
            let numbers = if is_thing { [1.0, 0.0] } else { [0.0, 1.0] };
            (0..).zip(numbers).collect()
        };
        let sentence = |labels: &[u16]| Sentence {
            features: labels.iter().map(|_| vec![1]).collect(),
            meanings: labels.iter().map(|label| meaning(*label > 0)).collect(),
            labels: labels.to_vec(),
        };
        let sentences = |index, _: &mut Random| match index {
            0 => sentence(&[0, 1, 0]),
            _ => sentence(&[1, 0]),
        };
        let random = &mut Random::new(1);
        let lesson = learn((2, sentences), (3, Some(2)), random, &Progress::new()).unwrap();
        let meant = lesson.meant.unwrap();
        let mut emissions = [0.0; 6];
        for (is_thing, sums) in [false, true].into_iter().zip(emissions.chunks_exact_mut(3)) {
            meant.add_rows(&meaning(is_thing), sums);
        }
        assert_eq!(viterbi(&emissions, &lesson.transitions, 3), [0, 1]);
    }

    #[test]
    fn few_sentences_are_seen_more_often() {
        assert_eq!([0, 100, 3_000, 1_000_000].map(epochs), [40, 40, 20, 10]);
    }
}
