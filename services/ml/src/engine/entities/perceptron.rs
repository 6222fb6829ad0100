//! The averaged structured perceptron: learns to label a sequence.
//!
//! Collins, "Discriminative Training Methods for Hidden Markov Models", 2002. It guesses a
//! whole sequence, and where the guess is wrong moves the weights from the guess to the truth;
//! the average over all steps is what is kept.

use super::super::dictionary::Dictionary;
use super::super::progress::Progress;
use super::super::random::Random;
use super::super::train::TrainError;
use super::super::weights::Learned;

/// How often every sentence is seen.
pub(super) const EPOCHS: usize = 10;

/// Weights (features times labels) at most: 128 MiB while they are learned, with what their average lacks.
const MOST_WEIGHTS: usize = 1 << 24;

/// A sentence: for each token its features and its label.
pub(super) struct Sentence {
    /// The features of each token.
    pub(super) features: Vec<Vec<u64>>,
    /// How many of them come first that do not tell which word the token is.
    pub(super) unworded: usize,
    /// The label of each token.
    pub(super) labels: Vec<usize>,
}

impl Sentence {
    /// Makes every third word unknown, so that what is learned leans on the form and the neighbours of a word as much as
    /// on the word.
    fn thin(&mut self, random: &mut Random) {
        for features in &mut self.features {
            if random.below(3) == 0 {
                features.truncate(self.unworded);
            }
        }
    }
}

/// What was learned.
pub(super) struct Lesson {
    /// The features that made a difference.
    pub(super) dictionary: Dictionary,
    /// A row per feature, a column per label.
    pub(super) weights: Learned,
    /// From label to label, row by row.
    pub(super) transitions: Vec<f32>,
}

/// Learns from so many sentences, which are made each time that they are seen, with this many labels; label 0 is
/// "nothing", then begin and inside of each kind in turn.
pub(super) fn learn(
    sentences: (usize, impl Fn(usize) -> Sentence),
    labels: usize,
    random: &mut Random,
    progress: &Progress,
) -> Result<Lesson, TrainError> {
    learn_within(MOST_WEIGHTS, sentences, (labels, random), progress)
}

fn learn_within(
    most_weights: usize,
    (count, sentence): (usize, impl Fn(usize) -> Sentence),
    (labels, random): (usize, &mut Random),
    progress: &Progress,
) -> Result<Lesson, TrainError> {
    let mut learner = Learner::new(labels, most_weights);
    let mut order: Vec<usize> = (0..count).collect();
    for _ in 0..EPOCHS {
        random.shuffle(&mut order);
        for index in &order {
            let mut sentence = sentence(*index);
            sentence.thin(random);
            learner.see(&sentence);
            if learner.is_full {
                return Err(TrainError::ManyWeights);
            }
            progress.advance(1)?;
        }
    }
    Ok(learner.average())
}

struct Learner {
    labels: usize,
    dictionary: Dictionary,
    weights: Learned,
    /// Each change times the step at which it was made: what the average lacks.
    lag: Learned,
    transitions: Learned,
    transitions_lag: Learned,
    step: f32,
    /// Features that there may be.
    most_features: usize,
    /// Whether there were more.
    is_full: bool,
}

impl Learner {
    fn new(labels: usize, most_weights: usize) -> Self {
        Self {
            labels,
            most_features: most_weights / labels.max(1),
            is_full: false,
            dictionary: Dictionary::default(),
            weights: Learned::new(0, labels),
            lag: Learned::new(0, labels),
            transitions: Learned::new(labels, labels),
            transitions_lag: Learned::new(labels, labels),
            step: 1.0,
        }
    }

    fn see(&mut self, sentence: &Sentence) {
        let mut emissions = vec![0.0; sentence.features.len() * self.labels];
        for (features, scores) in sentence
            .features
            .iter()
            .zip(emissions.chunks_exact_mut(self.labels))
        {
            for row in features
                .iter()
                .filter_map(|feature| self.dictionary.row(*feature))
            {
                let weights = self.weights.row(row);
                scores
                    .iter_mut()
                    .zip(weights)
                    .for_each(|(score, weight)| *score += weight);
            }
        }
        let guess = viterbi(&emissions, self.transitions.all(), self.labels);
        self.correct(sentence, &guess);
        self.step += 1.0;
    }

    fn correct(&mut self, sentence: &Sentence, guess: &[usize]) {
        let mut before = None;
        for (index, (truth, guess)) in sentence.labels.iter().zip(guess).enumerate() {
            if truth != guess {
                for feature in &sentence.features[index] {
                    self.move_weight(*feature, *truth, 1.0);
                    self.move_weight(*feature, *guess, -1.0);
                }
            }
            if let Some((truth_before, guess_before)) = before {
                self.move_transition(truth_before, *truth, 1.0);
                self.move_transition(guess_before, *guess, -1.0);
            }
            before = Some((*truth, *guess));
        }
    }

    fn move_weight(&mut self, feature: u64, label: usize, by: f32) {
        let is_known = self.dictionary.row(feature).is_some();
        self.is_full |= !is_known && self.dictionary.len() >= self.most_features;
        if self.is_full {
            return;
        }
        let row = self.dictionary.row_or_new(feature);
        self.weights.grow(self.dictionary.len());
        self.lag.grow(self.dictionary.len());
        self.weights.row_mut(row)[label] += by;
        self.lag.row_mut(row)[label] += by * self.step;
    }

    fn move_transition(&mut self, from: usize, to: usize, by: f32) {
        let row = u32::try_from(from).expect("there are far fewer than 2^32 labels");
        self.transitions.row_mut(row)[to] += by;
        self.transitions_lag.row_mut(row)[to] += by * self.step;
    }

    fn average(mut self) -> Lesson {
        self.weights.subtract(&self.lag, self.step);
        self.transitions.subtract(&self.transitions_lag, self.step);
        Lesson {
            dictionary: self.dictionary,
            weights: self.weights,
            transitions: self.transitions.all().to_vec(),
        }
    }
}

/// The best sequence of labels: `emissions` has a row per token, `transitions` a row per label
/// that comes before. "Inside" follows only "begin" or "inside" of the same kind.
pub(super) fn viterbi(emissions: &[f32], transitions: &[f32], labels: usize) -> Vec<usize> {
    let mut rows = emissions.chunks_exact(labels);
    let Some(first) = rows.next() else {
        return Vec::new();
    };
    let mut scores: Vec<f32> = first.to_vec();
    scores
        .iter_mut()
        .skip(2)
        .step_by(2)
        .for_each(|inside| *inside = f32::NEG_INFINITY);
    let mut origins: Vec<u16> = Vec::with_capacity(emissions.len());
    for row in rows {
        let mut next = Vec::with_capacity(labels);
        for (label, emission) in row.iter().enumerate() {
            let (origin, score) = best_origin(&scores, transitions, label, labels);
            origins.push(u16::try_from(origin).expect("there are at most 501 labels"));
            next.push(score + emission);
        }
        scores = next;
    }
    trace_back(&scores, &origins, labels)
}

fn best_origin(scores: &[f32], transitions: &[f32], label: usize, labels: usize) -> (usize, f32) {
    let is_inside = label > 0 && label.is_multiple_of(2);
    let range = if is_inside {
        label - 1..label + 1
    } else {
        0..labels
    };
    let mut best = (range.start, f32::NEG_INFINITY);
    for from in range {
        let score = scores[from] + transitions[from * labels + label];
        if score > best.1 {
            best = (from, score);
        }
    }
    best
}

fn trace_back(scores: &[f32], origins: &[u16], labels: usize) -> Vec<usize> {
    let last = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    let mut label = last.map_or(0, |(label, _)| label);
    let mut path = vec![label];
    for row in origins.chunks_exact(labels).rev() {
        label = usize::from(row[label]);
        path.push(label);
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_never_comes_without_begin() {
        let emissions = [0.0, 0.0, 9.0, 1.0, 0.0, 5.0];
        assert_eq!(viterbi(&emissions, &[0.0; 9], 3), [1, 2]);
        assert_eq!(viterbi(&[0.0, -9.0, 9.0], &[0.0; 9], 3), [0]);
        assert_eq!(viterbi(&[], &[0.0; 9], 3), Vec::<usize>::new());
    }

    #[test]
    fn stops_where_the_weights_would_take_too_much_memory() {
        let sentence = |_| Sentence {
            features: (0..10).map(|feature| vec![feature]).collect(),
            unworded: 1,
            labels: [0, 1].repeat(5),
        };
        let learn = |most: usize| {
            let lesson = (3, &mut Random::new(1));
            learn_within(most, (1, sentence), lesson, &Progress::new()).map(drop)
        };
        assert!(learn(3 * 10).is_ok());
        assert!(matches!(learn(3), Err(TrainError::ManyWeights)));
    }

    #[test]
    fn learns_what_begins_and_continues_a_thing() {
        let sentence = |features: &[u64], labels: &[usize]| Sentence {
            features: features.iter().map(|feature| vec![*feature]).collect(),
            unworded: 1,
            labels: labels.to_vec(),
        };
        let sentences = |index| match index {
            0 => sentence(&[1, 2, 3, 1], &[0, 1, 2, 0]),
            _ => sentence(&[1, 1, 2], &[0, 0, 1]),
        };
        let lesson = (3, &mut Random::new(1));
        let lesson = learn((2, sentences), lesson.0, lesson.1, &Progress::new()).unwrap();
        let emissions: Vec<f32> = [2, 3, 1]
            .iter()
            .flat_map(|feature| lesson.weights.row(lesson.dictionary.row(*feature).unwrap()))
            .copied()
            .collect();
        assert_eq!(viterbi(&emissions, &lesson.transitions, 3), [1, 2, 0]);
    }
}
