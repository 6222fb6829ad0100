//! Makes confidences mean what they say, by what held-out examples showed.
//!
//! The temperature (Guo et al., "On Calibration of Modern Neural Networks", 2017) is the one
//! number that the scores are multiplied by before they become probabilities. The threshold
//! is where an answer becomes "out of scope". Where that was taught, its label is raised first to how
//! often it is said (Saerens, Latinne and Decaestecker, "Adjusting the Outputs of a Classifier to New
//! a Priori Probabilities", 2002): it tells more of what is out of scope than a low confidence does.

use super::sums::{power, softmax};
use serde::{Deserialize, Serialize};

/// The scores of a held-out example and its true label.
pub(super) struct HeldOut {
    /// A score per label.
    pub(super) scores: Vec<f32>,
    /// The true label.
    pub(super) label: usize,
}

/// How scores become an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibration {
    /// What scores are multiplied by.
    pub(super) sharpness: f32,
    /// The least confidence of an answer.
    pub(super) threshold: f32,
}

impl Default for Calibration {
    /// What is assumed where there is too little to hold out.
    fn default() -> Self {
        Self {
            sharpness: 1.0,
            threshold: 0.3,
        }
    }
}

/// The highest threshold: few held-out examples must not make a model that rejects everything.
const HIGHEST: f32 = 0.7;

/// The part of what people say that is taken to be out of scope where that was taught. Those who teach it give a few
/// examples, whose number says nothing of it.
const SAID_OUT_OF_SCOPE: f32 = 0.1;

/// No sharpness is higher: scores times it stay finite.
const SHARPEST: f32 = 1e4;

/// The lowest threshold: clearly above chance, which is much where there are few labels.
fn lowest(labels: usize) -> f32 {
    let chance = 1.0 / f32::from(u16::try_from(labels.max(1)).unwrap_or(u16::MAX));
    (0.2 + chance).min(HIGHEST)
}

impl Calibration {
    /// The calibration that fits the held-out examples, where this part of the right answers may be rejected, and by how
    /// much the score of `out_of_scope`, the label that is no intent, has to be raised for it. The scores of the held-out
    /// examples are raised as well.
    pub(super) fn fit(
        held_out: &mut [HeldOut],
        out_of_scope: Option<usize>,
        rejected: f64,
    ) -> (Self, f32) {
        let Some(first) = held_out.first() else {
            return (Self::default(), 0.0);
        };
        let (lowest, sharpness) = (lowest(first.scores.len()), sharpest(held_out));
        let is_right = |example: &HeldOut| {
            Some(example.label) != out_of_scope && best(&example.scores) == Some(example.label)
        };
        let right: Vec<usize> = (0..held_out.len())
            .filter(|index| is_right(&held_out[*index]))
            .collect();
        let mut raised = 0.0;
        if let Some(label) = out_of_scope {
            let most = quantile(leads(held_out, &right, label), rejected);
            raised = (missing(held_out, label) / sharpness).min(most).max(0.0);
            for example in held_out.iter_mut() {
                example.scores[label] += raised;
            }
        }
        let confidences = right
            .iter()
            .map(|index| confidence(&held_out[*index], sharpness));
        let threshold = quantile(confidences.collect(), rejected).clamp(lowest, HIGHEST);
        let calibration = Self {
            sharpness,
            threshold,
        };
        (calibration, raised)
    }

    /// Whether finite scores become probabilities.
    pub(super) fn is_sound(self) -> bool {
        (0.0..=SHARPEST).contains(&self.sharpness) && self.threshold.is_finite()
    }

    /// Turns scores into probabilities.
    pub(super) fn probabilities(self, scores: &mut [f32]) {
        for score in scores.iter_mut() {
            *score *= self.sharpness;
        }
        softmax(scores);
    }
}

/// By how much the log-odds of this label are higher in what people say than in the examples. Where none could be held
/// out there is one.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of examples are far below 2^24"
)]
fn missing(held_out: &[HeldOut], label: usize) -> f32 {
    let taught = held_out.iter().filter(|example| example.label == label);
    let taught = taught.count().max(1);
    let others = held_out.len().saturating_sub(taught);
    let said = SAID_OUT_OF_SCOPE / (1.0 - SAID_OUT_OF_SCOPE);
    (said * others as f32 / taught as f32).ln()
}

/// By how much each of these right answers leads over this label.
fn leads(held_out: &[HeldOut], right: &[usize], label: usize) -> Vec<f32> {
    let lead = |index: &usize| {
        let HeldOut {
            scores,
            label: right,
        } = &held_out[*index];
        scores[*right] - scores[label]
    };
    right.iter().map(lead).collect()
}

/// How sure the right answer is; not at all where another one is given.
fn confidence(example: &HeldOut, sharpness: f32) -> f32 {
    let mut probabilities: Vec<f32> = example.scores.iter().map(|s| s * sharpness).collect();
    softmax(&mut probabilities);
    let is_right = best(&probabilities) == Some(example.label);
    if is_right {
        probabilities[example.label]
    } else {
        0.0
    }
}

/// The index of the greatest number; none of an empty list.
pub(super) fn best(scores: &[f32]) -> Option<usize> {
    let indexed = scores.iter().enumerate();
    indexed
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map(|(index, _)| index)
}

/// The value below which a part of the values lies; 0 of none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index into a list that is far shorter than 2^52"
)]
fn quantile(mut values: Vec<f32>, part: f64) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let index = (values.len() as f64 * part) as usize;
    values.get(index).copied().unwrap_or_default()
}

/// The sharpness that makes the true labels most probable, by golden-section search.
fn sharpest(held_out: &[HeldOut]) -> f32 {
    const GOLDEN: f32 = 0.618_034;
    // By the rule of succession two more examples are thought of, with any label: however well a few held-out ones were
    // answered, they do not prove that the next one will be.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a number of examples is far below 2^24"
    )]
    let doubt = 2.0 / (held_out.len() as f32 + 2.0);
    let guesses: Vec<_> = held_out
        .iter()
        .map(|asked| Guess::new(asked, doubt))
        .collect();
    let surprise = |logarithm: f32| surprise(&guesses, logarithm.exp());
    let (mut low, mut high) = (-2.0_f32, 3.0_f32);
    let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_left, mut at_right) = (surprise(left), surprise(right));
    for _ in 0..20 {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = surprise(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = surprise(right);
        }
    }
    f32::midpoint(low, high).exp()
}

/// The scores of an example, and how they speak for its label.
struct Guess<'a> {
    scores: &'a [f32],
    largest: f32,
    /// By how much the score that is hoped for is below the largest.
    behind: f32,
}

impl<'a> Guess<'a> {
    /// The part `doubt` of the hope is for any label.
    fn new(HeldOut { scores, label }: &'a HeldOut, doubt: f32) -> Self {
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let labels = f32::from(u16::try_from(scores.len()).unwrap_or(u16::MAX));
        let mean = scores.iter().sum::<f32>() / labels;
        let hoped = (1.0 - doubt) * scores[*label] + doubt * mean;
        let behind = largest - hoped;
        Self {
            scores,
            largest,
            behind,
        }
    }
}

/// How improbable the true labels are: the sum of their negative log-probabilities.
fn surprise(guesses: &[Guess<'_>], sharpness: f32) -> f32 {
    let surprise = |guess: &Guess<'_>| {
        let powers = guess.scores.iter();
        let powers = powers.map(|score| power((score - guess.largest) * sharpness));
        powers.sum::<f32>().ln() + guess.behind * sharpness
    };
    guesses.iter().map(surprise).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two labels whose scores claim certainty and are right three times of four.
    fn overconfident() -> Vec<HeldOut> {
        let example = |index: usize| HeldOut {
            scores: vec![8.0, 0.0],
            label: usize::from(index.is_multiple_of(4)),
        };
        (0..400).map(example).collect()
    }

    #[test]
    fn confidence_becomes_the_share_of_right_answers() {
        let (calibration, _) = Calibration::fit(&mut overconfident(), None, 0.005);
        let mut scores = [8.0, 0.0];
        calibration.probabilities(&mut scores);
        assert!((scores[0] - 0.75).abs() < 0.01, "{} is not 0.75", scores[0]);
    }

    /// So many examples of one of eight intents, which lead over what is out of scope by 1 to 9, and so many that are out
    /// of scope, right as well.
    fn taught(intent: u16, out_of_scope: u16) -> Vec<HeldOut> {
        let example = |(lead, label): (f32, usize)| {
            let mut scores = vec![-9.0; 9];
            (scores[0], scores[1]) = (-lead, 0.0);
            HeldOut { scores, label }
        };
        let step = 8.0 / f32::from(intent);
        let in_scope = (0..intent).map(|index| (1.0 + step * f32::from(index), 1));
        let outside = (0..out_of_scope).map(|_| (-3.0, 0));
        in_scope.chain(outside).map(example).collect()
    }

    #[test]
    fn what_few_examples_teach_is_raised_to_how_often_it_is_said() {
        for (out_of_scope, wanted) in [(10, 10.0_f32), (50, 2.0), (100, 1.0), (300, 1.0)] {
            let mut held_out = taught(900, out_of_scope);
            let (calibration, raised) = Calibration::fit(&mut held_out, Some(0), 0.9);
            let odds = (raised * calibration.sharpness).exp();
            assert!((odds / wanted - 1.0).abs() < 0.01, "{out_of_scope}: {odds}");
            assert!((held_out[0].scores[0] + 1.0 - raised).abs() < 1e-6);
        }
    }

    #[test]
    fn raising_and_threshold_together_reject_no_more_right_answers_than_they_may() {
        for rejected in [0_u8, 1, 4] {
            let mut held_out = taught(400, 2);
            let part = f64::from(rejected) / 400.0;
            let (calibration, raised) = Calibration::fit(&mut held_out, Some(0), part);
            assert!(raised > 0.9, "{raised}");
            let lost = held_out[..400].iter().filter(|example| {
                let mut scores = example.scores.clone();
                calibration.probabilities(&mut scores);
                best(&scores) != Some(1) || scores[1] < calibration.threshold
            });
            let lost = lost.count();
            assert!(lost <= rejected.into(), "{lost} of {rejected}");
        }
    }

    #[test]
    fn without_what_is_out_of_scope_nothing_is_raised() {
        let mut held_out = taught(900, 0);
        assert!(Calibration::fit(&mut held_out, None, 0.9).1.abs() < f32::EPSILON);
    }

    #[test]
    fn nothing_held_out_leaves_a_cautious_default() {
        let nothing = Calibration::fit(&mut [], Some(0), 0.005);
        assert_eq!(nothing, (Calibration::default(), 0.0));
    }

    #[test]
    fn the_threshold_stays_within_bounds() {
        let sure = |_| HeldOut {
            scores: vec![50.0, 0.0],
            label: 0,
        };
        let mut held_out: Vec<_> = (0..50).map(sure).collect();
        let (calibration, _) = Calibration::fit(&mut held_out, None, 0.005);
        assert!(calibration.threshold <= HIGHEST);
    }
}
